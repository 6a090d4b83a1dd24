//! Writes the SQL that tells presence where an application's users, rooms, participants, events and logins are.
//!
//! What is said of each table, its *mapping*, comes from flags ([`parse`]), a TOML file ([`mod@file`]) or answers ([`ask`]);
//! all three use the same words ([`Part::words`]). Where there is a database its catalog is asked whether tables,
//! columns and types are as said ([`catalog`]). [`write()`] then makes two parts of SQL: grants for the tables' owner, and
//! functions and triggers for whoever may become presence_owner.
//!
//! It never runs what it writes, and it changes nothing in a database.
//!
//! # Failure
//! What was said wrongly is an [`Error`] that names the table, the word and what to write instead.

use clap::ValueEnum;

pub mod ask;
pub mod catalog;
mod error;
pub mod file;
mod guess;
mod names;
pub mod parse;
mod scan;
mod watch;
pub mod write;

pub use catalog::Catalog;
pub use error::Error;
pub use write::{Written, write};

/// Where a table is that was named without a schema.
pub const DEFAULT_SCHEMA: &str = "public";

/// What a table of the application tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Public profiles.
    Users,
    /// Rooms.
    Rooms,
    /// Who takes part in which room.
    Participants,
    /// Groups of rooms; an application may have none.
    Events,
    /// Auth sessions, whose end is a logout; only watched, never read.
    Logins,
}

/// What may stand behind a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A key behind this domain of the schema `presence`: a plain column, or its index would be hidden.
    Key(&'static str),
    /// A column, a literal or an expression.
    Text,
    /// A column that is only watched.
    Watched,
}

/// One of the words of a part: a result column of its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether the part says nothing without it.
    pub needed: bool,
    /// What it stands for, in a few words.
    pub meaning: &'static str,
}

impl Word {
    /// Refuses what must be a column and is none.
    fn accepts(&self, part: Part, value: &Value) -> Result<(), Error> {
        match (self.kind, value) {
            (Kind::Text, _) | (_, Value::Column(_)) => Ok(()),
            _ => Err(Error::NoColumn {
                part,
                word: self.name,
            }),
        }
    }
}

const fn word(name: &'static str, kind: Kind, needed: bool, meaning: &'static str) -> Word {
    Word {
        name,
        kind,
        needed,
        meaning,
    }
}

const USER: Kind = Kind::Key("user_id");
const ROOM: Kind = Kind::Key("room_id");
const EVENT: Kind = Kind::Key("event_id");

impl Part {
    /// All, in the order in which they are written and asked for.
    pub const ALL: [Self; 5] = [
        Self::Users,
        Self::Rooms,
        Self::Participants,
        Self::Events,
        Self::Logins,
    ];

    /// Its flag without the dashes, and its table in a TOML file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Rooms => "rooms",
            Self::Participants => "participants",
            Self::Events => "events",
            Self::Logins => "logins",
        }
    }

    /// Its words, in the order of the function's result columns.
    pub fn words(self) -> &'static [Word] {
        const USERS: &[Word] = &[
            word("user_id", USER, true, "the key"),
            word("name", Kind::Text, false, "what others see"),
            word("avatar_url", Kind::Text, false, "a picture's address"),
        ];
        const ROOMS: &[Word] = &[
            word("room_id", ROOM, true, "the key"),
            word("event_id", EVENT, false, "the event that the room belongs to"),
            word("name", Kind::Text, false, "what others see"),
            word("kind", Kind::Text, false, "'chat', 'vendor' or any other word"),
            word("vendor_id", USER, false, "whose a vendor room is"),
        ];
        const PARTICIPANTS: &[Word] = &[
            word("room_id", ROOM, true, "the room's key"),
            word("user_id", USER, true, "the user's key"),
            word(
                "role",
                Kind::Text,
                false,
                "'coordinator', 'collaborator', 'vendor' or any other word",
            ),
        ];
        const EVENTS: &[Word] = &[
            word("event_id", EVENT, true, "the key"),
            word("name", Kind::Text, false, "what others see"),
            word("coordinator_id", USER, false, "the user who coordinates it"),
        ];
        const LOGINS: &[Word] = &[
            word("user_id", USER, true, "whose login it is"),
            word("expires", Kind::Watched, false, "when it ends"),
        ];
        match self {
            Self::Users => USERS,
            Self::Rooms => ROOMS,
            Self::Participants => PARTICIPANTS,
            Self::Events => EVENTS,
            Self::Logins => LOGINS,
        }
    }

    /// The word of this name.
    pub fn word(self, name: &str) -> Option<&'static Word> {
        self.words().iter().find(|word| word.name == name)
    }

    /// Whether everybody is denied everything without it.
    pub fn is_needed(self) -> bool {
        matches!(self, Self::Users | Self::Rooms | Self::Participants)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A table, by its names as they are in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// None: the default schema.
    pub schema: Option<String>,
    /// The table's own name.
    pub name: String,
}

