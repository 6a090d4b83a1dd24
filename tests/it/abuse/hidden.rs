//! What is hidden is not to be told from what is not there: neither by an answer nor by the time it takes, nor by
//! anything that changes in it.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client as Sql;
use uuid::Uuid;

use crate::{
    access::look,
    support::{
        app::{TEST_SLACK, TestApp},
        client::Client,
        db::TestDb,
    },
};

/// Pairs of calls: the promise is about the mean of 10,000 calls.
const PAIRS: usize = 5_000;
/// How far apart a missing and a forbidden room may be.
const APART_MAX: Duration = Duration::from_micros(200);
/// Clients at a time: what one of them waits for, the others do too.
const CLIENTS: usize = 4;
/// Parts of the pairs, to tell how sure the mean is.
const PARTS: usize = 50;

/// A room with a crowd in it, of which `vera` is no participant.
async fn crowded(db: &TestDb) -> Sql {
    let admin = db.admin().await;
    let crowd = "
        insert into event_app.users (id, name) select 'crowd-' || n, 'Crowd ' || n from generate_series(1, 400) n;
        insert into event_app.room_participants (room_id, user_id, role)
            select 'general', 'crowd-' || n, 'collaborator' from generate_series(1, 400) n;
        select presence.heartbeat('general', 'crowd-' || n, gen_random_uuid(), message => repeat('x', 100))
          from generate_series(1, 400) n;
        analyze event_app.users, event_app.room_participants";
    admin.batch_execute(crowd).await.expect("a crowd");
    admin
}

/// FAULTS 53. Pairs of calls one right after the other, so that whatever slows the machine slows both; the middle half
/// of their differences, so that what strikes one of them alone does not count.
#[tokio::test]
async fn a_forbidden_room_takes_as_long_as_a_missing_one() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let _admin = crowded(&db).await;
    let tab = Uuid::new_v4();
    let vera = app.client("vera");
    for (method, path, body) in paths(tab) {
        let of = async |room: &str| {
            let path = path.replace("{}", room);
            look(vera.send(method.clone(), &path, body.as_ref()).await).await
        };
        assert_eq!(of("general").await, of("nowhere").await, "{method} {path}");
    }

    let measuring = (0..CLIENTS).map(|n| measure(app.client("vera"), tab, n));
    let differences = futures_util::future::join_all(measuring).await.concat();

    assert_eq!(differences.len(), PAIRS);
    let error = standard_error(&differences);
    let apart = middle_mean(differences);
    println!("{apart:.1} µs apart over {PAIRS} pairs, give or take {error:.1}, promised {APART_MAX:?}");
    assert!(
        apart.abs() < (APART_MAX * TEST_SLACK).as_micros() as f64 + 3.0 * error,
        "a forbidden room takes {apart:.1} µs longer than a missing one, give or take {error:.1}"
    );
}

fn paths(tab: Uuid) -> [(Method, String, Option<Value>); 3] {
    [
        (Method::GET, "/v1/rooms/{}".to_owned(), None),
        (
            Method::PUT,
            format!("/v1/rooms/{{}}/sessions/{tab}"),
            Some(json!({})),
        ),
        (Method::GET, "/v1/stream?room={}".to_owned(), None),
    ]
}

/// Microseconds that the forbidden room took longer, of each pair.
async fn measure(vera: Client, tab: Uuid, client: usize) -> Vec<f64> {
    let mut differences = vec![];
    for n in 0..PAIRS / CLIENTS {
        let (method, path, body) = paths(tab)[(n + client) % 3].clone();
        let mut took = [0.0; 2];
        // Each goes first every second time.
        for at in if n / 3 % 2 == 0 { [0, 1] } else { [1, 0] } {
            let path = path.replace("{}", ["general", "nowhere"][at]);
            let begin = Instant::now();
            let answer = vera.send(method.clone(), &path, body.as_ref()).await;
            let status = answer.status();
            answer.bytes().await.expect("the whole body");
            took[at] = begin.elapsed().as_secs_f64() * 1e6;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        }
        differences.push(took[0] - took[1]);
    }
    differences
}

/// The mean of the middle half.
fn middle_mean(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let quarter = values.len() / 4;
    let middle = &values[quarter..values.len() - quarter];
    middle.iter().sum::<f64>() / middle.len() as f64
}

