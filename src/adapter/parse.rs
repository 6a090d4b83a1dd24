//! What is said of a table in one line: `TABLE(word=column, word='text', word=expr:SQL) where SQL`.
//!
//! Names are taken as they are in the catalog, in their own case, without quotes; one with blanks or signs in it stands
//! in double quotes. A word alone means the column of its name.

use super::{
    Error, Mapping, Part, Table, Value,
    scan::{Scanner, whole_sql},
};

/// What stands before SQL that is taken as it is.
const EXPRESSION: &str = "expr:";

/// A line that can be copied and changed.
pub fn example(part: Part) -> &'static str {
    match part {
        Part::Users => "users(user_id=id, name=full_name, avatar_url=photo)",
        Part::Rooms => "rooms(room_id=id, name=title)",
        Part::Participants => "participants(room_id, user_id, role='collaborator')",
        Part::Events => "events(event_id=id, name=title, coordinator_id=owner_id)",
        Part::Logins => "sessions(user_id, expires=expires_at)",
    }
}

/// One line.
pub fn mapping(part: Part, line: &str) -> Result<Mapping, Error> {
    let syntax = |why| Error::Syntax { part, why };
    let mut scanner = Scanner::new(line);
    let table = scan_table(&mut scanner).map_err(syntax)?;
    let values = scan_values(&mut scanner).map_err(syntax)?;
    let filter = match scanner.take_word("where") {
        true => Some(filter(part, scanner.rest())?),
        false if scanner.rest().trim().is_empty() => None,
        false => {
            let why = format!(
                "only `where ...` may follow the columns, and not {}",
                scanner.rest().trim()
            );
            return Err(syntax(why));
        }
    };
    Mapping::new(part, table, values, filter)
}

/// A table's name alone.
pub fn table(part: Part, text: &str) -> Result<Table, Error> {
    let mut scanner = Scanner::new(text);
    let table = scan_table(&mut scanner).map_err(|why| Error::Syntax { part, why })?;
    match scanner.rest().trim().is_empty() {
        true => Ok(table),
        false => Err(Error::Syntax {
            part,
            why: format!("{text} is no table's name"),
        }),
    }
}

/// A value alone.
pub fn value(part: Part, text: &str) -> Result<Value, Error> {
    let syntax = |why| Error::Syntax { part, why };
    let mut scanner = Scanner::new(text);
    let value = scan_value(&mut scanner).map_err(syntax)?;
    match scanner.rest().trim().is_empty() {
        true => Ok(value),
        false => Err(syntax(format!(
            "an expression is written {EXPRESSION}{}",
            text.trim()
        ))),
    }
}

/// SQL that picks rows.
pub fn filter(part: Part, text: &str) -> Result<String, Error> {
    whole_sql(text).map_err(|why| Error::Syntax {
        part,
        why: format!("where: {why}"),
    })
}

fn scan_table(scanner: &mut Scanner<'_>) -> Result<Table, String> {
    let first = scanner.name("the table's name")?;
    if !scanner.take(".") {
        return Ok(Table {
            schema: None,
            name: first,
        });
    }
    let name = scanner.name("the table's name")?;
    match scanner.take(".") {
        false => Ok(Table {
            schema: Some(first),
            name,
        }),
        true => Err(format!(
            "{first}.{name}. has one name too many: write schema.table"
        )),
    }
}

fn scan_values(scanner: &mut Scanner<'_>) -> Result<Vec<(String, Value)>, String> {
    if !scanner.take("(") {
        return Err("the columns are missing".to_owned());
    }
    let mut values = vec![];
    loop {
        let word = scanner.name("a word")?;
        let value = match scanner.take("=") {
            true => scan_value(scanner)?,
            false => Value::Column(word.clone()),
        };
        values.push((word, value));
        if scanner.take(")") {
            return Ok(values);
        }
        if !scanner.take(",") {
            let (word, _) = &values[values.len() - 1];
            return Err(format!(
                "after {word} there is neither , nor ){}; an expression is written {word}={EXPRESSION}SQL",
                scanner.place()
            ));
        }
    }
}

fn scan_value(scanner: &mut Scanner<'_>) -> Result<Value, String> {
    if scanner.take(EXPRESSION) {
        return scanner.sql().map(Value::Expression);
    }
    scanner.skip_blanks();
    match scanner.rest().starts_with('\'') {
        true => scanner.quoted('\'').map(Value::Literal),
        false => scanner.name("a column").map(Value::Column),
    }
}

