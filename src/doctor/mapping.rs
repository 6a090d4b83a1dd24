//! The mapping: whether the four functions of `presence_host` are there, are what the planner inlines, and run.
//!
//! What it says of look-ups, tables and rows is in `look_ups`, `tables` and `rows`.

use super::{
    Finding,
    ask::{As, Patient, Trouble},
    listed, look_ups, readable, rows,
    shape::as_owner,
    tables,
};

/// What an unmapped function says of itself.
const AS_INSTALLED: &str = "-- pg-presence: not mapped yet";

/// Names, and result columns with their types.
const CONTRACT: [(&str, &[(&str, &str)]); 4] = [
    (
        "users",
        &[
            ("user_id", "presence.user_id"),
            ("name", "text"),
            ("avatar_url", "text"),
        ],
    ),
    (
        "rooms",
        &[
            ("room_id", "presence.room_id"),
            ("event_id", "presence.event_id"),
            ("name", "text"),
            ("kind", "text"),
            ("vendor_id", "presence.user_id"),
        ],
    ),
    (
        "participants",
        &[
            ("room_id", "presence.room_id"),
            ("user_id", "presence.user_id"),
            ("role", "text"),
        ],
    ),
    (
        "events",
        &[
            ("event_id", "presence.event_id"),
            ("name", "text"),
            ("coordinator_id", "presence.user_id"),
        ],
    ),
];

/// One of the four functions.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    columns: &'static [(&'static str, &'static str)],
    /// Its body; of one with a parsed body, as Postgres writes it.
    pub body: String,
    /// Whether it is still empty.
    pub is_as_installed: bool,
    /// What is not as it must be, each to follow "it".
    pub faults: Vec<String>,
    /// What mends these, where `alter` does; otherwise it is to be written anew.
    alters: Option<String>,
    owner: String,
    has_other_columns: bool,
    is_sql: bool,
}

impl Function {
    /// As SQL calls it.
    pub fn call(&self) -> String {
        format!("presence_host.{}()", self.name)
    }

    /// The names of its columns, in order.
    pub fn columns(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).collect()
    }

    /// The statement that gives it this body.
    pub fn anew(&self, body: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind)| format!("{name} {kind}"))
            .collect();
        let drop = match self.has_other_columns {
            true => format!("drop function presence_host.{};\n", self.name),
            false => String::new(),
        };
        as_owner(&format!(
            "{drop}create or replace function {}\n    returns table ({})\n    language sql \
                stable\nas $mapping$\n{}\n$mapping$;",
            self.call(),
            columns.join(", "),
            body.trim_matches('\n').trim_end()
        ))
    }

    /// The statement that puts a query around its body: `selected` columns of `m`, and what follows.
    pub fn around(&self, selected: &str, tail: &str) -> String {
        let body = self.body.trim_matches('\n').trim_end().trim_end_matches(';');
        let columns = self.columns().join(", ");
        self.anew(&format!(
            "    select {selected}\n      from (\n{body}\n    ) as m ({columns}){tail}"
        ))
    }

    /// What is wrong with it, as a finding that mends it.
    fn finding(&self) -> Finding {
        let says = format!(
            "{} is not as it must be: it {}.",
            self.call(),
            self.faults.join(", and it ")
        );
        self.mended(Finding::error("mapping.signature", says))
    }

    /// With how its faults are mended.
    pub fn mended(&self, finding: Finding) -> Finding {
        let hand_over = match self.owner.as_str() {
            "presence_owner" => String::new(),
            _ => format!("alter function {} owner to presence_owner;\n", self.call()),
        };
        match &self.alters {
            Some(alters) => finding
                .mend("Set it so, as a superuser or as presence_owner.")
                .sql(format!("{hand_over}{alters}").trim_end()),
            None if self.is_sql => finding
                .mend("Write it anew with these columns and its body as a string.")
                .sql(format!("{hand_over}{}", self.anew(&self.body))),
            None => finding
                .mend(
                    "Write it anew as one query in language sql, with these columns; `pg-presence generate \
                    adapter` does it for you.",
                )
                .sql(format!("{hand_over}{}", self.anew("    select ... from ..."))),
        }
    }
}

/// All checks of the group.
pub async fn examine(p: &Patient) -> Vec<Finding> {
    let (functions, mut found) = match read(p).await {
        Ok(read) => read,
        Err(trouble) => return vec![Finding::skipped("mapping.signature", trouble.sentence())],
    };
    found.extend(mapped(&functions));
    let mut running = vec![];
    for function in functions.into_iter().filter(|function| !function.is_as_installed) {
        match readable::examine(p, &function).await {
            None => running.push(function),
            Some(finding) => found.push(finding),
        }
    }
    if !running.is_empty() && !p.may_own {
        let trouble = Trouble::NoOwner {
            login: p.login.clone(),
        };
        found.push(Finding::skipped("mapping.runs", trouble.sentence()));
        return found;
    }
    if !running.is_empty() && !found.iter().any(|finding| finding.check == "mapping.runs") {
        found.push(Finding::ok(
            "mapping.runs",
            "presence_owner can read all that is mapped.",
        ));
    }
    let sources = look_ups::sources(p, &running).await;
    found.extend(look_ups::examine(p, &running, &sources).await);
    found.extend(tables::examine(p, &sources).await);
    found.extend(rows::examine(p, &running, &sources).await);
    found
}

