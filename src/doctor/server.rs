//! Postgres itself: its version and role, room for connections, what presence needs of it. No word on presence's data.

use time::OffsetDateTime;

use super::{
    Finding,
    ask::{As, Patient, Trouble, identifier},
    checked, notify, pooler, transactions,
};
use crate::connect::Trust;

/// The oldest that works and the newest that is tested.
const MAJORS: [i32; 2] = [15, 18];
/// A node's pool, as it is by default, and its listener.
const NODE_CONNECTIONS: i64 = 11;
/// Shares of the NOTIFY queue.
const QUEUE_NOTEWORTHY: f64 = 0.05;
const QUEUE_BAD: f64 = 0.5;
/// Seconds that two clocks may differ by before it is worth a word.
const CLOCK_MAX: f64 = 2.0;

/// All checks of the group.
pub async fn examine(p: &Patient) -> Vec<Finding> {
    let mut found = vec![version(p.version)];
    found.extend(checked("server.primary", primary(p)).await);
    found.extend(checked("server.encryption", encryption(p)).await);
    found.extend(checked("server.standbys", standbys(p)).await);
    found.extend(checked("server.connections", connections(p)).await);
    found.extend(checked("server.control", control(p)).await);
    found.extend(checked("server.autovacuum", autovacuum(p)).await);
    found.extend(transactions::examine(p).await);
    found.extend(checked("server.notify_queue", notify_queue(p)).await);
    found.extend(notify::examine(p).await);
    found.push(pooler::examine(p).await);
    found.extend(checked("server.clock", clock(p)).await);
    found
}

fn version(number: i32) -> Finding {
    let (major, [oldest, newest]) = (number / 10_000, MAJORS);
    let check = "server.version";
    if major < oldest {
        Finding::error(
            check,
            format!("Postgres {major} is older than {oldest}, the oldest that works."),
        )
        .mend(format!("Upgrade the server to Postgres {oldest} or newer."))
    } else if major > newest {
        Finding::note(
            check,
            format!("Postgres {major} is newer than {newest}, the newest that this version was tested on."),
        )
        .mend("Look for a newer pg-presence.")
    } else {
        Finding::ok(check, format!("Postgres {major} is supported."))
    }
}

/// Of this connection, which goes as a node's does: by the same URL and the same environment.
async fn encryption(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let check = "server.encryption";
    if p.is_encrypted {
        let checks = match p.trust {
            Trust::Nobody => {
                let says =
                    "The connection is encrypted, but with whoever answers: nobody's certificate is checked.";
                let finding = Finding::note(check, says);
                return Ok(vec![finding.mend(
                    "Add sslmode=verify-full&sslrootcert=PATH (or sslrootcert=system) to DATABASE_URL, unless the network \
                     is yours alone.",
                )]);
            }
            Trust::Authority => "the server's certificate is checked, its name is not",
            Trust::Host => "the server's certificate and its name are checked",
        };
        return Ok(vec![Finding::ok(
            check,
            format!("The connection is encrypted; {checks}."),
        )]);
    }
    // By the server's own view: behind a pooler it is the pooler's way that is told.
    let sql = "select coalesce(inet_client_addr() = inet_server_addr() or inet_client_addr() << '127.0.0.0/8', true)";
    let is_here: bool = p.ask_one(As::Login, sql, &[]).await?.get(0);
    Ok(vec![match is_here {
        true => Finding::ok(check, "The connection is not encrypted and stays on one machine."),
        false => Finding::warning(
            check,
            "The connection is not encrypted and crosses a network: whoever is on the way reads it.",
        )
        .mend(
            "Turn ssl on in Postgres and add sslmode=verify-full&sslrootcert=PATH to DATABASE_URL, or keep the network \
             to yourself.",
        ),
    }])
}

