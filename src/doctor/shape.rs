//! Whether tables, indexes and triggers are as installed, and whether anything in our schemas is somebody else's.

use std::collections::BTreeSet;

use super::{
    Finding, Severity,
    ask::{As, Patient, Trouble},
    blueprint::Blueprint,
    checked, listed,
};

/// All checks on shape.
pub async fn examine(p: &Patient, blueprint: &Blueprint) -> Vec<Finding> {
    let mut found = checked("installed.indexes", indexes(p, blueprint)).await;
    found.extend(checked("installed.triggers", triggers(p)).await);
    found.extend(checked("installed.persistence", persistence(p, blueprint)).await);
    found.extend(checked("installed.storage", storage(p, blueprint)).await);
    found.extend(checked("installed.foreign", foreign(p, blueprint)).await);
    found
}

async fn indexes(p: &Patient, blueprint: &Blueprint) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select c.oid::regclass::text, i.indisvalid and i.indisready, i.indrelid::regclass::text,
       exists (select from pg_constraint n where n.conindid = c.oid) or c.relispartition
  from pg_index i join pg_class c on c.oid = i.indexrelid
 where c.relnamespace = 'presence_private'::regnamespace";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let there: BTreeSet<&str> = rows.iter().map(|row| row.get(0)).collect();
    let (check, mut found) = ("installed.indexes", vec![]);
    for name in rows
        .iter()
        .filter(|row| !row.get::<_, bool>(1))
        .map(|row| row.get::<_, &str>(0))
    {
        found.push(
            Finding::error(check, format!("The index {name} is not valid, and is not used."))
                .mend("Build it anew; presence waits meanwhile.")
                .sql(format!("reindex index {name};")),
        );
    }
    for row in &rows {
        let (name, table, is_key): (&str, &str, bool) = (row.get(0), row.get(2), row.get(3));
        if !is_key && blueprint.tables.contains_key(table) && !blueprint.indexes.contains_key(name) {
            let says = format!("The index {name} is none of ours, and makes writing to {table} dearer.");
            found.push(
                Finding::warning(check, says)
                    .mend("Drop it; query the views, and tell us which look-up is slow.")
                    .sql(format!("drop index {name};")),
            );
        }
    }
    for (name, statement) in blueprint
        .indexes
        .iter()
        .filter(|(name, _)| !there.contains(name.as_str()))
    {
        found.push(
            Finding::error(
                check,
                format!("The index {name} is missing, and look-ups read whole tables."),
            )
            .mend("Make it again, as presence_owner.")
            .sql(as_owner(&format!("{statement};"))),
        );
    }
    Ok(match found.is_empty() {
        true => vec![Finding::ok(check, "All indexes are there and valid.")],
        false => found,
    })
}

async fn triggers(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select 'alter table ' || c.oid::regclass || ' enable trigger ' || quote_ident(t.tgname) || ';', t.tgname || ' on ' || c.oid::regclass
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
 where c.relnamespace = 'presence_private'::regnamespace and not t.tgisinternal and t.tgenabled not in ('O', 'A')
 order by 2";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let check = "installed.triggers";
    if rows.is_empty() {
        return Ok(vec![Finding::ok(check, "No trigger of presence is disabled.")]);
    }
    let names: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
    let alters: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(vec![
        Finding::error(
            check,
            format!(
                "Triggers are disabled, so that nobody hears of changes: {}.",
                listed(&names)
            ),
        )
        .mend("Enable them.")
        .sql(alters.join("\n")),
    ])
}

async fn persistence(p: &Patient, blueprint: &Blueprint) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select c.oid::regclass::text, c.relpersistence = 'u' from pg_class c
 where c.relnamespace = 'presence_private'::regnamespace and c.relkind in ('r', 'p') order by 1";
    let (check, mut found) = ("installed.persistence", vec![]);
    for row in p.ask(As::Login, sql, &[]).await? {
        let (name, is_unlogged): (&str, bool) = (row.get(0), row.get(1));
        let meant = blueprint.tables.get(name).is_some_and(|table| table.is_unlogged);
        match (meant, is_unlogged) {
            (true, false) => found.push(
                Finding::warning(
                    check,
                    format!("{name} is logged, so that each heartbeat waits for the disk."),
                )
                .mend("Make it unlogged as it was installed; it is locked while it is copied.")
                .sql(format!("alter table {name} set unlogged;")),
            ),
            (false, true) => found.push(
                Finding::error(check, format!("{name} is unlogged, so that a crash empties it."))
                    .mend("Make it logged as it was installed; it is locked while it is copied.")
                    .sql(format!("alter table {name} set logged;")),
            ),
            _ => {}
        }
    }
    Ok(match found.is_empty() {
        true => vec![Finding::ok(
            check,
            "Tables that a crash may empty are unlogged, and the others are logged.",
        )],
        false => found,
    })
}

