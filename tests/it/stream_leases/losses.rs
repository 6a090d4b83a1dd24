//! The unlogged data is lost: nodes put back those whom they know to be here, and nobody else.

use std::time::Duration;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pg_presence::config::Settings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{HEARTBEAT, PATIENCE, TTL, log, nodes, open, open_in_general, sessions, until_sessions};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    server::{TestCluster, connect},
    sql::{list, run, text},
    stream::Stream,
};

/// Emptied as after a crash.
const LOSS: &str = "truncate presence_private.session, presence_private.member, presence_private.room, \
    presence_private.change, presence_private.eviction";

/// All that a reader is told until it is shown another epoch: who was missing at any moment since, of these.
async fn missed(stream: &mut Stream, before: &str, users: &[&str]) -> Vec<String> {
    let epoch = |cursor: &str| cursor.split('.').next().unwrap_or_default().to_owned();
    let mut missed = vec![];
    loop {
        let event = stream.next_within(PATIENCE).await.expect("the stream goes on");
        if event.name != "snapshot" && event.name != "diff" {
            continue;
        }
        let picture = stream.picture("general");
        let absent = users.iter().filter(|user| !picture.members.contains_key(**user));
        missed.extend(absent.map(|user| format!("{user} at {}", picture.cursor)));
        if epoch(&picture.cursor) != epoch(before) {
            return missed;
        }
    }
}

async fn picture_with(stream: &mut Stream, users: usize) -> Value {
    let is_full = |picture: &crate::support::stream::Picture| picture.members.len() == users;
    assert!(
        stream.until("general", PATIENCE, is_full).await,
        "{:?}",
        stream.picture("general")
    );
    json!(stream.picture("general").members)
}

/// FAULTS 1, 36: a crash of Postgres, seen on two nodes.
#[tokio::test]
async fn who_is_here_does_not_flicker_on_any_node_when_postgres_loses_its_data() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("loss", "text").await;
    // For one heartbeat after a start no lease ends, also not that of a closed stream.
    let heartbeat = |settings: &mut Settings| settings.heartbeat = Some(Duration::from_secs(2));
    let (one, two) = (
        TestApp::start_with(&service_url(&url), heartbeat).await,
        TestApp::start_with(&service_url(&url), heartbeat).await,
    );
    let (tab, other_tab) = (Uuid::new_v4(), Uuid::new_v4());
    let mut alice = open_in_general(&one.client("alice"), tab).await;
    let busy = json!({"status": "busy", "status_ttl_ms": 3_600_000, "message": "at the venue", "data": {"table": 4}});
    two.client("alice").beat("general", tab, busy).await; // by way of the other node
    two.client("bob")
        .beat("general", other_tab, json!({"status": "away"}))
        .await; // without any stream of his own
    let gone = Uuid::new_v4();
    one.client("carol").beat("general", gone, json!({})).await;
    two.client("carol").leave("general", gone).await;
    let mut watchers = [
        one.client("carol").stream(&["general"]).await,
        two.client("carol").stream(&["general"]).await,
    ];
    let before = picture_with(&mut watchers[0], 2).await;
    assert_eq!(picture_with(&mut watchers[1], 2).await, before);
    picture_with(&mut alice, 2).await;
    let cursor = watchers[0].picture("general").cursor;

    crash(&url).await;
    for watcher in &mut watchers {
        let missed = missed(watcher, &cursor, &["alice", "bob"]).await;
        assert_eq!((missed, watcher.wrongs()), (vec![], &[][..]));
        assert_eq!(
            json!(watcher.picture("general").members),
            before,
            "carol is no ghost"
        );
    }

    // Held by her stream as before, which ends what it holds.
    let admin = connect(&url).await.expect("it is back");
    until_sessions(&admin, &["general alice held", "general bob free"]).await;
    drop(alice);
    for watcher in &mut watchers {
        let diff = watcher.next_of("diff").await;
        assert_eq!(
            (&diff.data["left"][0]["user_id"], &diff.data["left"][0]["reason"]),
            (&json!("alice"), &json!("disconnected"))
        );
    }
    let visits =
        "select concat_ws(' ', user_id, reason) from presence_private.visit where user_id <> 'carol'";
    assert_eq!(
        list(&admin, visits).await,
        ["alice disconnected"],
        "one visit across the crash"
    );
}