async fn primary(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "select pg_is_in_recovery(), s.setting = 'on', s.source \
                 from pg_settings s where s.name = 'default_transaction_read_only'";
    let row = p.ask_one(As::Login, sql, &[]).await?;
    let (is_standby, is_read_only, source): (bool, bool, &str) = (row.get(0), row.get(1), row.get(2));
    let check = "server.primary";
    let (database, login) = (identifier(&p.database), identifier(&p.login));
    let setting = "default_transaction_read_only = off";
    Ok(vec![if is_standby {
        Finding::error(
            check,
            "This server is a standby, which has neither LISTEN nor unlogged tables.",
        )
        .mend("Use the primary: name all servers in the URL and add target_session_attrs=read-write.")
    } else if is_read_only {
        Finding::error(
            check,
            "Transactions of this login are read-only, so that no heartbeat can be stored.",
        )
        .mend("Let them write.")
        .sql(match source {
            "database" => format!("alter database {database} set {setting};"),
            "user" => format!("alter role {login} set {setting};"),
            "database user" => format!("alter role {login} in database {database} set {setting};"),
            _ => format!("alter system set {setting};\nselect pg_reload_conf();"),
        })
    } else {
        Finding::ok(check, "It is a primary that takes writes.")
    }])
}

/// What stands in an unlogged table does not reach a standby: whoever promotes one should know.
async fn standbys(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "select count(*) from pg_stat_get_wal_senders() w";
    let count: i64 = p.ask_one(As::Login, sql, &[]).await?.get(0);
    let check = "server.standbys";
    Ok(vec![if count == 0 {
        Finding::ok(check, "No standby follows, so none has to be thought of.")
    } else {
        Finding::note(
            check,
            format!("Standbys or subscribers follow ({count}), and who is here is not replicated to them."),
        )
        .mend(
            "Nothing to do: after a promotion nobody is here until each client's next heartbeat; \
             last seen is kept.",
        )
    }])
}

async fn connections(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "\
select current_setting('max_connections')::bigint
       - coalesce((select sum(s.setting::bigint) from pg_settings s
                    where s.name in ('superuser_reserved_connections', 'reserved_connections')), 0)::bigint,
       (select count(*) from pg_stat_activity a where a.backend_type = 'client backend'),
       (select count(*) from pg_stat_activity a where a.backend_type = 'client backend'
           and (a.application_name = 'pg-presence' or a.application_name like 'pg-presence listener %'))";
    let row = p.ask_one(As::Login, sql, &[]).await?;
    let (limit, used, nodes): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let (free, check) = ((limit - used).max(0), "server.connections");
    Ok(vec![if free + nodes < NODE_CONNECTIONS {
        Finding::warning(
            check,
            format!("Of {limit} connections {free} are free, and a node may take {NODE_CONNECTIONS} (PRESENCE_POOL_MAX and one to listen)."),
        )
        .mend("Give each node a smaller PRESENCE_POOL_MAX, or raise max_connections and restart Postgres.")
        .sql(format!("alter system set max_connections = {};", (used + 100).max(100)))
    } else {
        Finding::ok(
            check,
            format!("Of {limit} connections {free} are free; nodes have {nodes}."),
        )
    }])
}

async fn control(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    if !p.is_installed {
        return Ok(vec![]);
    }
    let sql = "select has_function_privilege('presence_owner', 'pg_catalog.pg_control_system()', 'execute')";
    let check = "server.control";
    Ok(vec![if p.ask_one(As::Login, sql, &[]).await?.get(0) {
        Finding::ok(
            check,
            "The identity of this cluster can be read, by which a loss of data is noticed.",
        )
    } else {
        Finding::error(
            check,
            "presence_owner may not execute pg_control_system(), without which no heartbeat is taken.",
        )
        .mend("Grant it, as a superuser.")
        .sql("grant execute on function pg_catalog.pg_control_system() to presence_owner;")
    }])
}

