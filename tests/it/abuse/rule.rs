//! Every path × user × room × role against the rule of access, computed here from the application's own tables.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{app::TestApp, client::Client, db::TestDb, stream::Stream};

/// Each user takes part in every room, with the role of the same name; `nobody` in none.
const USERS: [&str; 7] = [
    "coordinator",
    "collaborator",
    "vendor",
    "rival",
    "guest",
    "Vendor",
    "nobody",
];
/// Room and kind, vendor: the own one, the rival's, nobody's.
const ROOMS: [(&str, &str, Option<&str>); 7] = [
    ("chat", "chat", None),
    ("chat-of-vendor", "chat", Some("vendor")),
    ("own", "vendor", Some("vendor")),
    ("rivals", "vendor", Some("rival")),
    ("nobodys", "vendor", None),
    ("lounge", "lounge", Some("rival")),
    ("Vendor", "Vendor", Some("rival")),
];
const EVENTS: [&str; 2] = ["even", "odd"];

/// As the application's tables say it.
#[derive(Debug, Default)]
struct World {
    /// Who may enter what.
    may: BTreeSet<(String, String)>,
    /// The event of each room.
    event: BTreeMap<String, String>,
}

impl World {
    async fn make(db: &TestDb) -> Self {
        let admin = db.admin().await;
        let fixture = "
            delete from event_app.events; delete from event_app.rooms; delete from event_app.users;
            alter table event_app.rooms drop constraint rooms_kind;
            alter table event_app.room_participants drop constraint room_participants_role;";
        admin.batch_execute(fixture).await.expect("an empty application");
        for event in EVENTS {
            let sql = "insert into event_app.events (id, name) values ($1, $1)";
            admin.execute(sql, &[&event]).await.expect("an event");
        }
        for user in USERS {
            let sql = "insert into event_app.users (id, name) values ($1, $1)";
            admin.execute(sql, &[&user]).await.expect("a user");
        }
        for (at, (room, kind, vendor)) in ROOMS.iter().enumerate() {
            let sql = "insert into event_app.rooms (id, event_id, name, kind, vendor_id) values ($1, $2, $1, $3, $4)";
            admin
                .execute(sql, &[room, &EVENTS[at % 2], kind, vendor])
                .await
                .expect("a room");
            for user in USERS.into_iter().filter(|user| *user != "nobody") {
                let role = if user == "rival" { "vendor" } else { user };
                let sql =
                    "insert into event_app.room_participants (room_id, user_id, role) values ($1, $2, $3)";
                admin
                    .execute(sql, &[room, &user, &role])
                    .await
                    .expect("a participant");
            }
        }
        Self::read(db).await
    }

    /// The rule, over the rows as they are.
    async fn read(db: &TestDb) -> Self {
        let admin = db.admin().await;
        let mut world = Self::default();
        let rooms = "select id, event_id, kind, vendor_id from event_app.rooms";
        let participants = "select room_id, user_id, role from event_app.room_participants";
        let participants = admin.query(participants, &[]).await.expect("participants");
        for room in admin.query(rooms, &[]).await.expect("rooms") {
            let (id, kind): (String, String) = (room.get("id"), room.get("kind"));
            let vendor: Option<String> = room.get("vendor_id");
            for row in participants
                .iter()
                .filter(|row| row.get::<_, &str>("room_id") == id)
            {
                let (user, role): (String, String) = (row.get("user_id"), row.get("role"));
                let is_shut_out = kind == "vendor" && role == "vendor" && vendor.as_ref() != Some(&user);
                if !is_shut_out {
                    world.may.insert((user, id.clone()));
                }
            }
            world.event.insert(id, room.get("event_id"));
        }
        world
    }

    fn may(&self, user: &str, room: &str) -> bool {
        self.may.contains(&(user.to_owned(), room.to_owned()))
    }

    fn rooms_of(&self, user: &str) -> BTreeSet<String> {
        let of = self.may.iter().filter(|(who, _)| who == user);
        of.map(|(_, room)| room.clone()).collect()
    }

    fn users_of(&self, room: &str) -> BTreeSet<String> {
        let of = self.may.iter().filter(|(_, where_)| where_ == room);
        of.map(|(user, _)| user.clone()).collect()
    }
}

fn session(user: &str, room: &str) -> Uuid {
    let at = |list: &[&str], what| list.iter().position(|one| *one == what).unwrap_or(15) as u128;
    let rooms = ROOMS.map(|(room, ..)| room);
    Uuid::from_u128(at(&USERS, user) << 8 | at(&rooms, room) | 1 << 64)
}

