//! Names as SQL and as prose: quoting where Postgres needs it, and nowhere else.

/// Words that a table or a column may not be called without quotes, in Postgres 15 to 18
/// (`pg_get_keywords()`, categories R and T).
pub(super) const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// A name as SQL.
pub(super) fn ident(name: &str) -> String {
    let starts_plainly = name.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_');
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    match starts_plainly && is_plain && !RESERVED.contains(&name) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A table as SQL.
pub(super) fn qualified((schema, name): (&str, &str)) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// A text as SQL, whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    match text.contains('\\') {
        true => format!("E'{}'", quoted.replace('\\', "\\\\")),
        false => format!("'{quoted}'"),
    }
}

/// A list of texts as SQL.
pub(super) fn array<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(literal).collect();
    format!("array[{}]", texts.join(", "))
}

/// A string constant between dollars, with a tag that does not occur in it.
pub(super) fn dollars(body: &str) -> String {
    if !body.contains('$') {
        return format!("$${body}$$");
    }
    let tag = (1..)
        .map(|nth| format!("$body{nth}"))
        .find(|tag| !body.contains(tag.as_str()))
        .expect("a text holds finitely many tags");
    format!("{tag}${body}{tag}$")
}

/// Names as prose.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// What may have been meant.
pub(super) fn instead(alike: &[String]) -> String {
    match alike {
        [] => String::new(),
        alike => format!("; there is {}", list(alike.iter().map(String::as_str))),
    }
}

/// What to do about a key of another type than the installed one.
pub(super) fn mend(found: &str, domain: &str) -> String {
    let flag = domain.replace('_', "-");
    match found {
        "text" | "uuid" | "bigint" => format!("migrate with --{flag}-type {found}"),
        "character varying" => format!("migrate with --{flag}-type text"),
        "integer" | "smallint" => format!("migrate with --{flag}-type bigint"),
        _ => "keys are text, uuid or bigint".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_postgres_needs_it() {
        for (name, sql) in [
            ("rooms", "rooms"),
            ("room_2", "room_2"),
            ("userId", "\"userId\""),
            ("user", "\"user\""),
            ("2rooms", "\"2rooms\""),
            ("we\"ird", "\"we\"\"ird\""),
            ("", "\"\""),
            ("räume", "\"räume\""),
            ("a.b; drop table x", "\"a.b; drop table x\""),
        ] {
            assert_eq!(ident(name), sql);
        }
    }

    #[test]
    fn literals_hold_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
        assert_eq!(array(["a", "b'c"]), "array['a', 'b''c']");
    }

    #[test]
    fn a_body_never_ends_early() {
        assert_eq!(dollars("select 1"), "$$select 1$$");
        assert_eq!(dollars("select '$$'"), "$body1$select '$$'$body1$");
        assert_eq!(dollars("a $ $body1$"), "$body2$a $ $body1$$body2$");
        assert_eq!(dollars("ends with $"), "$body1$ends with $$body1$");
    }
}
