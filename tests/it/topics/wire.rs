//! Every event of a stream to the byte, as `tests/wire/` keeps them: what differs from run to run stands there by its name.

use std::{collections::BTreeMap, fs, path::PathBuf};

use pg_presence::config::Settings;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::reader::{Reader, open};
use crate::support::{
    app::{TestApp, service_url},
    cable::{Cable, Mode},
    db::TestDb,
    sql::run,
};

const BLESS: &str =
    "`PRESENCE_TEST_BLESS=1 cargo nextest run wire` writes tests/wire, and the difference is to be reviewed";

type Blocks = BTreeMap<&'static str, String>;

#[tokio::test]
async fn every_event_is_to_the_byte_as_the_files_of_the_wire_have_it() {
    let Some(db) = TestDb::new().await else { return };
    let (cable, cabled) = Cable::around(&service_url(db.url())).await;
    let node = TestApp::start_with(&cabled, |settings: &mut Settings| settings.room_detail_max = 3).await;
    let guests = "insert into event_app.room_participants (room_id, user_id) \
                  select 'general', u from unnest(array['vera', 'victor']) u union all select 'expo-floor', 'dave'";
    run(&db.admin().await, guests).await;
    let mut found = Blocks::new();

    rooms(&node, &mut found).await;
    counts(&node, &mut found).await;
    views(&node, &mut found).await;
    notifications(&node, &mut found).await;
    ends(node, &cable, &mut found).await;

    compare(&found);
}

/// `ready`, `snapshot`, `diff`, `ping`.
async fn rooms(node: &TestApp, found: &mut Blocks) {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|user| node.client(user));
    let tab = Uuid::from_u128(1);
    let said = json!({"status": "busy", "status_ttl_ms": 3_600_000, "message": "at the \"venue\"\n\u{2028}é😀",
        "activity": "viewing budget", "data": {"page": [1, 2.5, null, true]}});
    alice.beat("general", tab, said).await;
    carol.beat("general", tab, json!({})).await;
    let mut reader = open(&bob, "room=general").await;
    found.insert("ready", reader.next_of("ready").await.block);
    let snapshot = reader.next_of("snapshot").await;
    let cursor = snapshot.id.expect("a cursor");
    found.insert("snapshot", snapshot.block);
    loop {
        let any = reader.any_within(super::PATIENCE).await.expect("a ping");
        if any.name == "ping" {
            found.insert("ping", any.block);
            break;
        }
    }
    alice
        .beat("general", tab, json!({"status": "away", "message": null}))
        .await;
    carol.leave("general", tab).await;
    bob.beat("general", tab, json!({})).await;
    let mut resumed = open(&bob, &format!("room=general@{cursor}")).await;
    found.insert("diff", resumed.next_of("diff").await.block);
}

/// `count`, and a room that has more members than are told of.
async fn counts(node: &TestApp, found: &mut Blocks) {
    let tab = Uuid::from_u128(1);
    let mut number = open(&node.client("alice"), "count=general").await;
    found.insert("count", number.next_of("count").await.block);
    let mut room = open(&node.client("alice"), "room=general").await;
    room.next_of("snapshot").await;
    node.client("carol")
        .beat("general", Uuid::from_u128(2), json!({}))
        .await;
    room.next_of("diff").await;
    node.client("vera").beat("general", tab, json!({})).await;
    found.insert("snapshot-count", room.next_of("snapshot").await.block);
    node.client("victor").beat("general", tab, json!({})).await;
    found.insert("count-of-room", room.next_of("count").await.block);
}

/// `event`, `user`, and `revoked` of each kind.
async fn views(node: &TestApp, found: &mut Blocks) {
    node.client("vera")
        .beat("vera-catering", Uuid::from_u128(1), json!({}))
        .await;
    let mut reader = open(
        &node.client("vera"),
        "event=gala&user=alice&event=expo&user=dave&room=planning",
    )
    .await;
    reader
        .until(|told| told.events.len() + told.users.len() + told.revoked.len() == 5)
        .await;
    for (name, topic) in [("event", "gala"), ("user", "alice")] {
        let text = if name == "event" {
            &reader.told.events[topic]
        } else {
            &reader.told.users[topic]
        };
        found.insert(name, format!("event: {name}\ndata: {text}\n\n"));
    }
    let mut reader = open(&node.client("vera"), "event=gala&event=expo").await;
    found.insert("revoked-event", reader.next_of("revoked").await.block);
    let mut reader = open(&node.client("vera"), "event=gala&user=dave").await;
    found.insert("revoked-user", reader.next_of("revoked").await.block);
    let mut reader = open(&node.client("vera"), "event=gala&count=planning").await;
    found.insert("revoked-room", reader.next_of("revoked").await.block);
}

