//! A moment of the database's clock, as JSON shows it: RFC 3339, UTC, milliseconds.

use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

const RFC3339_MS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A moment. Made by the database alone, but for `server_time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, utoipa::ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-25T01:07:29.659Z"))]
pub struct Stamp(pub OffsetDateTime);

/// The longest text: a year may have a sign.
const BYTES: usize = "-2026-11-25T01:07:29.659Z".len();

impl Stamp {
    /// Every answer and every frame has some: they are written without a string of their own.
    fn write_to(self, buffer: &mut [u8; BYTES]) -> Option<&str> {
        let moment = self.0.to_offset(UtcOffset::UTC);
        let length = moment.format_into(&mut buffer.as_mut_slice(), RFC3339_MS).ok()?;
        std::str::from_utf8(&buffer[..length]).ok()
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.write_to(&mut [0; BYTES]).ok_or(std::fmt::Error)?)
    }
}

impl serde::Serialize for Stamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = [0; BYTES];
        let text = self.write_to(&mut buffer);
        serializer.serialize_str(text.ok_or_else(|| serde::ser::Error::custom("a moment out of range"))?)
    }
}
