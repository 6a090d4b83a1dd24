//! What is written of who comes and goes: nothing where nobody wants it, one row where somebody does.

use serde_json::json;
use tokio_postgres::Client;

use super::expand;
use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
    sql::{list, run, text},
};

/// `<what> <room>[ <user>][ <reason>]`, in order.
async fn edges(sql: &Client) -> Vec<String> {
    let edges =
        "select concat_ws(' ', what, room_id, user_id, reason) from presence_private.edge order by edge_id";
    list(sql, edges).await
}

/// As if there were webhooks.
async fn want_all(sql: &Client) {
    run(sql, "update presence_private.wanted set hooks = true").await;
}

#[tokio::test]
async fn where_nobody_watches_nobody_writes_down_who_comes_and_goes() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let tab = Tab::new("general", "alice");
    run(scene.sql(), "select presence.watch('alice', 'bob')").await;

    scene.beat(0.0, &tab, json!({})).await;
    scene.leave(1.0, &tab, None).await;

    assert_eq!(edges(scene.sql()).await, [""; 0]);
    run(scene.sql(), "select presence.unwatch('alice', 'bob')").await;
    assert_eq!(
        text(scene.sql(), "select presence.expand_edges()::text").await,
        "null"
    );
}

#[tokio::test]
async fn a_join_of_whoever_is_watched_is_one_row_and_a_second_tab_a_status_and_a_leave_are_none() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let (first, second) = (Tab::new("general", "bob"), Tab::new("general", "bob"));
    run(
        scene.sql(),
        "select presence.watch('alice', 'bob'), presence.watch('carol', 'bob')",
    )
    .await;

    scene.beat(0.0, &first, json!({})).await;
    scene.beat(1.0, &second, json!({"status": "away"})).await;
    scene.beat(2.0, &first, json!({"status": "busy"})).await;
    scene.leave(3.0, &first, None).await;
    scene.leave(4.0, &second, None).await;

    assert_eq!(edges(scene.sql()).await, ["member.joined general bob"]);
}

#[tokio::test]
async fn a_join_that_is_rolled_back_leaves_no_trace() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(&sql, "select presence.watch('alice', 'bob')").await;

    run(
        &sql,
        "begin; select presence.heartbeat('general', 'bob', gen_random_uuid())",
    )
    .await;
    assert_eq!(edges(&sql).await, ["member.joined general bob"]);
    run(&sql, "rollback").await;

    assert_eq!(edges(&sql).await, [""; 0]);
    expand(&sql).await;
    assert_eq!(super::told(&sql).await, [""; 0]);
}

#[tokio::test]
async fn where_all_is_wanted_it_is_written_in_the_order_in_which_it_was() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    want_all(scene.sql()).await;
    let [here, there] = ["general", "planning"].map(|room| Tab::new(room, "alice"));
    let bob = Tab::new("general", "bob");

    scene.beat(0.0, &here, json!({})).await;
    scene.beat(1.0, &bob, json!({})).await;
    scene.beat(2.0, &there, json!({})).await;
    scene.leave(3.0, &here, None).await;
    scene.leave(4.0, &bob, None).await;
    scene.reap(100.0).await;

    let expected = [
        "member.joined general alice",
        "room.occupied general",
        "user.online general alice",
        "member.joined general bob",
        "user.online general bob",
        "member.joined planning alice",
        "room.occupied planning",
        "member.left general alice left",
        "user.offline general alice left", // looked at again once the grace is over
        "member.left general bob left",
        "room.empty general",
        "user.offline general bob left",
        "member.left planning alice expired",
        "room.empty planning",
        "user.offline planning alice expired",
    ];
    assert_eq!(edges(scene.sql()).await, expected);
}

/// `<what> <room> <user>` of users' edges that are true after 5 s of grace.
async fn true_edges(sql: &Client) -> Vec<String> {
    let edges = "select concat_ws(' ', e.what, e.room_id, e.user_id) from presence_private.edge e \
                  where e.what like 'user.%' and presence_private.is_true_edge(e, '5 s') order by e.edge_id";
    list(sql, edges).await
}

