//! `event=`: a dashboard as its GET has it, for each viewer's own eyes.

use std::time::Instant;

use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    QUIET, SWEEP,
    reader::{Frame, open, try_open},
};
use crate::support::{
    app::{TEST_SLACK, TestApp},
    client::Client,
    db::TestDb,
    sql::run,
};

/// The words of the GET, all of them.
async fn get(client: &Client, event: &str) -> String {
    let answer = client
        .send(reqwest::Method::GET, &format!("/v1/events/{event}"), None)
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.expect("the whole body")
}

fn rooms(frame: &Frame) -> Vec<&str> {
    let rooms = frame.data["rooms"].as_array().into_iter().flatten();
    rooms.filter_map(|room| room["room_id"].as_str()).collect()
}

#[tokio::test]
async fn a_dashboard_is_its_get_at_once_and_after_each_change_of_a_visible_room() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = (TestApp::start(&db).await, TestApp::start(&db).await);
    let (alice, bob, vera, tab) = (
        there.client("alice"),
        here.client("bob"),
        here.client("vera"),
        Uuid::new_v4(),
    );
    bob.beat("general", tab, json!({})).await;

    let mut reader = open(&alice, "event=gala").await;
    let mut frames = vec![reader.next_of("event").await];
    let mut gets = vec![get(&alice, "gala").await];
    bob.beat(
        "planning",
        tab,
        json!({"status": "busy", "data": {"z": 1, "a": "é\u{2028}😀"}}),
    )
    .await;
    frames.push(reader.next().await);
    gets.push(get(&alice, "gala").await);
    vera.beat("vera-catering", tab, json!({"message": "cake"})).await;
    frames.push(reader.next().await);
    gets.push(get(&alice, "gala").await);
    bob.beat("general", tab, json!({"status": "in_meeting"})).await;
    frames.push(reader.next().await);
    gets.push(get(&alice, "gala").await);
    bob.leave("planning", tab).await;
    frames.push(reader.next().await);
    gets.push(get(&alice, "gala").await);
    let unheard = reader.next_within(QUIET).await;

    for (frame, get) in frames.iter().zip(&gets) {
        assert_eq!(frame.block, format!("event: event\ndata: {get}\n\n"));
    }
    let counts: Vec<&Value> = frames.iter().map(|frame| &frame.data["online_count"]).collect();
    assert_eq!(counts, [1, 1, 2, 2, 2]);
    assert!(unheard.is_none(), "{unheard:?}");
}

#[tokio::test]
async fn each_viewer_sees_their_own_rooms_and_hears_of_no_other() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = (TestApp::start(&db).await, TestApp::start(&db).await);
    let (bob, tab) = (here.client("bob"), Uuid::new_v4());
    let mut vera = open(&there.client("vera"), "event=gala").await;
    let mut alice = open(&there.client("alice"), "event=gala").await;
    let mut carol = open(&there.client("carol"), "event=gala&event=expo").await;
    let first = [vera.next_of("event").await, alice.next_of("event").await];

    bob.beat("planning", tab, json!({})).await;
    let alices = alice.next().await;
    let (veras, carols) = (
        vera.next_within(QUIET).await,
        carol.until(|told| told.events.len() == 2).await,
    );
    let carols = (carols, carol.next_within(QUIET).await.map(|frame| frame.block));
    here.client("vera").beat("vera-catering", tab, json!({})).await;
    let (alices_next, veras_next) = (alice.next().await, vera.next().await);

    assert_eq!(rooms(&first[0]), ["vera-catering"]);
    assert_eq!(rooms(&first[1]), ["general", "planning", "vera-catering"]);
    assert_eq!(alices.data["online_count"], 1);
    assert_eq!((veras.map(|frame| frame.block), carols), (None, (true, None)));
    assert_eq!(
        (
            &alices_next.data["online_count"],
            &veras_next.data["online_count"]
        ),
        (&json!(2), &json!(1))
    );
    for (reader, user, query) in [
        (&mut vera, "vera", "event=gala"),
        (&mut alice, "alice", "event=gala"),
        (&mut carol, "carol", "event=gala&event=expo"),
    ] {
        assert_eq!(reader.agrees(&here.client(user), query).await, [""; 0], "{user}");
    }
}

