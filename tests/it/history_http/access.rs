//! Who may read history: by the one rule, and nobody can tell what is missing from what is forbidden.

use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{each, ok, past};
use crate::support::{
    app::TestApp,
    client::Client,
    db::TestDb,
    sql::{run, text},
};

const CALLS: [&str; 4] = ["visits", "visits?user=vera&limit=1", "activity", "activities"];

/// What refuses, without the id of the request.
async fn refusal(client: &Client, path: &str) -> Value {
    let (status, mut body) = client.get(path).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {body}");
    body["request_id"].take();
    body
}

#[tokio::test]
async fn a_room_that_is_missing_and_one_that_is_closed_answer_alike() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    past(
        &admin,
        &[("vera-catering", "vera", 90, 60), ("general", "bob", 90, 60)],
    )
    .await;

    for call in CALLS {
        // victor takes part in vera's room by mistake, dave nowhere, bob not there.
        for user in ["victor", "dave", "bob"] {
            let client = app.client(user);
            let closed = refusal(&client, &format!("/v1/rooms/vera-catering/{call}")).await;
            let missing = refusal(&client, &format!("/v1/rooms/nowhere/{call}")).await;

            assert_eq!(closed, missing, "{user} {call}");
            assert_eq!(closed["type"], "room-not-found");
        }
        for user in ["vera", "alice"] {
            ok(&app.client(user), &format!("/v1/rooms/vera-catering/{call}")).await;
        }
        let bare = app
            .client("alice")
            .bare(reqwest::Method::GET, &format!("/v1/rooms/general/{call}"));
        assert_eq!(bare.send().await.expect("an answer").status(), 401);
    }
    for user in ["dave", "victor"] {
        let closed = refusal(&app.client(user), "/v1/events/gala/activity").await;
        assert_eq!(
            closed,
            refusal(&app.client(user), "/v1/events/nowhere/activity").await
        );
        assert_eq!(closed["type"], "event-not-found");
    }
}

/// Not a name, not a number, not a size of what she may not see.
#[tokio::test]
async fn a_vendor_reads_of_the_event_what_became_of_her_own_room() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    past(
        &admin,
        &[
            ("general", "bob", 300, 100),
            ("planning", "alice", 300, 100),
            ("vera-catering", "vera", 200, 140),
        ],
    )
    .await;
    app.client("carol")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;

    let event = ok(&app.client("vera"), "/v1/events/gala/activity").await;

    assert_eq!(each(&event["people"], "user_id"), ["vera"]);
    assert_eq!(each(&event["rooms"], "room_id"), ["vera-catering"]);
    assert_eq!(
        (&event["active_users"], &event["peak"]["online_count"]),
        (&json!(1), &json!(1))
    );
    let points = event["occupancy"].as_array().expect("points").iter();
    assert!(points.filter_map(|point| point["online_count"].as_i64()).max() <= Some(1));
    let text_of_it = event.to_string();
    for hidden in ["bob", "carol", "alice", "general", "planning"] {
        assert!(!text_of_it.contains(hidden), "{hidden}: {text_of_it}");
    }
}

#[tokio::test]
async fn who_loses_access_reads_no_more_and_the_same_holds_in_sql() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    past(&admin, &[("general", "alice", 90, 60)]).await;
    let bob = app.client("bob");
    ok(&bob, "/v1/rooms/general/visits").await;

    run(
        &admin,
        "delete from event_app.room_participants where user_id = 'bob'",
    )
    .await;

    for call in CALLS {
        refusal(&bob, &format!("/v1/rooms/general/{call}")).await;
    }
    for call in [
        "room_visits('bob', 'general')",
        "room_activity('bob', 'general')",
        "event_activity('bob', 'gala')",
        "activity_counts('general', 'bob')",
    ] {
        let sql = format!("select count(*)::text from presence.{call}");
        assert_eq!(text(&admin, &sql).await, "0", "{call}");
    }
}

#[tokio::test]
async fn ids_of_the_other_types_are_read_as_well() {
    for (id_type, user, room, event) in [
        (
            "uuid",
            "a11ce000-0000-4000-8000-00000000000a",
            "abcdef00-0000-4000-8000-0000000000c1",
            "e0e0e000-0000-4000-8000-0000000000e1",
        ),
        ("bigint", "-1", "7", "5"),
    ] {
        let Some(db) = TestDb::with_ids(id_type).await else {
            return;
        };
        let admin = db.admin().await;
        let cast = format!(
            "insert into event_app.users (id, name) values ('{user}', 'Alice');
             insert into event_app.events (id, name) values ('{event}', 'Gala');
             insert into event_app.rooms (id, event_id, name) values ('{room}', '{event}', 'Room');
             insert into event_app.room_participants (room_id, user_id) values ('{room}', '{user}')"
        );
        run(&admin, &cast).await;
        past(
            &admin,
            &[(room, user, 90, 60), (room, user, 50, 30), (room, user, 20, 10)],
        )
        .await;
        let app = TestApp::start(&db).await;
        let alice = app.client(user);

        let first = ok(&alice, &format!("/v1/rooms/{room}/visits?limit=2&user={user}")).await;
        let next = first["next"].as_str().expect("a next page");
        let second = ok(&alice, &format!("/v1/rooms/{room}/visits?limit=2&after={next}")).await;
        let activity = ok(&alice, &format!("/v1/events/{event}/activity")).await;
        let activities = ok(&alice, &format!("/v1/rooms/{room}/activities")).await;

        assert_eq!(each(&first["visits"], "user_id"), [user; 2]);
        assert_eq!(
            (each(&second["visits"], "user_id"), &second["next"]),
            (vec![user], &json!(null))
        );
        assert_eq!(
            (&activity["active_users"], &activity["rooms"][0]["room_id"]),
            (&json!(1), &json!(room))
        );
        assert_eq!(activities["activities"], json!([]));
        let (bad, _) = alice.get(&format!("/v1/rooms/{room}/visits?user=x%20y")).await;
        assert_eq!(bad, StatusCode::BAD_REQUEST);
    }
}
