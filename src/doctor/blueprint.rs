//! What a fresh install has, read from the very SQL that installs it: nothing has to be kept in step by hand.
//!
//! It knows as much SQL as our own files use, and no more: names, UNLOGGED, storage settings, indexes, grants.

use std::collections::{BTreeMap, BTreeSet};

use crate::{domain::IdTypes, migrate};

/// Objects by qualified name.
#[derive(Debug, Default)]
pub struct Blueprint {
    /// Functions, and how many of each name.
    pub functions: BTreeMap<String, i64>,
    /// Tables; partitions that are made from day to day are not among them.
    pub tables: BTreeMap<String, Table>,
    /// Views.
    pub views: BTreeSet<String>,
    /// Composite types and domains.
    pub types: BTreeSet<String>,
    /// The statements that make indexes, beside those of keys.
    pub indexes: BTreeMap<String, String>,
    /// Who may what.
    pub grants: Vec<Grant>,
}

/// How a table is kept.
#[derive(Debug, Default)]
pub struct Table {
    /// Emptied by a crash, and cheap to write.
    pub is_unlogged: bool,
    /// As `fillfactor=70`.
    pub options: BTreeSet<String>,
}

/// Rights that roles have on one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `execute`, `select` or `usage`.
    pub right: String,
    /// `function`, `table` or `schema`.
    pub kind: &'static str,
    /// The object's name.
    pub object: String,
    /// Who has it.
    pub roles: Vec<String>,
}

impl Blueprint {
    /// Of what this binary installs.
    pub fn of_this_version() -> Self {
        let mut blueprint = Self {
            types: ["user_id", "room_id", "event_id"]
                .map(|name| format!("presence.{name}"))
                .into(),
            ..Self::default()
        };
        for statement in statements(&migrate::print(IdTypes::default())) {
            blueprint.read(&statement);
        }
        blueprint
    }

    fn read(&mut self, statement: &str) {
        let plain = statement
            .replace(" if not exists", "")
            .replace(" if exists", "")
            .replace(" or replace", "");
        let words: Vec<&str> = plain.split(' ').collect();
        let name = |at: usize| {
            let word = words.get(at).copied().unwrap_or_default();
            word.split('(').next().unwrap_or_default().to_owned()
        };
        match words[..] {
            ["create", "function", ..] => *self.functions.entry(name(2)).or_default() += 1,
            ["create", "view", ..] => _ = self.views.insert(name(2)),
            ["create", "type", ..] => _ = self.types.insert(name(2)),
            ["create", "table", ..] => self.table(name(2), false, &plain),
            ["create", "unlogged", "table", ..] => self.table(name(3), true, &plain),
            ["create", "index", ..] | ["create", "unique", "index", ..] => {
                let at = if words[1] == "index" { 2 } else { 3 };
                self.indexes
                    .insert(format!("presence_private.{}", name(at)), statement.to_owned());
            }
            ["alter", "table", table, "set", ..] => {
                let options = options(&plain);
                self.tables
                    .entry(table.to_owned())
                    .and_modify(|table| table.options.extend(options));
            }
            ["drop", "function", ..] => _ = self.functions.remove(&name(2)),
            ["drop", "table", ..] => _ = self.tables.remove(&name(2)),
            ["drop", "view", ..] => _ = self.views.remove(&name(2)),
            ["drop", "index", ..] => _ = self.indexes.remove(&name(2)),
            ["grant", ..] => self.grants.extend(grant(&plain)),
            _ => {}
        }
    }

    fn table(&mut self, name: String, is_unlogged: bool, statement: &str) {
        let options = options(statement);
        self.tables.insert(name, Table { is_unlogged, options });
    }
}

/// The storage settings that a statement ends with.
fn options(statement: &str) -> BTreeSet<String> {
    let list = [" with (", " set ("]
        .iter()
        .find_map(|begin| statement.rsplit_once(begin))
        .and_then(|(_, rest)| rest.split(')').next())
        .unwrap_or_default();
    list.split(',')
        .map(|option| option.replace(' ', ""))
        .filter(|option| option.contains('='))
        .collect()
}

/// `grant execute on function f to a, b`; none where it is another kind, such as the grant of a role.
fn grant(statement: &str) -> Option<Grant> {
    let (right, rest) = statement.strip_prefix("grant ")?.split_once(" on ")?;
    let (object, roles) = rest.rsplit_once(" to ")?;
    let (kind, object) = match object.split_once(' ') {
        Some(("function", name)) => ("function", name),
        Some(("schema", name)) => ("schema", name),
        Some(("table", name)) => ("table", name),
        _ => ("table", object),
    };
    Some(Grant {
        right: right.to_owned(),
        kind,
        object: object.split('(').next().unwrap_or_default().to_owned(),
        roles: roles.split(',').map(|role| role.trim().to_owned()).collect(),
    })
}

/// Statements with each run of spaces as one, without comments; what is quoted stays as it is.
fn statements(text: &str) -> Vec<String> {
    let (mut all, mut one) = (vec![], String::new());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let taken = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(quoted) = quoted(rest) {
            one.push_str(quoted);
            quoted.len()
        } else if letter == ';' {
            all.push(std::mem::take(&mut one).trim().to_owned());
            1
        } else {
            match letter.is_whitespace() {
                true if !one.ends_with(' ') && !one.is_empty() => one.push(' '),
                true => {}
                false => one.push(letter),
            }
            letter.len_utf8()
        };
        rest = &rest[taken..];
    }
    all
}

/// What is quoted at the beginning of a text, by `'` or by `$tag$`, with its quotes.
fn quoted(text: &str) -> Option<&str> {
    let quote = match text.as_bytes().first()? {
        b'\'' => "'",
        b'$' => {
            let tag = text[1..].find('$')?;
            let is_tag = text[1..=tag]
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_');
            let is_argument = text[1..].starts_with(|letter: char| letter.is_ascii_digit());
            (is_tag && !is_argument).then(|| &text[..tag + 2])?
        }
        _ => return None,
    };
    let end = text[quote.len()..].find(quote)?;
    Some(&text[..quote.len() * 2 + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_is_installed() {
        let blueprint = Blueprint::of_this_version();

        let session = &blueprint.tables["presence_private.session"];
        assert!(
            session.is_unlogged && session.options.contains("fillfactor=70"),
            "{session:?}"
        );
        assert!(session.options.contains("autovacuum_vacuum_threshold=20000"));
        assert!(!blueprint.tables["presence_private.last_seen"].is_unlogged);
        assert_eq!(blueprint.functions["presence.heartbeat"], 1);
        assert!(blueprint.views.contains("presence.members"));
        assert!(blueprint.indexes["presence_private.change_at"].ends_with("(at)"));
        let heartbeat = blueprint
            .grants
            .iter()
            .find(|grant| grant.object == "presence.heartbeat");
        let roles = &heartbeat.expect("it is granted").roles;
        assert_eq!(roles[..], ["presence_service", "presence_app"]);
    }

    #[test]
    fn statements_end_where_postgres_ends_them() {
        let text =
            "select 'a;''b' -- no; end\n , $1;\n\ncreate function f() as $x$ begin; $1; end $x$;do $$ ; $$;";

        assert_eq!(
            statements(text),
            [
                "select 'a;''b' , $1",
                "create function f() as $x$ begin; $1; end $x$",
                "do $$ ; $$"
            ]
        );
    }
}
