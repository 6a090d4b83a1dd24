//! Rules of this repository that no compiler knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use pg_presence::migrate::files;

use crate::support::db::TestDb;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// What a background task may use: tasks never use each other, nor HTTP; `app` wires them.
const TASK: &[&str] = &[
    "hub", "known", "planted", "connect", "db", "auth", "domain", "error", "health", "observe",
];

/// What each module may use of the crate, beside itself; those that are not listed may use anything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("error", &["domain", "observe"]),
    ("observe", &["domain", "error", "outgoing"]),
    ("outgoing", &[]),
    ("planted", &[]),
    ("hub", &["domain", "error", "observe", "planted"]),
    ("known", &["domain"]),
    ("connect", &[]),
    ("descriptors", &[]),
    ("db", &["connect", "domain", "error", "observe"]),
    ("config", &["connect", "domain"]),
    ("health", &["domain", "error", "observe"]),
    (
        "auth",
        &["config", "domain", "error", "health", "observe", "outgoing"],
    ),
    ("heartbeat", TASK),
    ("listener", TASK),
    ("reaper", TASK),
    ("evictor", TASK),
    ("notifier", TASK),
    ("webhooks", &["db", "domain", "error", "observe", "outgoing"]),
    ("relay", TASK),
    (
        "leases",
        &[
            "db", "domain", "error", "health", "hub", "known", "observe", "planted", "relay",
        ],
    ),
    (
        "operator",
        &["db", "doctor", "domain", "error", "health", "leases", "observe"],
    ),
    ("adapter", &["connect", "domain"]),
    ("doctor", &["connect", "descriptors", "domain", "migrate"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files of the repository below a folder, by path from its root; not what is built or fetched.
fn files_below(folder: &str) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let skipped = ["target", "node_modules", ".git", "shots"];
            if skipped.iter().any(|skipped| name == *skipped) {
                continue;
            }
            if entry.file_type().expect("a kind of file").is_dir() {
                folders.push(path);
            } else {
                let from_root = path.strip_prefix(root()).expect("it is below the root");
                found.insert(from_root.to_string_lossy().into_owned(), path.clone());
            }
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Rust files, without their unit tests.
fn sources(folder: &str) -> Vec<(String, String)> {
    files_below(folder)
        .into_iter()
        .filter(|(name, _)| name.ends_with(".rs"))
        .map(|(name, path)| (name, read(&path)))
        .collect()
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
}

#[test]
fn every_sql_file_is_applied() {
    let listed: BTreeSet<&str> = files::HOST
        .iter()
        .chain(files::BEHAVIOUR)
        .map(|(path, _)| *path)
        .chain([
            "sql/ops/roles.sql",
            "sql/ops/pg_cron.sql",
            "sql/host/event_app.sql",
        ])
        .collect();

    let found = files_below("sql");
    let found: BTreeSet<&str> = found.keys().map(String::as_str).collect();

    assert_eq!(found, listed);
}

#[test]
fn every_function_of_the_api_has_a_file_of_its_name() {
    for (path, text) in files::BEHAVIOUR {
        let (folder, kind) = match path {
            path if path.starts_with("sql/api/") => ("sql/api/", "function presence."),
            path if path.starts_with("sql/view/") => ("sql/view/", "view presence."),
            _ => continue,
        };
        let name = path.trim_start_matches(folder).trim_end_matches(".sql");
        let made: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("create or replace ")?.strip_prefix(kind))
            .map(|rest| rest.split(['(', ' ']).next().unwrap_or_default())
            .collect();
        assert_eq!(made, [name], "{path}");
    }
}

/// Whoever calls from SQL reads what to do next where the error is.
#[test]
fn every_error_of_our_own_has_a_hint() {
    let mut raised = 0;
    for (path, text) in files::BEHAVIOUR {
        for (at, _) in text.match_indices("errcode = 'PR") {
            let statement = text[at..].split_once(';').map_or("", |(statement, _)| statement);
            assert!(statement.contains("hint = '"), "{path}: {statement}");
            raised += 1;
        }
    }
    assert!(raised > 10, "{raised}");
}

#[tokio::test]
async fn every_object_in_the_database_has_a_comment() {
    let Some(db) = TestDb::new().await else { return };
    let bare = "\
with ours as (select oid from pg_namespace where nspname in ('presence', 'presence_private', 'presence_host'))
select 'schema ' || n.nspname from pg_namespace n
 where n.oid in (select oid from ours) and obj_description(n.oid, 'pg_namespace') is null
 union all
select 'relation ' || c.oid::regclass from pg_class c
 where c.relnamespace in (select oid from ours) and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
   and obj_description(c.oid, 'pg_class') is null
 union all
select 'function ' || p.oid::regprocedure from pg_proc p
 where p.pronamespace in (select oid from ours) and obj_description(p.oid, 'pg_proc') is null
 union all
select 'type ' || t.oid::regtype from pg_type t left join pg_class c on c.oid = t.typrelid
 where t.typnamespace in (select oid from ours) and (t.typtype in ('d', 'e') or c.relkind = 'c')
   and coalesce(obj_description(t.oid, 'pg_type'), obj_description(c.oid, 'pg_class')) is null
 union all
select 'trigger ' || t.tgname || ' on ' || c.oid::regclass from pg_trigger t join pg_class c on c.oid = t.tgrelid
 where c.relnamespace in (select oid from ours) and not t.tgisinternal and obj_description(t.oid, 'pg_trigger') is null
 union all
select 'role ' || r.rolname from pg_roles r
 where r.rolname in ('presence_owner', 'presence_service', 'presence_app', 'presence_viewer')
   and shobj_description(r.oid, 'pg_authid') is null";

    let rows = db.admin().await.query(bare, &[]).await.expect("the catalogue");

    let bare: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(bare, [""; 0]);
}

#[test]
fn files_and_functions_are_short() {
    let mut long = vec![];
    for (name, text) in sources("src").into_iter().chain(sources("tests")) {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            long.push(format!("{name}: {} lines", lines.len()));
        }
        for (at, line) in lines.iter().enumerate() {
            let length = function_lines(&lines[at..]);
            if length > FUNCTION_LINES_MAX {
                long.push(format!("{name}:{}: {length} lines: {}", at + 1, line.trim()));
            }
        }
    }
    assert_eq!(long, [""; 0]);
}

