//! What keeps Postgres from reusing space: transactions held open, prepared ones, replication slots. Says whose it is.

use tokio_postgres::Row;

use super::{
    Finding,
    ask::{As, Patient, Trouble},
    checked,
};

/// Row versions are kept for whoever may still see them: heartbeats are HOT no longer, and tables grow.
const HARM: &str = "no row version since can be removed, so heartbeats become dearer by the minute";

/// All checks on what is held.
pub async fn examine(p: &Patient) -> Vec<Finding> {
    let mut found = checked("server.old_transactions", open(p)).await;
    found.extend(checked("server.prepared_transactions", prepared(p)).await);
    found.extend(checked("server.replication_slots", slots(p)).await);
    found
}

async fn open(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select a.pid, coalesce(nullif(a.application_name, ''), 'no name'), coalesce(a.usename::text, a.backend_type), coalesce(a.state, ''),
       to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS'), extract(epoch from clock_timestamp() - a.xact_start)::float8
  from pg_stat_activity a
 where a.datname = current_database() and a.pid <> pg_backend_pid()
   and (a.backend_xmin is not null or a.backend_xid is not null)
   and a.backend_type in ('client backend', 'walsender') and a.xact_start < clock_timestamp() - $1::interval
 order by a.xact_start limit 10";
    let check = "server.old_transactions";
    let held_max = format!("{} ms", p.options.held_max.as_millis());
    let rows = p.ask(As::Login, sql, &[&held_max]).await?;
    if !rows.is_empty() {
        return Ok(rows.iter().map(|row| one_open(check, row)).collect());
    }
    let sees_all = "select pg_has_role(session_user, 'pg_read_all_stats', 'usage')";
    if !p.ask_one(As::Login, sees_all, &[]).await?.get::<_, bool>(0) {
        let login = super::ask::identifier(&p.login);
        return Ok(vec![
            Finding::skipped(
                check,
                format!(
                    "The login {} sees only since when its own transactions are open.",
                    p.login
                ),
            )
            .mend("Let it see everybody's, as a superuser.")
            .sql(format!("grant pg_read_all_stats to {login};")),
        ]);
    }
    Ok(vec![Finding::ok(check, "No transaction is held open for long.")])
}

fn one_open(check: &'static str, row: &Row) -> Finding {
    let (pid, application, user, state, since): (i32, &str, &str, &str, &str) =
        (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
    let age = span(row.get(5));
    let says = format!(
        "A transaction has been open for {age}, since {since} UTC, by {user} (pid {pid}, \
            {application}, {state}): {HARM}."
    );
    Finding::warning(check, says)
        .mend("End it, and set idle_in_transaction_session_timeout so that none is forgotten again.")
        .sql(format!("select pg_terminate_backend({pid});"))
}

async fn prepared(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select x.gid, x.owner::text, to_char(x.prepared, 'YYYY-MM-DD HH24:MI:SS'), extract(epoch from clock_timestamp() - x.prepared)::float8
  from pg_prepared_xacts x
 where x.database = current_database() and x.prepared < clock_timestamp() - $1::interval
 order by x.prepared limit 10";
    let check = "server.prepared_transactions";
    let held_max = format!("{} ms", p.options.held_max.as_millis());
    let rows = p.ask(As::Login, sql, &[&held_max]).await?;
    let found: Vec<Finding> = rows
        .iter()
        .map(|row| {
            let (gid, owner, since): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
            let age = span(row.get(3));
            let says = format!(
                "The transaction {gid} of {owner} has been prepared for {age}, since {since} UTC: {HARM}."
            );
            Finding::warning(check, says)
                .mend("Ask whoever prepared it whether it is to be committed; if nobody knows, roll it back.")
                .sql(format!("rollback prepared '{}';", gid.replace('\'', "''")))
        })
        .collect();
    Ok(match found.is_empty() {
        true => vec![Finding::ok(check, "No prepared transaction waits.")],
        false => found,
    })
}

async fn slots(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select s.slot_name::text, s.active, age(s.xmin)::bigint
  from pg_replication_slots s
 where s.xmin is not null and (not s.active or age(s.xmin) > 1000000)
 order by 3 desc limit 10";
    let check = "server.replication_slots";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let found: Vec<Finding> = rows
        .iter()
        .map(|row| {
            let (name, is_active, age): (&str, bool, i64) = (row.get(0), row.get(1), row.get(2));
            let quoted = name.replace('\'', "''");
            match is_active {
                true => Finding::warning(
                    check,
                    format!("A standby holds the replication slot {name} {age} transactions back by its feedback: \
                        {HARM}."),
                )
                .mend("End the long query on that standby, or turn hot_standby_feedback off there."),
                false => Finding::warning(
                    check,
                    format!("The replication slot {name} is {age} transactions behind and nobody uses it: {HARM}."),
                )
                .mend("Start its standby, or drop the slot.")
                .sql(format!("select pg_drop_replication_slot('{quoted}');")),
            }
        })
        .collect();
    Ok(match found.is_empty() {
        true => vec![Finding::ok(check, "No replication slot holds row versions back.")],
        false => found,
    })
}

/// Seconds for people.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 90.0 * 60.0 => format!("{:.0} min", s / 60.0),
        s if s < 48.0 * 3600.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_for_people() {
        for (seconds, text) in [
            (4.2, "4 s"),
            (180.0, "3 min"),
            (7200.0, "2 h"),
            (864_000.0, "10 days"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