/// FAULTS 1, 28: to whoever moves with a cursor nothing is told anew, and to the node where they come no more.
#[tokio::test]
async fn who_moved_to_another_node_with_a_cursor_is_put_back_as_well() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, (one, two)) = (db.admin().await, nodes(&db).await);
    let tab = Uuid::new_v4();
    let first = open_in_general(&one.client("alice"), tab).await;
    let mut bob = one.client("bob").stream(&["general"]).await;
    picture_with(&mut bob, 1).await;
    let cursor = bob.picture("general").cursor;
    let moved = format!("room=general@{cursor}&session={tab}");
    let _moved = open(&two.client("alice"), &moved).await;
    drop(first);
    // It says how many are there, and nothing of who they are.
    let mut count = open(&two.client("bob"), "count=general").await;
    assert_eq!(count.next_of("count").await.data["online_count"], 1);
    // The node that she left does not answer for her any more.
    tokio::time::sleep(TTL).await;

    run(&admin, LOSS).await;

    assert_eq!(missed(&mut bob, &cursor, &["alice"]).await, [""; 0]);
    until_sessions(&admin, &["general alice held"]).await;
}

/// One backend dies, and Postgres takes all down.
async fn crash(url: &str) {
    let victim = connect(url).await.expect("it answers");
    let pid = victim
        .query_one("select pg_backend_pid()", &[])
        .await
        .expect("a backend");
    kill(Pid::from_raw(pid.get(0)), Signal::SIGKILL).expect("the backend is killed");
}

/// FAULTS 49: neither the invisible nor those who may not enter any more come back by a loss.
#[tokio::test]
async fn who_is_hidden_kicked_or_shut_out_is_not_put_back() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, (one, two)) = (db.admin().await, nodes(&db).await);
    let tabs = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let mut alice = open_in_general(&one.client("alice"), tabs[0]).await;
    let _bob = open_in_general(&one.client("bob"), tabs[1]).await;
    let mut carol = open(
        &one.client("carol"),
        &format!("room=general&room=expo-floor&session={}@general", tabs[2]),
    )
    .await;
    until_sessions(
        &admin,
        &["general alice held", "general bob held", "general carol held"],
    )
    .await;
    picture_with(&mut alice, 3).await;
    let cursor = alice.picture("general").cursor;

    let (hidden, _) = two
        .client("bob")
        .beat("general", tabs[1], json!({"status": "invisible"}))
        .await;
    picture_with(&mut alice, 2).await;
    run(
        &admin,
        &format!("begin; {LOSS}; delete from event_app.room_participants where room_id = 'general' and user_id = 'carol'; commit;"),
    )
    .await;
    missed(&mut alice, &cursor, &[]).await;
    until_sessions(&admin, &["general alice held"]).await;

    assert_eq!(hidden, StatusCode::OK);
    // Renewed since, and still nobody else.
    assert!(carol.next_of("revoked").await.data["room_id"] == "general");
    tokio::time::sleep(2 * HEARTBEAT).await;
    assert_eq!(sessions(&admin).await, ["general alice held"]);
    let log = log(&admin, "general").await;
    assert!(log.iter().all(|entry| entry.contains("alice")), "{log:?}");
}

#[tokio::test]
async fn a_lease_that_nobody_holds_is_put_back_for_what_was_left_of_it() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, (one, _two)) = (db.admin().await, nodes(&db).await);
    let tab = Uuid::new_v4();
    let mut watcher = one.client("bob").stream(&["general"]).await;
    one.client("alice").beat("general", tab, json!({})).await;
    picture_with(&mut watcher, 1).await;
    let cursor = watcher.picture("general").cursor;
    let ends = "select max(expires_at)::text from presence_private.session";
    let before = text(&admin, ends).await;

    run(&admin, LOSS).await;
    // On a slow machine she may have run out before: then she is not put back at all.
    let _ = missed(&mut watcher, &cursor, &[]).await;
    let after = text(&admin, ends).await;

    let is_no_longer =
        format!("select ('{after}'::timestamptz <= '{before}'::timestamptz + interval '100 ms')::text");
    if after != "null" {
        assert_eq!(text(&admin, &is_no_longer).await, "true", "{before} {after}");
    }
    let is_gone = |picture: &crate::support::stream::Picture| picture.members.is_empty();
    assert!(watcher.until("general", TTL + PATIENCE, is_gone).await);
}