#[tokio::test]
async fn a_room_that_the_viewer_gains_or_loses_shows_within_the_sweep() {
    for is_watched in [true, false] {
        let Some(db) = TestDb::new().await else { return };
        let (app, admin) = (TestApp::start(&db).await, db.admin().await);
        if !is_watched {
            run(
                &admin,
                "drop trigger presence_gone on event_app.room_participants",
            )
            .await;
        }
        let (alice, carol, tab) = (app.client("alice"), app.client("carol"), Uuid::new_v4());
        alice.beat("planning", tab, json!({})).await;
        carol.beat("general", tab, json!({})).await;
        let mut reader = open(&carol, "event=gala&event=expo").await;
        reader.until(|told| told.events.len() == 2).await;

        run(
            &admin,
            "insert into event_app.room_participants (room_id, user_id) values ('planning', 'carol')",
        )
        .await;
        let begin = Instant::now();
        let gained = reader.next().await;
        let took = begin.elapsed();
        alice.beat("planning", tab, json!({"status": "busy"})).await;
        let heard = reader.next().await;
        run(
            &admin,
            "delete from event_app.room_participants where room_id = 'planning' and user_id = 'carol'",
        )
        .await;
        let lost = reader.next().await;
        alice.beat("planning", tab, json!({"status": "away"})).await;
        let unheard = reader.next_within(QUIET).await;
        carol.leave("general", tab).await;
        reader.next().await;
        run(
            &admin,
            "delete from event_app.room_participants where room_id = 'general' and user_id = 'carol'",
        )
        .await;
        let revoked = reader.next().await;
        alice.beat("general", tab, json!({})).await;
        let silence = reader.next_within(QUIET).await;
        carol.beat("expo-floor", tab, json!({})).await;
        let other = reader.next().await;

        println!("a gained room showed after {took:?}, promised within a sweep of {SWEEP:?}");
        assert!(took < SWEEP * TEST_SLACK, "{took:?}");
        assert_eq!(
            (rooms(&gained), rooms(&lost)),
            (vec!["general", "planning"], vec!["general"])
        );
        assert_eq!(
            heard.data["rooms"][1]["members"][0]["status"], "busy",
            "{}",
            heard.block
        );
        assert_eq!(unheard.map(|frame| frame.block), None);
        assert_eq!(revoked.block, "event: revoked\ndata: {\"event_id\":\"gala\"}\n\n");
        assert_eq!(silence.map(|frame| frame.block), None);
        assert_eq!(other.data["event_id"], "expo");
        assert_eq!(reader.told.wrongs, [""; 0]);
    }
}

#[tokio::test]
async fn an_event_that_the_viewer_may_not_know_of_is_revoked_and_alone_it_is_not_found() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let vera = app.client("vera");

    for (query, problem) in [
        ("event=expo", "event-not-found"),
        ("event=nowhere", "event-not-found"),
        ("event=nowhere&event=expo&user=dave", "event-not-found"),
        ("event=nowhere&room=general", "room-not-found"),
    ] {
        let refused = try_open(&vera, query).await.err();
        assert_eq!(
            refused,
            Some((StatusCode::NOT_FOUND, problem.to_owned())),
            "{query}"
        );
    }
    let mut reader = open(&vera, "event=expo&event=gala&event=nowhere").await;
    let all = reader
        .until(|told| told.revoked.len() == 2 && told.events.contains_key("gala"))
        .await;
    app.client("victor")
        .beat("expo-floor", Uuid::new_v4(), json!({}))
        .await;

    assert!(all, "{:?}", reader.told);
    assert_eq!(reader.next_within(QUIET).await.map(|frame| frame.block), None);
    assert_eq!(
        reader.told.revoked.iter().collect::<Vec<_>>(),
        ["event=expo", "event=nowhere"]
    );
}
