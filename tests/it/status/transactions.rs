//! In a caller's own transaction.

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{as_owner, code, list, run, text},
};

#[tokio::test]
async fn a_rollback_leaves_no_trace() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    run(
        &admin,
        "select presence.heartbeat('general', 'alice', gen_random_uuid())",
    )
    .await;
    let everything = "select concat((select array_agg(s) from presence_private.session s), \
                      (select array_agg(m) from presence_private.member m), (select array_agg(r) from presence_private.room r), \
                      (select array_agg(c) from presence_private.change c), (select array_agg(o) from presence_private.own_status o))";
    let before = text(&admin, everything).await;

    run(
        &admin,
        "begin; select presence.set_status('alice', 'busy', message => 'on site'); select presence.set_status('bob', 'away')",
    )
    .await;
    let within = "select concat_ws(' ', status, message) from presence.status_of('alice')";
    assert_eq!(text(&admin, within).await, "busy on site");
    run(&admin, "rollback").await;

    assert_eq!(text(&admin, everything).await, before);
}

/// One change of each room, in the caller's transaction; setting the same again is none.
#[tokio::test]
async fn it_is_one_change_of_each_room_and_none_where_it_changes_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let tabs = "select presence.heartbeat(r, 'alice', gen_random_uuid()) from unnest(array['general', 'general', 'planning']) r";
    run(&admin, tabs).await;

    for _ in 0..2 {
        run(
            &admin,
            "select presence.set_status('alice', 'busy', message => 'on site')",
        )
        .await;
    }
    run(&admin, "select presence.set_status('alice')").await;

    let log = "select concat_ws(' ', room_id, revision, what) from presence_private.change order by room_id, revision";
    assert_eq!(
        list(&admin, log).await,
        [
            "general 1 join",
            "general 2 update",
            "planning 1 join",
            "planning 2 update"
        ]
    );
}

/// What lasts is in SQL at once, also where nothing reaps.
#[tokio::test]
async fn views_go_by_the_clock_where_nobody_reaps() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    run(
        &admin,
        "select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000001', status => 'away');
         select presence.set_status('alice', 'busy', now() + interval '1 hour')",
    )
    .await;
    let members = "select concat_ws(' ', status, status_until is null) from presence.members";
    let sessions = "select status from presence.sessions";
    assert_eq!(list(&admin, members).await, ["busy f"]);

    as_owner(
        &admin,
        "update presence_private.own_status set status_until = now(); update presence_private.session set status_until = now()",
    )
    .await;

    assert_eq!(list(&admin, members).await, ["away t"]);
    assert_eq!(list(&admin, sessions).await, ["away"]);
    run(&admin, "select presence.reap()").await;
    let committed = "select concat_ws(' ', status, status_until is null) from presence_private.member";
    assert_eq!(list(&admin, committed).await, ["away t"]);
}

#[tokio::test]
async fn a_backend_may_set_it_and_a_viewer_may_not() {
    let Some(db) = TestDb::new().await else { return };
    let backend = db
        .login("presence_test_status_app", "grant presence_app to $login")
        .await;
    let viewer = db
        .login("presence_test_status_viewer", "grant presence_viewer to $login")
        .await;
    let (backend, viewer) = (
        connect(&backend).await.expect("a login"),
        connect(&viewer).await.expect("a login"),
    );

    for call in [
        "select presence.set_status('alice', 'busy')",
        "select presence.status_of('alice')",
        "select presence.activity_counts('general', 'alice')",
        "select presence.room_visits('alice', 'general')",
        "select presence.members_at('general')",
        "select presence.room_activity('alice', 'general')",
        "select presence.event_activity('alice', 'gala')",
        "select presence.erase_user('alice')",
    ] {
        assert_eq!(code(&backend, call).await, None, "{call}");
        assert_eq!(code(&viewer, call).await.as_deref(), Some("42501"), "{call}");
    }
}
