//! Ids of the other types: the same presence, bad ids refused before any SQL, the application's own keys used.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{app::TestApp, client::Client, db::TestDb};

/// A small cast with ids of one type: as Postgres prints them, and as somebody else may write them.
struct Cast {
    id_type: &'static str,
    alice: &'static str,
    alice_otherwise: &'static str,
    bob: &'static str,
    room: &'static str,
    room_otherwise: &'static str,
    event: &'static str,
    nobody: &'static str,
    bad: [&'static str; 3],
}

/// One byte more than a text id may have.
const TOO_LONG: &str = "\
0123456789012345678901234567890123456789012345678901234567890123456789\
01234567890123456789012345678901234567890123456789012345678";

const UUID: Cast = Cast {
    id_type: "uuid",
    alice: "a11ce000-0000-4000-8000-00000000000a",
    alice_otherwise: "A11CE000-0000-4000-8000-00000000000A",
    bob: "b0b00000-0000-4000-8000-00000000000b",
    room: "abcdef00-0000-4000-8000-0000000000c1",
    room_otherwise: "ABCDEF00-0000-4000-8000-0000000000C1",
    event: "e0e0e000-0000-4000-8000-0000000000e1",
    nobody: "00000000-0000-4000-8000-000000000000",
    bad: ["general", "7", "abcdef00-0000-4000-8000-0000000000c1x"],
};

const BIGINT: Cast = Cast {
    id_type: "bigint",
    alice: "1",
    alice_otherwise: "001",
    bob: "-2",
    room: "9223372036854775807",
    room_otherwise: "%2B9223372036854775807",
    event: "5",
    nobody: "404",
    bad: ["general", "9223372036854775808", "1.0"],
};

const TEXT: Cast = Cast {
    id_type: "text",
    alice: "alice a",
    alice_otherwise: "alice a",
    bob: "bob/b",
    room: "Küche",
    room_otherwise: "K%C3%BCche",
    event: "e",
    nobody: "nobody",
    bad: ["%00", "a%00b", TOO_LONG],
};

async fn settle_in(sql: &tokio_postgres::Client, cast: &Cast) {
    let Cast {
        alice,
        bob,
        room,
        event,
        ..
    } = cast;
    let load = format!(
        "insert into event_app.users (id, name) values ('{alice}', 'Alice'), ('{bob}', 'Bob');
         insert into event_app.events (id, name, coordinator_id) values ('{event}', 'Gala', '{alice}');
         insert into event_app.rooms (id, event_id, name) values ('{room}', '{event}', 'Room');
         insert into event_app.room_participants (room_id, user_id, role)
         values ('{room}', '{alice}', 'coordinator'), ('{room}', '{bob}', 'collaborator')"
    );
    sql.batch_execute(&load).await.expect("the cast");
}

async fn presence_works(cast: &Cast) {
    let Some(db) = TestDb::with_ids(cast.id_type).await else {
        return;
    };
    settle_in(&db.admin().await, cast).await;
    let app = TestApp::start(&db).await;
    let (alice, bob, tab) = (app.client(cast.alice), app.client(cast.bob), Uuid::new_v4());
    let mut stream = bob.stream(&[cast.room_otherwise]).await;
    stream.next_of("snapshot").await;

    let first = alice
        .beat(cast.room_otherwise, tab, json!({"message": "hi"}))
        .await;
    let joined = stream.next_of("diff").await;
    let same = app.client(cast.alice_otherwise);
    let again = same.beat(cast.room, tab, json!({"status": "busy"})).await;
    let updated = stream.next_of("diff").await;

    assert_eq!(
        (first.0.as_u16(), again.0.as_u16()),
        (200, 200),
        "{first:?} {again:?}"
    );
    assert_eq!(first.1["joined_at"], again.1["joined_at"]);
    assert_eq!(joined.data["room_id"], cast.room);
    assert_eq!(joined.data["joined"][0]["user_id"], cast.alice);
    assert_eq!(updated.data["updated"][0]["status"], "busy");
    assert_eq!(stream.wrongs(), [""; 0]);
    let (_, snapshot) = bob.get(&format!("/v1/rooms/{}", cast.room_otherwise)).await;
    assert_eq!(
        (&snapshot["room_id"], &snapshot["online_count"]),
        (&json!(cast.room), &json!(1))
    );
    let (_, rooms) = bob.get("/v1/rooms").await;
    assert_eq!(rooms["rooms"][0]["event_id"], cast.event);
    let (_, event) = bob.get(&format!("/v1/events/{}", cast.event)).await;
    assert_eq!(
        (&event["coordinator_id"], &event["online_count"]),
        (&json!(cast.alice), &json!(1))
    );
    let (_, user) = bob
        .get(&format!("/v1/users/{}", cast.alice_otherwise.replace(' ', "%20")))
        .await;
    assert_eq!(
        (&user["user_id"], &user["rooms"][0]["room_id"]),
        (&json!(cast.alice), &json!(cast.room))
    );

    unknown_and_bad_ids_are_told_apart(&app, &bob, cast).await;
    whoever_watches_is_told(&app, cast).await;
}

/// Alice of bob, who comes to the room, on a stream.
async fn whoever_watches_is_told(app: &TestApp, cast: &Cast) {
    let (alice, bob) = (app.client(cast.alice), app.client(cast.bob));
    alice.send(Method::DELETE, "/v1/me/sessions", None).await; // busy: she would be told nothing
    let body = json!({"room_id": cast.room});
    let path = format!("/v1/me/watches/{}", cast.bob.replace('/', "%2F"));
    let (status, watch) = alice.call(Method::PUT, &path, Some(&body)).await;
    assert_eq!(
        (status.as_u16(), &watch["room_id"]),
        (200, &json!(cast.room)),
        "{watch}"
    );
    let mut stream = alice.stream(&[cast.room_otherwise]).await;

    bob.beat(cast.room, Uuid::new_v4(), json!({})).await;

    let told = stream.next_of("notification").await.data;
    assert_eq!(
        (&told["user_id"], &told["room_id"], &told["event_id"]),
        (&json!(cast.bob), &json!(cast.room), &json!(cast.event))
    );
}

async fn unknown_and_bad_ids_are_told_apart(app: &TestApp, bob: &Client, cast: &Cast) {
    for (path, kind) in [
        (format!("/v1/rooms/{}", cast.nobody), "room-not-found"),
        (format!("/v1/events/{}", cast.nobody), "event-not-found"),
        (format!("/v1/users/{}", cast.nobody), "user-not-found"),
    ] {
        let (status, problem) = bob.get(&path).await;
        assert_eq!((status.as_u16(), &problem["type"]), (404, &json!(kind)), "{path}");
    }
    for bad in cast.bad {
        for path in [
            format!("/v1/rooms/{bad}"),
            format!("/v1/events/{bad}"),
            format!("/v1/users/{bad}"),
            format!("/v1/rooms?id={bad}"),
            format!("/v1/stream?room={bad}"),
        ] {
            let (status, problem) = bob.get(&path).await;
            assert_eq!(
                (status.as_u16(), &problem["type"]),
                (400, &json!("invalid")),
                "{path}: {problem}"
            );
        }
        if cast.id_type != "text" {
            assert_eq!(
                app.client(bad).get("/v1/rooms").await.0.as_u16(),
                401,
                "a user {bad:?}"
            );
        }
    }
}

#[tokio::test]
async fn uuid_ids_work_in_any_case() {
    presence_works(&UUID).await;
}

#[tokio::test]
async fn bigint_ids_work_in_any_form() {
    presence_works(&BIGINT).await;
}

#[tokio::test]
async fn text_ids_may_be_any_text() {
    presence_works(&TEXT).await;
}

/// Through the domains and the inlined mapping, with tables large enough that a scan would cost.
#[tokio::test]
async fn the_applications_own_keys_are_used() {
    for cast in [&TEXT, &UUID, &BIGINT] {
        let Some(db) = TestDb::with_ids(cast.id_type).await else {
            return;
        };
        let sql = db.admin().await;
        let id = match cast.id_type {
            "text" => "n::text",
            "uuid" => "lpad(n::text, 32, '0')::uuid",
            _ => "n",
        };
        let populate = format!(
            "insert into event_app.users (id, name) select {id}, 'U' from generate_series(10, 5009) n;
             insert into event_app.rooms (id, name) select {id}, 'R' from generate_series(10, 5009) n;
             insert into event_app.room_participants (room_id, user_id) select {id}, {id} from generate_series(10, 5009) n;
             insert into event_app.room_participants (room_id, user_id)
             select {id}, '{}' from generate_series(10, 5009) n on conflict do nothing;
             analyze event_app.users, event_app.rooms, event_app.room_participants",
            cast.alice
        );
        settle_in(&sql, cast).await;
        sql.batch_execute(&populate).await.expect("many rows");
        sql.batch_execute("set role presence_owner")
            .await
            .expect("the owner of the definers");
        let (room, user) = (cast.room, cast.alice);
        let single =
            format!("presence_private.room_access() a where a.room_id = '{room}' and a.user_id = '{user}'");
        let batch = format!(
            "unnest(array['{room}']::text[]::presence.room_id[], array['{user}']::text[]::presence.user_id[]) i(room_id, user_id) \
             where exists (select from presence_private.room_access() a where a.room_id = i.room_id and a.user_id = i.user_id)"
        );
        let users = format!("presence_host.users() u where u.user_id = '{user}'");

        for (from, keys) in [
            (single, ["room_participants_pkey", "rooms_pkey"].as_slice()),
            (batch, &["room_participants_pkey", "rooms_pkey"]),
            (users, &["users_pkey"]),
        ] {
            let plan = format!("explain (costs off) select * from {from}");
            let rows = sql.query(&plan, &[]).await.expect("a plan");
            let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            let plan = plan.join("\n");
            assert!(
                keys.iter().all(|key| plan.contains(key)),
                "{}:\n{plan}",
                cast.id_type
            );
            assert!(!plan.contains("Seq Scan"), "{}:\n{plan}", cast.id_type);
            assert!(!plan.contains("Function Scan on room_access"), "{plan}");
        }
    }
}
