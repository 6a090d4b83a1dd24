//! Applications whose tables have row-level security: with a policy for presence_owner presence works as ever, without
//! one nobody is let in, and `presence.why` says what is missing (FAULTS 62).

use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{list, run, viewer},
};

const ROOMS: &str =
    "select room_id || ' ' || name || ' ' || online_count from presence.visible_rooms order by 1";

const ALL: &str = "\
select v::text from presence.visible_members v union all select v::text from presence.visible_rooms v
 union all select v::text from presence.visible_events v union all select v::text from presence.visible_last_seen v
 union all select v::text from presence.visible_members('general') v";

const TABLES: [&str; 4] = ["users", "events", "rooms", "room_participants"];

async fn secure(admin: &Client, tables: &[&str]) {
    for table in tables {
        run(
            admin,
            &format!("alter table event_app.{table} enable row level security"),
        )
        .await;
    }
}

async fn let_presence_read(admin: &Client, tables: &[&str]) {
    for table in tables {
        let policy = format!(
            "create policy presence_reads on event_app.{table} for select to presence_owner using (true)"
        );
        run(admin, &policy).await;
    }
}

async fn reasons(admin: &Client) -> Vec<String> {
    let why = "select reason || ' ' || holds from presence.why('bob', 'general')";
    list(admin, why).await.into_iter().take(3).collect()
}

async fn bob_and_alice(db: &TestDb, login: &str) -> (Client, Client) {
    let admin = db.admin().await;
    run(
        &admin,
        "select presence.heartbeat('general', 'alice', gen_random_uuid())",
    )
    .await;
    let bob = connect(&viewer(db, login, "bob").await)
        .await
        .expect("bob's login");
    (admin, bob)
}

/// FAULTS 62: without a policy all is denied, and the reason can be had.
#[tokio::test]
async fn without_a_policy_for_presence_nobody_sees_anything_and_why_says_what_is_missing() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, bob) = bob_and_alice(&db, "presence_test_rls_bob").await;
    assert_eq!(
        list(&bob, ROOMS).await,
        ["general General 1", "planning Planning 0"]
    );

    secure(&admin, &["room_participants"]).await;
    assert_eq!(list(&bob, ALL).await, [""; 0]);
    assert_eq!(
        reasons(&admin).await,
        [
            "the room exists true",
            "the user takes part false",
            "the user may enter false"
        ]
    );
    let denied = "select presence.heartbeat('general', 'bob', gen_random_uuid())";
    let denied = admin.batch_execute(denied).await.expect_err("nobody may enter");
    assert_eq!(denied.code().map(|code| code.code()), Some("PR404"));

    let_presence_read(&admin, &["room_participants"]).await;
    secure(&admin, &["rooms"]).await;
    assert_eq!(list(&bob, ALL).await, [""; 0]);
    assert_eq!(
        reasons(&admin).await,
        [
            "the room exists false",
            "the user takes part true",
            "the user may enter false"
        ]
    );

    let_presence_read(&admin, &["rooms"]).await;
    assert_eq!(
        list(&bob, ROOMS).await,
        ["general General 1", "planning Planning 0"]
    );
}

/// FAULTS 62: with policies it is as without row-level security, forced or not.
#[tokio::test]
async fn with_policies_for_presence_a_viewer_sees_the_same() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, bob) = bob_and_alice(&db, "presence_test_rls_bob").await;
    let open = list(&bob, ALL).await;

    secure(&admin, &TABLES).await;
    let_presence_read(&admin, &TABLES).await;
    assert_eq!(list(&bob, ALL).await, open);
    for table in TABLES {
        run(
            &admin,
            &format!("alter table event_app.{table} force row level security"),
        )
        .await;
    }

    assert_eq!(list(&bob, ALL).await, open);
    assert!(open.len() > 4, "{open:?}");
    let read = bob
        .query("select * from event_app.rooms", &[])
        .await
        .expect_err("not his table");
    assert_eq!(read.code().map(|code| code.code()), Some("42501"));
}

/// FAULTS 62: a policy that goes by what a viewer can set may take rooms away from him, and gives him none.
#[tokio::test]
async fn a_policy_that_goes_by_settings_gives_nobody_more() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, bob) = bob_and_alice(&db, "presence_test_rls_bob").await;
    let open = list(&bob, ALL).await;
    secure(&admin, &["room_participants"]).await;
    let policy = "create policy mine on event_app.room_participants using (user_id = current_setting('app.user_id', true))";
    run(&admin, policy).await;

    for (user, expected) in [
        ("carol", vec![]),
        ("", vec![]),
        ("bob", vec!["general General 1", "planning Planning 0"]),
    ] {
        run(&bob, &format!("set app.user_id = '{user}'")).await;
        assert_eq!(list(&bob, ROOMS).await, expected, "{user}");
        let seen = list(&bob, ALL).await;
        let beyond = |row: &&String| !open.contains(row) && !row.contains("alice,");
        assert_eq!(seen.iter().find(beyond), None, "{user}");
    }
}

/// FAULTS 62, 65: without filters there is an error, and no row.
#[tokio::test]
async fn switching_row_security_off_ends_in_an_error() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, bob) = bob_and_alice(&db, "presence_test_rls_bob").await;
    secure(&admin, &["room_participants"]).await;
    run(&bob, "set row_security = off").await;

    for view in [
        "visible_members",
        "visible_rooms",
        "visible_events",
        "visible_last_seen",
    ] {
        let error = bob
            .query(&format!("select * from presence.{view}"), &[])
            .await
            .expect_err("no filter, no row");
        assert_eq!(error.code().map(|code| code.code()), Some("42501"), "{view}");
    }
}
