//! The SQL, in two parts: what the tables' owner grants, and the functions and watches of presence_owner.
//!
//! Each part is one transaction and may be run again. Every name is quoted where Postgres needs it; what the user wrote
//! as an expression stands in the SQL as it is, and nothing else does.

use super::{
    Catalog, Error, Half, Kind, Mapping, Part, Spec, Value,
    names::{array, dollars, ident, literal, qualified},
    watch::{Columns, Watch, watches},
};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The SQL.
    pub sql: String,
    /// What whoever runs it should know.
    pub notes: Vec<String>,
}

/// Writes the SQL, checked against the catalog where there is one; `half` is none for both.
pub fn write(spec: &Spec, catalog: Option<&Catalog>, half: Option<Half>) -> Result<Written, Error> {
    spec.check()?;
    if let Some(catalog) = catalog {
        catalog.check(spec)?;
    }
    let watches = watches(spec, catalog)?;
    let mut sql = String::from(
        "-- pg-presence: where users, rooms and participants are. Written by `pg-presence generate adapter`.\n-- May be run again. Run the grants first: Postgres checks a function's body when it is made.\n",
    );
    if half != Some(Half::Mapping) {
        sql.push_str(&grants(spec, catalog, &watches));
    }
    if half != Some(Half::Grants) {
        sql.push_str(&functions(spec, &watches));
    }
    Ok(Written {
        sql,
        notes: catalog.map(|catalog| catalog.notes(spec)).unwrap_or_default(),
    })
}

/// Users, rooms, participants, events: what a function reads.
fn read_mappings(spec: &Spec) -> impl Iterator<Item = (&Mapping, (&str, &str))> {
    let all = Part::ALL.into_iter().filter(|part| *part != Part::Logins);
    all.filter_map(|part| spec.mapping(part))
        .map(|mapping| (mapping, spec.full_name(&mapping.table)))
}