/// Lines of the function that begins at the first of these; 0 where none does. As rustfmt indents, a function ends with
/// a brace below its own first letter.
fn function_lines(lines: &[&str]) -> usize {
    let first = lines[0];
    let is_function = ["fn ", "pub", "async fn ", "const fn "]
        .iter()
        .any(|word| first.trim_start().starts_with(word))
        && first.contains("fn ");
    if !is_function || first.ends_with('}') || first.ends_with(';') {
        return 0;
    }
    let indent = &first[..first.len() - first.trim_start().len()];
    let end = lines
        .iter()
        .position(|line| line.strip_prefix(indent) == Some("}") || line.starts_with(&format!("{indent});")));
    end.map_or(0, |end| end + 1)
}

#[test]
fn dependencies_point_down() {
    let rules: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = vec![];
    for (name, text) in sources("src") {
        let module = name.trim_start_matches("src/").split(['/', '.']).next();
        let Some((module, allowed)) = module.and_then(|module| Some((module, rules.get(module)?))) else {
            continue;
        };
        for used in used_modules(without_tests(&text)) {
            // Bugs are planted anywhere.
            if used != module && used != "planted" && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// The crate's top modules that a text names, in `use` and in paths.
fn used_modules(text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => _ = used.insert(word(rest).to_owned()),
            Some(list) => {
                let mut depth = 0;
                let mut expected = true; // a name of the outer list
                for (at, letter) in list.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => expected = true,
                        letter if expected && letter.is_alphabetic() => {
                            used.insert(word(&list[at..]).to_owned());
                            expected = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    used
}

fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn nothing_is_unwrapped_outside_tests() {
    let unwraps: Vec<String> = sources("src")
        .into_iter()
        .filter(|(name, text)| !name.ends_with("tests.rs") && without_tests(text).contains(".unwrap()"))
        .map(|(name, _)| name)
        .collect();

    assert_eq!(unwraps, [""; 0]);
}

#[test]
fn every_problem_type_is_explained() {
    let problems = read(&root().join("src/http/problem.rs"));
    let problems = problems.split_whitespace().collect::<Vec<_>>().join(" ");
    let kinds: Vec<&str> = problems
        .split('(')
        .filter_map(|tuple| {
            let (status, rest) = tuple.trim_start().split_once(", \"")?;
            let is_status = status.len() == 3 && status.bytes().all(|digit| digit.is_ascii_digit());
            is_status.then_some(rest.split_once('"')?.0)
        })
        .collect();
    let errors = read(&root().join("docs/errors.md"));
    let headings: BTreeSet<&str> = errors
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")))
        .map(|heading| heading.trim_matches(['`', ' ']))
        .collect();

    assert!(kinds.len() > 15, "{kinds:?}");
    let missing: Vec<&&str> = kinds.iter().filter(|kind| !headings.contains(*kind)).collect();
    assert!(
        missing.is_empty(),
        "docs/errors.md has no heading for {missing:?}"
    );
}

#[test]
fn the_repository_speaks_of_itself_alone() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("shared/", "DESIGN"),
    ];
    let mut found = vec![];
    for (name, path) in files_below("") {
        let text = read(&path); // empty, where it is no text
        found.extend(
            words
                .iter()
                .filter(|word| text.contains(*word))
                .map(|word| format!("{name}: {word}")),
        );
    }
    assert_eq!(found, [""; 0]);
}
