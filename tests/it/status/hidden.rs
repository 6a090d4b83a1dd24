//! Invisible in all rooms.

use std::time::Duration;

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::time::Instant;
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use super::{PATIENCE, nodes, set, until};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    sql::{list, run, text},
    stream::Stream,
};

/// Waits until a query says this.
async fn awaits(admin: &Postgres, query: &str, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let is = text(admin, query).await;
        if is == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{query}: {is} and not {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A stream asks for what it holds once a second.
fn renews_often(settings: &mut Settings) {
    settings.heartbeat = Some(Duration::from_secs(1));
    settings.ttl = Some(Duration::from_secs(60));
}

const SESSIONS: &str = "select count(*)::text from presence_private.session where user_id = 'alice'";
const HELD: &str = "select (count(*) filter (where holder is not null))::text from presence_private.session \
                    where user_id = 'alice' and ended_at is null";

#[tokio::test]
async fn all_sessions_leave_and_nothing_is_stored_until_it_is_lifted() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = nodes(&db).await;
    let (admin, alice, tab) = (db.admin().await, here.client("alice"), Uuid::new_v4());
    alice.beat("general", tab, json!({"seq": 1})).await;
    alice.beat("planning", tab, json!({})).await;
    let mut bob = there.client("bob").stream(&["general", "planning"]).await;
    until(&mut bob, "general", "alice", Some("active -")).await;

    set(&alice, json!({"status": "invisible"})).await;
    until(&mut bob, "general", "alice", None).await;
    until(&mut bob, "planning", "alice", None).await;
    let (status, lease) = alice
        .beat("general", tab, json!({"seq": 2, "message": "boo"}))
        .await;
    let by_sql = text(
        &admin,
        "select status from presence.heartbeat('planning', 'alice', gen_random_uuid())",
    )
    .await;

    assert_eq!((status, &lease["status"]), (StatusCode::OK, &json!("invisible")));
    assert_eq!(
        (&lease["joined_at"], &lease["expires_at"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(by_sql, "invisible");
    assert_eq!(text(&admin, SESSIONS).await, "0");
    let reasons = "select distinct reason from presence_private.last_seen where user_id = 'alice'";
    assert_eq!(list(&admin, reasons).await, ["left"]);
    let why = "select holds::text from presence.why('alice', 'general') where reason = 'the user is visible'";
    assert_eq!(text(&admin, why).await, "false");

    set(&alice, json!({"status": null})).await;
    alice.beat("general", tab, json!({"seq": 3})).await;
    until(&mut bob, "general", "alice", Some("active -")).await;
}

/// What a stream holds leaves as well, a stream that is opened meanwhile holds nothing, and both hold again what joins.
#[tokio::test]
async fn streams_reveal_nobody_and_hold_the_session_once_it_is_back() {
    let Some(db) = TestDb::new().await else { return };
    let url = service_url(db.url());
    let here = TestApp::start_with(&url, renews_often).await;
    let there = TestApp::start_with(&url, renews_often).await;
    let (admin, alice) = (db.admin().await, here.client("alice"));
    let (before, meanwhile) = (Uuid::new_v4(), Uuid::new_v4());
    let path = |tab: Uuid| format!("/v1/stream?room=general&session={tab}");
    let mut bob = there.client("bob").stream(&["general"]).await;
    let mut open = Stream::new(alice.send(Method::GET, &path(before), None).await);
    until(&mut open, "general", "alice", Some("active -")).await;
    awaits(&admin, HELD, "1").await;

    set(&alice, json!({"status": "invisible"})).await;
    until(&mut open, "general", "alice", None).await;
    let second = there
        .client("alice")
        .send(Method::GET, &path(meanwhile), None)
        .await;
    assert_eq!(second.status(), StatusCode::OK);
    let mut second = Stream::new(second);
    let snapshot = second.next_of("snapshot").await;
    assert_eq!(snapshot.data["online_count"], 0);
    assert_eq!(text(&admin, SESSIONS).await, "0");

    set(&alice, json!({"status": "away"})).await;
    alice.beat("general", before, json!({})).await;
    there.client("alice").beat("general", meanwhile, json!({})).await;
    until(&mut bob, "general", "alice", Some("away -")).await;
    awaits(&admin, HELD, "2").await;
}

/// A node that puts back what was lost goes by what is logged.
#[tokio::test]
async fn a_loss_of_the_unlogged_data_reveals_nobody_and_loses_no_status() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let put_back = "select outcome from presence.put_back_batch(
            array['general', 'general'], array['alice', 'bob'], array[gen_random_uuid(), gen_random_uuid()], array[null, null]::uuid[],
            array['1 minute', '1 minute']::interval[], array[now(), now()], array['busy', 'busy'], array[null, null]::timestamptz[],
            array[null, 'on site'], array[null, null], array[null, null]::jsonb[]) order by item";
    run(
        &admin,
        "select presence.set_status('alice', 'invisible'), presence.set_status('bob', 'busy', now() + interval '1 hour', 'on site')",
    )
    .await;

    assert_eq!(list(&admin, put_back).await, ["denied", "back"]);

    let shown =
        "select concat_ws(' ', user_id, status, message, status_until > now()) from presence_private.member";
    assert_eq!(list(&admin, shown).await, ["bob busy on site t"]);
    run(&admin, "select presence.set_status('bob', '', message => '')").await;
    assert_eq!(list(&admin, shown).await, ["bob active"]);
    assert_eq!(super::wrongs(&admin).await, [""; 0]);
}
