//! Where it is shown, when, and over what.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{PATH, nodes, nothing, set, until};
use crate::support::{
    db::TestDb,
    sql::{list, run, text},
};

#[tokio::test]
async fn it_is_shown_at_once_in_all_rooms_and_wins_over_what_sessions_say() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = nodes(&db).await;
    let (alice, tab) = (here.client("alice"), Uuid::new_v4());
    alice.beat("general", tab, json!({"status": "away"})).await;
    alice.beat("planning", tab, json!({"message": "my own"})).await;
    let mut bob = there.client("bob").stream(&["general", "planning"]).await;
    until(&mut bob, "general", "alice", Some("away -")).await;

    let answer = set(&alice, json!({"status": "busy", "message": "on site"})).await;
    until(&mut bob, "general", "alice", Some("busy on site")).await;
    until(&mut bob, "planning", "alice", Some("busy my own")).await;
    // A read after the answer sees it, and a session that says something else is heard once it is over.
    let (_, lease) = alice.beat("general", tab, json!({"status": "idle"})).await;
    let (_, room) = there.client("bob").get("/v1/rooms/general").await;
    let (_, person) = there.client("bob").get("/v1/users/alice").await;
    let (_, read) = there.client("alice").get(PATH).await;

    assert_eq!(
        answer,
        json!({"status": "busy", "status_until": null, "message": "on site"})
    );
    assert_eq!(read, answer);
    assert_eq!(lease["status"], "busy");
    assert_eq!(room["members"][0]["status"], "busy");
    assert_eq!(person["status"], "busy");

    let (cleared, _) = there.client("alice").call(Method::DELETE, PATH, None).await;
    until(&mut bob, "general", "alice", Some("idle -")).await;
    until(&mut bob, "planning", "alice", Some("active my own")).await;

    assert_eq!(cleared, StatusCode::NO_CONTENT);
    assert_eq!(alice.get(PATH).await, (StatusCode::OK, nothing()));
    assert_eq!(super::wrongs(&db.admin().await).await, [""; 0]);
}

#[tokio::test]
async fn whoever_joins_later_joins_with_it_on_any_node_and_any_way() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = nodes(&db).await;
    let admin = db.admin().await;
    let alice = here.client("alice");
    set(
        &alice,
        json!({"status": "in_meeting", "message": "with the band"}),
    )
    .await;

    let (_, http) = there
        .client("alice")
        .beat("general", Uuid::new_v4(), json!({"status": "active"}))
        .await;
    let sql = text(
        &admin,
        "select status from presence.heartbeat('planning', 'alice', gen_random_uuid(), message => 'mine')",
    )
    .await;
    let stream = alice
        .send(
            Method::GET,
            &format!("/v1/stream?room=vera-catering&session={}", Uuid::new_v4()),
            None,
        )
        .await;

    assert_eq!(
        (&http["status"], sql.as_str()),
        (&json!("in_meeting"), "in_meeting")
    );
    assert_eq!(stream.status(), StatusCode::OK);
    let shown = "select concat_ws(' ', room_id, status, message) from presence.members where user_id = 'alice' order by 1";
    assert_eq!(
        list(&admin, shown).await,
        [
            "general in_meeting with the band",
            "planning in_meeting mine",
            "vera-catering in_meeting with the band"
        ]
    );
    assert_eq!(super::wrongs(&admin).await, [""; 0]);
}

#[tokio::test]
async fn it_ends_by_itself_and_what_the_session_says_counts_again() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = nodes(&db).await;
    let (alice, tab) = (here.client("alice"), Uuid::new_v4());
    alice.beat("general", tab, json!({"status": "away"})).await;
    let mut bob = there.client("bob").stream(&["general"]).await;

    let answer = set(
        &alice,
        json!({"status": "busy", "status_ttl_ms": 1500, "message": "a call"}),
    )
    .await;
    until(&mut bob, "general", "alice", Some("away a call")).await;
    let (_, after) = alice.get(PATH).await;

    assert_eq!(answer["status"], "busy");
    assert!(answer["status_until"].is_string());
    // The end is the status's: a message has none.
    assert_eq!(
        after,
        json!({"status": null, "status_until": null, "message": "a call"})
    );
    assert_eq!(
        bob.picture("general").members["alice"]["status_until"],
        json!(null)
    );
}

