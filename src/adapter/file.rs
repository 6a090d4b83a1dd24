//! The TOML file: a table a part, with the same words as the flags.
//!
//! ```toml
//! watch = true          # and schema = "public", the default
//!
//! [rooms]
//! table = "Room"
//! room_id = "id"
//! kind = "'chat'"
//! where = "archived_at is null"
//! ```

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::{Error, Mapping, Part, Spec, parse};

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Option<String>,
    watch: Option<bool>,
    users: Option<BTreeMap<String, String>>,
    rooms: Option<BTreeMap<String, String>>,
    participants: Option<BTreeMap<String, String>>,
    events: Option<BTreeMap<String, String>>,
    logins: Option<BTreeMap<String, String>>,
}

/// Reads and checks a file.
pub fn read(path: &Path) -> Result<Spec, Error> {
    let failed = |why: String| Error::File {
        path: path.to_owned(),
        why,
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    spec(&text).map_err(failed)
}

/// What a file's text says.
pub(crate) fn spec(text: &str) -> Result<Spec, String> {
    let file: File = basic_toml::from_str(text).map_err(|error| error.to_string())?;
    let tables = [
        file.users,
        file.rooms,
        file.participants,
        file.events,
        file.logins,
    ];
    let mut mappings = vec![];
    for (part, table) in Part::ALL.into_iter().zip(tables) {
        if let Some(table) = table {
            mappings.push(mapping(part, table).map_err(|error| error.to_string())?);
        }
    }
    Ok(Spec {
        mappings,
        schema: file.schema.unwrap_or_else(|| super::DEFAULT_SCHEMA.to_owned()),
        watch: file.watch.unwrap_or(true),
    })
}

fn mapping(part: Part, mut words: BTreeMap<String, String>) -> Result<Mapping, Error> {
    let table = words.remove("table").ok_or_else(|| Error::Syntax {
        part,
        why: "`table` is missing".to_owned(),
    })?;
    let table = parse::table(part, &table)?;
    let filter = words.remove("where");
    let filter = filter.map(|sql| parse::filter(part, &sql)).transpose()?;
    let values = words
        .into_iter()
        .map(|(word, text)| Ok((word, parse::value(part, &text)?)))
        .collect::<Result<_, Error>>()?;
    Mapping::new(part, table, values, filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_the_flags_say() {
        let file = "
schema = \"app\"
watch = false

[users]
table = \"User\"
user_id = \"id\"
name = \"expr:first || ' ' || last\"
where = \"deleted_at is null\"

[rooms]
table = 'other.\"od d\"'
room_id = 'room_id'
kind = \"'chat'\"
";

        let spec = spec(file).expect("a good file");

        assert_eq!((spec.schema.as_str(), spec.watch), ("app", false));
        for (part, line) in [
            (
                Part::Users,
                "User(user_id=id, name=expr:first || ' ' || last) where deleted_at is null",
            ),
            (Part::Rooms, "other.\"od d\"(room_id, kind='chat')"),
        ] {
            let flag = parse::mapping(part, line).expect("a good line");
            assert_eq!(spec.mapping(part), Some(&flag));
        }
    }

    #[test]
    fn what_is_wrong_in_a_file_is_named() {
        for (file, said) in [
            ("users = 1", "users"),
            ("[users]\nuser_id = 'id'", "users: `table` is missing"),
            (
                "[users]\ntable = 'a(b)'\nuser_id = 'id'",
                "a(b) is no table's name",
            ),
            (
                "[users]\ntable = 'a'\nuser_id = 'lower(id)'",
                "an expression is written expr:lower(id)",
            ),
            ("[users]\ntable = 'a'\nmail = 'id'", "users has no `mail`"),
            ("[usr]\ntable = 'a'", "unknown field `usr`"),
            ("[users\n", "line 1"),
        ] {
            let error = spec(file).expect_err(file);
            assert!(error.contains(said), "{file}: {error}");
        }
    }
}
