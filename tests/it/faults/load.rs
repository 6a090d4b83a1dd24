//! Much at once: rings of strangers, streams that come and go, clients that all come back, a migrate in the middle of it.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use pg_presence::{
    config::Settings,
    migrate::{self, MigrateOptions},
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{PATIENCE, until_ready};
use crate::{
    batch::people,
    support::{
        app::{TestApp, service_url},
        db::TestDb,
        server::connect,
        sql::{list, run},
        stream::{Picture, Stream},
    },
};

const QUIET: Duration = Duration::from_millis(600);

/// FAULTS 9, 10. Any role of the cluster may NOTIFY: what rings in vain, or is no ring at all, costs reads that merge,
/// tells nobody anything, and keeps no real change from coming through.
#[tokio::test]
async fn a_flood_of_strangers_rings_costs_few_reads_and_shows_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let merge = Duration::from_millis(100);
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.merge = merge;
        settings.sweep = Duration::from_secs(300);
    })
    .await;
    let stranger = db.login("presence_test_ringer", "").await;
    let stranger = connect(&stranger).await.expect("it may connect");
    let (mut stream, tab) = (app.client("bob").stream(&["general"]).await, Uuid::new_v4());
    stream.next_of("snapshot").await;
    let reads = || app.observer().figures().reads.get();
    let (before, begin) = (reads(), Instant::now());

    let name = "select left(encode(sha256(key || 'general'::bytea), 'hex'), 16) from presence_private.secret \
                where kind = 'ring' order by made_at desc limit 1";
    let true_name = format!("'{},' || n", list(&db.admin().await, name).await[0]);
    let forged = [
        "left(md5(n::text), 16)",
        "repeat('x', n % 7000)",
        "n || ',' || n",
        "'*'",
        &true_name,
    ];
    for round in 0..50 {
        let payload = forged[round % forged.len()];
        let flood = format!("select pg_notify('presence', {payload}) from generate_series(1, 1000) n");
        stranger.execute(&flood, &[]).await.expect("anybody may");
    }
    let told = stream.next_within(QUIET).await;
    let (in_vain, took) = (reads() - before, begin.elapsed());
    let (joined, _) = app.client("alice").beat("general", tab, json!({})).await;
    let diff = stream.next().await;

    println!("50000 rings in {took:?} cost {in_vain} reads");
    assert_eq!(told, None);
    let one_a_merge = took.as_millis() / merge.as_millis() + 2;
    assert!(u128::from(in_vain) <= one_a_merge, "{in_vain} of {one_a_merge}");
    assert_eq!(
        (joined, &diff.data["joined"][0]["user_id"]),
        (StatusCode::OK, &json!("alice"))
    );
    until_ready(&app, StatusCode::OK).await;
}

