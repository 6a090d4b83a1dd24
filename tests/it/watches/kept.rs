//! What is kept, for how long, and who may read it in SQL.

use super::{expand, told};
use crate::support::{
    db::TestDb,
    scene::Scene,
    server::connect,
    sql::{list, run, text, viewer},
};

const DAY: f64 = 86_400.0;

#[tokio::test]
async fn notifications_are_kept_for_thirty_days_and_watches_until_they_end() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let sql = scene.sql();
    let kept = "select concat_ws(' ', (select count(*) from presence_private.notification), \
                (select string_agg(watcher_id, ',' order by watcher_id) from presence_private.watch), \
                (select count(*) from presence_private.logout))";
    run(
        sql,
        "select presence.watch('alice', 'bob'), presence.watch('carol', 'bob', until_at => statement_timestamp() + interval '7 days'); \
         select presence.heartbeat('general', 'bob', gen_random_uuid()); \
         select presence.leave_everywhere('dave')",
    )
    .await;
    expand(sql).await;

    scene.reap(0.5 * DAY).await;
    assert_eq!(text(sql, kept).await, "2 alice,carol 1");
    scene.reap(6.0 * DAY).await;
    assert_eq!(text(sql, kept).await, "2 alice,carol 0");
    scene.reap(29.0 * DAY).await;
    assert_eq!(text(sql, kept).await, "2 alice 0");
    scene.reap(31.0 * DAY).await;
    assert_eq!(text(sql, kept).await, "0 alice 0");
}

#[tokio::test]
async fn a_notification_that_somebody_holds_stops_no_reaper() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let holder = db.admin().await;
    run(&holder, "select presence.watch('alice', 'bob'); select presence.heartbeat('general', 'bob', gen_random_uuid())").await;
    expand(&holder).await;
    run(&holder, "begin; select presence.read_notifications('alice')").await;

    run(scene.sql(), "set statement_timeout = '10s'").await;
    scene.reap(31.0 * DAY).await;

    run(&holder, "commit").await;
    assert_eq!(told(&holder).await, ["alice bob general"]);
}

/// A logout is remembered also of somebody who has no session, and takes part in nothing.
#[tokio::test]
async fn a_logout_is_remembered_of_whomever_it_was() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(&sql, "delete from event_app.rooms").await;

    run(&sql, "select presence.leave_everywhere('dave')").await;

    let found = "select user_id::text from presence.logged_out_at('{alice,dave}')";
    assert_eq!(list(&sql, found).await, ["dave"]);
    assert_eq!(
        text(&sql, "select count(*)::text from presence_private.session").await,
        "0"
    );
}

#[tokio::test]
async fn an_end_user_reads_their_own_notifications_and_no_others() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    run(
        &admin,
        "select presence.watch('alice', 'bob'), presence.watch('carol', 'bob'); \
         select presence.heartbeat('general', 'bob', gen_random_uuid())",
    )
    .await;
    expand(&admin).await;
    let alice = connect(&viewer(&db, "presence_test_told_alice", "alice").await)
        .await
        .expect("a login");
    let dave = connect(&viewer(&db, "presence_test_told_dave", "dave").await)
        .await
        .expect("a login");
    let read =
        "select concat_ws(' ', kind, user_id, name, room_id, event_id) from presence.visible_notifications";

    assert_eq!(list(&alice, read).await, ["online bob Bob Brandt general gala"]);
    assert_eq!(list(&dave, read).await, [""; 0]);
    run(&admin, "select presence.read_notifications('alice')").await;
    assert_eq!(
        list(
            &alice,
            "select id from presence.visible_notifications(unread => true)"
        )
        .await,
        [""; 0]
    );
    run(
        &admin,
        "delete from event_app.room_participants where user_id = 'bob'",
    )
    .await;
    assert_eq!(list(&alice, read).await, [""; 0], "bob takes part no more");
}