/// What stands behind a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A column, by its name as it is in the catalog.
    Column(String),
    /// The same text for every row.
    Literal(String),
    /// SQL, taken as it is.
    Expression(String),
}

/// What is said of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// What it tells.
    pub part: Part,
    /// The table.
    pub table: Table,
    /// Words and what stands behind them, in the part's order.
    pub values: Vec<(&'static str, Value)>,
    /// SQL that picks the rows that count.
    pub filter: Option<String>,
}

impl Mapping {
    /// Checked: each word is one of the part's, once, of its kind, and none that is needed is missing.
    pub fn new(
        part: Part,
        table: Table,
        values: Vec<(String, Value)>,
        filter: Option<String>,
    ) -> Result<Self, Error> {
        let mut known: Vec<(&'static str, Value)> = vec![];
        for (name, value) in values {
            let word = part.word(&name).ok_or(Error::UnknownWord { part, word: name })?;
            if known.iter().any(|(earlier, _)| *earlier == word.name) {
                return Err(Error::Twice {
                    part,
                    word: word.name,
                });
            }
            word.accepts(part, &value)?;
            known.push((word.name, value));
        }
        let place = |name: &str| part.words().iter().position(|word| word.name == name);
        known.sort_by_key(|(name, _)| place(name));
        for word in part.words().iter().filter(|word| word.needed) {
            if !known.iter().any(|(name, _)| *name == word.name) {
                return Err(Error::MissingWord {
                    part,
                    word: word.name,
                });
            }
        }
        if known.iter().any(|(name, _)| *name == "vendor_id")
            && !known.iter().any(|(name, _)| *name == "kind")
        {
            return Err(Error::VendorWithoutKind);
        }
        Ok(Self {
            part,
            table,
            values: known,
            filter,
        })
    }

    /// What stands behind a word.
    pub fn value(&self, word: &str) -> Option<&Value> {
        let found = self.values.iter().find(|(name, _)| *name == word);
        found.map(|(_, value)| value)
    }

    /// The column behind a word.
    pub fn column(&self, word: &str) -> Option<&str> {
        match self.value(word) {
            Some(Value::Column(column)) => Some(column),
            _ => None,
        }
    }
}

/// All that is said of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// One for each part at most.
    pub mappings: Vec<Mapping>,
    /// Where tables are that were named without a schema.
    pub schema: String,
    /// Whether presence is to end as soon as the tables change.
    pub watch: bool,
}

impl Spec {
    /// The mapping of a part.
    pub fn mapping(&self, part: Part) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| mapping.part == part)
    }

    /// Refuses what would leave everybody denied.
    pub fn check(&self) -> Result<(), Error> {
        let missing = Part::ALL
            .into_iter()
            .find(|part| part.is_needed() && self.mapping(*part).is_none());
        missing.map_or(Ok(()), |part| Err(Error::MissingPart { part }))
    }

    /// The schema and the name of a mapping's table.
    pub fn full_name<'a>(&'a self, table: &'a Table) -> (&'a str, &'a str) {
        (table.schema.as_deref().unwrap_or(&self.schema), &table.name)
    }
}

/// Which of the two parts of the SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Half {
    /// What the tables' owner runs
    Grants,
    /// What whoever may become presence_owner runs, after the grants
    Mapping,
}