/// FAULTS 54.
#[tokio::test]
async fn every_path_gives_every_user_of_every_role_what_the_rule_grants_and_no_more() {
    let Some(db) = TestDb::new().await else { return };
    let (world, app) = (World::make(&db).await, TestApp::start(&db).await);
    let somebody = app.client("nobody");

    for user in USERS {
        for (room, ..) in ROOMS.into_iter().chain([("missing", "", None)]) {
            enters(&world, &somebody, user, room).await;
        }
    }
    for user in USERS {
        let client = somebody.of(user);
        for (room, ..) in ROOMS.into_iter().chain([("missing", "", None)]) {
            sees_room(&world, &client, user, room).await;
        }
        sees_sidebar(&world, &client, user).await;
        for event in EVENTS {
            sees_event(&world, &client, user, event).await;
        }
        for other in USERS {
            sees_person(&world, &client, user, other).await;
        }
    }
}

/// By a heartbeat, alone and in a batch.
async fn enters(world: &World, somebody: &Client, user: &str, room: &str) {
    let (client, tab) = (somebody.of(user), session(user, room));
    let status = client.beat(room, tab, json!({"message": user})).await.0;
    assert_eq!(
        status == StatusCode::OK,
        world.may(user, room),
        "{user} beats in {room}"
    );
    let item = json!({"items": [{"room_id": room, "session_id": tab}]});
    let (_, batch) = client.call(Method::POST, "/v1/heartbeats", Some(&item)).await;
    let is_done = batch["items"][0]["expires_at"].is_string();
    assert_eq!(is_done, world.may(user, room), "{user} beats in {room}: {batch}");
}

async fn sees_room(world: &World, client: &Client, user: &str, room: &str) {
    let may = world.may(user, room);
    let all = if may {
        world.users_of(room)
    } else {
        BTreeSet::new()
    };
    for path in [
        format!("/v1/rooms/{room}"),
        format!("/v1/rooms/{room}?offline=50&limit=1000"),
    ] {
        let (status, body) = client.get(&path).await;
        assert_eq!(status == StatusCode::OK, may, "{user}: {path}: {body}");
        assert_eq!(ids(&body["members"], "user_id"), all, "{user}: {path}");
    }
    for topic in ["room", "count"] {
        let path = format!("/v1/stream?{topic}={room}");
        let answer = client.send(Method::GET, &path, None).await;
        assert_eq!(answer.status() == StatusCode::OK, may, "{user}: {path}");
        if may {
            let event = Stream::new(answer)
                .next_of(if topic == "room" { "snapshot" } else { "count" })
                .await;
            assert_eq!(event.data["online_count"], all.len(), "{user}: {path}");
        }
    }
    // A second tab: that the first one stays is seen by all who look later.
    let answer = client
        .send(
            Method::GET,
            &format!("/v1/stream?room={room}&session={}", Uuid::new_v4()),
            None,
        )
        .await;
    assert_eq!(answer.status() == StatusCode::OK, may, "{user} holds {room}");
}

async fn sees_sidebar(world: &World, client: &Client, user: &str) {
    let all = ROOMS.map(|(room, ..)| format!("id={room}")).join("&");
    for path in ["/v1/rooms".to_owned(), format!("/v1/rooms?{all}&id=missing")] {
        let body = client.get(&path).await.1;
        assert_eq!(
            ids(&body["rooms"], "room_id"),
            world.rooms_of(user),
            "{user}: {path}"
        );
        for room in body["rooms"].as_array().into_iter().flatten() {
            let count = world.users_of(room["room_id"].as_str().unwrap_or_default()).len();
            assert_eq!(room["online_count"], count, "{user}: {room}");
        }
    }
}

async fn sees_event(world: &World, client: &Client, user: &str, event: &str) {
    let mine = world.rooms_of(user);
    let rooms: BTreeSet<String> = mine
        .into_iter()
        .filter(|room| world.event[room] == event)
        .collect();
    let people: BTreeSet<String> = rooms.iter().flat_map(|room| world.users_of(room)).collect();
    let (status, body) = client.get(&format!("/v1/events/{event}")).await;
    assert_eq!(
        status == StatusCode::OK,
        !rooms.is_empty(),
        "{user} of {event}: {body}"
    );
    assert_eq!(ids(&body["rooms"], "room_id"), rooms, "{user} of {event}");
    assert_eq!(ids(&body["people"], "user_id"), people, "{user} of {event}");
    for room in body["rooms"].as_array().into_iter().flatten() {
        let id = room["room_id"].as_str().unwrap_or_default();
        assert_eq!(
            ids(&room["members"], "user_id"),
            world.users_of(id),
            "{user} of {event}: {id}"
        );
    }
    let path = format!("/v1/stream?event={event}");
    let opened = client.send(Method::GET, &path, None).await.status();
    assert_eq!(opened == StatusCode::OK, !rooms.is_empty(), "{user}: {path}");
}