#[tokio::test]
async fn from_one_room_to_another_within_the_grace_nobody_goes_offline_and_comes_online() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    want_all(scene.sql()).await;
    let [here, there] = ["general", "planning"].map(|room| Tab::new(room, "alice"));

    scene.beat(0.0, &here, json!({})).await;
    scene.leave(10.0, &here, None).await;
    scene.beat(14.0, &there, json!({})).await;
    scene.leave(20.0, &there, None).await;
    scene.beat(26.0, &here, json!({})).await;

    let expected = [
        "user.online general alice",
        "user.offline planning alice",
        "user.online general alice",
    ];
    assert_eq!(true_edges(scene.sql()).await, expected);
}

#[tokio::test]
async fn whoever_expires_and_is_back_a_moment_later_was_neither_away_nor_came() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    want_all(scene.sql()).await;

    scene.beat(0.0, &Tab::new("general", "alice"), json!({})).await;
    scene.reap(100.0).await;
    scene.beat(101.0, &Tab::new("general", "alice"), json!({})).await;

    assert_eq!(true_edges(scene.sql()).await, ["user.online general alice"]);
}

/// Neither of two transactions sees what the other one does, so both write that it may be so.
#[tokio::test]
async fn two_rooms_that_are_entered_or_left_at_once_are_one_coming_and_one_going() {
    let Some(db) = TestDb::new().await else { return };
    let (one, other) = (db.admin().await, db.admin().await);
    want_all(&one).await;
    run(&one, "select presence.reap()").await; // begins the epoch, for which both would wait
    let call = |function: &str, room: &str| {
        format!(
            "begin; select presence.{function}('{room}', 'alice', '00000000-0000-4000-8000-000000000001')"
        )
    };

    for function in ["heartbeat", "leave"] {
        run(&one, &call(function, "general")).await;
        run(&other, &call(function, "planning")).await;
        run(&one, "commit").await;
        run(&other, "commit").await;
    }

    let written = "select count(*)::text from presence_private.edge where what like 'user.%'";
    assert_eq!(text(&one, written).await, "4");
    let expected = ["user.online general alice", "user.offline planning alice"];
    assert_eq!(true_edges(&one).await, expected);
}

/// What a going offline was is known once the grace is over: until then it stays.
#[tokio::test]
async fn a_going_is_kept_until_the_grace_is_over() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    want_all(&sql).await;
    let session = "'general', 'alice', '00000000-0000-4000-8000-000000000001'";
    run(
        &sql,
        &format!("select presence.heartbeat({session}), presence.leave({session})"),
    )
    .await;

    expand(&sql).await;
    assert_eq!(edges(&sql).await, ["user.offline general alice left"]);
    run(
        &sql,
        "update presence_private.edge set at = at - interval '5 seconds'",
    )
    .await;
    expand(&sql).await;

    assert_eq!(edges(&sql).await, [""; 0]);
}

#[tokio::test]
async fn a_loss_of_the_unlogged_data_repeats_no_join_and_ends_whoever_does_not_come_back() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    want_all(scene.sql()).await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|user| Tab::new("general", user));
    scene.reap(0.0).await; // its diary says when somebody was here last
    for tab in [&alice, &bob] {
        scene.beat(0.0, tab, json!({})).await;
    }
    run(
        scene.sql(),
        "truncate presence_private.session; delete from presence_private.edge",
    )
    .await;

    scene.beat(1.0, &carol, json!({})).await;
    scene.beat(1.0, &alice, json!({})).await;
    scene.leave(2.0, &carol, None).await;
    scene.reap(3.0).await;

    let expected = [
        "member.joined general carol",
        "user.online general carol",
        "member.left general carol left",
        "user.offline general carol left",
        "member.left general bob expired",
        "user.offline general bob expired",
    ];
    assert_eq!(edges(scene.sql()).await, expected);
}
