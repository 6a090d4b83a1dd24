//! How the planner reads the host's tables: whether it inlines the mapping, and whether an index serves each look-up
//! that heartbeats and reads make. By EXPLAIN on the real tables, as `presence_owner`; nothing is executed.
//!
//! With sequential scans discouraged, one that is left means that no index can serve, however small the table is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Finding, Severity,
    ask::{As, Patient, Trouble, identifier},
    checked,
    mapping::Function,
    plans::{self, Relation, balanced, conjuncts, expression, key_of, mentions},
    readable,
};

/// Rows from which a missing index hurts.
const ROWS_MANY: f64 = 1000.0;
/// Ids that nobody has, told apart in plans by their letters.
const ROOM: [&str; 2] = ["00000000-0000-4000-8000-0000007102d1", "-71020000001"];
const USER: [&str; 2] = ["00000000-0000-4000-8000-0000007102d2", "-71020000002"];
const EVENT: [&str; 2] = ["00000000-0000-4000-8000-0000007102d3", "-71020000003"];

/// What is looked up, by what, in which functions.
const LOOK_UPS: [(&str, &str, &[&str]); 6] = [
    (
        "whether a user may enter a room",
        "select from presence_private.room_access() m where m.room_id = $room and m.user_id = $user",
        &["participants", "rooms"],
    ),
    (
        "a room by its id",
        "select from presence_host.rooms() m where m.room_id = $room",
        &["rooms"],
    ),
    (
        "a user by their id",
        "select from presence_host.users() m where m.user_id = $user",
        &["users"],
    ),
    (
        "the rooms of a user",
        "select from presence_host.participants() m where m.user_id = $user",
        &["participants"],
    ),
    (
        "the rooms of an event",
        "select from presence_host.rooms() m where m.event_id = $event",
        &["rooms"],
    ),
    (
        "an event by its id",
        "select from presence_host.events() m where m.event_id = $event",
        &["events"],
    ),
];

/// What a function reads.
#[derive(Debug, Default)]
pub struct Source {
    /// Its tables.
    pub relations: Vec<Relation>,
    /// What becomes its columns, as the plan says it.
    pub outputs: Vec<String>,
    is_inlined: bool,
}

/// What each running function reads.
pub async fn sources(p: &Patient, functions: &[Function]) -> BTreeMap<&'static str, Source> {
    let mut sources = BTreeMap::new();
    for function in functions {
        let query = format!(
            "select {} from {} m",
            function.columns().join(", "),
            function.call()
        );
        // What cannot be planned does not run, which was said already.
        let Ok(plan) = p.plan("", &query).await else {
            continue;
        };
        let mut source = Source {
            is_inlined: true,
            ..Source::default()
        };
        source.outputs = plans::strings(&plan["Output"]);
        for node in plans::nodes(&plan) {
            source.is_inlined &= node["Node Type"] != "Function Scan" || node["Schema"] != "presence_host";
            if let Some(relation) = plans::relation(node).filter(|one| !source.relations.contains(one)) {
                source.relations.push(relation);
            }
        }
        // Where row-level security hides all of a table, the plan does not read it.
        for named in readable::named(p, &function.body).await.unwrap_or_default() {
            if !source.relations.iter().any(|one| one.name == named.table) {
                source.relations.push(Relation {
                    alias: named.table.clone(),
                    name: named.table,
                });
            }
        }
        sources.insert(function.name, source);
    }
    sources
}

/// The checks on inlining and on indexes.
pub async fn examine(
    p: &Patient,
    functions: &[Function],
    sources: &BTreeMap<&'static str, Source>,
) -> Vec<Finding> {
    let mut found = inlined(functions, sources);
    let is_inlined = |name: &str| sources.get(name).is_some_and(|source| source.is_inlined);
    let mut unserved = Unserved::default();
    let mut looked_up = 0;
    for (what, query, needs) in LOOK_UPS {
        // Of what is not inlined no plan tells anything.
        if needs.iter().all(|name| is_inlined(name)) {
            looked_up += 1;
            found.extend(checked("mapping.indexes", unserved.look(p, what, query)).await);
        }
    }
    if looked_up == 0 {
        return found;
    }
    let missing = unserved.findings();
    if missing.is_empty() && !found.iter().any(|one| one.check == "mapping.indexes") {
        found.push(Finding::ok(
            "mapping.indexes",
            "Indexes of your tables serve every look-up.",
        ));
    }
    found.extend(missing);
    found
}

