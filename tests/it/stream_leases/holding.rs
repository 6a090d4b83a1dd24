//! While a stream is open: what keeps a session there, for how long, and what it costs.

use std::time::{Duration, Instant};

use pg_presence::config::Settings;
use serde_json::json;
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use super::{
    GONE, GRACE, HEARTBEAT, PATIENCE, TTL, Watcher, log, node, nodes, open_in_general, sessions, short,
    until_sessions,
};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    ear::Ear,
    sql::{list, run, text},
};

#[tokio::test]
async fn an_open_stream_is_renewed_without_a_heartbeat_and_nobody_is_rung() {
    let Some(db) = TestDb::new().await else { return };
    let ((here, there), admin) = (nodes(&db).await, db.admin().await);
    let mut watcher = Watcher::of(&there.client("bob"), "general").await;
    let _stream = open_in_general(&here.client("alice"), Uuid::new_v4()).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    let mut ear = Ear::open(db.url()).await;
    ear.heard().await;

    let told = watcher.during(TTL * 3).await;
    let heard = ear.heard().await;

    assert_eq!(told, [""; 0]);
    let newest = "select presence_private.ring_name('general', key) from presence_private.secret \
                  where kind = 'ring' order by made_at desc limit 1";
    let ring = text(&admin, newest).await;
    assert!(!heard.is_empty(), "canaries are heard");
    assert!(!heard.iter().any(|payload| payload.contains(&ring)), "{heard:?}");
    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
}

#[tokio::test]
async fn the_streams_of_a_node_are_renewed_in_few_statements() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    people(&admin, 60).await;
    let app = node(&db).await;
    let client = app.client("alice");
    let mut streams = vec![];
    for n in 0..60 {
        streams.push(open_in_general(&client.of(&format!("user-{n}")), Uuid::new_v4()).await);
    }
    count_updates(&admin).await;

    let mut watcher = Watcher::of(&client.of("bob"), "general").await;
    let begin = Instant::now();
    let told = watcher.during(HEARTBEAT * 6).await;
    let (statements, rows) = updates(&admin).await;
    let seconds = begin.elapsed().as_secs_f64();

    println!("{rows} renewals in {statements} statements within {seconds:.1} s");
    assert_eq!(told, [""; 0]);
    assert!(rows >= 60 * 3, "each was renewed: {rows}");
    // A tick of 200 ms renews what is due in one statement.
    assert!(
        (statements as f64) < seconds * 5.0 + 2.0,
        "{statements} statements"
    );
}

/// Participants of `general`.
async fn people(admin: &Postgres, count: usize) {
    run(
        admin,
        &format!(
            "with made as (insert into event_app.users (id, name, email)
                           select 'user-' || n, 'User', n || '@example.com' from generate_series(0, {count} - 1) n returning id)
             insert into event_app.room_participants (room_id, user_id, role) select 'general', id, 'collaborator' from made"
        ),
    )
    .await;
}

/// Counts statements that change sessions, and the rows that they change.
async fn count_updates(admin: &Postgres) {
    run(
        admin,
        "create sequence statements; create sequence changes;
         create function count_updates() returns trigger language plpgsql security definer set search_path = public as $$
         begin
             if exists (select from changed) then
                 perform nextval('statements'), (select count(nextval('changes')) from changed);
             end if;
             return null;
         end $$;
         create trigger count_updates after update on presence_private.session referencing new table as changed
             for each statement execute function count_updates()",
    )
    .await;
}