fn grants(spec: &Spec, catalog: Option<&Catalog>, watches: &[Watch<'_>]) -> String {
    let mut sql = format!(
        "\n-- Grants: to be run by {}.\nbegin;\n",
        owners(spec, catalog).unwrap_or_else(|| "the owner of the tables".to_owned())
    );
    let mut schemas: Vec<&str> = read_mappings(spec).map(|(_, (schema, _))| schema).collect();
    schemas.extend(watches.iter().map(|watch| watch.full.0));
    schemas.sort_unstable();
    schemas.dedup();
    for schema in schemas {
        sql.push_str(&format!(
            "grant usage on schema {} to presence_owner;\n",
            ident(schema)
        ));
    }
    for (mapping, full) in read_mappings(spec) {
        let mut columns = Columns::default();
        for (_, value) in &mapping.values {
            columns.add_value(value, full, catalog);
        }
        if let Some(filter) = &mapping.filter {
            columns.add_sql(filter, full, catalog);
        }
        let list: Vec<String> = columns.sure.iter().map(|column| ident(column)).collect();
        sql.push_str(&format!(
            "grant select ({}) on {} to presence_owner;\n",
            list.join(", "),
            qualified(full)
        ));
        if !columns.maybe.is_empty() {
            sql.push_str(&expression_grants(full, &columns));
        }
    }
    for watch in watches {
        sql.push_str(&format!(
            "grant trigger on {} to presence_owner;\n",
            qualified(watch.full)
        ));
    }
    sql.push_str(&policies(spec, catalog));
    sql.push_str(&indexes(spec, catalog));
    sql.push_str("commit;\n");
    sql
}

/// Who is to run the grants, where the catalog tells.
fn owners(spec: &Spec, catalog: Option<&Catalog>) -> Option<String> {
    let mappings = spec.mappings.iter();
    let mut owners: Vec<&str> = mappings
        .filter_map(|mapping| catalog?.relation(spec.full_name(&mapping.table)))
        .map(|relation| relation.owner.as_str())
        .collect();
    owners.sort_unstable();
    owners.dedup();
    match owners[..] {
        [] => None,
        [owner] => Some(format!("{}, who owns the tables", comment(&ident(owner)))),
        _ => {
            let owners: Vec<String> = owners.into_iter().map(|owner| comment(&ident(owner))).collect();
            Some(format!("the owner of each table ({})", owners.join(", ")))
        }
    }
}

/// A name within a comment: on one line.
fn comment(name: &str) -> String {
    name.replace(char::is_control, " ")
}

/// Without a catalog nobody knows which words of an expression are columns, but the database that this runs in.
fn expression_grants(full: (&str, &str), columns: &Columns) -> String {
    let body = format!(
        "\ndeclare\n    mapped text;\nbegin\n    for mapped in\n        {}\n    loop\n        execute format('grant select (%I) on %s to presence_owner', mapped, {}::regclass);\n    end loop;\nend\n",
        columns.maybe_sql("a.attname", full),
        literal(&qualified(full))
    );
    format!(
        "-- the columns that its expressions read\ndo {};\n",
        dollars(&body)
    )
}

/// Where row-level security is on, presence_owner sees what a policy shows it.
fn policies(spec: &Spec, catalog: Option<&Catalog>) -> String {
    let mut tables: Vec<(&str, &str)> = read_mappings(spec).map(|(_, full)| full).collect();
    tables.sort_unstable();
    tables.dedup();
    let Some(catalog) = catalog else {
        let tables: Vec<String> = tables.into_iter().map(qualified).collect();
        let body = format!(
            "\ndeclare\n    mapped regclass;\nbegin\n    foreach mapped in array {}::regclass[] loop\n        if (select c.relrowsecurity from pg_catalog.pg_class c where c.oid = mapped) then\n            execute format('drop policy if exists presence_reads on %s', mapped);\n            execute format('create policy presence_reads on %s for select to presence_owner using (true)', mapped);\n        end if;\n    end loop;\nend\n",
            array(tables.iter().map(String::as_str))
        );
        return format!(
            "-- where row-level security is on, it hides all rows that no policy shows\ndo {};\n",
            dollars(&body)
        );
    };
    let is_secured = |full: &(&str, &str)| {
        catalog
            .relation(*full)
            .is_some_and(|relation| relation.row_security)
    };
    let secured: Vec<String> = tables.into_iter().filter(is_secured).map(qualified).collect();
    secured
        .iter()
        .map(|table| {
            format!(
                "-- row-level security is on: it hides all rows that no policy shows\ndrop policy if exists presence_reads on {table};\ncreate policy presence_reads on {table} for select to presence_owner using (true);\n"
            )
        })
        .collect()
}

/// The index of a key that is smaller than bigint does not serve ids: the cast hides it. One on the cast does.
fn indexes(spec: &Spec, catalog: Option<&Catalog>) -> String {
    let Some(catalog) = catalog else {
        return String::new();
    };
    let mut sql = String::new();
    for (mapping, full) in read_mappings(spec) {
        for column in catalog.small_keys(spec, mapping) {
            let mut name = format!("presence_{}_{column}", full.1);
            while name.len() > 63 {
                name.pop();
            }
            sql.push_str(&format!(
                "create index if not exists {} on {} (({}::bigint));\n",
                ident(&name),
                qualified(full),
                ident(column)
            ));
        }
    }
    match sql.is_empty() {
        true => sql,
        false => format!(
            "-- Keys below bigint: these serve look-ups by id, which their own indexes do not. On a large table that is\n-- written to, make them beforehand with `create index concurrently`, under the same names.\n{sql}"
        ),
    }
}

fn functions(spec: &Spec, watches: &[Watch<'_>]) -> String {
    let mut sql = String::from(
        "\n-- Mapping: to be run by whoever may become presence_owner, as the login that migrated may.\nbegin;\nset local role presence_owner;\n",
    );
    for (mapping, full) in read_mappings(spec) {
        sql.push_str(&function(mapping, full));
    }
    if !watches.is_empty() {
        sql.push_str("\n-- Presence ends within a second where these tables say so.\n");
    }
    for watch in watches {
        sql.push_str(&watch.sql());
    }
    sql.push_str("commit;\n");
    sql
}

/// String-bodied and without SET, so that the planner inlines it and the application's ALTER TABLE is never blocked.
fn function(mapping: &Mapping, full: (&str, &str)) -> String {
    let words = mapping.part.words();
    let columns: Vec<String> = words
        .iter()
        .map(|word| format!("{} {}", word.name, type_of(word.kind)))
        .collect();
    let selected: Vec<String> = words
        .iter()
        .map(|word| selected(mapping, word.name, word.kind))
        .collect();
    let mut body = format!(
        "\n    select {}\n      from {} t\n",
        selected.join(", "),
        qualified(full)
    );
    if let Some(filter) = &mapping.filter {
        body.push_str(&format!("     where {filter}\n"));
    }
    format!(
        "\ncreate or replace function presence_host.{}()\n    returns table ({})\n    language sql stable\nas {};\n",
        mapping.part,
        columns.join(", "),
        dollars(&body)
    )
}

fn type_of(kind: Kind) -> String {
    match kind {
        Kind::Key(domain) => format!("presence.{domain}"),
        Kind::Text | Kind::Watched => "text".to_owned(),
    }
}

fn selected(mapping: &Mapping, word: &str, kind: Kind) -> String {
    match mapping.value(word) {
        Some(Value::Column(column)) => format!("t.{}", ident(column)),
        Some(Value::Literal(text)) => literal(text),
        Some(Value::Expression(sql)) => format!("({sql})"),
        None => match word {
            "kind" => "'chat'".to_owned(),
            "role" => "'collaborator'".to_owned(),
            _ => format!("null::{}", type_of(kind)),
        },
    }
}
