//! What nodes ask, of every version: each statement is still answered by a database of this one.

use std::{fs, path::Path};

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::{app::service_url, db::TestDb, server::connect};

const GOLDEN: &str = "tests/calls.sql";
const UNWRITTEN: &str = "?";

/// One block of the file.
#[derive(Debug, Clone, PartialEq)]
struct Call {
    /// Arguments, as SQL.
    with: String,
    /// How many it answers with.
    rows: String,
    /// `<name> <type>` of each.
    columns: Vec<String>,
    sql: String,
}

impl Call {
    fn parse(block: &str) -> Option<Self> {
        let said = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.map(|line| line.trim().to_owned())
        };
        let columns = said("-- columns:")?;
        let columns = columns.split(", ").filter(|column| !column.is_empty());
        let sql = block.lines().find(|line| !line.starts_with("--"))?;
        Some(Self {
            with: said("-- with:")?,
            rows: said("-- rows:")?,
            columns: columns.map(str::to_owned).collect(),
            sql: sql.trim_end_matches(';').to_owned(),
        })
    }
}

/// All that `src/db` asks in SQL, each on one line; but for the page of `dev`.
fn asked_today() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = fs::read_dir(root.join("src/db")).expect("a folder").flatten();
    let mut files: Vec<_> = folder.map(|entry| entry.path()).collect();
    files.push(root.join("src/db.rs"));
    files.retain(|path| path.extension().is_some_and(|end| end == "rs") && !path.ends_with("demo.rs"));
    files.sort();
    let mut asked = vec![];
    for path in files {
        let text = fs::read_to_string(&path).expect("UTF-8");
        for literal in literals(&text) {
            let sql = literal.split_whitespace().collect::<Vec<_>>().join(" ");
            if sql.starts_with("select ") {
                asked.push(sql);
            }
        }
    }
    asked
}

/// Between quotes, with lines that end in a backslash joined. Comments and characters have no quotes in these files.
fn literals(text: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('"') {
        let mut literal = String::new();
        let mut letters = after.char_indices();
        let (mut end, mut is_indent) = (after.len(), false);
        while let Some((at, letter)) = letters.next() {
            is_indent &= letter.is_whitespace();
            match letter {
                _ if is_indent => {}
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match letters.next() {
                    Some((_, '\n')) => is_indent = true,
                    Some((_, 'n')) | None => literal.push(' '),
                    Some((_, escaped)) => literal.push(escaped),
                },
                letter => literal.push(letter),
            }
        }
        found.push(literal);
        rest = &after[end..];
    }
    found
}

/// As Postgres describes them.
async fn columns(sql: &Client, statement: &str) -> Vec<String> {
    let prepared = sql.prepare(statement).await;
    let prepared = prepared.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    let mut columns = vec![];
    for column in prepared.columns() {
        let name = "select format_type($1, null)";
        let row = sql
            .query_one(name, &[&column.type_().oid()])
            .await
            .expect("a type");
        columns.push(format!("{} {}", column.name(), row.get::<_, String>(0)));
    }
    columns
}

/// How many rows it answers with.
async fn answers(sql: &Client, call: &Call) -> String {
    let arguments = match call.with.is_empty() {
        true => String::new(),
        false => format!("({})", call.with),
    };
    let script = format!(
        "prepare call as {}; execute call{arguments}; deallocate call",
        call.sql
    );
    let answer = sql.simple_query(&script).await;
    let answer = answer.unwrap_or_else(|error| panic!("{}: {error:?}", call.sql));
    let rows = answer
        .iter()
        .filter(|message| matches!(message, SimpleQueryMessage::Row(_)))
        .count();
    rows.to_string()
}

/// FAULTS 20. No older binary can be built here, but what each of them asks is known: it is prepared, has the columns that
/// it reads, and is answered, as the login that nodes have, on a database that was migrated since.
#[tokio::test]
async fn what_nodes_of_every_version_ask_is_still_answered() {
    let Some(db) = TestDb::new().await else { return };
    let sql = connect(&service_url(db.url()))
        .await
        .expect("the service's login");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    let mut text = fs::read_to_string(&path).expect("the file is there");
    let recorded: Vec<Call> = text.split("\n\n").filter_map(Call::parse).collect();
    let mut missing = asked_today();
    missing.retain(|sql| !recorded.iter().any(|call| call.sql == *sql));
    if !missing.is_empty() && std::env::var("PRESENCE_TEST_BLESS").is_ok_and(|bless| bless == "1") {
        for statement in &missing {
            let columns = columns(&sql, statement).await.join(", ");
            text += &format!(
                "\n-- with: {UNWRITTEN}\n-- rows: {UNWRITTEN}\n-- columns: {columns}\n{statement};\n"
            );
        }
        fs::write(&path, &text).expect("the file is ours");
    }

    assert_eq!(
        missing, [""; 0],
        "{GOLDEN} has what nodes ask: PRESENCE_TEST_BLESS=1 adds it, and you say with what it is called"
    );
    assert!(recorded.len() > 20, "{}", recorded.len());
    for call in &recorded {
        assert_ne!(call.with, UNWRITTEN, "say with what it is called: {}", call.sql);
        let now = columns(&sql, &call.sql).await;
        let lost: Vec<&String> = call
            .columns
            .iter()
            .filter(|column| !now.contains(column))
            .collect();
        assert_eq!(lost, Vec::<&String>::new(), "{}", call.sql);
        assert_eq!(answers(&sql, call).await, call.rows, "{}", call.sql);
    }
}
