//! Each view's `id`: unique, whatever is in the keys, and the same for the same thing in every view.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{literal, run, viewer},
};

/// Keys that would collide if they were joined carelessly.
const NASTY: [&str; 23] = [
    "a",
    "b",
    "a.b",
    "b.a",
    ".",
    "..",
    "\"",
    "\"\"",
    "\"a\"",
    "\"a\".\"b\"",
    "a\".\"b",
    "'",
    "A",
    "select",
    " ",
    "a ",
    "\t",
    "\u{e9}",
    "e\u{301}",
    "\u{202e}a\u{1f468}\u{200d}",
    "\\",
    "a\\",
    "a\\.b",
];

/// Each view's key, and how many rows it has here; `rows` is what the view is read with.
const VIEWS: [(&str, &str, usize); 10] = [
    (
        "members",
        "room_id || ' / ' || user_id",
        NASTY.len() * NASTY.len(),
    ),
    (
        "sessions",
        "room_id || ' / ' || user_id || ' / ' || session_id",
        NASTY.len() * NASTY.len() * 2,
    ),
    ("rooms", "room_id::text", NASTY.len()),
    ("events", "event_id::text", NASTY.len()),
    (
        "last_seen",
        "room_id || ' / ' || user_id",
        NASTY.len() * NASTY.len(),
    ),
    (
        "activity_24h",
        "room_id || ' / ' || user_id",
        NASTY.len() * NASTY.len(),
    ),
    (
        "visible_members",
        "room_id || ' / ' || user_id",
        NASTY.len() * NASTY.len(),
    ),
    ("visible_rooms", "room_id::text", NASTY.len()),
    ("visible_events", "event_id::text", NASTY.len()),
    (
        "visible_last_seen",
        "room_id || ' / ' || user_id",
        NASTY.len() * NASTY.len(),
    ),
];

/// Everybody in every room, twice; each room of an event of its own.
fn everybody_everywhere() -> String {
    let keys = NASTY.map(literal).join(", ");
    format!(
        "delete from event_app.room_participants; delete from event_app.rooms; delete from event_app.events; delete from event_app.users;
         create temp table key as select unnest(array[{keys}]) as k;
         insert into event_app.users (id, name) select k, 'Name' from key;
         insert into event_app.events (id, name) select k, 'Name' from key;
         insert into event_app.rooms (id, event_id, name) select k, k, 'Name' from key;
         insert into event_app.room_participants (room_id, user_id) select r.k, u.k from key r, key u;
         select count(*) from (select array_agg(r.k order by r.k, u.k, n) as rooms, array_agg(u.k order by r.k, u.k, n) as users,
                                      array_agg(gen_random_uuid()) as sessions
                                 from key r, key u, generate_series(1, 2) n) b
          cross join lateral presence.heartbeat_batch(b.rooms::presence.room_id[], b.users::presence.user_id[], b.sessions) h
          where h.outcome <> 'ok'"
    )
}

#[tokio::test]
async fn no_two_rows_of_a_view_share_an_id_whatever_their_keys() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    run(&admin, &everybody_everywhere()).await;
    let app = db
        .login("presence_test_ids_app", "grant presence_app to $login")
        .await;
    let app = connect(&app).await.expect("a backend's login");
    let eye = connect(&viewer(&db, "presence_test_ids_eye", NASTY[9]).await)
        .await
        .expect("a viewer's login");
    let mut id_of: BTreeMap<String, String> = BTreeMap::new();

    for (view, key, expected) in VIEWS {
        let login = if view.starts_with("visible_") { &eye } else { &app };
        let rows = login
            .query(&format!("select id, {key} from presence.{view}"), &[])
            .await
            .expect(view);

        let ids: BTreeSet<&str> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!((rows.len(), ids.len()), (expected, expected), "{view}");
        for row in &rows {
            let (id, key): (String, String) = (row.get(0), row.get(1));
            assert_eq!(
                *id_of.entry(key.clone()).or_insert(id.clone()),
                id,
                "{view}: {key:?}"
            );
        }
    }
}
