//! Reading what EXPLAIN prints: nodes, tables, and the expressions that are compared. Pure.

use serde_json::Value;

use super::ask::{identifier, qualified};

/// A table of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// As SQL writes it.
    pub name: String,
    /// What the plan calls it.
    pub alias: String,
}

/// The nodes of a plan.
pub fn nodes(plan: &Value) -> Vec<&Value> {
    let mut all = vec![plan];
    let mut at = 0;
    while at < all.len() {
        all.extend(all[at]["Plans"].as_array().into_iter().flatten());
        at += 1;
    }
    all
}

/// The table that a node reads, if it reads one.
pub fn relation(node: &Value) -> Option<Relation> {
    let name = qualified(node["Schema"].as_str()?, node["Relation Name"].as_str()?);
    let alias = node["Alias"].as_str().unwrap_or_default().to_owned();
    Some(Relation { name, alias })
}

/// A list of texts.
pub fn strings(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}

/// What stands between the outermost ANDs, without the parentheses around it.
pub fn conjuncts(condition: &str) -> Vec<String> {
    condition
        .split(" AND ")
        .map(|part| balanced(part.trim()).to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// Without parentheses that are opened or closed elsewhere, and without those around all of it.
pub fn balanced(text: &str) -> &str {
    let mut text = text;
    loop {
        let (mut depth, mut lowest, mut closes_early) = (0_i32, 0_i32, false);
        for (at, letter) in text.char_indices() {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            lowest = lowest.min(depth);
            closes_early |= depth == 0 && at + 1 < text.len();
        }
        text = match (depth, lowest) {
            (1.., _) if text.starts_with('(') => &text[1..],
            (_, ..0) if text.ends_with(')') => &text[..text.len() - 1],
            (0, 0) if !closes_early && text.starts_with('(') && text.ends_with(')') => {
                &text[1..text.len() - 1]
            }
            _ => return text.trim(),
        };
    }
}

/// An expression over a table's columns, without the table's alias and our domains.
pub fn expression(key: &str, alias: &str) -> String {
    let mut key = key.replace(&format!("{}.", identifier(alias)), "");
    for domain in ["room_id", "user_id", "event_id"] {
        key = key.replace(&format!("::presence.{domain}"), "");
    }
    balanced(&key).to_owned()
}

/// As a key of an index: a column, or an expression in parentheses.
pub fn key_of(key: &str) -> String {
    match key.contains(|letter: char| " :(".contains(letter)) && !key.starts_with('"') {
        true => format!("({key})"),
        false => key.to_owned(),
    }
}

/// Whether an index is entered by its first key: whether its condition is about that.
pub fn mentions(condition: &str, alias: &str, first: &str) -> bool {
    let condition = condition.replace(&format!("{}.", identifier(alias)), "");
    let first = balanced(first);
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '"';
    match first.chars().all(is_word) {
        true => condition
            .split(|letter| !is_word(letter))
            .any(|word| word == first),
        false => condition.contains(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_what_explain_prints() {
        let filter = "((p.deleted_at IS NULL) AND ((p.user_id)::bigint = '-71020000002'::bigint) AND (p.room \
            = '-71020000001'::bigint))";
        let parts = conjuncts(filter);

        assert_eq!(
            parts,
            [
                "p.deleted_at IS NULL",
                "(p.user_id)::bigint = '-71020000002'::bigint",
                "p.room = '-71020000001'::bigint"
            ]
        );
        assert_eq!(expression("(p.user_id)::bigint", "p"), "(user_id)::bigint");
        assert_eq!(key_of("(user_id)::bigint"), "((user_id)::bigint)");
        assert_eq!(
            expression("((m.\"roomId\")::presence.room_id)", "m"),
            "\"roomId\""
        );
        assert_eq!(key_of("\"roomId\""), "\"roomId\"");
    }

    #[test]
    fn an_index_is_entered_by_its_first_key_alone() {
        let condition = "((p.room_id = 'x'::text) AND ((p.n)::bigint = '1'::bigint))";

        assert!(mentions(condition, "p", "room_id") && mentions(condition, "p", "((n)::bigint)"));
        assert!(!mentions(condition, "p", "id") && !mentions("", "p", "id"));
    }
}
