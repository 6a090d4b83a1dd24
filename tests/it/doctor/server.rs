//! Postgres itself: what holds row versions back, what is full, what is off, what gets lost on the way.

use std::{
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::sys::signal::Signal;
use pg_presence::{
    doctor::{self, Finding, Options, Severity},
    embedded::Embedded,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use super::{examine, mends, of, options, run, the};
use crate::support::{
    db::TestDb,
    server::{TestCluster, connect, own, temporary_dir},
};

/// Asks until a check is as wanted: what was reloaded or ended is so a moment later.
async fn until(url: &str, check: &str, is_bad: bool) -> Vec<Finding> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let findings = examine(url).await;
        if of(&findings, check).is_empty() != is_bad {
            return findings;
        }
        assert!(
            Instant::now() < deadline,
            "{check} does not change: {findings:#?}"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_transaction_held_open_is_somebodys_with_a_name_and_can_be_ended() {
    let Some(db) = TestDb::new().await else { return };
    let (sql, url) = (db.admin().await, format!("{}?application_name=report", db.url()));
    let holder = connect(&url).await.expect("it answers");
    run(
        &holder,
        "begin isolation level repeatable read;\nselect count(*) from event_app.users;",
    )
    .await;
    let impatient = Options {
        held_max: Duration::ZERO,
        ..options(db.url())
    };

    let fresh = examine(db.url()).await;
    let held = doctor::examine(&impatient).await;
    let found = the(&held, "server.old_transactions");
    run(&sql, found.sql.as_deref().expect("SQL")).await;

    assert!(of(&fresh, "server.old_transactions").is_empty());
    assert_eq!(found.severity, Severity::Warning);
    assert!(
        found.says.contains("report, idle in transaction"),
        "{}",
        found.says
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while !of(&doctor::examine(&impatient).await, "server.old_transactions").is_empty() {
        assert!(Instant::now() < deadline, "it was ended");
    }
}

#[tokio::test]
async fn a_prepared_transaction_that_nobody_ends_is_seen() {
    let Some(cluster) = TestCluster::start(&[("max_prepared_transactions", "2")]).await else {
        return;
    };
    let url = cluster.database("prepared", "text").await;
    let sql = connect(&url).await.expect("it answers");
    let impatient = Options {
        held_max: Duration::ZERO,
        ..options(&url)
    };
    run(
        &sql,
        "begin;\ninsert into event_app.users values ('x', 'X');\nprepare transaction 'it''s mine';",
    )
    .await;

    let found = the(&doctor::examine(&impatient).await, "server.prepared_transactions").clone();
    run(&sql, found.sql.as_deref().expect("SQL")).await;

    assert!(
        found.severity == Severity::Warning && found.says.contains("it's mine of postgres"),
        "{found:?}"
    );
    assert!(of(&doctor::examine(&impatient).await, "server.prepared_transactions").is_empty());
}

#[tokio::test]
async fn what_presence_needs_of_postgres_is_checked() {
    let Some(db) = TestDb::new().await else { return };

    let control = "revoke execute on function pg_catalog.pg_control_system() from public;";
    let control = mends(&db, control, "server.control", Severity::Error).await;
    let read_only = format!(
        "alter database {} set default_transaction_read_only = on;",
        db.name()
    );
    let sql = db.admin().await;
    run(&sql, &read_only).await;
    let findings = examine(db.url()).await;
    let read_only = the(&findings, "server.primary");
    run(&sql, read_only.sql.as_deref().expect("SQL")).await;

    assert!(control.says.contains("pg_control_system()"), "{}", control.says);
    assert!(
        read_only.severity == Severity::Error && read_only.says.contains("read-only"),
        "{read_only:?}"
    );
    assert!(of(&examine(db.url()).await, "server.primary").is_empty());
}

#[tokio::test]
async fn too_few_connections_and_autovacuum_off_are_seen() {
    let Some(mut cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("small", "text").await;
    let sql = connect(&url).await.expect("it answers");

    run(
        &sql,
        "alter system set autovacuum = off;\nselect pg_reload_conf();",
    )
    .await;
    let off = until(&url, "server.autovacuum", true).await;
    let off = the(&off, "server.autovacuum");
    run(&sql, off.sql.as_deref().expect("SQL")).await;
    until(&url, "server.autovacuum", false).await;
    run(&sql, "alter system set superuser_reserved_connections = 295;").await;
    cluster.restart().await;
    let few = the(&examine(&url).await, "server.connections").clone();

    assert_eq!(off.severity, Severity::Error);
    assert_eq!(few.severity, Severity::Warning);
    assert!(few.says.starts_with("Of 5 connections "), "{}", few.says);
    assert!(
        few.sql
            .is_some_and(|sql| sql.starts_with("alter system set max_connections = "))
    );
}

#[tokio::test]
async fn a_queue_of_notify_that_fills_up_is_seen_with_who_does_not_read() {
    let Some(db) = TestDb::new().await else { return };
    let version = "select current_setting('server_version_num')::int";
    let version = db.admin().await.query_one(version, &[]).await;
    if version.expect("a version").get::<_, i32>(0) < 170_000 {
        return; // its queue has 8 GB
    }
    let Some(cluster) = TestCluster::start(&[("max_notify_queue_pages", "64")]).await else {
        return;
    };
    let url = cluster.database("queue", "text").await;
    let (laggard, sql) = (
        connect(&url).await.expect("it answers"),
        connect(&url).await.expect("it answers"),
    );
    run(&laggard, "listen flood;\nbegin;\nselect 1;").await;
    let flood = "select pg_notify('flood', n || repeat('x', 7000)) from generate_series(1, 40) n;";

    run(&sql, flood).await;
    let found = the(&examine(&url).await, "server.notify_queue").clone();
    run(&sql, found.sql.as_deref().expect("SQL")).await;

    assert_eq!(found.severity, Severity::Error);
    assert!(found.says.contains("listens and does not read"), "{}", found.says);
    until(&url, "server.notify_queue", false).await;
}

/// As PgBouncer in transaction mode: all works, but what the server says unasked reaches nobody.
pub async fn pooler(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (login, place) = rest.split_once('@').expect("a login");
    let (address, path) = place.split_once('/').expect("a database");
    let (address, listener) = (
        address.to_owned(),
        TcpListener::bind("127.0.0.1:0").await.expect("a free port"),
    );
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((inner, _)) = listener.accept().await {
            let outer = TcpStream::connect(&address).await.expect("Postgres answers");
            tokio::spawn(without_notifications(inner, outer));
        }
    });
    // It reads what the two say to each other, and speaks no TLS.
    format!("{scheme}://{login}@127.0.0.1:{port}/{path}?sslmode=disable")
}

async fn without_notifications(inner: TcpStream, outer: TcpStream) {
    for side in [&inner, &outer] {
        side.set_nodelay(true).expect("TCP");
    }
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (inner.into_split(), outer.into_split());
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut head = [0; 5];
    while from_server.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; length as usize - 4];
        if from_server.read_exact(&mut body).await.is_err() {
            return;
        }
        let is_notification = head[0] == b'A';
        if !is_notification && to_client.write_all(&[&head[..], &body].concat()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_pooler_that_loses_listen_is_found_out_and_a_way_past_it_mends_it() {
    let Some(db) = TestDb::new().await else { return };
    let pooled = pooler(db.url()).await;

    let lost = examine(&pooled).await;
    let past = doctor::examine(&Options {
        listen_url: Some(db.url().to_owned()),
        ..options(&pooled)
    })
    .await;
    let wrong = doctor::examine(&Options {
        listen_url: Some(pooled.clone()),
        ..options(&pooled)
    })
    .await;

    let found = the(&lost, "server.notify");
    assert_eq!(found.severity, Severity::Error);
    assert!(
        found
            .command
            .as_deref()
            .is_some_and(|command| command.contains("PRESENCE_LISTEN_DATABASE_URL=")),
        "{found:?}"
    );
    assert!(of(&past, "server.notify").is_empty());
    assert!(
        the(&wrong, "server.notify")
            .mend
            .as_deref()
            .is_some_and(|mend| mend.contains("not a pooler"))
    );
}

/// A standby made of a stopped cluster's files, which follows it by a slot.
pub async fn standby_of(cluster: &mut TestCluster, data: &Path) -> Embedded {
    let root = data
        .ancestors()
        .find(|dir| dir.parent() == Some(&std::env::temp_dir()))
        .expect("a cluster's own directory");
    let copy = temporary_dir();
    cluster.kill(Signal::SIGINT).await;
    let copied = Command::new("cp").arg("-a").arg(root).arg(&copy).status();
    assert!(copied.expect("cp runs").success());
    cluster.restart().await;
    let data = copy.join(data.strip_prefix(root).expect("below it"));
    let owner = data.metadata().expect("a directory");
    for name in ["standby.signal", "postmaster.pid"] {
        drop(std::fs::remove_file(data.join(name)));
    }
    std::fs::write(data.join("standby.signal"), "").expect("it is written");
    chown(data.join("standby.signal"), Some(owner.uid()), Some(owner.gid())).expect("it is the server's");
    let primary = connect(&cluster.url("postgres")).await.expect("it answers");
    run(
        &primary,
        "select pg_create_physical_replication_slot('follower', true);",
    )
    .await;
    let way: tokio_postgres::Config = cluster.url("postgres").parse().expect("a URL");
    let password = String::from_utf8_lossy(way.get_password().expect("a password")).into_owned();
    let way = format!(
        "host=127.0.0.1 port={} user=postgres password={password}",
        way.get_ports()[0]
    );
    let settings = [
        ("primary_conninfo", way.as_str()),
        ("primary_slot_name", "follower"),
        ("hot_standby_feedback", "on"),
        ("wal_receiver_status_interval", "1s"),
    ];
    let mut options = own(&settings);
    options.data_dir = Some(copy);
    Embedded::start(options).await.expect("a standby starts")
}

#[tokio::test]
async fn a_standby_and_the_slot_that_it_leaves_behind_are_seen() {
    let Some(mut cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("followed", "text").await;
    let sql = connect(&url).await.expect("it answers");
    let data: String = sql
        .query_one("show data_directory", &[])
        .await
        .expect("a path")
        .get(0);
    let data = PathBuf::from(data);
    let standby = standby_of(&mut cluster, &data).await;

    let there = examine(&standby.url("followed")).await;
    let followed = until(&url, "server.standbys", true).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let sql = connect(&url).await.expect("it answers");
    let has_xmin = "select exists (select from pg_replication_slots where xmin is not null)";
    while !sql
        .query_one(has_xmin, &[])
        .await
        .expect("a slot")
        .get::<_, bool>(0)
    {
        assert!(Instant::now() < deadline, "the standby says what it needs");
        sleep(Duration::from_millis(50)).await;
    }
    standby.stop().await;
    let left = until(&url, "server.replication_slots", true).await;
    let slot = the(&left, "server.replication_slots");
    run(&sql, slot.sql.as_deref().expect("SQL")).await;
    let mended = examine(&url).await;

    let found = the(&there, "server.primary");
    assert!(
        found.severity == Severity::Error && found.says.contains("standby"),
        "{found:?}"
    );
    assert!(
        found
            .mend
            .as_deref()
            .is_some_and(|mend| mend.contains("target_session_attrs=read-write"))
    );
    assert_eq!(the(&followed, "server.standbys").severity, Severity::Note);
    assert!(
        slot.severity == Severity::Warning
            && slot.says.contains("follower")
            && slot.says.contains("nobody uses it"),
        "{slot:?}"
    );
    assert!(of(&mended, "server.replication_slots").is_empty());
}
