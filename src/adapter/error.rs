//! Why a mapping is refused, in words that say what to write instead.

use std::path::PathBuf;

use super::{Part, names, parse};

/// What is wrong with what was said, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not to be read.
    #[error("{part}: {why}; write it like {}", parse::example(*part))]
    Syntax {
        /// Of what.
        part: Part,
        /// Why.
        why: String,
    },
    /// A word that the part does not have.
    #[error("{part} has no `{word}`; it may have {}", names::list(part.words().iter().map(|word| word.name)))]
    UnknownWord {
        /// Of what.
        part: Part,
        /// The word.
        word: String,
    },
    /// Said twice.
    #[error("{part}: `{word}` is given twice")]
    Twice {
        /// Of what.
        part: Part,
        /// The word.
        word: &'static str,
    },
    /// A key, or what is watched, must be a column.
    #[error("{part}: `{word}` must be a plain column: behind an expression or a literal no index is found")]
    NoColumn {
        /// Of what.
        part: Part,
        /// The word.
        word: &'static str,
    },
    /// Nothing can be told without this word.
    #[error("{part}: `{word}` is missing: write {word}=COLUMN")]
    MissingWord {
        /// Of what.
        part: Part,
        /// The word.
        word: &'static str,
    },
    /// Nobody may enter without this part.
    #[error("--{part} is missing: without it everybody is denied everything; write --{part} '{}', or let --ask ask", parse::example(*part))]
    MissingPart {
        /// The part.
        part: Part,
    },
    /// It would have no effect.
    #[error("rooms: `vendor_id` says nothing without `kind`: a room is a vendor's where kind is 'vendor'")]
    VendorWithoutKind,
    /// The watch of one would replace that of the other.
    #[error(
        "{part}: {table} is the table of {other} too, and a table has one watch; use --no-watch and call presence.watch_table yourself"
    )]
    WatchedTwice {
        /// Of what.
        part: Part,
        /// The other.
        other: Part,
        /// The table.
        table: String,
    },
    /// The TOML file cannot be used.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Not to be overwritten unasked.
    #[error("{} exists: --force overwrites it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Whoever was asked is gone.
    #[error("the answers ended before all was asked")]
    Unanswered,
    /// The catalog has no such table.
    #[error("{part}: there is no table {table}{}", names::instead(alike))]
    NoTable {
        /// Of what.
        part: Part,
        /// The table.
        table: String,
        /// Tables that may have been meant.
        alike: Vec<String>,
    },
    /// The table has no such column.
    #[error("{part}: {table} has no column {column}; it has {}", names::list(columns.iter().map(String::as_str)))]
    NoSuchColumn {
        /// Of what.
        part: Part,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What it has.
        columns: Vec<String>,
    },
    /// The key's index would be hidden behind a cast.
    #[error(
        "{part}: {table}.{column} is {found}, and presence.{domain} was installed as {installed}; {}",
        names::mend(found, domain)
    )]
    KeyType {
        /// Of what.
        part: Part,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The domain.
        domain: &'static str,
        /// The type behind the domain.
        installed: String,
    },
}