async fn updates(admin: &Postgres) -> (i64, i64) {
    let row = admin
        .query_one(
            "select s.last_value, c.last_value from statements s, changes c",
            &[],
        )
        .await
        .expect("sequences");
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_renewal_is_hot_and_is_no_sign_of_life() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let session = Uuid::new_v4();
    run(
        &admin,
        &format!(
            "select presence.heartbeat('general', 'alice', '{session}');
             select presence.hold_batch('{{general}}', '{{alice}}', '{{{session}}}', '{{{session}}}', '{{true}}', '1 hour')"
        ),
    )
    .await;
    let state = "select concat_ws(' ', revision, (select beat_at from presence_private.session), \
                 (select count(*) from presence_private.change)) from presence_private.room where room_id = 'general'";
    let before = text(&admin, state).await;

    let renew = format!(
        "select string_agg(distinct h.outcome, ' ') || ' ' ||
                pg_stat_get_xact_tuples_updated('presence_private.session'::regclass) || ' ' ||
                pg_stat_get_xact_tuples_hot_updated('presence_private.session'::regclass)
           from generate_series(1, 20),
                presence.hold_batch('{{general}}', '{{alice}}', '{{{session}}}', '{{{session}}}', '{{false}}', '1 hour') h"
    );
    let renewed = text(&admin, &renew).await;

    let words: Vec<&str> = renewed.split(' ').collect();
    assert_eq!(words[0], "held");
    assert!(words[1] == words[2] && words[1] != "0", "all were HOT: {renewed}");
    assert_eq!(text(&admin, state).await, before);
}

#[tokio::test]
async fn a_client_without_any_sign_of_life_is_let_go_although_its_stream_is_open() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (with_silence(&db, Duration::from_secs(2)).await, db.admin().await);
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;
    let _stream = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    let joined_at = text(&admin, "select joined_at::text from presence_private.session").await;

    let begin = Instant::now();
    let diff = watcher.next_event().await;
    let took = begin.elapsed();

    assert!(took > TTL, "the stream renewed it for a while: {took:?}");
    super::assert_within(
        took,
        Duration::from_secs(2) + TTL + Duration::from_secs(1),
        "let go",
    );
    assert_eq!(diff.data["left"][0]["reason"], "expired");
    let seen = text(&admin, "select last_seen_at::text from presence.last_seen").await;
    assert_eq!(seen, joined_at, "opening the stream was its last sign of life");
    assert_eq!(watcher.during(TTL).await, [""; 0], "nor does it come back");
}

/// A hidden tab may be late; its next heartbeat is a sign of life like any other.
#[tokio::test]
async fn who_was_silent_and_is_heard_again_in_time_is_held_as_before() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (with_silence(&db, Duration::from_secs(1)).await, db.admin().await);
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;
    let stream = open_in_general(&alice, tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);

    // Silent for longer than the bound, and a renewal later; its lease has a second to run.
    for _ in 0..3 {
        let silent = "select (count(*) filter (where expires_at < statement_timestamp() + interval '1 second'))::text \
                      from presence_private.session";
        until_text(&admin, silent, "1").await;
        let (_, lease) = alice.beat("general", tab, json!({})).await;
        assert_eq!(
            lease["heartbeat_ms"], 500,
            "two fifths of the bound, but no less than any other"
        );
    }
    drop(stream);
    let closed = Instant::now();
    let left = watcher.next().await;

    assert_eq!(left, ["alice left: disconnected"]);
    super::assert_within(closed.elapsed(), GONE, "seen as gone");
}

async fn until_text(admin: &Postgres, query: &str, expected: &str) {
    let deadline = Instant::now() + PATIENCE;
    while text(admin, query).await != expected {
        assert!(Instant::now() < deadline, "{query}: never {expected}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn with_silence(db: &TestDb, silence_max: Duration) -> TestApp {
    TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        short(settings);
        settings.silence_max = silence_max;
    })
    .await
}

#[tokio::test]
async fn a_held_session_is_asked_for_a_heartbeat_every_two_fifths_of_the_silence_bound() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (with_silence(&db, Duration::from_secs(10)).await, db.admin().await);
    let (alice, held, free) = (app.client("alice"), Uuid::new_v4(), Uuid::new_v4());
    let _stream = open_in_general(&alice, held).await;
    let interval = async |room: &'static str, session| {
        let (_, lease) = alice.beat(room, session, json!({})).await;
        lease["heartbeat_ms"].as_u64()
    };

    assert_eq!(interval("general", held).await, Some(4_000));
    assert_eq!(interval("general", free).await, Some(500));
    assert_eq!(interval("planning", held).await, Some(500), "in another room");
    let items = json!({"items": [{"room_id": "general", "session_id": held}, {"room_id": "general", "session_id": free}]});
    let (_, many) = alice
        .call(reqwest::Method::POST, "/v1/heartbeats", Some(&items))
        .await;

    assert_eq!(many["items"][0]["heartbeat_ms"], 4_000);
    assert_eq!(many["items"][1]["heartbeat_ms"], 500);
    until_sessions(
        &admin,
        &["general alice free", "general alice held", "planning alice free"],
    )
    .await;
}

