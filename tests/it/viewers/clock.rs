//! Views are right by the clock, with nobody at work who would reap.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{list, run, text, viewer},
};

/// What every view says of general, its event and alice; ids of rows are left out.
const SAYS: &str = "\
select jsonb_build_object(
    'members', (select jsonb_agg(m.user_id || ' ' || m.status || ' ' || m.sessions) from presence.members m),
    'sessions', (select count(*) from presence.sessions),
    'rooms', (select jsonb_object_agg(r.room_id, r.online_count) from presence.rooms r),
    'events', (select jsonb_object_agg(e.event_id, e.online_count) from presence.events e),
    'seen', (select jsonb_agg(l.reason || ' ' || extract(epoch from statement_timestamp() - l.last_seen_at)::integer) from presence.last_seen l),
    'visits', (select count(*) from presence.visits('general') v where v.ended_at is null))::text";

const SEES: &str = "\
select jsonb_build_object(
    'members', (select jsonb_agg(m.user_id || ' ' || m.status) from presence.visible_members m),
    'rooms', (select jsonb_object_agg(r.room_id, r.online_count) from presence.visible_rooms r),
    'events', (select jsonb_object_agg(e.event_id, e.online_count) from presence.visible_events e),
    'seen', (select jsonb_agg(l.reason || ' ' || extract(epoch from statement_timestamp() - l.last_seen_at)::integer) from presence.visible_last_seen l))::text";

async fn json(sql: &Client, query: &str) -> Value {
    serde_json::from_str(&text(sql, query).await).expect("JSON")
}

async fn alice_is_here_twice(db: &TestDb) -> (Client, Client) {
    let admin = db.admin().await;
    run(
        &admin,
        "select presence.heartbeat('general', 'alice', '00000000-0000-0000-0000-000000000001');
         select presence.heartbeat('general', 'alice', '00000000-0000-0000-0000-000000000002', status => 'busy')",
    )
    .await;
    let bob = connect(&viewer(db, "presence_test_clock_bob", "bob").await)
        .await
        .expect("bob's login");
    (admin, bob)
}

/// Moves the past of one tab or of all, as if time had gone on.
async fn ran_out(admin: &Client, seconds: u32, which: &str) {
    run(
        admin,
        &format!(
            "update presence_private.session set beat_at = now() - interval '75 s' - interval '{seconds} s',
                    expires_at = now() - interval '{seconds} s', joined_at = now() - interval '1 h' where {which};
             update presence_private.last_seen set last_seen_at = now() - interval '1 h', since = now() - interval '1 h'"
        ),
    )
    .await;
}

#[tokio::test]
async fn who_ran_out_is_gone_from_every_view_and_was_seen_at_their_last_beat() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, bob) = alice_is_here_twice(&db).await;
    let here = (json(&admin, SAYS).await, json(&bob, SEES).await);
    ran_out(&admin, 20, "session_id = '00000000-0000-0000-0000-000000000002'").await;
    let one_tab = (json(&admin, SAYS).await, json(&bob, SEES).await);
    ran_out(&admin, 10, "true").await;

    let gone = (json(&admin, SAYS).await, json(&bob, SEES).await);

    assert_eq!(
        here,
        (
            json!({"members": ["alice busy 2"], "sessions": 2, "rooms": {"general": 1}, "events": {"gala": 1, "expo": 0},
                   "seen": [null], "visits": 1}),
            json!({"members": ["alice busy"], "rooms": {"general": 1, "planning": 0}, "events": {"gala": 1}, "seen": [null]})
        )
    );
    assert_eq!(
        (&one_tab.0["members"], &one_tab.0["sessions"]),
        (&json!(["alice active 1"]), &json!(1))
    );
    assert_eq!(
        (&one_tab.1["members"], &one_tab.1["seen"]),
        (&json!(["alice active"]), &json!([null]))
    );
    assert_eq!(
        gone,
        (
            json!({"members": null, "sessions": 0, "rooms": {"general": 0}, "events": {"gala": 0, "expo": 0},
                   "seen": ["expired 85"], "visits": 0}),
            json!({"members": null, "rooms": {"general": 0, "planning": 0}, "events": {"gala": 0}, "seen": ["expired 85"]})
        )
    );
}

#[tokio::test]
async fn a_visit_that_ran_out_ended_at_the_last_beat() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, _) = alice_is_here_twice(&db).await;
    ran_out(&admin, 10, "true").await;

    let visits = "select user_id || ' ' || reason || ' ' || extract(epoch from ended_at - began_at)::integer from presence.visits('general')";
    let activity = "select user_id || ' ' || visits || ' ' || extract(epoch from present)::integer from presence.activity_24h";

    let stayed = 3600 - 85;
    assert_eq!(list(&admin, visits).await, [format!("alice expired {stayed}")]);
    assert_eq!(list(&admin, activity).await, [format!("alice 1 {stayed}")]);
}

#[tokio::test]
async fn typing_and_timed_statuses_fall_back_by_themselves() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, bob) = alice_is_here_twice(&db).await;
    let seen = "select status || ' ' || coalesce(extract(epoch from status_until - statement_timestamp())::integer::text, 'for ever') \
                from presence.visible_members";
    let told = seen.replace("visible_members", "members");
    let session =
        "select status from presence.sessions where session_id = '00000000-0000-0000-0000-000000000002'";

    for (change, status, of_the_session) in [
        (
            "typing_until = now() + interval '6 s'",
            "typing for ever",
            "typing",
        ),
        ("typing_until = now() - interval '1 ms'", "busy for ever", "busy"),
        (
            "typing_until = null, status_until = now() + interval '1000.4 s'",
            "busy 1000",
            "busy",
        ),
        (
            "status_until = now() - interval '1 ms'",
            "active for ever",
            "active",
        ),
    ] {
        let change = format!(
            "update presence_private.session set {change} where session_id = '00000000-0000-0000-0000-000000000002'"
        );
        run(&admin, &change).await;
        assert_eq!(list(&bob, seen).await, [status], "{change}");
        assert_eq!(list(&admin, &told).await, [status], "{change}");
        assert_eq!(list(&admin, session).await, [of_the_session], "{change}");
    }
}