fn inlined(functions: &[Function], sources: &BTreeMap<&'static str, Source>) -> Vec<Finding> {
    let check = "mapping.inlined";
    let mut found = vec![];
    for function in functions {
        if sources.get(function.name).is_none_or(|source| source.is_inlined) {
            continue;
        }
        let reason = match function.faults.is_empty() {
            true => "its body is not one plain SELECT".to_owned(),
            false => format!("it {}", function.faults.join(", and it ")),
        };
        let says = format!(
            "{} is not inlined, so that each look-up reads all of it: {reason}.",
            function.call()
        );
        let finding = Finding::error(check, says);
        found.push(match function.faults.is_empty() {
            true => finding.mend(
                "Write it as one SELECT, without a second statement and without set-returning functions \
                beside it.",
            ),
            false => function.mended(finding),
        });
    }
    if found.is_empty() && !sources.is_empty() {
        found.push(Finding::ok(
            check,
            "The planner inlines the functions that are mapped.",
        ));
    }
    found
}

/// Tables that are read as a whole, by the expressions that an index is missing on.
#[derive(Debug, Default)]
struct Unserved {
    by_keys: Vec<(String, Vec<String>, BTreeSet<&'static str>)>,
    whole: BTreeMap<String, BTreeSet<&'static str>>,
    tables: BTreeMap<String, Table>,
}

/// What is known of a table of the host.
#[derive(Debug)]
struct Table {
    rows: f64,
    columns: Vec<(String, String)>,
    /// The first key of each index, and the index's name.
    indexes: Vec<(String, String)>,
}

impl Table {
    fn severity(&self) -> Severity {
        match self.rows > ROWS_MANY {
            true => Severity::Warning,
            false => Severity::Note,
        }
    }

    fn length(&self) -> String {
        let rows = self.rows.max(0.0);
        match self.rows > ROWS_MANY {
            true => format!(" ({rows:.0} rows)"),
            false => format!(", which is short as yet ({rows:.0} rows)"),
        }
    }

    /// A varchar is compared as a text at no cost, and its own index serves.
    fn key(&self, key: String) -> String {
        let (inner, kind) = key.split_once("::").unwrap_or((&key, ""));
        let inner = balanced(inner);
        let is_varchar = |(name, kind): &&(String, String)| {
            kind.starts_with("character varying") && identifier(name) == inner
        };
        match kind == "text" && self.columns.iter().any(|one| is_varchar(&one)) {
            true => inner.to_owned(),
            false => key,
        }
    }
}

impl Unserved {
    async fn look(&mut self, p: &Patient, what: &'static str, query: &str) -> Result<Vec<Finding>, Trouble> {
        let sql = "select string_agg(format_type(t.typbasetype, null), ' ' order by t.typname) from pg_type t
                    where t.typnamespace = 'presence'::regnamespace and t.typname in ('event_id', 'room_id', 'user_id')";
        let types: String = p.ask_one(As::Login, sql, &[]).await?.get(0);
        let mut query = query.to_owned();
        for ((name, kind), ids) in ["event", "room", "user"]
            .iter()
            .zip(types.split(' '))
            .zip([EVENT, ROOM, USER])
        {
            let id = if kind == "bigint" { ids[1] } else { ids[0] };
            query = query.replace(&format!("${name}"), &format!("'{id}'::presence.{name}_id"));
        }
        let plan = p.plan("set local enable_seqscan = off;", &query).await?;
        self.walk(p, what, &plan, None).await?;
        Ok(vec![])
    }

    /// `above`: the table of the node above, and what that node filters by, as a bitmap's heap scan does.
    async fn walk(
        &mut self,
        p: &Patient,
        what: &'static str,
        node: &Value,
        above: Option<(&Relation, &str)>,
    ) -> Result<(), Trouble> {
        let text = |key: &str| node[key].as_str().unwrap_or_default();
        let here = plans::relation(node);
        let at = match &here {
            Some(relation) => Some((relation, text("Filter"))),
            None => above,
        };
        let is_scan =
            ["Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"].contains(&text("Node Type"));
        if let Some((relation, filter)) = at.filter(|_| is_scan) {
            let table = self.table(p, &relation.name).await?;
            let first = table.indexes.iter().find(|(_, name)| name == text("Index Name"));
            if first.is_none_or(|(first, _)| !mentions(text("Index Cond"), &relation.alias, first)) {
                self.note(what, relation, &format!("{} AND {filter}", text("Index Cond")));
            }
        }
        for inner in node["Plans"].as_array().into_iter().flatten() {
            Box::pin(self.walk(p, what, inner, at)).await?;
        }
        Ok(())
    }