/// A mapping as the line that means it.
pub fn line(mapping: &Mapping) -> String {
    let table = match &mapping.table.schema {
        Some(schema) => format!("{}.{}", spell(schema), spell(&mapping.table.name)),
        None => spell(&mapping.table.name),
    };
    let values = mapping.values.iter().map(|(word, value)| match value {
        Value::Column(column) if column == word => (*word).to_owned(),
        Value::Column(column) => format!("{word}={}", spell(column)),
        Value::Literal(text) => format!("{word}='{}'", text.replace('\'', "''")),
        Value::Expression(sql) => format!("{word}={EXPRESSION}{sql}"),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    match &mapping.filter {
        Some(filter) => format!("{table}({values}) where {filter}"),
        None => format!("{table}({values})"),
    }
}

/// A name as it must be typed.
pub(super) fn spell(name: &str) -> String {
    let mut scanner = Scanner::new(name);
    match scanner.name("a name") {
        Ok(read) if read == name && !name.starts_with(EXPRESSION) => read,
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Value {
        Value::Column(name.to_owned())
    }

    #[test]
    fn a_line_says_table_columns_and_rows() {
        let line_of =
            "public.User(user_id=id, name=expr:first || ' ' || last, avatar_url) where deleted_at is null";

        let mapping = mapping(Part::Users, line_of).expect("a good line");

        assert_eq!(mapping.table.schema.as_deref(), Some("public"));
        assert_eq!(mapping.table.name, "User");
        assert_eq!(
            mapping.values,
            [
                ("user_id", column("id")),
                ("name", Value::Expression("first || ' ' || last".to_owned())),
                ("avatar_url", column("avatar_url")),
            ]
        );
        assert_eq!(mapping.filter.as_deref(), Some("deleted_at is null"));
        assert_eq!(line(&mapping), line_of);
    }

    #[test]
    fn odd_names_and_texts_stand_in_quotes() {
        let line_of = r#""a.b"."we""ird(1)"(room_id="the id", name="expr:x", kind='it''s')"#;

        let mapping = mapping(Part::Rooms, line_of).expect("a good line");

        assert_eq!(mapping.table.schema.as_deref(), Some("a.b"));
        assert_eq!(mapping.table.name, "we\"ird(1)");
        assert_eq!(mapping.column("room_id"), Some("the id"));
        assert_eq!(mapping.value("kind"), Some(&Value::Literal("it's".to_owned())));
        assert_eq!(mapping.column("name"), Some("expr:x"));
        assert_eq!(line(&mapping), line_of);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for (part, line, said) in [
            (
                Part::Users,
                "",
                "the table's name is missing at the end; write it like users(user_id=id,",
            ),
            (Part::Users, "users", "the columns are missing"),
            (Part::Users, "a.b.c(user_id)", "write schema.table"),
            (Part::Users, "users(user_id=id", "neither , nor ) at the end"),
            (Part::Users, "users(user_id=lower(id))", "user_id=expr:SQL"),
            (Part::Users, "users(user_id=)", "a column is missing before )"),
            (Part::Users, "users(user_id='x)", "is not closed"),
            (
                Part::Users,
                "users(user_id) having x",
                "only `where ...` may follow",
            ),
            (
                Part::Users,
                "users(user_id) where",
                "where: the expression is empty",
            ),
            (
                Part::Users,
                "users(user_id) where a; drop table b",
                "`;` may stand in no expression",
            ),
            (Part::Users, "users(user_id, name=expr:)", "needs an expression"),
            (
                Part::Users,
                "users(user_id, mail)",
                "users has no `mail`; it may have user_id, name, avatar_url",
            ),
            (
                Part::Users,
                "users(user_id, user_id=id)",
                "`user_id` is given twice",
            ),
            (
                Part::Users,
                "users(name)",
                "`user_id` is missing: write user_id=COLUMN",
            ),
            (
                Part::Users,
                "users(user_id=expr:lower(id))",
                "`user_id` must be a plain column",
            ),
            (
                Part::Participants,
                "p(room_id='x', user_id)",
                "`room_id` must be a plain column",
            ),
            (
                Part::Logins,
                "s(user_id, expires=expr:now())",
                "`expires` must be a plain column",
            ),
            (
                Part::Rooms,
                "r(room_id, vendor_id)",
                "`vendor_id` says nothing without `kind`",
            ),
        ] {
            let error = mapping(part, line).expect_err(line).to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn each_example_is_a_good_line() {
        for part in Part::ALL {
            mapping(part, example(part)).expect("an example");
        }
    }
}
