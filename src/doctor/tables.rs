//! The host's own tables behind the mapping: row-level security that hides rows from presence, and whether their
//! changes are watched.

use std::collections::BTreeMap;

use super::{
    Finding,
    ask::{As, Patient, Trouble, identifier},
    checked,
    look_ups::Source,
    plans::Relation,
    shape::as_owner,
};

/// Rows that are counted at most.
const COUNT_MAX: i64 = 100_000;

/// All checks on tables.
pub async fn examine(p: &Patient, sources: &BTreeMap<&'static str, Source>) -> Vec<Finding> {
    let mut relations: Vec<&Relation> = vec![];
    for relation in sources.values().flat_map(|source| &source.relations) {
        if !relations.iter().any(|one| one.name == relation.name) {
            relations.push(relation);
        }
    }
    let mut found = vec![];
    for relation in &relations {
        found.extend(checked("mapping.row_security", row_security(p, &relation.name)).await);
    }
    if found.is_empty() && !relations.is_empty() {
        found.push(Finding::ok(
            "mapping.row_security",
            "No row of your tables is hidden from presence_owner.",
        ));
    }
    let mut unwatched = vec![];
    for name in ["participants", "rooms"] {
        if let Some(source) = sources.get(name) {
            for relation in &source.relations {
                unwatched.extend(checked("mapping.watched", watched(p, name, source, relation)).await);
            }
        }
    }
    if unwatched.is_empty()
        && ["participants", "rooms"]
            .iter()
            .any(|name| sources.contains_key(name))
    {
        unwatched.push(Finding::ok(
            "mapping.watched",
            "Who is taken out of a room leaves it within a second: your tables are watched.",
        ));
    }
    found.extend(unwatched);
    found
}

/// What presence_owner sees of a table with policies, against what is there.
async fn row_security(p: &Patient, table: &str) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select c.relrowsecurity and not o.rolbypassrls and not (c.relowner = o.oid and not c.relforcerowsecurity)
           and has_any_column_privilege(o.oid, c.oid, 'select'),
       c.relforcerowsecurity, c.relowner::regrole::text, r.rolname::text,
       pg_has_role(session_user, c.relowner, case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end),
       exists (select from pg_policy y where y.polrelid = c.oid and y.polpermissive and y.polcmd in ('r', '*')
                  and (0 = any (y.polroles)
                       or exists (select from unnest(y.polroles) as q(id) where q.id <> 0 and pg_has_role(o.oid, q.id, 'usage'))))
  from pg_class c join pg_roles r on r.oid = c.relowner, pg_roles o
 where c.oid = $1::regclass and o.rolname = 'presence_owner'";
    let row = p.ask_one(As::Login, sql, &[table]).await?;
    let (applies, is_forced, may_become, has_policy): (bool, bool, bool, bool) =
        (row.get(0), row.get(1), row.get(4), row.get(5));
    let (owner, check): (&str, _) = (row.get(3), "mapping.row_security");
    if !applies {
        return Ok(vec![]);
    }
    let mended = |finding: Finding| {
        finding
            .mend(
                "Let presence_owner read them, as the owner of the table; policies that are RESTRICTIVE would \
                 hide rows still.",
            )
            .sql(format!("create policy presence_reads on {table} for select to presence_owner using (true);"))
    };
    let count = format!("select count(*) from (select from {table} limit {COUNT_MAX}) rows");
    let seen: i64 = p.ask_one(As::Owner, &count, &[]).await?.get(0);
    let there = if p.is_superuser {
        Some(p.ask_one(As::Login, &count, &[]).await?.get(0))
    } else if may_become && !is_forced {
        Some(p.ask_one(As::Role(owner), &count, &[]).await?.get(0))
    } else {
        None
    };
    Ok(match there {
        Some(there) if seen >= there => vec![],
        Some(there) if seen == 0 => vec![mended(Finding::error(
            check,
            format!("Row-level security hides all {there} rows of {table} from presence_owner."),
        ))],
        Some(there) => vec![mended(Finding::warning(
            check,
            format!(
                "Row-level security hides rows of {table} from presence_owner: it sees {seen} of {there}."
            ),
        ))],
        None if !has_policy => vec![mended(Finding::error(
            check,
            format!(
                "Row-level security hides all rows of {table} from presence_owner, for which there is no policy."
            ),
        ))],
        None => vec![Finding::skipped(
            check,
            format!(
                "Whether row-level security hides rows of {table} cannot be told by the login {}, which may not \
                 become {owner}; a superuser can.",
                p.login
            ),
        )],
    })
}

