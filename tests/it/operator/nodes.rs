//! Nodes, as each tells of itself and any of them shows all; and what a look shows where something is wrong.

use serde_json::Value;
use uuid::Uuid;

use super::{PATIENCE, Scene};
use crate::support::db::TestDb;

fn nodes(seen: &Value) -> &[Value] {
    seen["nodes"].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test]
async fn two_nodes_see_each_other_and_one_that_stops_is_gone() {
    let Some(db) = TestDb::new().await else { return };
    let (one, two) = (Scene::start(&db).await, Scene::start(&db).await);

    let (first, second) = tokio::join!(
        one.until(|seen| nodes(seen).len() == 2),
        two.until(|seen| nodes(seen).len() == 2)
    );
    let Scene { app, .. } = two;
    app.terminate();
    app.ended().await.expect("it stops");
    let after = one.until(|seen| nodes(seen).len() == 1).await;

    assert_ne!(first["node"]["node_id"], second["node"]["node_id"]);
    let ids = |seen: &Value| {
        let mut ids: Vec<String> = nodes(seen)
            .iter()
            .map(|node| node["node_id"].to_string())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&first), ids(&second));
    assert!(ids(&first).contains(&second["node"]["node_id"].to_string()));
    assert_eq!(nodes(&after)[0]["node_id"], first["node"]["node_id"]);
}

#[tokio::test]
async fn a_node_that_died_is_silent_and_then_forgotten() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, admin) = (Scene::start(&db).await, db.admin().await);
    let silent_for = async |time: &str| {
        let sql = format!(
            "select presence.node_beat('deadbeef', '0.0.1', 1000, '{{\"is_ready\": true, \"streams\": 7}}');
             update presence_private.node set seen_at = now() - interval '{time}' where node_id = 'deadbeef'"
        );
        admin.batch_execute(&sql).await.expect("a node that died");
    };
    let dead = |seen: &Value| {
        nodes(seen)
            .iter()
            .find(|node| node["node_id"] == "deadbeef")
            .cloned()
    };

    silent_for("1 minute").await;
    let seen = scene.until(|seen| dead(seen).is_some()).await;
    silent_for("6 minutes").await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let count = "select count(*) from presence_private.node where node_id = 'deadbeef'";
    while admin
        .query_one(count, &[])
        .await
        .expect("a count")
        .get::<_, i64>(0)
        > 0
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the reaper never forgets it"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    let dead = dead(&seen).expect("it is listed");
    assert_eq!(
        (&dead["is_silent"], &dead["figures"]["streams"]),
        (&true.into(), &7.into())
    );
    assert_eq!(seen["node"]["is_silent"], false);
}

#[tokio::test]
async fn what_a_node_does_is_counted_streams_topics_refusals_and_its_tasks() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    let alice = scene.app.client("alice");
    let mut stream = alice
        .stream(&[&format!("general&count=planning&session={}", Uuid::new_v4())])
        .await;
    stream.next_of("snapshot").await;
    alice.get("/v1/rooms/nowhere").await;
    alice
        .with_claims(serde_json::json!({"sub": "alice", "exp": 1}))
        .get("/v1/rooms")
        .await;

    let told = |figures: &Value| {
        figures["streams"] == 1
            && figures["topics"] == 2
            && figures["leases"] == 1
            && figures["totals"]["not_found"] == 1
            && figures["totals"]["unauthenticated"] == 1
            && figures["heard_ms"].is_u64()
            && figures["canary_ms"].as_f64() > Some(0.0)
            && figures["read_ms"].is_u64()
            && figures["reaped_ms"].is_u64()
    };
    // At once by the node itself; by what it told the database with its next word.
    scene.until(|seen| told(&seen["node"]["figures"])).await;
    scene.until(|seen| told(&nodes(seen)[0]["figures"])).await;
    drop(stream);
    scene.until(|seen| seen["node"]["figures"]["topics"] == 0).await;
}

#[tokio::test]
async fn a_broken_mapping_hides_rooms_and_nothing_else() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, admin) = (Scene::start(&db).await, db.admin().await);
    scene.enter("alice", "general", serde_json::json!({})).await;
    scene.until(|seen| seen["rooms"][0]["members"] == 1).await;

    let away = "alter table event_app.rooms rename to rooms_away";
    admin.batch_execute(away).await.expect("the mapping is broken");
    let seen = scene.until(|seen| seen["rooms"].is_null()).await;

    assert_eq!(seen["presence"]["members"], 1);
    assert!(
        seen["server"]["version"].is_string() && !nodes(&seen).is_empty(),
        "{seen}"
    );
    let trouble = seen["trouble"].as_str().expect("why");
    assert!(
        trouble.contains("your mapping is broken") && !trouble.contains("event_app"),
        "{trouble}"
    );
}
