//! Whether `presence_owner` can read what is mapped, and which grants it lacks.

use super::{
    Finding,
    ask::{As, Patient, Trouble},
    listed,
    mapping::Function,
};

/// What keeps it from running as `presence_owner`; none where it runs, or where that cannot be tried.
pub async fn examine(p: &Patient, function: &Function) -> Option<Finding> {
    let (check, call) = ("mapping.runs", function.call());
    // The whole row: Postgres reads, and asks for rights on, nothing but what is wanted.
    let sql = format!("select count(m.*) from (select * from {call} limit 1) m");
    let trouble = match p.ask(As::Owner, &sql, &[]).await {
        Ok(_) | Err(Trouble::NoOwner { .. }) => return None,
        Err(trouble) => trouble,
    };
    let Trouble::Refused { code, message } = &trouble else {
        return Some(Finding::skipped(
            check,
            format!("{call} was not tried out: {}", trouble.sentence()),
        ));
    };
    if code == "42501" {
        return Some(denied(p, function, message).await);
    }
    let finding = Finding::error(check, format!("{call} does not run: {message}."));
    Some(match code.as_str() {
        "42P01" | "3F000" => finding.mend("Map the table where it is now, with its schema before its name."),
        "42703" => finding.mend("Map a column that is there."),
        "42P13" | "42804" => {
            finding.mend("Map columns of the installed id types; `pg-presence generate adapter` finds them.")
        }
        _ => finding.mend("Write it anew; `pg-presence generate adapter` does it for you."),
    })
}

/// A table of the host that a body names.
#[derive(Debug)]
pub struct Named {
    /// As SQL writes it.
    pub table: String,
    /// The grants that presence_owner lacks for what the body names of it.
    grants: Vec<String>,
}

/// The tables that a body names with their schema. By its text: a plan has them only for whoever may read them.
pub async fn named(p: &Patient, body: &str) -> Result<Vec<Named>, Trouble> {
    let sql = r#"
with body(text) as (select replace(regexp_replace($1, '--[^\n]*', ' ', 'g'), '"', '')),
named as (
    select c.oid, n.oid as schema, quote_ident(n.nspname) as schema_written, c.oid::regclass::text as written, b.text
      from body b, pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema$|presence_private$)'
       and b.text ~* ('\m' || regexp_replace(n.nspname || '.' || c.relname, '([^A-Za-z0-9_])', '\\\1', 'g') || '\M'))
select d.written,
       case when has_schema_privilege('presence_owner', d.schema, 'usage') then ''
            else format('grant usage on schema %s to presence_owner;', d.schema_written) end,
       coalesce((select format('grant select (%s) on %s to presence_owner;', string_agg(quote_ident(a.attname), ', ' order by a.attnum), d.written)
                   from pg_attribute a
                  where a.attrelid = d.oid and a.attnum > 0 and not a.attisdropped
                    and d.text ~* ('\m' || regexp_replace(a.attname, '([^A-Za-z0-9_])', '\\\1', 'g') || '\M')
                    and not has_column_privilege('presence_owner', d.oid, a.attnum, 'select')
                 having count(*) > 0), '')
  from named d order by 1"#;
    let rows = p.ask(As::Login, sql, &[body]).await?;
    let named = rows.iter().map(|row| Named {
        table: row.get(0),
        grants: [1, 2]
            .map(|at| row.get(at))
            .into_iter()
            .filter(|grant: &String| !grant.is_empty())
            .collect(),
    });
    Ok(named.collect())
}

async fn denied(p: &Patient, function: &Function, message: &str) -> Finding {
    let lacking: Vec<Named> = named(p, &function.body)
        .await
        .unwrap_or_default()
        .into_iter()
        .filter(|named| !named.grants.is_empty())
        .collect();
    let (check, call) = ("mapping.runs", function.call());
    if lacking.is_empty() {
        return Finding::error(check, format!("presence_owner may not run {call}: {message}."))
            .mend("Grant presence_owner what its body names.");
    }
    let tables: Vec<String> = lacking.iter().map(|named| named.table.clone()).collect();
    let mut grants: Vec<String> = vec![];
    for grant in lacking.into_iter().flat_map(|named| named.grants) {
        if !grants.contains(&grant) {
            grants.push(grant);
        }
    }
    Finding::error(
        check,
        format!(
            "presence_owner may not read {}, which {call} needs.",
            listed(&tables)
        ),
    )
    .mend("Grant it these columns and no others, as a superuser or as the owner of the table.")
    .sql(grants.join("\n"))
}