/// Whether a change of this table ends presence at once.
async fn watched(
    p: &Patient,
    function: &str,
    source: &Source,
    relation: &Relation,
) -> Result<Vec<Finding>, Trouble> {
    let table = &relation.name;
    let sql = "\
select c.relkind in ('r', 'p'), has_table_privilege('presence_owner', c.oid, 'trigger'),
       (select count(*) from pg_trigger t where t.tgrelid = c.oid and t.tgname in ('presence_gone', 'presence_changed', 'presence_truncated')),
       array_to_string(array(select format('alter table %s enable trigger %s;', c.oid::regclass, t.tgname) from pg_trigger t
                              where t.tgrelid = c.oid and t.tgname in ('presence_gone', 'presence_changed', 'presence_truncated')
                                and t.tgenabled not in ('O', 'A') order by t.tgname), e'\\n'),
       array_to_string(array(select quote_ident(a.attname) || e'\\t' || a.attname from pg_attribute a
                              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), e'\\n')
  from pg_class c where c.oid = $1::regclass";
    let row = p.ask_one(As::Login, sql, &[table]).await?;
    let (is_table, may_trigger, triggers): (bool, bool, i64) = (row.get(0), row.get(1), row.get(2));
    let (disabled, check): (&str, _) = (row.get(3), "mapping.watched");
    if !disabled.is_empty() {
        return Ok(vec![
            Finding::warning(
                check,
                format!("{table} is watched by triggers that are disabled."),
            )
            .mend("Enable them.")
            .sql(disabled),
        ]);
    }
    if !is_table || triggers == 3 {
        return Ok(vec![]);
    }
    let columns: Vec<(&str, &str)> = row
        .get::<_, &str>(4)
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let lost = match function {
        "participants" => "whoever is taken out of a room stays shown until their lease ends",
        _ => "presence in a room that is deleted lasts until the leases end",
    };
    let finding = Finding::note(check, format!("{table} is not watched, so that {lost}."));
    Ok(vec![
        match arguments(function, source, &relation.alias, &columns) {
            None => finding.mend(
                "Watch it as presence_owner with presence.watch_table, naming the columns that hold the ids.",
            ),
            Some(arguments) => {
                let grant = match may_trigger {
                    true => String::new(),
                    false => format!("grant trigger on {table} to presence_owner;\n"),
                };
                let watch = format!("select presence.watch_table({}, {arguments});", literal(table));
                finding
                    .mend("Have it watched; the triggers append to a queue and do nothing else.")
                    .sql(format!("{grant}{}", as_owner(&watch)))
            }
        },
    ])
}

/// What watches a table by its columns; none where the ids are no plain columns of it.
fn arguments(function: &str, source: &Source, alias: &str, columns: &[(&str, &str)]) -> Option<String> {
    let column = |at: usize| plain_column(source.outputs.get(at)?, alias, columns);
    let (ids, also) = match function {
        "participants" => {
            let ids = format!(
                "room_column => {}, user_column => {}",
                literal(&column(0)?),
                literal(&column(1)?)
            );
            (ids, vec![column(2)])
        }
        _ => (
            format!("room_column => {}", literal(&column(0)?)),
            vec![column(3), column(4)],
        ),
    };
    let also: Vec<String> = also.into_iter().flatten().collect();
    Some(match also.is_empty() {
        true => ids,
        false => format!("{ids}, also => {}", array(&also)),
    })
}

/// The one column of the table that an output is: a cast around it is no matter here.
fn plain_column(output: &str, alias: &str, columns: &[(&str, &str)]) -> Option<String> {
    let inner = output
        .trim_start_matches('(')
        .split("::")
        .next()?
        .trim_end_matches(')');
    let name = inner.strip_prefix(&format!("{}.", identifier(alias)))?;
    let found = columns.iter().find(|(written, _)| *written == name)?;
    Some(found.1.to_owned())
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// As an array of names; each in double quotes, since a capital letter or a comma may be in it.
fn array(names: &[String]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| {
            match name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            {
                true => name.clone(),
                false => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
            }
        })
        .collect();
    literal(&format!("{{{}}}", quoted.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_from_expressions() {
        let columns = [("room_id", "room_id"), ("\"userId\"", "userId")];
        let column = |output| plain_column(output, "p", &columns);

        assert_eq!(column("p.room_id").as_deref(), Some("room_id"));
        assert_eq!(column("(p.\"userId\")::text").as_deref(), Some("userId"));
        assert_eq!(column("u.room_id"), None, "another table's");
        assert_eq!(column("CASE WHEN p.room_id THEN 1 ELSE 2 END"), None);
        assert_eq!(array(&["role".to_owned(), "a b".to_owned()]), "'{role,\"a b\"}'");
    }
}
