//! `/openapi.json`: nothing is served that it does not tell of, and nothing told that is not served.

mod schema;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use pg_presence::http::openapi::document;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use self::schema::faults;
use crate::support::{app::TestApp, db::TestDb, sql::run};

/// Path to its methods.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let paths = document()["paths"].as_object().expect("paths");
    let methods = |item: &Value| {
        let methods = item.as_object().expect("calls").keys();
        methods.map(|method| method.to_uppercase()).collect()
    };
    paths
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

/// The URL table, as src/http.rs has it; without what only `dev` serves.
fn routed() -> BTreeSet<String> {
    let table = include_str!("../../src/http.rs");
    let routes = table.split(".route(").skip(1);
    routes
        .map(|rest| rest.split('"').nth(1).expect("a path").to_owned())
        .collect()
}

#[test]
fn every_route_is_in_the_document_and_every_path_of_it_is_routed() {
    let documented: BTreeSet<String> = documented().into_keys().collect();

    assert!(documented.len() > 15, "{documented:?}");
    assert_eq!(documented, routed());
}

#[tokio::test]
async fn every_path_has_the_methods_that_the_document_tells_of_and_no_other() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");

    for (path, methods) in documented() {
        let filled = path
            .replace("{session}", &Uuid::nil().to_string())
            .replace(['{', '}'], "");
        let answer = alice.send(Method::PATCH, &filled, None).await;
        let allowed = answer
            .headers()
            .get("allow")
            .and_then(|allow| allow.to_str().ok())
            .unwrap_or_default();
        // HEAD comes with GET and is told by nobody.
        let allowed: BTreeSet<String> = allowed
            .split(',')
            .map(|method| method.trim().to_owned())
            .filter(|method| method != "HEAD")
            .collect();
        assert_eq!((answer.status().as_u16(), allowed), (405, methods), "{path}");
    }
}