    /// The expressions of the host that are compared with an id.
    fn note(&mut self, what: &'static str, relation: &Relation, filter: &str) {
        let ids: Vec<&str> = [ROOM, USER, EVENT].concat();
        let keys: Vec<String> = conjuncts(filter)
            .iter()
            .filter_map(|conjunct| {
                let (left, right) = conjunct.split_once(" = ")?;
                let is_id = |side: &str| ids.iter().any(|id| side.contains(id));
                let key = if is_id(right) {
                    left
                } else if is_id(left) {
                    right
                } else {
                    return None;
                };
                Some(self.tables[&relation.name].key(expression(key, &relation.alias)))
            })
            .collect();
        if keys.is_empty() {
            self.whole.entry(relation.name.clone()).or_default().insert(what);
            return;
        }
        // An index on more keys serves a look-up by the first of them.
        let covered = |(name, longer, _): &&mut (String, Vec<String>, _)| {
            *name == relation.name && longer.starts_with(&keys)
        };
        match self.by_keys.iter_mut().find(covered) {
            Some((_, _, whats)) => _ = whats.insert(what),
            None => self
                .by_keys
                .push((relation.name.clone(), keys, BTreeSet::from([what]))),
        }
    }

    async fn table(&mut self, p: &Patient, name: &str) -> Result<&Table, Trouble> {
        if !self.tables.contains_key(name) {
            let sql = "\
select case when c.reltuples >= 0 then c.reltuples::float8 else pg_relation_size(c.oid) / 100.0::float8 end,
       array_to_string(array(select a.attname || e'\\t' || format_type(a.atttypid, null) from pg_attribute a
                              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), e'\\n'),
       array_to_string(array(select pg_get_indexdef(i.indexrelid, 1, false) || e'\\t' || x.relname
                               from pg_index i join pg_class x on x.oid = i.indexrelid
                              where i.indrelid = c.oid and i.indisvalid), e'\\n')
  from pg_class c where c.oid = $1::regclass";
            let row = p.ask_one(As::Login, sql, &[name]).await?;
            let pairs = |text: &str| -> Vec<(String, String)> {
                text.lines()
                    .filter_map(|line| line.split_once('\t'))
                    .map(|(one, two)| (one.to_owned(), two.to_owned()))
                    .collect()
            };
            let (columns, indexes) = (pairs(row.get(1)), pairs(row.get(2)));
            self.tables.insert(
                name.to_owned(),
                Table {
                    rows: row.get(0),
                    columns,
                    indexes,
                },
            );
        }
        Ok(&self.tables[name])
    }

    fn findings(&self) -> Vec<Finding> {
        let mut found = vec![];
        for (name, keys, whats) in &self.by_keys {
            let table = &self.tables[name];
            let harm = format!(
                "Looking up {} reads all of {name}{}",
                together(whats),
                table.length()
            );
            let written: Vec<String> = keys.iter().map(|key| key_of(key)).collect();
            let (check, reason, mend) = match keys.iter().find_map(|key| cast_column(key, table)) {
                Some((column, kind)) => (
                    "mapping.casts",
                    format!(", since the column {column} is {kind} and is cast to the type of the id."),
                    "Index the cast, or change the column's type.",
                ),
                None => (
                    "mapping.indexes",
                    ": no index serves.".to_owned(),
                    "Make one, outside of a transaction.",
                ),
            };
            found.push(
                Finding::new(check, table.severity(), harm + &reason)
                    .mend(mend)
                    .sql(format!(
                        "create index concurrently on {name} ({});",
                        written.join(", ")
                    )),
            );
        }
        for (name, whats) in &self.whole {
            let says = format!(
                "Looking up {} reads all of {name}: the id is no part of what Postgres looks for there.",
                together(whats)
            );
            found.push(
                Finding::new("mapping.indexes", self.tables[name].severity(), says).mend(
                    "Write the body so that the id is a plain column of this table, without DISTINCT, GROUP BY, \
                     LIMIT or window functions around it, and of one type in each part of a UNION ALL.",
                ),
            );
        }
        found
    }
}

fn together(whats: &BTreeSet<&'static str>) -> String {
    whats.iter().copied().collect::<Vec<_>>().join(", and ")
}

/// The column within a cast, and its type.
fn cast_column(key: &str, table: &Table) -> Option<(String, String)> {
    let (inner, _) = key.split_once("::")?;
    let inner = balanced(inner);
    let found = table.columns.iter().find(|(name, _)| identifier(name) == inner)?;
    Some((found.0.clone(), found.1.clone()))
}