async fn storage(p: &Patient, blueprint: &Blueprint) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select c.oid::regclass::text, coalesce(array_to_string(c.reloptions, ','), '') from pg_class c
 where c.relnamespace = 'presence_private'::regnamespace and c.relkind in ('r', 'p') order by 1";
    let (check, mut found) = ("installed.storage", vec![]);
    for row in p.ask(As::Login, sql, &[]).await? {
        let (name, options): (&str, &str) = (row.get(0), row.get(1));
        let Some(meant) = blueprint.tables.get(name) else {
            continue;
        };
        let options: BTreeSet<String> = options
            .split(',')
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect();
        if options == meant.options {
            continue;
        }
        let key = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
        let keys: BTreeSet<String> = meant.options.iter().map(key).collect();
        let others: Vec<String> = options
            .iter()
            .map(key)
            .filter(|one| !keys.contains(one))
            .collect();
        let mut alters = vec![];
        if !others.is_empty() {
            alters.push(format!("alter table {name} reset ({});", others.join(", ")));
        }
        if !meant.options.is_empty() {
            let list: Vec<&str> = meant.options.iter().map(String::as_str).collect();
            alters.push(format!("alter table {name} set ({});", list.join(", ")));
        }
        let changed: Vec<String> = options
            .symmetric_difference(&meant.options)
            .map(key)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let has_fill = changed.iter().any(|one| one == "fillfactor");
        let severity = if has_fill {
            Severity::Warning
        } else {
            Severity::Note
        };
        let says = format!(
            "The storage settings of {name} are not those that were measured: {}.",
            listed(&changed)
        );
        let finding = Finding::new(check, severity, says).sql(alters.join("\n"));
        found.push(
            finding
                .mend("Set them as installed; pages that are there already follow at the next vacuum full."),
        );
    }
    Ok(match found.is_empty() {
        true => vec![Finding::ok(
            check,
            "Fill factors and autovacuum settings are as installed.",
        )],
        false => found,
    })
}

/// What is in the schemas of ours and no file of ours makes.
async fn foreign(p: &Patient, blueprint: &Blueprint) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select case c.relkind when 'v' then 'view' when 'S' then 'sequence' when 'm' then 'materialized view' when 'f' then 'foreign table'
                      when 'c' then 'type' else 'table' end,
       n.nspname || '.' || c.relname, c.oid::regclass::text, 1::bigint
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname in ('presence', 'presence_private') and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
   and not c.relispartition and c.relname !~ '^visit_[0-9]{8}$'
   -- the sequence of an identity column is a part of its table
   and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i' and c.relkind = 'S')
 union all
select case f.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
       n.nspname || '.' || f.proname, f.oid::regprocedure::text, count(*) over (partition by f.pronamespace, f.proname)
  from pg_proc f join pg_namespace n on n.oid = f.pronamespace
 where n.nspname in ('presence', 'presence_private')
 union all
select 'type', n.nspname || '.' || t.typname, t.oid::regtype::text, 1
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
 where n.nspname in ('presence', 'presence_private') and t.typtype in ('d', 'e', 'r')
 order by 3";
    let (mut names, mut moves) = (vec![], vec![]);
    for row in p.ask(As::Login, sql, &[]).await? {
        let (kind, name, written, count): (&str, &str, &str, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let is_ours = blueprint.tables.contains_key(name)
            || blueprint.views.contains(name)
            || blueprint.types.contains(name)
            || blueprint.functions.get(name).is_some_and(|meant| *meant >= count);
        if !is_ours {
            names.push(format!("{kind} {written}"));
            moves.push(format!("alter {kind} {written} set schema public;"));
        }
    }
    let check = "installed.foreign";
    if names.is_empty() {
        return Ok(vec![Finding::ok(
            check,
            "Nothing of somebody else's is in the schemas presence and presence_private.",
        )]);
    }
    Ok(vec![
        Finding::warning(
            check,
            format!(
                "Objects that pg-presence does not know are in its schemas: {}.",
                listed(&names)
            ),
        )
        .mend(
            "Move what is yours to a schema of your own, such as public; of a name that exists \
                twice, keep the one that `pg-presence migrate print` has.",
        )
        .sql(moves.join("\n")),
    ])
}

/// A statement run as the owner.
pub fn as_owner(statements: &str) -> String {
    format!("begin;\nset local role presence_owner;\n{statements}\ncommit;")
}
