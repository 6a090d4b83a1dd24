//! Whether presence runs: who may serve, whether anybody reaps and evicts, how heartbeats fare on disk.

use std::collections::BTreeSet;

use super::{
    Finding,
    ask::{As, Patient, Trouble, identifier},
    blueprint::Blueprint,
    checked, counted, listed, nodes,
    transactions::span,
};
use crate::descriptors::{Limit, SMALL};

/// Updates from which a share says anything.
const UPDATES_MIN: i64 = 1000;
/// Below this share of HOT updates something keeps pages full. As designed it is 97 % and more.
const HOT_MIN: f64 = 0.9;
/// Dead rows that autovacuum should have removed: it starts at 20000.
const DEAD_MIN: i64 = 60_000;

/// A login for nodes.
const NODE_LOGIN: &str =
    "create role presence_node login password 'change me';\ngrant presence_service to presence_node;";

/// All checks of the group.
pub async fn examine(p: &Patient, blueprint: &Blueprint) -> Vec<Finding> {
    let mut found = checked("service.members", members(p)).await;
    found.extend(checked("service.superuser", superusers(p)).await);
    found.extend(checked("service.settings", settings(p)).await);
    found.extend(checked("service.nodes", nodes::examine(p)).await);
    found.extend(checked("service.reaping", reaping(p)).await);
    found.extend(checked("service.evictions", evictions(p)).await);
    found.extend(checked("service.hot", hot(p, blueprint)).await);
    found.extend(checked("service.dead_rows", dead_rows(p)).await);
    found.extend(Limit::now().map(open_files));
    found
}

/// Of whoever runs the doctor: a node that is started in the same way has the same.
fn open_files(limit: Limit) -> Finding {
    let check = "service.open_files";
    if limit.hard < SMALL {
        return Finding::warning(
            check,
            format!(
                "A node that is started as this doctor was may have {} files open, and a stream is one.",
                limit.hard
            ),
        )
        .mend("Raise the hard limit: LimitNOFILE= of systemd, `ulimit -Hn`, the nofile limit of your containers.");
    }
    Finding::ok(
        check,
        format!(
            "A node that is started as this doctor was may have {} files open; a stream is one.",
            limit.hard
        ),
    )
}

async fn members(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select r.rolname::text from pg_roles r
 where r.rolcanlogin and not r.rolsuper and pg_has_role(r.oid, $1::regrole, 'usage') order by 1 limit 11";
    let check = "service.members";
    let nodes = p.list(As::Login, sql, &["presence_service"]).await?;
    if !nodes.is_empty() {
        return Ok(vec![Finding::ok(
            check,
            format!("The service may run as {}.", listed(&nodes)),
        )]);
    }
    let backends = p.list(As::Login, sql, &["presence_app"]).await?;
    Ok(vec![match backends.is_empty() {
        true => Finding::warning(
            check,
            "No login but superusers may run the service or call presence from a backend.",
        )
        .mend("Make a login for `pg-presence serve`, with a password of your own.")
        .sql(NODE_LOGIN),
        false => Finding::note(
            check,
            format!(
                "No login may run the service; backends call presence as {}.",
                listed(&backends)
            ),
        )
        .mend("Where streams are wanted, make a login for `pg-presence serve`, with a password of your own.")
        .sql(NODE_LOGIN),
    }])
}

async fn superusers(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
with recursive held(oid) as (
    select m.member from pg_auth_members m where m.roleid = 'presence_service'::regrole
     union
    select m.member from pg_auth_members m join held h on m.roleid = h.oid)
select r.rolname::text, r.oid in (select h.oid from held h),
       exists (select from pg_stat_activity a where a.usesysid = r.oid and (a.application_name = 'pg-presence' or a.application_name like 'pg-presence listener %')
                  and a.datname = current_database())
  from pg_roles r where r.rolsuper and r.rolcanlogin
 order by 1";
    let check = "service.superuser";
    let rows = p.ask(As::Login, sql, &[]).await?;
    let names = |at: usize| -> Vec<String> {
        let those = rows.iter().filter(|row| row.get(at));
        those.map(|row| row.get(0)).collect()
    };
    let (members, running) = (names(1), names(2));
    let mend = "Give the nodes a login of their own that is none, in DATABASE_URL, and grant presence_service to that.";
    let mut found = vec![];
    if !members.is_empty() {
        let revokes: Vec<String> = members
            .iter()
            .map(|name| format!("revoke presence_service from {};", identifier(name)))
            .collect();
        let says = format!(
            "A superuser is a member of presence_service: {}.",
            listed(&members)
        );
        found.push(Finding::warning(check, says).mend(mend).sql(revokes.join("\n")));
    }
    if !running.is_empty() {
        let says = format!("The service runs as a superuser: {}.", listed(&running));
        found.push(Finding::warning(check, says).mend(mend).sql(NODE_LOGIN));
    }
    if found.is_empty() {
        found.push(Finding::ok(check, "No superuser runs the service."));
    }
    Ok(found)
}

async fn settings(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select extract(epoch from s.ttl)::float8, extract(epoch from s.heartbeat)::float8, extract(epoch from s.typing)::float8,
       s.sessions_max, extract(epoch from s.retention)::float8
  from presence_private.setting s";
    let row = p.ask_one(As::Owner, sql, &[]).await?;
    let seconds = |at: usize| -> String {
        let value: f64 = row.get(at);
        if value < 10.0 && value.fract() != 0.0 {
            format!("{:.0} ms", value * 1e3)
        } else {
            span(value)
        }
    };
    let sessions_max: i32 = row.get(3);
    Ok(vec![Finding::note(
        "service.settings",
        format!(
            "In force: a heartbeat every {}, good for {} (ttl); typing {}; {sessions_max} sessions a \
                member; history for {}.",
            seconds(1),
            seconds(0),
            seconds(2),
            seconds(4)
        ),
    )])
}