/// FAULTS 26. Six hundred streams, cut by their clients at once or after their snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_streams_that_come_and_go_nothing_is_left() {
    let Some(db) = TestDb::new().await else { return };
    // Short: no lease ends within one heartbeat of the start of the tests' server.
    let heartbeat = |settings: &mut Settings| settings.heartbeat = Some(Duration::from_millis(500));
    let app = TestApp::start_with(&service_url(db.url()), heartbeat).await;
    let admin = db.admin().await;
    people(&admin, 100).await;
    let figures = app.observer().figures();
    let client = app.client("alice");

    let visits = (0..600usize).map(|n| {
        let client = client.of(&format!("user-{}", 1 + n % 100));
        async move {
            let query = match n % 3 {
                0 => "room=general".to_owned(),
                1 => "count=general&event=gala".to_owned(),
                _ => format!("room=general&session={}", Uuid::new_v4()),
            };
            let path = format!("/v1/stream?{query}");
            let answer = client.send(Method::GET, &path, None).await;
            let status = answer.status();
            if n % 2 == 0 && status == StatusCode::OK {
                Stream::new(answer).next_of("ready").await;
            }
            status
        }
    });
    let opened: Vec<StatusCode> = stream::iter(visits).buffer_unordered(16).collect().await;
    let deadline = Instant::now() + PATIENCE;
    let sessions = "select count(*)::text from presence_private.session where ended_at is null";
    while figures.streams.get() > 0 || list(&admin, sessions).await != ["0"] {
        assert!(Instant::now() < deadline, "{:?}", figures.streams);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let good = opened.iter().filter(|status| **status == StatusCode::OK).count();
    println!("{good} of 600 streams were opened");
    assert!(good > 400, "{good}");
    let limits = [
        StatusCode::OK,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::CONFLICT,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    assert!(opened.iter().all(|status| limits.contains(status)));
    // Whoever had been in the way of its 20 streams is so no more.
    let user = client.of("user-1");
    let all_again = join_all((0..20).map(|_| user.try_stream(&["general"]))).await;
    assert!(all_again.iter().all(Result::is_ok));
}

/// FAULTS 29. All subscribers of a room that ask at once are answered from one read. On a busy machine they do not come
/// at once, and a round in which they did not is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_come_back_at_once_are_answered_by_far_fewer_reads() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    people(&admin, 200).await;
    let reads = || app.observer().figures().reads.get();
    let client = app.client("alice");
    client.beat("general", Uuid::new_v4(), json!({})).await;

    let mut rounds = vec![];
    let is_good = |(right, cost): &(u64, u64)| *right > 100 && *cost < right / 4;
    while rounds.len() < 20 && !rounds.iter().any(is_good) {
        // Nothing can be read for a moment, as when they all come back to a database that was away.
        run(
            &admin,
            "begin; lock table presence_private.member in access exclusive mode",
        )
        .await;
        let before = reads();
        let openings = (1..=200).map(|n| {
            let client = client.of(&format!("user-{n}"));
            async move { client.try_stream(&["general"]).await }
        });
        let release = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            run(&admin, "commit").await;
        };
        let (streams, ()) = tokio::join!(join_all(openings), release);
        let cost = reads() - before;
        let mut right = 0;
        for mut stream in streams.into_iter().flatten() {
            right += u64::from(stream.next_of("snapshot").await.data["online_count"] == 1);
        }
        rounds.push((right, cost));
    }

    println!("streams of 200, and the reads that answered them: {rounds:?}");
    assert!(rounds.iter().any(is_good), "{rounds:?}");
}

/// FAULTS 15. A migrate makes every function anew while it is called, and the application alters its tables: who meets
/// one of its locks for too long is refused, and nothing fails.
#[tokio::test]
async fn a_migrate_in_the_middle_of_the_day_makes_no_call_fail() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (client, begin) = (app.client("alice"), Instant::now());
    let mut stream = app.client("carol").stream(&["general"]).await;
    let done = std::sync::atomic::AtomicBool::new(false);
    let load = join_all((0..4).map(|n| {
        let (client, done) = (client.of(["alice", "bob"][n % 2]), &done);
        async move {
            let (tab, mut seen) = (Uuid::new_v4(), vec![]);
            while !done.load(Ordering::Relaxed) {
                let state = json!({"activity": format!("{}", seen.len())});
                seen.push(client.beat("general", tab, state).await);
                seen.push(client.get("/v1/rooms/general").await);
                seen.push(client.get("/v1/rooms").await);
            }
            seen
        }
    }));
    let changes = async {
        for round in 0..5 {
            let drift = format!("comment on function presence.reap is 'round {round}'");
            run(&admin, &drift).await;
            let report = migrate::migrate(db.url(), &MigrateOptions::default()).await;
            assert!(report.expect("it migrates").is_current());
            let altered = format!(
                "alter table event_app.rooms add column extra_{round} integer;
                 alter table event_app.users alter column name type varchar({})",
                200 + round
            );
            run(&admin, &altered).await;
        }
        done.store(true, Ordering::Relaxed);
    };

    let (seen, ()) = tokio::join!(load, changes);

    let all: Vec<_> = seen.into_iter().flatten().collect();
    let (good, bad): (Vec<_>, Vec<_>) = all.iter().partition(|(status, _)| *status == StatusCode::OK);
    println!(
        "{} calls, of which {} were refused, during five migrates in {:?}",
        all.len(),
        bad.len(),
        begin.elapsed()
    );
    let is_refusal = |answer: &&(StatusCode, _)| answer.0 == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(bad.iter().find(|answer| !is_refusal(answer)), None);
    assert!(good.len() > 9 * bad.len(), "{} of {}", bad.len(), all.len());
    let both = |picture: &Picture| picture.members.len() == 2;
    assert!(stream.until("general", PATIENCE, both).await);
    assert_eq!(stream.wrongs(), [""; 0]);
}
