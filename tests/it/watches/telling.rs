//! Who is told of whom: what a watcher may know, once, and not again too soon.

use serde_json::json;

use super::{expand, told};
use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
    sql::{code, run, text},
};

#[tokio::test]
async fn whoever_watches_is_told_and_not_again_within_the_quiet_period() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let (tab, sql) = (Tab::new("general", "bob"), scene.sql());
    run(sql, "select presence.watch('alice', 'bob', quiet => '10 min'), presence.watch('carol', 'bob', quiet => '0')").await;

    for at in [0.0, 300.0, 601.0] {
        scene.beat(at, &tab, json!({})).await;
        expand(sql).await;
        scene.leave(at + 10.0, &tab, None).await;
    }

    let expected =
        ["alice", "carol", "carol", "alice", "carol"].map(|watcher| format!("{watcher} bob general"));
    assert_eq!(told(sql).await, expected);
    let event = "select distinct concat_ws(' ', kind, event_id, read_at) from presence.notifications";
    assert_eq!(text(sql, event).await, "online gala");
}

#[tokio::test]
async fn a_room_switch_a_reload_and_a_second_room_tell_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let sql = scene.sql();
    let [here, again, there] = ["general", "general", "planning"].map(|room| Tab::new(room, "bob"));
    run(sql, "select presence.watch('alice', 'bob', quiet => '0')").await;

    scene.beat(0.0, &here, json!({})).await;
    scene.leave(10.0, &here, None).await;
    scene.beat(14.0, &again, json!({})).await; // a reload
    expand(sql).await;
    scene.leave(20.0, &again, None).await;
    scene.beat(24.0, &there, json!({})).await; // another room
    expand(sql).await;
    scene.beat(60.0, &here, json!({})).await; // a second one
    expand(sql).await;
    assert_eq!(told(sql).await, ["alice bob general"]);

    scene.leave(70.0, &here, None).await;
    scene.leave(70.0, &there, None).await;
    scene.beat(76.0, &there, json!({})).await;
    expand(sql).await;

    assert_eq!(told(sql).await, ["alice bob general", "alice bob planning"]);
}

/// Vera takes part in a room of bob's too: he learns nothing of the vendor room, and of her coming to their own all the
/// same.
#[tokio::test]
async fn nobody_is_told_of_a_room_that_is_closed_to_them_nor_misses_who_was_there_before() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let sql = scene.sql();
    run(
        sql,
        "insert into event_app.room_participants values ('planning', 'vera', 'vendor'); \
         select presence.watch('alice', 'vera'), presence.watch('bob', 'vera')",
    )
    .await;
    assert_eq!(
        code(sql, "select presence.watch('victor', 'vera')")
            .await
            .as_deref(),
        Some("PR404")
    );
    assert_eq!(
        code(sql, "select presence.watch('dave', 'vera')")
            .await
            .as_deref(),
        Some("PR404")
    );

    scene
        .beat(0.0, &Tab::new("vera-catering", "vera"), json!({}))
        .await;
    expand(sql).await;
    assert_eq!(told(sql).await, ["alice vera vera-catering"]);
    scene.beat(60.0, &Tab::new("planning", "vera"), json!({})).await;
    expand(sql).await;

    assert_eq!(told(sql).await, ["alice vera vera-catering", "bob vera planning"]);
}

#[tokio::test]
async fn whoever_lost_access_is_told_no_more_and_reads_no_more_of_what_they_were_told() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let (sql, tab) = (scene.sql(), Tab::new("general", "bob"));
    run(
        sql,
        "select presence.watch('carol', 'bob', quiet => '0'), presence.watch('alice', 'bob', quiet => '0')",
    )
    .await;
    scene.beat(0.0, &tab, json!({})).await;
    expand(sql).await;
    let reads = "select concat_ws(' ', (select count(*) from presence.notifications_of('carol')), \
                                       presence.unread_notifications('carol'), \
                                       (select count(*) from presence.new_notifications((select array_agg(notification_id) from presence.notifications))), \
                                       (select concat_ws(':', name, online) from presence.watches_of('carol')))";
    assert_eq!(text(sql, reads).await, "1 1 2 Bob Brandt:t");

    run(
        sql,
        "delete from event_app.room_participants where user_id = 'carol' and room_id = 'general'",
    )
    .await;
    scene.leave(10.0, &tab, None).await;
    scene.beat(60.0, &tab, json!({})).await;
    expand(sql).await;

    assert_eq!(text(sql, reads).await, "0 0 2 f");
    let expected = ["alice bob general", "carol bob general", "alice bob general"];
    assert_eq!(told(sql).await, expected);
}