async fn reaping(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select count(*), coalesce(extract(epoch from max(statement_timestamp() - s.expires_at)), 0)::float8
  from presence_private.session s, presence_private.setting k
 where s.ended_at is null and s.expires_at < statement_timestamp() - $1::interval
   -- until then the reaper itself gives clients time to renew
   and statement_timestamp() > pg_postmaster_start_time() + k.heartbeat + $1::interval";
    let overdue_max = format!("{} ms", p.options.overdue_max.as_millis());
    let row = p.ask_one(As::Owner, sql, &[&overdue_max]).await?;
    let (count, oldest): (i64, f64) = (row.get(0), row.get(1));
    let check = "service.reaping";
    if count == 0 {
        return Ok(vec![Finding::ok(
            check,
            "No lease that ran out waits to be ended.",
        )]);
    }
    Ok(vec![
        Finding::error(
            check,
            format!(
                "Nobody reaps: {} not ended, the oldest for {}.",
                counted(count, "lease that ran out was", "leases that ran out were"),
                span(oldest)
            ),
        )
        .mend("Run `pg-presence serve`, or the command below, or have pg_cron call the SQL.")
        .sql("select presence.reap();")
        .command("pg-presence reap --every 1000"),
    ])
}

/// The queue has no clock: what is there twice, some seconds apart, is waiting.
async fn evictions(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "select e.ctid::text || ' ' || e.xmin::text from presence_private.eviction e limit 10000";
    let check = "service.evictions";
    let first: BTreeSet<String> = p.list(As::Owner, sql, &[]).await?.into_iter().collect();
    if !first.is_empty() {
        tokio::time::sleep(p.options.overdue_max).await;
        let second = p.list(As::Owner, sql, &[]).await?;
        let waiting = second.iter().filter(|one| first.contains(*one)).count() as i64;
        if waiting > 0 {
            return Ok(vec![
                Finding::error(
                    check,
                    format!(
                        "Nobody evicts: {} waited for more than {}, and whoever lost access stays.",
                        counted(
                            waiting,
                            "change of your tables has",
                            "changes of your tables have"
                        ),
                        span(p.options.overdue_max.as_secs_f64())
                    ),
                )
                .mend("Run `pg-presence serve`, or have a scheduler call this every second.")
                .sql("select presence.evict();"),
            ]);
        }
    }
    Ok(vec![Finding::ok(
        check,
        "No change of your tables waits to be acted on.",
    )])
}

async fn hot(p: &Patient, blueprint: &Blueprint) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select coalesce(t.n_tup_upd, 0), coalesce(t.n_tup_hot_upd, 0)
  from pg_stat_user_tables t where t.schemaname = 'presence_private' and t.relname = 'session'";
    let row = p.ask_one(As::Login, sql, &[]).await?;
    let (updates, hot): (i64, i64) = (row.get(0), row.get(1));
    let check = "service.hot";
    if updates < UPDATES_MIN {
        return Ok(vec![Finding::ok(
            check,
            format!("Too few heartbeats so far to judge how cheap they are ({updates})."),
        )]);
    }
    let share = hot as f64 / updates as f64;
    if share >= HOT_MIN {
        return Ok(vec![Finding::ok(
            check,
            format!(
                "Heartbeats are cheap: {:.1} % of {updates} updates were HOT.",
                share * 100.0
            ),
        )]);
    }
    let says = format!(
        "Heartbeats are dear: {:.1} % of {updates} updates were HOT, and 97 % should be.",
        share * 100.0
    );
    let anew = "select pg_stat_reset_single_table_counters('presence_private.session'::regclass);";
    let sql = "\
select c.oid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid
 where i.indrelid = 'presence_private.session'::regclass and not i.indisprimary";
    let indexes = p.list(As::Login, sql, &[]).await?;
    let extra: Vec<String> = indexes
        .into_iter()
        .filter(|name| !blueprint.indexes.contains_key(name))
        .collect();
    let finding = Finding::warning(check, says);
    Ok(vec![match extra.is_empty() {
        false => finding
            .mend(format!(
                "Drop what is no index of ours on presence_private.session ({}), then count anew.",
                listed(&extra)
            ))
            .sql(format!("drop index {};\n{anew}", extra.join(", "))),
        true => finding
            .mend(
                "Most likely a transaction was held open (server.old_transactions) or the fill factor was changed \
                 (installed.storage): mend those, vacuum, and count anew.",
            )
            .sql(format!("vacuum presence_private.session;\n{anew}")),
    }])
}

async fn dead_rows(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select t.n_live_tup, t.n_dead_tup, pg_size_pretty(pg_total_relation_size(t.relid))
  from pg_stat_user_tables t where t.schemaname = 'presence_private' and t.relname = 'session'";
    let row = p.ask_one(As::Login, sql, &[]).await?;
    let (live, dead, size): (i64, i64, &str) = (row.get(0), row.get(1), row.get(2));
    let (check, counts) = (
        "service.dead_rows",
        format!("about {live} live rows and {dead} dead ones in {size}"),
    );
    if dead < DEAD_MIN.max(live) {
        return Ok(vec![Finding::ok(
            check,
            format!("The table of leases has {counts}."),
        )]);
    }
    Ok(vec![
        Finding::warning(
            check,
            format!(
                "The table of leases is bloated, with {counts}: autovacuum cannot keep up, or something \
            holds it back."
            ),
        )
        .mend("See what server.old_transactions says, then vacuum.")
        .sql("vacuum presence_private.session;"),
    ])
}