#[tokio::test]
async fn what_is_not_said_stays_and_typing_is_shown_over_it() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = nodes(&db).await;
    let (alice, tab) = (here.client("alice"), Uuid::new_v4());
    alice.beat("general", tab, json!({})).await;
    let mut bob = there.client("bob").stream(&["general"]).await;

    set(&alice, json!({"message": "on site"})).await;
    until(&mut bob, "general", "alice", Some("active on site")).await;
    set(&alice, json!({"status": "busy"})).await;
    until(&mut bob, "general", "alice", Some("busy on site")).await;
    assert_eq!(set(&alice, json!({})).await["message"], "on site");
    alice
        .beat(
            "general",
            tab,
            json!({"status": "typing", "status_ttl_ms": 60_000}),
        )
        .await;
    until(&mut bob, "general", "alice", Some("typing on site")).await;
    alice
        .beat("general", tab, json!({"status": "typing", "status_ttl_ms": 0}))
        .await;
    until(&mut bob, "general", "alice", Some("busy on site")).await;
    // A session's own message goes before it, and gives way to it again.
    alice.beat("general", tab, json!({"message": "mine"})).await;
    until(&mut bob, "general", "alice", Some("busy mine")).await;
    alice.beat("general", tab, json!({"message": null})).await;
    until(&mut bob, "general", "alice", Some("busy on site")).await;
    set(&alice, json!({"status": null})).await;
    until(&mut bob, "general", "alice", Some("active on site")).await;
    set(&alice, json!({"message": ""})).await;
    until(&mut bob, "general", "alice", Some("active -")).await;

    assert_eq!(alice.get(PATH).await, (StatusCode::OK, nothing()));
}

/// A client that repeats what it said is renewed while somebody holds the room: nothing is looked up, nothing is locked.
#[tokio::test]
async fn a_renewal_comes_near_neither_the_room_nor_what_is_said_for_all_rooms() {
    let Some(db) = TestDb::new().await else { return };
    let (here, _) = nodes(&db).await;
    let (alice, tab) = (here.client("alice"), Uuid::new_v4());
    let said = json!({"status": "away", "message": ""});
    alice.beat("general", tab, said.clone()).await;
    set(&alice, json!({"status": "busy", "message": "on site"})).await;
    let holder = db.admin().await;
    run(
        &holder,
        "begin; select from presence_private.room where room_id = 'general' for update;
         lock table presence_private.own_status in access exclusive mode",
    )
    .await;

    for body in [json!({}), said] {
        let beat = alice.beat("general", tab, body.clone());
        let (status, lease) = tokio::time::timeout(Duration::from_secs(20), beat)
            .await
            .expect("an answer");

        assert_eq!(
            (status, &lease["status"]),
            (StatusCode::OK, &json!("busy")),
            "{body}"
        );
    }
    run(&holder, "rollback").await;
}

#[tokio::test]
async fn ids_of_the_other_types_have_it_too() {
    for (id_type, user, room) in [
        (
            "uuid",
            "a11ce000-0000-4000-8000-00000000000a",
            "abcdef00-0000-4000-8000-0000000000c1",
        ),
        ("bigint", "-1", "7"),
    ] {
        let Some(db) = TestDb::with_ids(id_type).await else {
            return;
        };
        let admin = db.admin().await;
        let cast = format!(
            "insert into event_app.users (id, name) values ('{user}', 'Alice');
             insert into event_app.rooms (id, name) values ('{room}', 'Room');
             insert into event_app.room_participants (room_id, user_id) values ('{room}', '{user}')"
        );
        run(&admin, &cast).await;
        let (here, _) = nodes(&db).await;
        let (alice, tab) = (here.client(user), Uuid::new_v4());
        alice.beat(room, tab, json!({})).await;

        set(&alice, json!({"status": "busy"})).await;
        let (_, shown) = alice.get(&format!("/v1/rooms/{room}")).await;
        set(&alice, json!({"status": "invisible"})).await;
        let (_, hidden) = alice.get(&format!("/v1/rooms/{room}")).await;
        let erased = text(
            &admin,
            &format!("select (presence.erase_user('{user}') > 0)::text"),
        )
        .await;

        assert_eq!(shown["members"][0]["status"], "busy", "{id_type}");
        assert_eq!(hidden["online_count"], 0, "{id_type}");
        assert_eq!(erased, "true", "{id_type}");
    }
}
