//! Postgres is there and cannot serve: all its connections are taken, a table is locked, the mapping reads what is gone.

use std::time::{Duration, Instant};

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PATIENCE, until_ready};
use crate::{
    doctor::server::pooler,
    support::{
        app::{SERVICE_LOGIN, TEST_SLACK, TestApp, service_url},
        client::Client,
        db::{TestDb, with_login},
        server::{TestCluster, connect},
        sql::run,
        stream::Picture,
    },
};

/// A refusal that is documented, and how long it took.
async fn refused(client: &Client, tab: Uuid) -> (StatusCode, Value, Duration) {
    let begin = Instant::now();
    let path = format!("/v1/rooms/general/sessions/{tab}");
    let answer = client.send(Method::PUT, &path, Some(&json!({}))).await;
    let (status, retry) = (answer.status(), answer.headers().get("retry-after").cloned());
    let problem: Value = answer.json().await.unwrap_or_default();
    assert_eq!(
        retry.is_some(),
        status == StatusCode::SERVICE_UNAVAILABLE,
        "{problem}"
    );
    (status, problem["type"].clone(), begin.elapsed())
}

async fn until_beaten(client: &Client, tab: Uuid) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, body) = client.beat("general", tab, json!({})).await;
        if status == StatusCode::OK {
            return;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert!(Instant::now() < deadline, "it never heals: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// FAULTS 11.
#[tokio::test]
async fn with_a_table_locked_everybody_is_told_within_a_second_and_streams_stay() {
    let Some(db) = TestDb::new().await else { return };
    let (app, stranger) = (TestApp::start(&db).await, db.admin().await);
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    until_beaten(&alice, tab).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    run(
        &stranger,
        "begin; lock table presence_private.session in access exclusive mode",
    )
    .await;
    let mut refusals = vec![];
    for _ in 0..3 {
        refusals.push(refused(&alice, tab).await);
        assert_eq!(alice.get("/livez").await.0, StatusCode::OK);
    }
    run(&stranger, "commit").await;
    until_beaten(&alice, tab).await;
    until_beaten(&app.client("carol"), Uuid::new_v4()).await;

    let longest = refusals.iter().map(|(.., took)| *took).max().unwrap_or_default();
    println!("refused after {longest:?} at most, promised within a second");
    for (status, kind, _) in refusals {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            [json!("overloaded"), json!("unavailable")].contains(&kind),
            "{kind}"
        );
    }
    assert!(longest < Duration::from_secs(1) * TEST_SLACK, "{longest:?}");
    let both = |picture: &Picture| picture.members.len() == 2;
    assert!(
        stream.until("general", PATIENCE, both).await,
        "the stream is open"
    );
    assert_eq!(stream.wrongs(), [""; 0]);
    until_ready(&app, StatusCode::OK).await;
}

/// FAULTS 11. Somebody else has taken every connection that there is, and the node's own have just ended.
#[tokio::test]
async fn without_a_free_connection_a_node_says_so_and_heals_by_itself() {
    let Some(cluster) = TestCluster::start(&[("max_connections", "20")]).await else {
        return;
    };
    let url = cluster.database("crowded", "text").await;
    let app = TestApp::start_with(&service_url(&url), |_| {}).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    until_beaten(&alice, tab).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;
    let admin = connect(&url).await.expect("it answers");
    run(&admin, "create role crowd login password 'crowd'").await;
    let crowd = with_login(&url, "crowd");

    let mut taken = vec![];
    let ends = "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1";
    let deadline = Instant::now() + PATIENCE;
    let refusal = loop {
        while let Ok(connection) = connect(&crowd).await {
            taken.push(connection);
        }
        let refusal = refused(&alice, tab).await;
        if refusal.0 != StatusCode::OK {
            break refusal;
        }
        admin.execute(ends, &[&SERVICE_LOGIN]).await.expect("they end");
        assert!(Instant::now() < deadline, "there is always a connection left");
    };
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    let (alive, _) = alice.get("/livez").await;
    drop(taken);
    until_beaten(&alice, tab).await;
    until_beaten(&app.client("carol"), Uuid::new_v4()).await;

    assert_eq!(
        (refusal.0, alive),
        (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK)
    );
    assert_eq!(refusal.1, "unavailable");
    let both = |picture: &Picture| picture.members.len() == 2;
    assert!(
        stream.until("general", PATIENCE, both).await,
        "the stream is open"
    );
    assert_eq!(stream.wrongs(), [""; 0]);
    until_ready(&app, StatusCode::OK).await;
}

/// FAULTS 21. The application renamed a table that is mapped, and then gave it its name again.
#[tokio::test]
async fn a_mapping_that_reads_what_is_gone_is_503_and_heals_with_it() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    until_beaten(&alice, tab).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    run(&admin, "alter table event_app.room_participants rename to gone").await;
    let (status, kind, _) = refused(&alice, tab).await;
    let reads = [
        alice.get("/v1/rooms/general").await,
        alice.get("/v1/rooms").await,
        alice.get("/v1/events/gala").await,
        alice.get("/v1/users/bob").await,
    ];
    let unopened = alice.try_stream(&["general"]).await.err();
    let degraded = stream.next_of("degraded").await;
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    let (alive, _) = alice.get("/livez").await;
    run(&admin, "alter table event_app.gone rename to room_participants").await;
    until_beaten(&alice, tab).await;
    stream.next_of("recovered").await;

    assert_eq!(
        (status, kind),
        (StatusCode::SERVICE_UNAVAILABLE, json!("unavailable"))
    );
    for (status, problem) in reads {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
        assert!(!problem.to_string().contains("room_participants"), "{problem}");
    }
    assert_eq!(
        (unopened, alive),
        (Some(StatusCode::SERVICE_UNAVAILABLE), StatusCode::OK)
    );
    assert_eq!(degraded.name, "degraded");
    let alone = |picture: &Picture| picture.members.len() == 1;
    assert!(stream.until("general", PATIENCE, alone).await);
    until_ready(&app, StatusCode::OK).await;
}

/// FAULTS 14. What PgBouncer does in transaction mode to LISTEN: it succeeds, and nothing is ever heard.
#[tokio::test]
async fn behind_a_pooler_that_loses_listen_no_node_starts_but_with_a_direct_listener() {
    let Some(db) = TestDb::new().await else { return };
    let direct = service_url(db.url());
    let pooled = pooler(&direct).await;

    let refusal = TestApp::refusal(&pooled).await;
    let app = TestApp::start_with(&pooled, |settings: &mut Settings| {
        settings.listen_database_url = Some(direct);
        settings.sweep = Duration::from_secs(300);
    })
    .await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;
    until_ready(&app, StatusCode::OK).await;
    until_beaten(&app.client("alice"), Uuid::new_v4()).await;
    let diff = stream.next_of("diff").await;

    assert!(refusal.contains("PRESENCE_LISTEN_DATABASE_URL"), "{refusal}");
    assert!(!refusal.contains("postgres://"), "{refusal}");
    assert_eq!(diff.data["joined"][0]["user_id"], "alice");
}

/// FAULTS 21, where nobody watches: the next look at the mapping, at each sweep, tells.
#[tokio::test]
async fn a_mapping_that_is_gone_makes_a_node_not_ready_though_nobody_watches() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    until_ready(&app, StatusCode::OK).await;

    run(&admin, "alter table event_app.rooms rename to gone").await;
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    run(&admin, "alter table event_app.gone rename to rooms").await;

    until_ready(&app, StatusCode::OK).await;
}