/// How far the middle mean of so many may be from that of endlessly many: by how it differs from one part to another.
fn standard_error(values: &[f64]) -> f64 {
    let parts: Vec<f64> = values
        .chunks(values.len() / PARTS)
        .map(|part| middle_mean(part.to_vec()))
        .collect();
    let count = parts.len() as f64;
    let mean = parts.iter().sum::<f64>() / count;
    let spread = parts.iter().map(|part| (part - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (spread / count).sqrt()
}

/// All that victor can read, byte by byte: he may enter `expo-floor`, and no room of `gala`.
async fn all_of_it(victor: &Client) -> Vec<(String, StatusCode, Vec<u8>)> {
    let mut all = vec![];
    for path in [
        "/v1/rooms",
        "/v1/rooms?id=general&id=expo-floor&id=hidden-hall&id=vera-catering&id=missing",
        "/v1/rooms/expo-floor?offline=1000",
        "/v1/rooms/general",
        "/v1/events/expo",
        "/v1/events/gala",
        "/v1/users/carol",
        "/v1/users/alice",
        "/v1/users/vera",
        "/v1/users/victor",
        "/v1/users/ghost",
    ] {
        let request = victor
            .request(Method::GET, path)
            .header("x-request-id", "always-the-same");
        let answer = request.send().await.expect("an answer");
        let (status, etag) = (answer.status(), answer.headers().get("etag").cloned());
        let mut bytes = answer.bytes().await.expect("the whole body").to_vec();
        bytes.extend_from_slice(etag.as_ref().map_or(&[][..], |etag| etag.as_bytes()));
        all.push((path.to_owned(), status, bytes));
    }
    all
}

/// FAULTS 55.
#[tokio::test]
async fn answers_are_the_same_to_the_byte_whatever_happens_in_hidden_rooms() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let victor = app.client("victor");
    app.client("carol")
        .beat("expo-floor", Uuid::new_v4(), json!({}))
        .await;
    let (_, general) = app.client("alice").get("/v1/rooms/general").await;
    assert_eq!(general["online_count"], 0);
    let mut stream = victor
        .stream(&["expo-floor&event=expo&user=carol&count=expo-floor&user=victor"])
        .await;
    for _ in 0..6 {
        stream.next().await; // ready, and what each topic is now
    }
    let before = all_of_it(&victor).await;

    for step in hidden_steps() {
        admin.batch_execute(step).await.expect(step);
        let after = all_of_it(&victor).await;
        for (one, other) in before.iter().zip(&after) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(one.1, other.1, "{} after: {step}", one.0);
            assert_eq!(text(&one.2), text(&other.2), "{} after: {step}", one.0);
        }
    }
    assert_eq!(
        stream.next_within(Duration::from_millis(1500)).await,
        None,
        "three sweeps, and not a word on any topic"
    );
    let (_, general) = app.client("alice").get("/v1/rooms/general").await;
    assert!(
        general["online_count"].as_u64() > Some(100),
        "it did happen: {general}"
    );
    app.client("carol")
        .beat("expo-floor", Uuid::new_v4(), json!({"status": "busy"}))
        .await;
    assert!(
        stream.next_within(Duration::from_secs(10)).await.is_some(),
        "what he may see he is told"
    );
}

/// What may happen where victor may not look: in his own event, to people whom he knows, in any number.
fn hidden_steps() -> [&'static str; 6] {
    [
        "insert into event_app.rooms (id, event_id, name) values ('hidden-hall', 'expo', 'The hidden hall');
         insert into event_app.users (id, name) values ('ghost', 'A ghost');
         insert into event_app.room_participants (room_id, user_id, role)
             values ('hidden-hall', 'carol', 'coordinator'), ('hidden-hall', 'ghost', 'collaborator')",
        "select presence.heartbeat('hidden-hall', 'carol', gen_random_uuid(), 'busy', message => 'hidden words');
         select presence.heartbeat('hidden-hall', 'ghost', gen_random_uuid(), 'in_meeting')",
        "select presence.heartbeat('general', u, gen_random_uuid(), 'busy') from unnest(array['alice', 'bob', 'carol']) u;
         select presence.heartbeat('vera-catering', u, gen_random_uuid()) from unnest(array['alice', 'vera']) u",
        "insert into event_app.users (id, name) select 'crowd-' || n, 'Crowd' from generate_series(1, 200) n;
         insert into event_app.room_participants (room_id, user_id)
             select r, 'crowd-' || n from generate_series(1, 200) n, unnest(array['general', 'hidden-hall']) r;
         select presence.heartbeat(r, 'crowd-' || n, gen_random_uuid())
           from generate_series(1, 200) n, unnest(array['general', 'hidden-hall']) r",
        "select presence.leave_everywhere('ghost');
         select presence.remove_member('hidden-hall', 'carol');
         select presence.remove_member('vera-catering', 'vera')",
        "update event_app.rooms set name = 'Renamed', kind = 'vendor', vendor_id = 'vera' where id = 'hidden-hall';
         delete from event_app.room_participants where room_id = 'hidden-hall' and user_id = 'crowd-7'",
    ]
}