#[tokio::test]
async fn what_is_put_back_is_asked_access_and_never_overwrites() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, holder) = (
        db.admin().await,
        connect(&service_url(db.url())).await.expect("it answers"),
    );
    let beat =
        "select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000001', 'busy')";
    run(&admin, beat).await;
    run(
        &admin,
        "begin; select presence.heartbeat('planning', 'alice', gen_random_uuid())",
    )
    .await;
    let item = |room: &str, user: &str, n: u8, lasts: &str| {
        format!(
            "select '{room}'::text, '{user}'::text, '00000000-0000-4000-8000-00000000000{n}'::uuid, interval '{lasts}'"
        )
    };
    let items = [
        item("general", "alice", 1, "1 h"),
        item("general", "bob", 1, "1 h"),
        item("general", "bob", 1, "1 h"),
        item("vera-catering", "victor", 1, "1 h"),
        item("nowhere", "alice", 1, "1 h"),
        item("planning", "bob", 1, "1 h"),
        item("general", "carol", 1, "0 s"),
    ]
    .join(" union all ");
    let put_back = format!(
        "select string_agg(p.outcome, ' ' order by p.item)
           from (select array_agg(r)::presence.room_id[] as r, array_agg(u)::presence.user_id[] as u, array_agg(s) as s, array_agg(l) as l,
                        array_agg(null::uuid) as none, array_agg(now() - interval '1 day') as joined, array_agg('away'::text) as status,
                        array_agg(null::timestamptz) as until, array_agg(null::text) as words, array_agg(null::jsonb) as data
                   from ({items}) i(r, u, s, l)) a
          cross join lateral presence.put_back_batch(a.r, a.u, a.s, a.none, a.l, a.joined, a.status, a.until, a.words, a.words, a.data) p"
    );

    let outcomes = text(&holder, &put_back).await;
    run(&admin, "rollback").await;

    assert_eq!(outcomes, "there back back denied denied busy back");
    let members = "select concat_ws(' ', user_id, status, joined_at < now() - interval '23 h', sessions) from presence.members order by 1";
    assert_eq!(list(&admin, members).await, ["alice busy f 1", "bob away t 1"]);
    let longest = "select (max(expires_at) <= now() + (select ttl from presence_private.setting))::text from presence_private.session";
    assert_eq!(text(&admin, longest).await, "true", "a TTL at most");
}

/// A tab is closed after its node looked up what to put back, and before that is back: nobody finds its session to end it
/// at that moment, and it must not stay for a whole lease.
#[tokio::test]
async fn a_tab_that_is_closed_while_its_session_is_put_back_is_gone_after_its_grace() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let alice = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    let mut watcher = app.client("bob").stream(&["general"]).await;
    picture_with(&mut watcher, 1).await;
    until_sessions(&admin, &["general alice held"]).await;
    let cursor = watcher.picture("general").cursor;
    let asked = async |function: &str| {
        let last = format!(
            "select 'so it was' from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid() and query like '%presence.{function}(%'"
        );
        // Seen by chance: another call may follow on the same connection. Whatever the order, she must be gone.
        let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
        while list(&admin, &last).await.is_empty() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };

    // Whoever makes the room anew takes this lock: as long as somebody has it, nothing can be put back.
    run(&admin, "select pg_advisory_lock(1886545267, hashtext('general'))").await;
    run(&admin, LOSS).await;
    asked("put_back_batch").await;
    drop(alice);
    asked("release_batch").await;
    run(&admin, "select pg_advisory_unlock_all()").await;
    missed(&mut watcher, &cursor, &[]).await;

    // A lease lasts for 75 s here.
    let is_gone = |picture: &crate::support::stream::Picture| picture.members.is_empty();
    assert!(watcher.until("general", PATIENCE, is_gone).await);
    assert_eq!(watcher.wrongs(), [""; 0]);
    until_sessions(&admin, &[]).await;
}
