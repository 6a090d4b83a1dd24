//! The clock of the database's machine jumps.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use pg_presence::{config::Settings, embedded::Options};
use reqwest::StatusCode;
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{PATIENCE, skewed::liar, until_ready};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    server::{Lacking, TestCluster, connect, own, skip, temporary_dir},
    sql::{list, text},
    stream::{Picture, Stream},
};

const TTL: Duration = Duration::from_secs(6);
const HEARTBEAT: Duration = Duration::from_millis(500);

const LEAVES: &str =
    "select concat_ws(' ', user_id, reason) from presence_private.change where what = 'leave' order by 1";
const SEEN: &str = "select max(last_seen_at) from presence_private.last_seen";

/// The binaries of a server that is told the time by a file: so many seconds from now.
struct Clock {
    dir: PathBuf,
}

impl Clock {
    /// Right at first. Nothing (and the test counted as skipped) without binaries, or without what lies.
    async fn new() -> Option<Self> {
        let liar = liar("libfaketime.so.1")?;
        let db = TestDb::empty().await?;
        let sql = db.admin().await;
        let bin_dir = text(&sql, "select setting from pg_config where name = 'BINDIR'").await;
        if !Path::new(&bin_dir).join("postgres").is_file() {
            skip(Lacking::ServerBinaries);
            return None;
        }
        let dir = temporary_dir();
        fs::create_dir(&dir).expect("a new directory");
        let clock = Self { dir };
        clock.jump_to(0);
        for binary in fs::read_dir(&bin_dir).expect("a folder").flatten() {
            let (name, real) = (binary.file_name(), binary.path());
            let lies = match name == "postgres" {
                true => format!(
                    "env LD_PRELOAD={} FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 \
                     FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 ",
                    liar.display(),
                    clock.dir.join("now").display()
                ),
                false => String::new(),
            };
            let script = format!("#!/bin/sh\nexec {lies}{} \"$@\"\n", real.display());
            let path = clock.dir.join(name);
            fs::write(&path, script).expect("a script");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        Some(clock)
    }

    /// The server's clock is so many seconds early from now on.
    fn jump_to(&self, seconds: u32) {
        let next = self.dir.join("next");
        fs::write(&next, format!("+{seconds}\n")).expect("a file");
        fs::rename(next, self.dir.join("now")).expect("a file, at once");
    }

    async fn cluster(&self) -> Option<TestCluster> {
        TestCluster::of(Options {
            bin_dir: Some(self.dir.clone()),
            ..own(&[])
        })
        .await
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// Beats for as long; what is refused is tried again, and nothing else is answered.
async fn beats(app: &TestApp, users: &[(&str, Uuid)], time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        for (user, tab) in users {
            let (status, problem) = app.client(user).beat("general", *tab, json!({})).await;
            assert!(
                [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status),
                "{problem}"
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether the server's clock is so many seconds early; a machine of tests is slow, and not by a minute.
async fn is_early(sql: &Client, by: f64) -> bool {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let early = text(
        sql,
        &format!("select (extract(epoch from clock_timestamp()) - {now})::text"),
    )
    .await;
    (early.parse::<f64>().expect("seconds") - by).abs() < 60.0
}

/// FAULTS 16. Ten minutes forward, and back.
#[tokio::test]
async fn when_the_databases_clock_jumps_nobody_leaves_but_by_it_and_no_lease_outlives_it() {
    let Some(clock) = Clock::new().await else { return };
    let Some(cluster) = clock.cluster().await else {
        return;
    };
    let url = cluster.database("jumping", "text").await;
    let app = TestApp::start_with(&service_url(&url), |settings: &mut Settings| {
        settings.ttl = Some(TTL);
        settings.heartbeat = Some(HEARTBEAT);
    })
    .await;
    let admin = connect(&url).await.expect("it answers");
    let (held, tab) = (Uuid::new_v4(), Uuid::new_v4());
    let path = format!("/v1/stream?room=general&session={held}");
    let answer = app.client("alice").send(reqwest::Method::GET, &path, None).await;
    let mut stream = Stream::new(answer);
    let both = |picture: &Picture| picture.members.keys().eq(["alice", "bob"]);
    let people = [("alice", held), ("bob", tab)];
    beats(&app, &people, HEARTBEAT).await;
    assert!(stream.until("general", PATIENCE, both).await);
    let beyond = format!(
        "select user_id::text from presence_private.session \
         where ended_at is null and expires_at > clock_timestamp() + interval '{} ms'",
        TTL.as_millis()
    );

    // All leases are over, by the clock that counts; whoever goes on is back.
    clock.jump_to(600);
    assert!(
        is_early(&admin, 600.0).await,
        "the server believes what it is told"
    );
    beats(&app, &people, 2 * HEARTBEAT).await;
    assert!(stream.until("general", PATIENCE, both).await);
    until_ready(&app, StatusCode::OK).await;
    let forward = list(&admin, LEAVES).await;
    let beyond_forward = list(&admin, &beyond).await;
    let last = text(&admin, &format!("select ({SEEN})::text")).await;

    // Back: the leases end ten minutes ahead, and are cut. Nobody leaves who goes on.
    clock.jump_to(0);
    assert!(is_early(&admin, 0.0).await, "the server believes what it is told");
    beats(&app, &people, TTL + 2 * HEARTBEAT).await;
    assert!(stream.until("general", PATIENCE, both).await);
    let back = list(&admin, LEAVES).await;
    let deadline = Instant::now() + PATIENCE;
    while !list(&admin, &beyond).await.is_empty() {
        assert!(Instant::now() < deadline, "a lease outlives now and the TTL");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let not_before = format!("select (({SEEN}) >= '{last}'::timestamptz)::text");

    println!("forward: {forward:?}; back: {back:?}");
    assert!(
        forward.len() <= 2 && forward.iter().all(|left| left.ends_with(" expired")),
        "once each: {forward:?}"
    );
    assert_eq!(beyond_forward, [""; 0]);
    assert_eq!(back, forward, "nobody left when the clock went back");
    assert_eq!(text(&admin, &not_before).await, "true", "last seen runs forward");
    // Whoever says no more is gone a TTL later, not ten minutes.
    let alone = |picture: &Picture| picture.members.keys().eq(["alice"]);
    assert!(stream.until("general", TTL + PATIENCE, alone).await);
    assert_eq!(stream.wrongs(), [""; 0]);
}