#[test]
fn every_problem_of_the_document_is_explained_and_some_call_tells_of_each() {
    let page = include_str!("../../docs/errors.md");
    let page = page.split("\n## SQLSTATEs").next().expect("the problems");
    let explained: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let words = |list: &'static Value| list.as_array().expect("words").iter().filter_map(Value::as_str);

    let known: BTreeSet<&str> =
        words(&document()["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]).collect();
    let paths = document()["paths"].as_object().expect("paths").values();
    let calls = paths.flat_map(|methods| methods.as_object().expect("calls").values());
    let answers = calls.flat_map(|call| call["responses"].as_object().expect("answers").values());
    let general = document()["components"]["responses"]
        .as_object()
        .expect("answers")
        .values();
    let told: BTreeSet<&str> = answers
        .chain(general)
        .filter_map(|answer| answer["content"]["application/problem+json"]["examples"].as_object())
        .flat_map(|examples| examples.keys().map(String::as_str))
        .collect();

    assert_eq!(known, explained);
    assert_eq!(told, known);
}

#[test]
fn nothing_of_the_document_is_left_empty() {
    fn look(at: &str, value: &Value, empty: &mut Vec<String>) {
        let is_example = at.contains("/example") || at.ends_with("/value");
        match value {
            Value::Null => empty.push(at.to_owned()),
            Value::String(text) if text.is_empty() => empty.push(at.to_owned()),
            Value::Object(fields) if !is_example => {
                fields
                    .iter()
                    .for_each(|(name, field)| look(&format!("{at}/{name}"), field, empty));
            }
            Value::Array(values) => values.iter().for_each(|value| look(at, value, empty)),
            _ => {}
        }
    }
    let mut empty = vec![];

    look("", document(), &mut empty);

    assert_eq!(empty, [""; 0]);
    for (path, methods) in document()["paths"].as_object().expect("paths") {
        for (method, call) in methods.as_object().expect("calls") {
            for (status, answer) in call["responses"].as_object().expect("answers") {
                assert!(answer["description"].is_string(), "{method} {path} {status}");
            }
        }
    }
}

#[test]
fn every_example_of_the_document_is_what_its_schema_says() {
    let paths = document()["paths"].as_object().expect("paths").values();
    let calls = paths.flat_map(|methods| methods.as_object().expect("calls").values());
    let mut checked = 0;
    for call in calls {
        let answers = call["responses"].as_object().expect("answers").values();
        for body in answers.chain(call.get("requestBody")) {
            let Some(contents) = body["content"].as_object() else {
                continue;
            };
            for (_, content) in contents.iter().filter(|(kind, _)| kind.ends_with("json")) {
                let named = content["examples"].as_object();
                let named = named.into_iter().flatten().map(|(_, example)| &example["value"]);
                for example in named.chain(content.get("example")) {
                    let found = faults(document(), &content["schema"], example);
                    assert_eq!(found, [""; 0], "{}: {example}", call["operationId"]);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

/// The clients stand on these files; the document must tell the same.
#[test]
fn every_event_of_the_wire_is_what_the_document_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire");
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).expect("the files of the wire").flatten() {
        let text = fs::read_to_string(file.path()).expect("text");
        let text = text
            .replace("{epoch}", &Uuid::nil().to_string())
            .replace("{time}", "2026-11-25T01:07:29.659Z")
            .replace("{retry_ms}", "400")
            .replace("{node}", "91fc77b2");
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let name = field("event: ").expect("a name");
        let data = field("data: ").expect("data");
        let parsed: Value = serde_json::from_str(data).unwrap_or_else(|why| panic!("{why}: {data}"));
        let choices = &document()["components"]["schemas"]["StreamEvent"]["oneOf"];
        let choices = choices.as_array().expect("events").iter();
        let told: Vec<&Value> = choices.filter(|choice| choice["title"] == name).collect();
        assert_eq!(told.len(), 1, "{name}");
        let data = &told[0]["properties"]["data"]["contentSchema"];

        let found = faults(document(), data, &parsed);

        assert_eq!(found, [""; 0], "{:?}", file.path());
        assert!(
            field("id: ").is_none() || told[0]["properties"].get("id").is_some(),
            "{name}"
        );
        names.insert(name.to_owned());
    }
    let told = document()["components"]["schemas"]["StreamEvent"]["oneOf"].as_array();
    let told = told.into_iter().flatten();
    let told: BTreeSet<String> = told
        .filter_map(|event| event["title"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(names, told);
}

/// Paths, and how they are asked for.
const READS: [(&str, &str); 11] = [
    ("/v1/rooms/{room}", "/v1/rooms/general?offline=10&limit=1"),
    ("/v1/rooms", "/v1/rooms"),
    ("/v1/events/{event}", "/v1/events/gala"),
    ("/v1/users/{user}", "/v1/users/alice"),
    ("/v1/me/watches", "/v1/me/watches"),
    ("/v1/me/notifications", "/v1/me/notifications"),
    ("/v1/me/status", "/v1/me/status"),
    ("/v1/rooms/{room}/activities", "/v1/rooms/general/activities"),
    ("/v1/rooms/{room}/visits", "/v1/rooms/general/visits?limit=1"),
    ("/v1/rooms/{room}/activity", "/v1/rooms/general/activity"),
    ("/v1/events/{event}/activity", "/v1/events/gala/activity"),
];

#[tokio::test]
async fn real_answers_are_what_the_document_says() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let session = Uuid::new_v4();
    let state =
        json!({"status": "busy", "status_ttl_ms": 60_000, "message": "x", "activity": "y", "data": {"z": 1}});
    let items = json!({"items": [{"room_id": "general", "session_id": session}, {"room_id": "general"}, 7,
        {"room_id": "general", "session_id": session, "user_id": "bob"}]});
    let put = format!("/v1/rooms/general/sessions/{session}");
    let (watch, read) = (json!({"quiet_ms": 0}), json!({"all": true}));
    let told = "insert into presence_private.notification (at, watcher_id, user_id, room_id) values (now(), 'alice', 'bob', 'general')";
    run(&db.admin().await, told).await;
    let own = json!({"status": "busy", "status_ttl_ms": 60_000, "message": "on site"});

    for (method, path, filled, body) in [
        (
            "put",
            "/v1/rooms/{room}/sessions/{session}",
            put.as_str(),
            Some(&state),
        ),
        ("post", "/v1/heartbeats", "/v1/heartbeats", Some(&items)),
        ("put", "/v1/me/watches/{user}", "/v1/me/watches/bob", Some(&watch)),
        (
            "post",
            "/v1/me/notifications/read",
            "/v1/me/notifications/read",
            Some(&read),
        ),
        ("put", "/v1/me/status", "/v1/me/status", Some(&own)),
        ("post", "/v1/tickets", "/v1/tickets", None),
        ("get", "/livez", "/livez", None),
        ("get", "/readyz", "/readyz", None),
        ("get", "/v1/rooms/{room}", "/v1/rooms/nowhere", None),
        (
            "delete",
            "/v1/rooms/{room}/presence",
            "/v1/rooms/general/presence",
            None,
        ),
        ("get", "/v1/stream", "/v1/stream", None),
    ]
    .into_iter()
    .chain(READS.map(|(path, filled)| ("get", path, filled, None)))
    {
        let verb = method.to_uppercase().parse().expect("a method");
        let answer = alice.send(verb, filled, body).await;
        let (status, headers) = (answer.status().as_u16().to_string(), answer.headers().clone());
        let told = &document()["paths"][path][method]["responses"][&status];
        assert!(told.is_object(), "{method} {filled}: {status}");
        let kind = headers["content-type"].to_str().expect("text");
        let json: Value = answer.json().await.expect("JSON");

        let found = faults(document(), &told["content"][kind]["schema"], &json);

        assert_eq!(found, [""; 0], "{method} {filled}: {json}");
        for name in told["headers"].as_object().expect("headers").keys() {
            assert!(headers.contains_key(name), "{method} {filled}: {name}");
        }
    }
}

#[tokio::test]
async fn the_document_is_served_as_the_command_prints_it_and_the_page_loads_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let anybody = app.client("nobody");
    let printed = Command::new(env!("CARGO_BIN_EXE_pg-presence"))
        .arg("openapi")
        .output()
        .expect("it runs");
    let printed = String::from_utf8(printed.stdout).expect("text");

    let served = anybody.bare(Method::GET, "/openapi.json").send().await;
    let page = anybody
        .bare(Method::GET, "/docs")
        .send()
        .await
        .expect("an answer");
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .expect("text")
        .to_owned();
    let page = page.text().await.expect("text");

    assert_eq!(served.expect("an answer").text().await.expect("text"), printed);
    assert_eq!(
        &serde_json::from_str::<Value>(&printed).expect("JSON"),
        document()
    );
    assert!(
        document()["openapi"]
            .as_str()
            .expect("a version")
            .starts_with("3.1.")
    );
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(page.contains("/v1/rooms/") && !page.contains("<script"));
}