async fn read(p: &Patient) -> Result<(Vec<Function>, Vec<Finding>), Trouble> {
    let sql = "\
select f.proname::text, f.prosrc, l.lanname::text, f.provolatile::text, f.prosecdef, f.proisstrict, f.proconfig is not null,
       f.prosqlbody is not null, coalesce(pg_get_function_sqlbody(f.oid), ''), f.proowner::regrole::text, f.pronargs::integer,
       array_to_string(array(select f.proargnames[i] || ' ' || format_type(f.proallargtypes[i], null)
                               from generate_subscripts(f.proallargtypes, 1) i where f.proargmodes[i] = 't' order by i), ', ')
  from pg_proc f join pg_language l on l.oid = f.prolang
 where f.pronamespace = 'presence_host'::regnamespace and f.pronargs = 0";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let (mut functions, mut found) = (vec![], vec![]);
    for (name, columns) in CONTRACT {
        match rows.iter().find(|row| row.get::<_, &str>(0) == name) {
            Some(row) => functions.push(judged(name, columns, row)),
            None => found.push(
                Finding::error("mapping.signature", format!("presence_host.{name}() is missing."))
                    .mend("Migrate: it makes the empty one, and leaves the others alone.")
                    .command("pg-presence migrate"),
            ),
        }
    }
    found.extend(
        functions
            .iter()
            .filter(|one| !one.faults.is_empty())
            .map(Function::finding),
    );
    if found.is_empty() {
        found.push(Finding::ok(
            "mapping.signature",
            "The four functions have the columns and the form that they must have.",
        ));
    }
    Ok((functions, found))
}

fn judged(name: &'static str, columns: &'static [(&str, &str)], row: &tokio_postgres::Row) -> Function {
    let [source, language, volatility]: [&str; 3] = [1, 2, 3].map(|at| row.get(at));
    let [is_definer, is_strict, has_settings, is_parsed]: [bool; 4] = [4, 5, 6, 7].map(|at| row.get(at));
    let (parsed, owner, returned): (&str, &str, &str) = (row.get(8), row.get(9), row.get(11));
    let meant: Vec<String> = columns
        .iter()
        .map(|(name, kind)| format!("{name} {kind}"))
        .collect();
    let (mut faults, mut alters) = (vec![], String::new());
    for (is_wrong, fault, alter) in [
        (
            volatility != "s",
            if volatility == "v" {
                "is VOLATILE and not STABLE"
            } else {
                "is IMMUTABLE and not STABLE"
            },
            " stable",
        ),
        (is_definer, "is SECURITY DEFINER", " security invoker"),
        (is_strict, "is STRICT", " called on null input"),
        (has_settings, "has SET clauses", " reset all"),
    ] {
        if is_wrong {
            faults.push(fault.to_owned());
            alters.push_str(alter);
        }
    }
    if !alters.is_empty() {
        alters = format!("alter function presence_host.{name}(){alters};");
    }
    if owner != "presence_owner" {
        faults.push(format!(
            "is owned by {} and not by presence_owner",
            owner.trim_matches('"')
        ));
    }
    let (is_sql, has_other_columns) = (language == "sql", returned != meant.join(", "));
    if !is_sql {
        faults.push(format!("is written in {language} and not in sql"));
    }
    if is_parsed {
        faults.push(
            "has a parsed body (BEGIN ATOMIC) and not a string, so that it blocks your ALTER TABLE"
                .to_owned(),
        );
    }
    if has_other_columns {
        faults.push(format!("returns ({returned}) and not ({})", meant.join(", ")));
    }
    let body = if is_parsed {
        unparsed(parsed)
    } else {
        source.to_owned()
    };
    Function {
        name,
        columns,
        is_as_installed: body.contains(AS_INSTALLED),
        body,
        alters: (is_sql && !is_parsed && !has_other_columns).then_some(alters),
        faults,
        owner: owner.to_owned(),
        has_other_columns,
        is_sql,
    }
}

/// The query within `BEGIN ATOMIC ... END`.
fn unparsed(body: &str) -> String {
    let inner = body
        .trim()
        .trim_start_matches("BEGIN ATOMIC")
        .trim_end_matches("END")
        .trim();
    format!("    {}", inner.trim_end_matches(';'))
}

fn mapped(functions: &[Function]) -> Vec<Finding> {
    let names = |only: &dyn Fn(&&Function) -> bool| -> Vec<String> {
        functions.iter().filter(only).map(Function::call).collect()
    };
    let needed = names(&|one| one.is_as_installed && one.name != "events");
    let check = "mapping.mapped";
    if !needed.is_empty() {
        let (is_all, verb) = (needed.len() == 3, if needed.len() == 1 { "is" } else { "are" });
        let says = match is_all {
            true => format!(
                "Everything is denied to everybody: {} are as installed, which is empty.",
                listed(&needed)
            ),
            false => format!("{} {verb} as installed, which is empty.", listed(&needed)),
        };
        return vec![
            Finding::warning(check, says)
                .mend("Map your tables: docs/sql.md says how, and this writes the functions.")
                .command("pg-presence generate adapter"),
        ];
    }
    if functions.iter().any(|one| one.is_as_installed) {
        return vec![Finding::ok(
            check,
            "Users, rooms and participants are mapped; events are not, which is fine where there are none.",
        )];
    }
    vec![Finding::ok(
        check,
        "Users, rooms, participants and events are mapped.",
    )]
}
