//! All topics on one stream while the database goes away, and while nobody reads.

use std::time::{Duration, Instant};

use pg_presence::{config::Settings, observe::Observation};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::{PATIENCE, reader::open};
use crate::{
    batch::people,
    support::{
        app::{TestApp, service_url},
        cable::{Cable, Mode},
        client::Client,
        db::TestDb,
        sql::run,
    },
};

#[tokio::test]
async fn what_changed_while_the_database_was_away_is_right_in_every_topic_once_it_is_back() {
    let Some(db) = TestDb::new().await else { return };
    let (url, admin) = (service_url(db.url()), db.admin().await);
    let (cable, cabled) = Cable::around(&url).await;
    let (node, other) = (
        TestApp::start_with(&cabled, |_| {}).await,
        TestApp::start(&db).await,
    );
    let [alice, bob, carol, vera] = ["alice", "bob", "carol", "vera"].map(|user| other.client(user));
    let tab = Uuid::new_v4();
    carol.beat("general", tab, json!({})).await;
    let query = "room=general&count=planning&count=vera-catering&event=gala&user=bob&user=carol&user=alice";
    let mut reader = open(&node.client("alice"), query).await;
    assert_eq!(reader.agrees(&alice, query).await, [""; 0]);

    for round in 0..2 {
        cable.set(Mode::Cut);
        let degraded = reader.until(|told| told.is_degraded).await;
        bob.beat(
            "general",
            tab,
            json!({"status": "busy", "message": format!("round {round}")}),
        )
        .await;
        bob.beat("planning", Uuid::new_v4(), json!({})).await;
        alice.beat("planning", tab, json!({})).await;
        carol.leave("general", tab).await;
        vera.beat("vera-catering", tab, json!({})).await;
        if round == 1 {
            run(
                &admin,
                "delete from event_app.room_participants where user_id = 'carol' and room_id = 'general';
                 delete from event_app.room_participants where user_id = 'alice' and room_id = 'vera-catering';",
            )
            .await;
        }
        cable.set(Mode::Pass);
        let recovered = reader.until(|told| !told.is_degraded).await;

        assert!(degraded && recovered, "{:?}", reader.told);
        assert_eq!(reader.agrees(&alice, query).await, [""; 0], "round {round}");
        assert_eq!(reader.told.revoked.len(), round * 2, "{:?}", reader.told.revoked);
    }
    let expected = ["room=vera-catering", "user=carol"];
    assert_eq!(reader.told.revoked.iter().collect::<Vec<_>>(), expected);
    assert_eq!(reader.told.counts["planning"], 2);
}

#[tokio::test]
async fn a_reader_that_took_nothing_while_everything_changed_gets_all_of_it_once_it_reads() {
    let Some(db) = TestDb::new().await else { return };
    let sweep = |settings: &mut Settings| settings.sweep = Duration::from_millis(200);
    let (app, admin) = (
        TestApp::start_with(&service_url(db.url()), sweep).await,
        db.admin().await,
    );
    people(&admin, 300).await;
    let backend = app
        .client("dave")
        .with_claims(json!({"sub": "dave", "scope": "presence:write"}));
    let (alice, bob, tab) = (app.client("alice"), app.client("bob"), Uuid::new_v4());
    let query = "room=general&count=general&count=planning&event=gala&user=alice&user=carol";
    let mut reader = open(&bob, query).await;
    assert_eq!(reader.agrees(&bob, query).await, [""; 0]);
    let _swept = open(&app.client("victor"), "room=expo-floor").await;
    let figures = app.observer().figures();
    let lagged = || figures.lagged.get();

    // Its socket is full once whole rounds are not even tried any more.
    let begin = Instant::now();
    let (mut round, mut quiet_rounds, before) = (0, 0, lagged());
    while quiet_rounds < 3 {
        assert!(round < 100, "a queue without a bound");
        round += 1;
        let lags = lagged();
        churn(&backend, round).await;
        sweeps(&app, 1).await;
        quiet_rounds = if lagged() == lags && lags > before {
            quiet_rounds + 1
        } else {
            0
        };
    }
    // One change of each topic while there is no place for it, and none after.
    alice.beat("planning", tab, json!({"status": "in_meeting"})).await;
    alice.beat("general", tab, json!({})).await;
    run(
        &admin,
        "delete from event_app.room_participants where room_id = 'general' and user_id = 'carol'",
    )
    .await;
    sweeps(&app, 3).await;
    let stalled = begin.elapsed();
    let differs = reader.agrees(&bob, query).await;
    churn(&backend, round + 1).await;
    let follows = reader.agrees(&bob, query).await;

    println!(
        "lagged after {round} rounds, took nothing for {stalled:?}, {} lags",
        lagged()
    );
    assert_eq!((differs, follows), (vec![], vec![]));
    assert_eq!(reader.told.revoked.iter().collect::<Vec<_>>(), ["user=carol"]);
    assert_eq!(
        (reader.told.counts["planning"], reader.told.counts["general"]),
        (1, 301)
    );
}

/// Waits until the rooms that somebody watches were read so often: at each sweep, if not more often.
async fn sweeps(app: &TestApp, times: usize) {
    let mut facts = app.observer().subscribe();
    for _ in 0..times {
        let read = async { while !matches!(facts.recv().await, Ok(Observation::RoomsRead { .. })) {} };
        timeout(PATIENCE, read).await.expect("rooms are swept");
    }
}

/// Everybody says something new and long.
async fn churn(backend: &Client, round: u32) {
    let items = (1..=300u128).map(|n| {
        json!({"room_id": "general", "user_id": format!("user-{n}"), "session_id": Uuid::from_u128(n),
            "activity": format!("round {round}"), "data": {"long": "x".repeat(900)}})
    });
    let items = json!({"items": items.collect::<Vec<Value>>()});
    let (status, _) = backend.call(Method::POST, "/v1/heartbeats", Some(&items)).await;
    assert_eq!(status, StatusCode::OK);
}

/// A dashboard that takes more than a second to read.
#[tokio::test]
async fn a_slow_dashboard_keeps_no_room_waiting() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    // Once for each of alice's three rooms of the event.
    let slow = "set role presence_owner;
                create or replace function presence_host.events()
                    returns table (event_id presence.event_id, name text, coordinator_id presence.user_id) language sql stable
                as 'select e.id, e.name, e.coordinator_id from event_app.events e, pg_sleep(0.4)';
                reset role";
    run(&db.admin().await, slow).await;
    let mut reader = open(&app.client("alice"), "room=general&event=gala").await;
    reader.next_of("event").await;
    let (bob, tab) = (app.client("bob"), Uuid::new_v4());

    let mut names = vec![];
    for status in ["active", "busy"] {
        bob.beat("general", tab, json!({"status": status})).await;
        names.push(reader.next().await.name);
    }
    names.push(reader.next().await.name);

    assert_eq!(names, ["diff", "diff", "event"]);
}
