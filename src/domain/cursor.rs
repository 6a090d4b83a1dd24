//! Where a reader stands in a room: `<epoch>.<revision>`.

use std::fmt;

use uuid::Uuid;

/// A revision of a room within an epoch. Revisions of two epochs do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Changes when the unlogged data was lost.
    pub epoch: Uuid,
    /// Grows by one with each change that people see.
    pub revision: i64,
}

impl Cursor {
    /// From a client; whatever is no cursor is none, and none is answered with a snapshot.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, revision) = text.trim().split_once('.')?;
        if epoch.len() != 36 || revision.len() > 19 || !revision.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            epoch: Uuid::try_parse(epoch).ok()?,
            revision: revision.parse().ok()?,
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_way_to_the_client_and_back() {
        let cursor = Cursor {
            epoch: Uuid::from_u128(7),
            revision: 42,
        };

        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
    }

    #[test]
    fn garbage_is_no_cursor() {
        let epoch = Uuid::from_u128(7);
        for text in [
            String::new(),
            ".".into(),
            "7".into(),
            format!("{epoch}"),
            format!("{epoch}."),
            format!("{epoch}.-1"),
            format!("{epoch}.+1"),
            format!("{epoch}.99999999999999999999"),
            format!("{}.1", epoch.simple()),
            "x".repeat(8192),
        ] {
            assert_eq!(Cursor::parse(&text), None, "{text:?}");
        }
    }
}
