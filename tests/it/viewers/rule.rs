//! What each user's own login sees of a randomised application, against what was put in (FAULTS 62).

use tokio_postgres::Client;

use super::world::World;
use crate::support::{
    db::TestDb,
    server::connect,
    sql::{code, list, literal, viewer},
};

/// A view, with what the world says of it.
type Look = (&'static str, &'static str, fn(&World, usize) -> Vec<String>);

/// The columns of each, as one text; `several` where a mapping has two roles for one.
const LOOKS: [Look; 4] = [
    (
        "visible_members",
        "room_id || '|' || user_id || '|' || coalesce(name, '-') || '|' || coalesce(avatar_url, '-') || '|' \
         || coalesce(role, '-') || '|' || status || '|' || message",
        World::members,
    ),
    (
        "visible_rooms",
        "room_id || '|' || coalesce(event_id::text, '-') || '|' || name || '|' || coalesce(kind, '-') || '|' || online_count",
        World::rooms,
    ),
    (
        "visible_events",
        "event_id || '|' || name || '|' || coordinator_id || '|' || online_count",
        World::events,
    ),
    (
        "visible_last_seen",
        "room_id || '|' || user_id || '|' || name || '|' || coalesce(reason, '-')",
        World::last_seen,
    ),
];

async fn seen(sql: &Client, columns: &str, from: &str) -> Vec<String> {
    let mut rows = list(sql, &format!("select {columns} from presence.{from}")).await;
    rows.sort_unstable();
    rows
}

/// Rows of one room or event: their first column.
fn of(rows: &[String], id: &str) -> Vec<String> {
    let begin = format!("{id}|");
    rows.iter()
        .filter(|row| row.starts_with(&begin))
        .cloned()
        .collect()
}

/// A role that one of two rows in the mapping gave: which, nobody promises.
fn alike(seen: Vec<String>, expected: &[String]) -> Vec<String> {
    let blur = |row: String| {
        if expected.contains(&row) {
            return row;
        }
        let mut parts: Vec<&str> = row.split('|').collect();
        if parts.len() == 7 {
            parts[4] = "several";
        }
        parts.join("|")
    };
    let mut rows: Vec<String> = seen.into_iter().map(blur).collect();
    rows.sort_unstable();
    rows
}

async fn assert_each_login_sees_its_own(id_type: &'static str, seed: u64) {
    let Some(db) = TestDb::with_ids(id_type).await else {
        return;
    };
    let world = World::settle(&db, id_type, seed).await;
    let mut seen_rows = 0;

    for (user, user_id) in world.users.iter().enumerate() {
        let url = viewer(&db, &format!("presence_test_eye_{user}"), user_id).await;
        let login = connect(&url).await.expect("a viewer's login");
        for (view, columns, oracle) in LOOKS {
            let expected = oracle(&world, user);
            let found = alike(seen(&login, columns, view).await, &expected);
            assert_eq!(found, expected, "{user_id:?} in {view}");
            seen_rows += found.len();

            let ids: Vec<&String> = match view {
                "visible_events" => world.events.iter().collect(),
                _ => world.rooms.iter().map(|room| &room.id).collect(),
            };
            for id in ids {
                let from = format!("{view}({})", literal(id));
                let found = alike(seen(&login, columns, &from).await, &expected);
                assert_eq!(found, of(&expected, id), "{user_id:?} in {from}");
            }
            let nowhere = match id_type {
                "text" => "nowhere",
                "uuid" => "ffffffff-ffff-ffff-ffff-ffffffffffff",
                _ => "0",
            };
            let from = format!("{view}('{nowhere}')");
            assert_eq!(
                seen(&login, columns, &from).await,
                [""; 0],
                "{user_id:?} in {from}"
            );
        }
    }

    assert!(
        seen_rows > 200,
        "a world in which something is to be seen: {seen_rows}"
    );
}

/// FAULTS 62, with ids that look like SQL.
#[tokio::test]
async fn each_login_sees_exactly_what_the_rule_grants_of_text_ids() {
    assert_each_login_sees_its_own("text", 62).await;
}

/// FAULTS 62.
#[tokio::test]
async fn each_login_sees_exactly_what_the_rule_grants_of_uuids() {
    assert_each_login_sees_its_own("uuid", 63).await;
}

/// FAULTS 62.
#[tokio::test]
async fn each_login_sees_exactly_what_the_rule_grants_of_numbers() {
    assert_each_login_sees_its_own("bigint", 64).await;
}

/// FAULTS 62: the world as seen by somebody who is nobody in it.
#[tokio::test]
async fn a_login_that_is_not_mapped_sees_nothing() {
    let Some(db) = TestDb::new().await else { return };
    World::settle(&db, "text", 65).await;
    let viewer = db
        .login("presence_test_nobody", "grant presence_viewer to $login")
        .await;
    let viewer = connect(&viewer).await.expect("a viewer's login");
    let stranger = db.login("presence_test_stranger", "").await;
    let stranger = connect(&stranger).await.expect("a login");

    for (view, columns, _) in LOOKS {
        assert_eq!(seen(&viewer, columns, view).await, [""; 0], "{view}");
        for from in [view.to_owned(), format!("{view}()"), format!("{view}('a')")] {
            let read = format!("select from presence.{from}");
            assert_eq!(code(&stranger, &read).await.as_deref(), Some("42501"), "{read}");
        }
    }
    assert_eq!(code(&viewer, "select presence.whoami()").await, None);
}