async fn autovacuum(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let sql = "select s.name from pg_settings s where s.name in ('autovacuum', 'track_counts') and s.setting = 'off' order by 1";
    let off = p.list(As::Login, sql, &[]).await?;
    let check = "server.autovacuum";
    Ok(vec![if off.is_empty() {
        Finding::ok(check, "Autovacuum is on.")
    } else {
        let resets: String = off
            .iter()
            .map(|name| format!("alter system set {name} = on;\n"))
            .collect();
        Finding::error(
            check,
            format!(
                "Autovacuum does not run ({} is off), so that the tables of presence grow without end.",
                off.join(", ")
            ),
        )
        .mend("Turn it on, as a superuser.")
        .sql(format!("{resets}select pg_reload_conf();"))
    }])
}

async fn notify_queue(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let usage: f64 = p
        .ask_one(As::Login, "select pg_notification_queue_usage()", &[])
        .await?
        .get(0);
    let (check, percent) = ("server.notify_queue", format!("{:.0} %", usage * 100.0));
    if usage < QUEUE_NOTEWORTHY {
        return Ok(vec![Finding::ok(
            check,
            format!("The queue of NOTIFY is {percent} full."),
        )]);
    }
    // Whoever listens and does not read is in a transaction; which of them listen, nobody can tell.
    let sql = "select a.pid from pg_stat_activity a where a.state like 'idle in transaction%' order by a.xact_start limit 1";
    let oldest: Option<i32> = p.ask(As::Login, sql, &[]).await?.first().map(|row| row.get(0));
    let severity = match usage >= QUEUE_BAD {
        true => super::Severity::Error,
        false => super::Severity::Warning,
    };
    let says = format!(
        "The queue of NOTIFY is {percent} full, and joins and leaves fail once it is full: a session listens and does not read."
    );
    let finding = Finding::new(check, severity, says);
    Ok(vec![match oldest {
        Some(pid) => finding
            .mend(
                "End the transaction that has been open for longest, most likely the one; \
                 the server's log names it too.",
            )
            .sql(format!("select pg_terminate_backend({pid});")),
        None => finding.mend("End the session that the server's log names."),
    }])
}

async fn clock(p: &Patient) -> Result<Vec<Finding>, Trouble> {
    let before = seconds(OffsetDateTime::now_utc());
    let sql = "select extract(epoch from clock_timestamp())::float8";
    let server: f64 = p.ask_one(As::Login, sql, &[]).await?.get(0);
    Ok(vec![clocks(before, server, seconds(OffsetDateTime::now_utc()))])
}

fn seconds(moment: OffsetDateTime) -> f64 {
    moment.unix_timestamp() as f64 + f64::from(moment.nanosecond()) / 1e9
}

/// The server's clock was read between two readings of this machine's.
fn clocks(before: f64, server: f64, after: f64) -> Finding {
    let behind = (before - server).max(0.0);
    let ahead = (server - after).max(0.0);
    let (apart, which) = if ahead > behind {
        (ahead, "ahead of")
    } else {
        (behind, "behind")
    };
    let check = "server.clock";
    if apart < CLOCK_MAX {
        return Finding::ok(check, "The server's clock and this machine's agree.");
    }
    Finding::note(
        check,
        format!(
            "The server's clock is {apart:.0} s {which} this machine's; leases go by the server's alone."
        ),
    )
    .mend("Let NTP set both clocks, or tokens may count as expired or not yet valid.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn too_old_is_an_error_and_too_new_a_note() {
        for (number, severity) in [
            (140_012, Severity::Error),
            (150_000, Severity::Ok),
            (180_006, Severity::Ok),
            (190_000, Severity::Note),
        ] {
            assert_eq!(version(number).severity, severity, "{number}");
        }
    }

    #[test]
    fn clocks_apart_are_noted_by_as_much_as_is_certain() {
        assert_eq!(clocks(100.0, 100.2, 100.4).severity, Severity::Ok);
        assert_eq!(
            clocks(100.0, 95.0, 130.0).says.split(';').next(),
            Some("The server's clock is 5 s behind this machine's")
        );
        assert_eq!(
            clocks(100.0, 107.0, 101.0).says.split(';').next(),
            Some("The server's clock is 6 s ahead of this machine's")
        );
    }
}
