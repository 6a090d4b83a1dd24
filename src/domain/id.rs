//! Ids: opaque strings for everybody but the database, checked against the type that was chosen at installation.

use std::{fmt, sync::Arc};

use super::limits::ID_BYTES_MAX;

/// The Postgres type behind a kind of id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdType {
    /// `text`, at most 128 bytes.
    #[default]
    Text,
    /// `uuid`; read in any case, kept in the form that Postgres prints.
    Uuid,
    /// `bigint`; kept without sign `+` or leading zeros.
    Bigint,
}

impl IdType {
    /// By Postgres's own name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "uuid" => Some(Self::Uuid),
            "bigint" => Some(Self::Bigint),
            _ => None,
        }
    }

    /// Postgres's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Bigint => "bigint",
        }
    }

    /// The id in the form that Postgres prints, or why it is none.
    fn canonical(self, raw: &str) -> Result<String, InvalidId> {
        match self {
            Self::Text if raw.is_empty() => Err(InvalidId("is empty")),
            Self::Text if raw.len() > ID_BYTES_MAX => Err(InvalidId("is longer than 128 bytes")),
            Self::Text if raw.contains('\0') => Err(InvalidId("contains a NUL character")),
            Self::Text => Ok(raw.to_owned()),
            Self::Uuid => match uuid::Uuid::try_parse(raw) {
                Ok(id) => Ok(id.to_string()),
                Err(_) => Err(InvalidId("is no uuid")),
            },
            Self::Bigint => match raw.parse::<i64>() {
                Ok(id) => Ok(id.to_string()),
                Err(_) => Err(InvalidId("is no 64-bit integer")),
            },
        }
    }
}

impl fmt::Display for IdType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The types of the three kinds of id, as installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdTypes {
    /// Behind `presence.user_id`.
    pub user: IdType,
    /// Behind `presence.room_id`.
    pub room: IdType,
    /// Behind `presence.event_id`.
    pub event: IdType,
}

/// Why a string is no id; completes the sentence "the id ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(&'static str);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a string from outside against the installed type.
            pub fn parse(raw: &str, id_type: IdType) -> Result<Self, InvalidId> {
                id_type.canonical(raw).map(Self::trusted)
            }

            /// An id that the database printed.
            pub fn trusted(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A user of the application.
    UserId
);
id!(
    /// The scope of presence.
    RoomId
);
id!(
    /// A group of rooms.
    EventId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_in_the_form_that_postgres_prints() {
        let upper = "6BA7B810-9DAD-11D1-80B4-00C04FD430C8";

        assert_eq!(
            UserId::parse(upper, IdType::Uuid).expect("a uuid").as_str(),
            upper.to_lowercase()
        );
        assert_eq!(
            RoomId::parse("+007", IdType::Bigint)
                .expect("an integer")
                .as_str(),
            "7"
        );
        assert_eq!(
            RoomId::parse("Ünïcode / ?", IdType::Text).expect("text").as_str(),
            "Ünïcode / ?"
        );
    }

    #[test]
    fn what_is_no_id_is_refused_with_the_reason() {
        for (raw, id_type, reason) in [
            ("", IdType::Text, "is empty"),
            ("a\0b", IdType::Text, "contains a NUL character"),
            (&"x".repeat(129), IdType::Text, "is longer than 128 bytes"),
            ("7x", IdType::Bigint, "is no 64-bit integer"),
            ("9223372036854775808", IdType::Bigint, "is no 64-bit integer"),
            ("general", IdType::Uuid, "is no uuid"),
        ] {
            assert_eq!(RoomId::parse(raw, id_type), Err(InvalidId(reason)), "{raw:?}");
        }
    }
}