#[tokio::test]
async fn of_two_streams_of_a_session_the_later_one_holds_it() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;
    let earlier = open_in_general(&alice, tab).await;
    let later = open_in_general(&alice, tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);

    drop(earlier);
    assert_eq!(watcher.during(GONE + TTL).await, [""; 0]);
    assert_eq!(sessions(&admin).await, ["general alice held"]);
    drop(later);
    assert_eq!(watcher.next().await, ["alice left: disconnected"]);

    // And the other way about: the earlier one is open to the end, and holds nothing.
    let earlier = open_in_general(&alice, tab).await;
    let later = open_in_general(&alice, tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    drop(later);
    assert_eq!(watcher.next().await, ["alice left: disconnected"]);
    drop(earlier);
    assert_eq!(watcher.during(GONE).await, [""; 0]);
}

/// It became invisible and visible again, say: nobody holds its new lease but the stream that is open.
#[tokio::test]
async fn who_leaves_and_comes_back_by_a_heartbeat_is_held_by_the_open_stream_again() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;
    let stream = open_in_general(&alice, tab).await;
    until_sessions(&admin, &["general alice held"]).await;

    alice.beat("general", tab, json!({"status": "invisible"})).await;
    alice.beat("general", tab, json!({"status": "active"})).await;
    let told = watcher.during(TTL * 2).await;
    drop(stream);
    let closed = Instant::now();
    let left = watcher.next().await;

    assert!(
        told.first().is_some_and(|first| first == "alice joined"),
        "{told:?}"
    );
    assert!(!told.iter().any(|word| word.contains("expired")), "{told:?}");
    assert_eq!(left, ["alice left: disconnected"]);
    super::assert_within(closed.elapsed(), GONE, "seen as gone");
}

/// Who ran out long ago, with nobody to reap, joins anew; a stream that was cut off from Postgres brings nobody back.
#[tokio::test]
async fn a_renewal_that_comes_too_late_revives_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let (late, gone) = (Uuid::new_v4(), Uuid::new_v4());
    run(
        &admin,
        &format!(
            "select presence.configure(ttl => '1 s', heartbeat => '100 ms');
             select presence.heartbeat('general', 'alice', '{late}'); select presence.heartbeat('planning', 'alice', '{gone}');
             update presence_private.session set holder = session_id"
        ),
    )
    .await;
    // The reaper and snapshots spare everybody for five seconds and a heartbeat after the server's start.
    let settled = "select (clock_timestamp() > pg_postmaster_start_time() + interval '5.2 seconds')::text";
    until_text(&admin, settled, "true").await;
    run(
        &admin,
        "update presence_private.session set expires_at = clock_timestamp() - case room_id::text
                when 'general' then interval '2 seconds' else interval '6 seconds' end",
    )
    .await;

    let renew = format!(
        "select outcome from presence.hold_batch('{{general, planning}}', '{{alice, alice}}', '{{{late}, {gone}}}',
                                                 '{{{late}, {gone}}}', '{{false, true}}', '1 hour') order by item"
    );
    let outcomes = list(&admin, &renew).await;

    assert_eq!(outcomes, ["held", "gone"]);
    let grace = format!("{} milliseconds", GRACE.as_millis());
    let release = format!(
        "select outcome from presence.release_batch('{{planning}}', '{{alice}}', '{{{gone}}}', '{{{gone}}}', '{{0 s}}', '{grace}')"
    );
    assert_eq!(
        list(&admin, &release).await,
        ["released"],
        "which prolongs nothing"
    );
    let over = "select (expires_at < clock_timestamp())::text from presence_private.session where room_id = 'planning'";
    assert_eq!(text(&admin, over).await, "true");
}
