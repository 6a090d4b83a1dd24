//! Tickets: what a browser's EventSource puts into a URL, once and for 30 s (FAULTS 56).

use std::time::Duration;

use futures_util::future::join_all;
use pg_presence::auth::{Caller, KeyId, leave_token, ticket};
use pg_presence::domain::{BeatKey, RoomId, UserId};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{SELDOM, app, claims, client};
use crate::support::{
    app::{TestApp, service_url},
    cable::{Cable, Mode},
    client::Client,
    db::TestDb,
    node::{Node, Plan},
    provider::{Answer, Pair, Provider},
    stream::Stream,
};

async fn ticket(client: &Client) -> String {
    let (status, body) = client.call(Method::POST, "/v1/tickets", None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{body}");
    body["ticket"].as_str().expect("a ticket").to_owned()
}

/// As an EventSource asks: without a header.
async fn open(client: &Client, ticket: &str) -> Response {
    let path = format!("/v1/stream?room=general&ticket={ticket}");
    client.bare(Method::GET, &path).send().await.expect("an answer")
}

#[tokio::test]
async fn a_ticket_opens_one_stream_as_its_user_on_whatever_node() {
    let Some(db) = TestDb::new().await else { return };
    let (one, two) = (TestApp::start(&db).await, TestApp::start(&db).await);
    let ticket = ticket(&one.client("alice")).await;
    let session = Uuid::new_v4();

    let path = format!("/v1/stream?ticket={ticket}&room=general&room=planning&session={session}@general");
    let answer = two
        .client("dave")
        .bare(Method::GET, &path)
        .send()
        .await
        .expect("an answer");
    let status = answer.status();
    let mut stream = Stream::new(answer);
    let again = open(&one.client("alice"), &ticket).await;

    assert_eq!(status, StatusCode::OK);
    let is_there = stream
        .until("general", Duration::from_secs(30), |picture| {
            picture.members.contains_key("alice")
        })
        .await;
    assert!(is_there, "{:?}", stream.picture("general"));
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    let problem: Value = again.json().await.expect("a problem");
    assert_eq!(problem["type"], "unauthenticated");
}

#[tokio::test]
async fn of_many_who_bring_one_ticket_at_once_one_is_let_in() {
    let Some(db) = TestDb::new().await else { return };
    let apps = [TestApp::start(&db).await, TestApp::start(&db).await];
    let clients = [apps[0].client("alice"), apps[1].client("alice")];

    for _ in 0..5 {
        let ticket = ticket(&clients[0]).await;
        let answers = join_all((0..16).map(|n| open(&clients[n % 2], &ticket))).await;

        let statuses: Vec<StatusCode> = answers.iter().map(Response::status).collect();
        let opened = statuses
            .iter()
            .filter(|status| **status == StatusCode::OK)
            .count();
        let refused = statuses
            .iter()
            .filter(|status| **status == StatusCode::UNAUTHORIZED)
            .count();
        assert_eq!((opened, refused), (1, 15), "{statuses:?}");
    }
}

/// FAULTS 50 and 56: nothing of this reaches the database, whose way is cut.
#[tokio::test]
async fn forged_ended_and_foreign_tickets_are_refused_without_the_database() {
    let Some(db) = TestDb::new().await else { return };
    let key = leave_key(&db).await;
    let (cable, url) = Cable::around(&service_url(db.url())).await;
    let app = TestApp::start_with(&url, |_| {}).await;
    let alice = app.client("alice");
    let (_, beat) = alice.beat("general", Uuid::new_v4(), json!({})).await;
    let leave = beat["leave_token"].as_str().expect("a leave token").to_owned();
    let good = ticket(&alice).await;
    let now = OffsetDateTime::now_utc();
    let caller = |left: i64| Caller {
        user_id: UserId::trusted("alice"),
        scopes: [].into(),
        expires_at: now + time::Duration::seconds(left),
        key: KeyId::SECRET,
    };
    cable.set(Mode::Cut);

    let minted = |left_s: i64, key: &[u8], at| ticket::mint(&caller(left_s), Uuid::new_v4(), key, at);
    for (what, bad) in [
        ("garbage", "x".to_owned()),
        ("nothing", String::new()),
        ("a leave token", leave),
        ("another signature", minted(600, b"another key", now)),
        ("cut off", good[1..].to_owned()),
        (
            "half a minute old",
            minted(600, &key, now - Duration::from_secs(31)),
        ),
        ("of a token that has ended", minted(-6, &key, now)),
        ("huge", "A".repeat(7_000)),
    ] {
        assert_eq!(
            open(&alice, &bad).await.status(),
            StatusCode::UNAUTHORIZED,
            "{what}"
        );
    }
    let last = open(&alice, &good).await.status();
    assert_eq!(last, StatusCode::SERVICE_UNAVAILABLE, "this one would be good");
}

#[tokio::test]
async fn a_ticket_is_good_for_nothing_but_a_stream_and_a_stream_takes_one() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let ticket = ticket(&alice).await;

    for (method, path) in [
        (Method::GET, format!("/v1/rooms?ticket={ticket}")),
        (Method::GET, format!("/v1/rooms/general?ticket={ticket}")),
        (Method::DELETE, format!("/v1/me/sessions?ticket={ticket}")),
        (Method::POST, format!("/v1/tickets?ticket={ticket}")),
    ] {
        let answer = alice.bare(method, &path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let as_bearer = client(&app, &ticket).get("/v1/rooms").await.0;
    let leave = alice
        .bare(Method::POST, "/v1/leave")
        .body(ticket.clone())
        .send()
        .await;
    let twice = open(&alice, &format!("{ticket}&ticket={ticket}")).await;

    assert_eq!(as_bearer, StatusCode::UNAUTHORIZED);
    assert_eq!(leave.expect("an answer").status(), StatusCode::NO_CONTENT);
    assert_eq!(twice.status(), StatusCode::BAD_REQUEST);
    assert!(
        !twice.text().await.expect("a problem").contains(&ticket),
        "never said again"
    );
}

/// FAULTS 56.
#[tokio::test]
async fn a_leave_token_is_good_for_leaving_its_session_and_nothing_else() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let (_, beat) = alice.beat("general", tab, json!({})).await;
    let leave = beat["leave_token"].as_str().expect("a leave token").to_owned();
    let thief = client(&app, &leave);

    for (method, path) in [
        (Method::GET, "/v1/rooms/general".to_owned()),
        (Method::PUT, format!("/v1/rooms/general/sessions/{tab}")),
        (Method::DELETE, format!("/v1/rooms/general/sessions/{tab}")),
        (Method::POST, "/v1/tickets".to_owned()),
        (Method::DELETE, "/v1/me/sessions".to_owned()),
        (Method::GET, "/v1/stream?room=general".to_owned()),
    ] {
        let answer = thief.send(method, &path, Some(&json!({}))).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(open(&thief, &leave).await.status(), StatusCode::UNAUTHORIZED);
    let other = BeatKey {
        room: RoomId::trusted("general"),
        user: UserId::trusted("alice"),
        session: Uuid::new_v4(),
    };
    let forged = leave_token::mint(&other, b"another key", OffsetDateTime::now_utc());
    alice
        .bare(Method::POST, "/v1/leave")
        .body(forged)
        .send()
        .await
        .expect("an answer");
    assert_eq!(alice.get("/v1/rooms/general").await.1["online_count"], 1);
    alice
        .bare(Method::POST, "/v1/leave")
        .body(leave)
        .send()
        .await
        .expect("an answer");
    assert_eq!(alice.get("/v1/rooms/general").await.1["online_count"], 0);
}

#[tokio::test]
async fn a_ticket_by_a_key_that_was_taken_out_is_refused_and_one_by_a_key_that_is_new_here_is_not() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("old")]).await;
    let one = app(&db, &provider, SELDOM).await;
    provider.set(Answer::Keys(vec![Pair::Ed.published("new")]));
    let two = app(&db, &provider, SELDOM).await;

    let by_old = client(&one, &Pair::Rsa.sign(Some("old"), &claims("alice", 600)));
    let by_new = client(&two, &Pair::Ed.sign(Some("new"), &claims("alice", 600)));
    let (old, new) = (ticket(&by_old).await, ticket(&by_new).await);

    assert_eq!(open(&by_new, &old).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(open(&by_old, &new).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn used_tickets_are_forgotten_when_they_are_long_over() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let alice = app.client("alice");
    for _ in 0..3 {
        drop(open(&alice, &ticket(&alice).await).await);
    }
    let age = "update presence_private.spent_ticket set spent_at = spent_at - interval '11 min'";
    admin.batch_execute(age).await.expect("time passes");

    drop(open(&alice, &ticket(&alice).await).await);

    let left = admin
        .query_one("select count(*) from presence_private.spent_ticket", &[])
        .await;
    assert_eq!(left.expect("a count").get::<_, i64>(0), 1);
}

async fn leave_key(db: &TestDb) -> Vec<u8> {
    let sql = "select key from presence_private.secret where kind = 'leave' order by made_at desc limit 1";
    db.admin().await.query_one(sql, &[]).await.expect("a key").get(0)
}

/// FAULTS 56 and 61, in the most talkative log there is.
#[tokio::test]
async fn no_token_no_ticket_and_no_leave_token_is_ever_logged() {
    let Some(db) = TestDb::new().await else { return };
    let node = Node::start(&Plan::new(&service_url(db.url())).set("RUST_LOG", "trace")).await;
    let token = crate::support::client::token(json!({"sub": "alice"}));
    let alice = Client::with_token(&node.url(), token.clone());
    let (_, beat) = alice.beat("general", Uuid::new_v4(), json!({})).await;
    let leave = beat["leave_token"].as_str().expect("a leave token").to_owned();
    let ticket = ticket(&alice).await;

    let opened = open(&alice, &ticket).await.status();
    let again = open(&alice, &ticket).await.status();
    let odd = open(&alice, &format!("{ticket}&other=1")).await.status();
    let beacon = alice
        .bare(Method::POST, "/v1/leave")
        .body(leave.clone())
        .send()
        .await;
    let (refused, _) = client_of(&node, &format!("{token}x")).get("/v1/rooms").await;

    assert_eq!(
        [opened, again, odd],
        [StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED]
    );
    assert!(beacon.is_ok_and(|answer| answer.status() == StatusCode::NO_CONTENT));
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
    let said = node.said();
    assert!(said.contains("serving"), "{said}");
    for secret in [&token, &ticket, &leave] {
        let (_, signature) = secret.split_at(secret.len() - 20);
        assert!(!said.contains(signature), "{secret} is in the log");
    }
}

fn client_of(node: &Node, token: &str) -> Client {
    Client::with_token(&node.url(), token.to_owned())
}
