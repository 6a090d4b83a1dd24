//! What became of the last hours, and what people are at now.

use serde_json::json;
use uuid::Uuid;

use super::{each, ok, past};
use crate::support::{
    app::TestApp,
    db::TestDb,
    sql::{list, run},
};

#[tokio::test]
async fn an_event_counts_people_once_and_its_rooms_each() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    // Twelve hours of 24 with alice in one room, or in both; bob for six of them.
    past(
        &admin,
        &[
            ("general", "alice", 1080, 600),
            ("planning", "alice", 780, 360),
            ("general", "bob", 720, 360),
            ("expo-floor", "carol", 720, 360),
            ("general", "carol", 3000, 1500),
        ],
    )
    .await;
    let alice = app.client("alice");

    let event = ok(&alice, "/v1/events/gala/activity").await;
    let room = ok(&alice, "/v1/rooms/general/activity?hours=24").await;

    assert_eq!(
        (&event["event_id"], &event["hours"], &event["active_users"]),
        (&json!("gala"), &json!(24), &json!(2))
    );
    assert_eq!(event["peak"]["online_count"], 2);
    let average = |value: &serde_json::Value| (value["average"].as_f64().expect("a number") * 100.0).round();
    assert_eq!(average(&event), 75.0, "18 hours of people in 24");
    assert_eq!(
        each(&event["rooms"], "name"),
        ["General", "Planning", "Vera Catering"]
    );
    let rooms = event["rooms"].as_array().expect("rooms").iter();
    let by_room: Vec<_> = rooms
        .map(|room| {
            (
                &room["active_users"],
                &room["peak"]["online_count"],
                average(room),
            )
        })
        .collect();
    assert_eq!(
        by_room,
        [
            (&json!(2), &json!(2), 58.0),
            (&json!(1), &json!(1), 29.0),
            (&json!(0), &json!(0), 0.0)
        ]
    );
    assert_eq!(event["rooms"][2]["peak"], json!({"online_count": 0, "at": null}));
    assert_eq!(
        (
            &room["room_id"],
            &room["active_users"],
            &room["peak"]["online_count"]
        ),
        (&json!("general"), &json!(2), &json!(2))
    );
    assert_eq!(room.get("rooms"), None);
    // One point an hour, the last one now: the hours before it with somebody there.
    let points = event["occupancy"].as_array().expect("points").iter();
    let curve: Vec<i64> = points
        .filter_map(|point| point["online_count"].as_i64())
        .collect();
    assert_eq!(curve.len(), 24);
    assert_eq!(curve.iter().sum::<i64>(), 18, "{curve:?}");
    assert_eq!(curve[23], 0);
    assert_eq!(curve.iter().max(), Some(&2));
}

#[tokio::test]
async fn who_is_here_counts_at_once_and_comes_first() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    past(
        &admin,
        &[("general", "bob", 50, 30), ("general", "alice", 40, 20)],
    )
    .await;
    app.client("carol")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let alice = app.client("alice");

    for (hours, points) in [(1, 24), (24, 24), (30, 30), (168, 48)] {
        let room = ok(&alice, &format!("/v1/rooms/general/activity?hours={hours}")).await;
        assert_eq!(room["hours"], hours);
        assert_eq!(each(&room["people"], "user_id"), ["carol", "alice", "bob"]);
        assert_eq!(
            (&room["people"][0]["online"], &room["people"][1]["online"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(room["people"][0]["name"], "Carol Cruz");
        let curve = room["occupancy"].as_array().expect("points");
        assert_eq!(curve.len(), points);
        assert_eq!(
            curve[points - 1]["online_count"],
            1,
            "carol is here now: {curve:?}"
        );
        assert!(curve.is_sorted_by(|a, b| a["at"].as_str() < b["at"].as_str()));
        assert_eq!(room["peak"]["online_count"], 2);
    }
    let sql = "select kind from presence.room_activity('alice', 'general') where kind <> 'point'";
    assert_eq!(list(&admin, sql).await, ["whole", "person", "person", "person"]);
}

#[tokio::test]
async fn what_people_are_at_is_counted_the_most_first() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let alice = app.client("alice");
    assert_eq!(
        ok(&alice, "/v1/rooms/general/activities").await,
        json!({"room_id": "general", "activities": []})
    );

    for (user, activity) in [
        ("alice", "viewing tasks"),
        ("bob", "viewing budget"),
        ("carol", "viewing budget"),
    ] {
        app.client(user)
            .beat("general", Uuid::new_v4(), json!({"activity": activity}))
            .await;
    }
    app.client("bob")
        .beat("planning", Uuid::new_v4(), json!({"activity": "elsewhere"}))
        .await;

    assert_eq!(
        ok(&alice, "/v1/rooms/general/activities").await["activities"],
        json!([{"activity": "viewing budget", "online_count": 2}, {"activity": "viewing tasks", "online_count": 1}])
    );
    // Of a crowd that does 120 things, the hundred that most do, then by name.
    let crowd = "insert into event_app.users (id, name) select 'm' || n, 'M' from generate_series(1, 120) n;
                 insert into event_app.room_participants (room_id, user_id) select 'general', 'm' || n from generate_series(1, 120) n;
                 select presence.heartbeat('general', 'm' || n, gen_random_uuid(), activity => 'at ' || lpad(n::text, 3, '0'))
                   from generate_series(1, 120) n";
    run(&admin, crowd).await;
    let many = ok(&alice, "/v1/rooms/general/activities").await;
    let names = each(&many["activities"], "activity");
    assert_eq!(
        (names.len(), names[0], names[1]),
        (100, "viewing budget", "at 001")
    );
}