#[tokio::test]
async fn a_role_is_told_as_it_is_when_somebody_comes() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let sql = scene.sql();
    run(
        sql,
        "insert into event_app.room_participants values ('vera-catering', 'bob', 'collaborator'), ('planning', 'carol', 'coordinator'); \
         select presence.watch_for_role('gala', 'coordinator', 'vera', quiet => '0')",
    )
    .await;
    let tab = Tab::new("vera-catering", "vera");

    scene.beat(0.0, &tab, json!({})).await;
    expand(sql).await;
    assert_eq!(
        told(sql).await,
        ["alice vera vera-catering"],
        "carol may not enter the room"
    );
    run(
        sql,
        "insert into event_app.room_participants values ('vera-catering', 'carol', 'collaborator')",
    )
    .await;
    scene.leave(10.0, &tab, None).await;
    scene.beat(60.0, &tab, json!({})).await;
    expand(sql).await;
    run(
        sql,
        "select presence.unwatch_for_role('gala', 'coordinator', 'vera')",
    )
    .await;
    scene.leave(70.0, &tab, None).await;
    scene.beat(120.0, &tab, json!({})).await;
    expand(sql).await;

    let expected = ["alice", "alice", "carol"].map(|watcher| format!("{watcher} vera vera-catering"));
    assert_eq!(told(sql).await, expected);
}

#[tokio::test]
async fn a_watch_of_one_room_goes_by_that_room_alone_and_one_that_ended_by_none() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let sql = scene.sql();
    run(
        sql,
        "select presence.watch('alice', 'bob', 'planning'), \
                presence.watch('carol', 'bob', until_at => statement_timestamp() + interval '1 min')",
    )
    .await;
    assert_eq!(
        code(sql, "select presence.watch('carol', 'bob', 'planning')")
            .await
            .as_deref(),
        Some("PR404")
    );

    scene.beat(0.0, &Tab::new("general", "bob"), json!({})).await; // an hour after the watch of carol ended
    expand(sql).await;
    assert_eq!(told(sql).await, [""; 0]);
    scene.beat(60.0, &Tab::new("planning", "bob"), json!({})).await;
    expand(sql).await;

    assert_eq!(told(sql).await, ["alice bob planning"]);
}

#[tokio::test]
async fn a_watch_has_bounds() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    for wrong in [
        "'alice', 'alice'",
        "'alice', null",
        "'alice', 'bob', quiet => '-1 s'",
        "'alice', 'bob', quiet => '25 hours'",
        "'alice', 'bob', quiet => null",
        "'alice', 'bob', until_at => statement_timestamp() - interval '1 s'",
        "'alice', 'bob', until_at => 'infinity'",
    ] {
        let refused = code(&sql, &format!("select presence.watch({wrong})")).await;
        assert_eq!(refused.as_deref(), Some("PR400"), "{wrong}");
    }
    let refused = code(&sql, "select presence.watch_for_role('gala', null, 'vera')").await;
    assert_eq!(refused.as_deref(), Some("PR400"));
    run(
        &sql,
        "insert into event_app.users (id, name) select 'u' || n, n from generate_series(1, 201) n; \
         insert into event_app.room_participants select 'general', 'u' || n from generate_series(1, 201) n; \
         select count(presence.watch('alice', 'u' || n)) from generate_series(1, 200) n; \
         select presence.watch('alice', 'u200', quiet => '0')",
    )
    .await;
    let refused = code(&sql, "select presence.watch('alice', 'u201')").await;
    assert_eq!(refused.as_deref(), Some("PR429"));
    run(
        &sql,
        "select presence.unwatch('alice', 'u7'), presence.watch('alice', 'u201')",
    )
    .await;
    let quiet = "select concat_ws(' ', count(*), count(distinct quiet)) from presence.watches where watcher_id = 'alice'";
    assert_eq!(text(&sql, quiet).await, "200 2");
}