async fn sees_person(world: &World, client: &Client, user: &str, other: &str) {
    let shared: BTreeSet<String> = world
        .rooms_of(user)
        .intersection(&world.rooms_of(other))
        .cloned()
        .collect();
    let is_known = user == other || !shared.is_empty();
    let (status, body) = client.get(&format!("/v1/users/{other}")).await;
    assert_eq!(status == StatusCode::OK, is_known, "{user} of {other}: {body}");
    assert_eq!(ids(&body["rooms"], "room_id"), shared, "{user} of {other}");
    let path = format!("/v1/stream?user={other}");
    let opened = client.send(Method::GET, &path, None).await.status();
    assert_eq!(opened == StatusCode::OK, is_known, "{user}: {path}");
}

/// FAULTS 54. By body, query, header and path alike.
#[tokio::test]
async fn no_id_in_a_request_overrides_the_token() {
    let Some(db) = TestDb::new().await else { return };
    let (_, app) = (World::make(&db).await, TestApp::start(&db).await);
    let (guest, nobody) = (app.client("guest"), app.client("nobody"));
    let tab = session("guest", "chat");
    guest
        .beat("chat", tab, json!({"status": "busy", "message": "mine"}))
        .await;
    let before = guest.get("/v1/rooms/chat").await.1;

    // Another's session is one's own session of the same name, or nothing.
    let rival = app.client("rival");
    assert_eq!(rival.leave("chat", tab).await, StatusCode::NO_CONTENT);
    let (taken, _) = nobody.beat("chat", tab, json!({})).await;
    assert_eq!(taken, StatusCode::NOT_FOUND);
    for body in [
        json!({"user_id": "guest"}),
        json!({"sub": "guest"}),
        json!({"key": {"user": "guest"}}),
    ] {
        let (status, problem) = nobody.beat("chat", tab, body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
    }
    for (name, value) in [
        ("x-user-id", "guest"),
        ("x-forwarded-user", "guest"),
        ("remote-user", "guest"),
    ] {
        let request = nobody.request(Method::GET, "/v1/rooms/chat").header(name, value);
        assert_eq!(
            request.send().await.expect("an answer").status(),
            StatusCode::NOT_FOUND,
            "{name}"
        );
    }
    for query in ["user_id=guest", "sub=guest", "viewer=guest"] {
        let status = nobody.get(&format!("/v1/rooms/chat?{query}")).await.0;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
    by_no_scope_but_its_own(&nobody, tab).await;
    assert_eq!(
        guest.get("/v1/rooms/chat").await.1,
        before,
        "nothing of it was done"
    );
}

/// FAULTS 54.
#[tokio::test]
async fn who_may_speak_for_others_does_so_where_those_may_enter_and_sees_nothing_more() {
    let Some(db) = TestDb::new().await else { return };
    let (world, app) = (World::make(&db).await, TestApp::start(&db).await);
    let backend = app
        .client("nobody")
        .with_claims(json!({"sub": "nobody", "scope": "presence:write"}));

    for user in USERS {
        for (room, ..) in ROOMS {
            let item =
                json!({"items": [{"room_id": room, "session_id": session(user, room), "user_id": user}]});
            let (_, batch) = backend.call(Method::POST, "/v1/heartbeats", Some(&item)).await;
            let is_done = batch["items"][0]["expires_at"].is_string();
            assert_eq!(is_done, world.may(user, room), "{user} in {room}: {batch}");
        }
        assert_eq!(
            backend.get("/v1/rooms/chat").await.0,
            StatusCode::NOT_FOUND,
            "a scope shows nothing"
        );
    }
}

/// Nobody's heartbeats for others, kicks and clears.
async fn by_no_scope_but_its_own(nobody: &Client, tab: Uuid) {
    for scope in [
        "",
        "presence:admin",
        "presence:writer",
        "PRESENCE:WRITE",
        "presence:write,presence:admin",
    ] {
        let nobody = nobody.with_claims(json!({"sub": "nobody", "scope": scope}));
        let item =
            json!({"items": [{"room_id": "chat", "session_id": tab, "user_id": "guest", "status": "away"}]});
        let (_, batch) = nobody.call(Method::POST, "/v1/heartbeats", Some(&item)).await;
        assert_eq!(batch["items"][0]["type"], "forbidden", "{scope:?}");
        if scope != "presence:admin" {
            let kick = nobody
                .send(Method::DELETE, "/v1/rooms/chat/members/guest", None)
                .await
                .status();
            assert_eq!(kick, StatusCode::FORBIDDEN, "{scope:?}");
            let clear = nobody
                .send(Method::DELETE, "/v1/rooms/chat/presence", None)
                .await
                .status();
            assert_eq!(clear, StatusCode::FORBIDDEN, "{scope:?}");
        }
    }
}

fn ids(list: &Value, field: &str) -> BTreeSet<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|one| one[field].as_str().map(str::to_owned))
        .collect()
}