/// `notification`.
async fn notifications(node: &TestApp, found: &mut Blocks) {
    let victor = node.client("victor");
    let watch = "/v1/me/watches/dave";
    victor.call(Method::PUT, watch, Some(&json!({}))).await;
    let mut reader = open(&victor, "room=expo-floor").await;
    node.client("dave")
        .beat("expo-floor", Uuid::from_u128(3), json!({}))
        .await;
    found.insert("notification", reader.next_of("notification").await.block);
}

/// `degraded`, `recovered`, and `bye` for good and for a while.
async fn ends(node: TestApp, cable: &Cable, found: &mut Blocks) {
    let victor = node.client("victor");
    victor.beat("expo-floor", Uuid::from_u128(1), json!({})).await;
    let mut ended = open(&victor, "room=expo-floor").await;
    let mut reader = open(&node.client("carol"), "room=expo-floor").await;
    for stream in [&mut ended, &mut reader] {
        stream.next_of("snapshot").await;
    }
    victor.send(Method::DELETE, "/v1/me/sessions", None).await;
    found.insert("bye-logged-out", last(&mut ended).await);
    cable.set(Mode::Cut);
    found.insert("degraded", reader.next_of("degraded").await.block);
    cable.set(Mode::Pass);
    found.insert("recovered", reader.next_of("recovered").await.block);
    node.terminate();
    found.insert("bye", last(&mut reader).await);
}

/// The last event of a stream that ends.
async fn last(reader: &mut Reader) -> String {
    let bye = reader.next_of("bye").await;
    match reader.any_within(super::PATIENCE).await {
        None => bye.block,
        Some(after) => format!("{}{}", bye.block, after.block),
    }
}

/// With names in place of what differs from run to run.
fn named(block: &str) -> String {
    let mut named = String::new();
    let mut rest = block;
    while let Some(next) = rest.chars().next() {
        let (length, name) = match rest.as_bytes() {
            [b'"', text @ ..] if is_time(text) => (26, "\"{time}\""),
            text if is_uuid(text) => (36, "{epoch}"),
            _ => (next.len_utf8(), &rest[..next.len_utf8()]),
        };
        named.push_str(name);
        rest = &rest[length..];
    }
    for (field, end) in [("\"node\":\"", '"'), ("\"retry_ms\":", '}')] {
        named = with_field(&named, field, end);
    }
    named
}

/// `"2026-11-25T01:07:29.659Z"` after its first quotation mark.
fn is_time(text: &[u8]) -> bool {
    text.len() > 24 && text[10] == b'T' && text[19] == b'.' && text[23] == b'Z' && text[24] == b'"'
}

fn is_uuid(text: &[u8]) -> bool {
    let text = text.get(..36).and_then(|text| std::str::from_utf8(text).ok());
    text.is_some_and(|text| Uuid::try_parse(text).is_ok())
}

/// A string or number of this field, but not null, by the field's name.
fn with_field(text: &str, field: &str, end: char) -> String {
    let Some((before, after)) = text.split_once(field) else {
        return text.to_owned();
    };
    let Some(length) = after.find(end).filter(|_| !after.starts_with("null")) else {
        return text.to_owned();
    };
    let name = field.split('"').nth(1).unwrap_or_default();
    format!("{before}{field}{{{name}}}{}", &after[length..])
}

fn compare(found: &Blocks) {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let path = |name: &str| dir.join(format!("{name}.sse"));
    if std::env::var("PRESENCE_TEST_BLESS").is_ok_and(|bless| bless == "1") {
        for (name, block) in found {
            fs::write(path(name), named(block)).expect("a file of the wire is written");
        }
    }
    for (name, block) in found {
        let kept = fs::read_to_string(path(name)).unwrap_or_default();
        assert_eq!(named(block), kept, "tests/wire/{name}.sse: {BLESS}");
    }
    let files = fs::read_dir(&dir).expect("tests/wire is there");
    let mut files: Vec<String> = files
        .filter_map(|file| file.ok()?.file_name().into_string().ok())
        .collect();
    files.sort_unstable();
    let mut names: Vec<String> = found.keys().map(|name| format!("{name}.sse")).collect();
    names.sort_unstable();
    assert_eq!(files, names, "a file without its event: take it away");
}
