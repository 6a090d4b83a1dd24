//! Who may see what: numbers whoever reaches the port, names an operator, nothing a page of a stranger.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Scene;
use crate::support::db::TestDb;

/// All that a browser loads, by path.
const ASSETS: [&str; 11] = [
    "/",
    "/operator/app.js",
    "/operator/dom.js",
    "/operator/doctor.js",
    "/operator/link.js",
    "/operator/nodes.js",
    "/operator/numbers.js",
    "/operator/rooms.js",
    "/operator/base.css",
    "/operator/page.css",
    "/operator/icon.svg",
];

#[tokio::test]
async fn whoever_reaches_the_port_sees_numbers_and_health_and_no_name() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    scene
        .enter("alice", "general", json!({"message": "at the venue"}))
        .await;
    scene.enter("bob", "general", json!({})).await;
    let known = |seen: &Value| {
        seen["presence"]["members"] == 2
            && seen["nodes"][0]["figures"]["is_ready"] == true
            && !seen["doctor"]["findings"].is_null()
    };
    let full = scene.until(known).await;
    let host = full["node"]["figures"]["host"]
        .as_str()
        .expect("a name")
        .to_owned();

    let seen = scene.seen_by_anybody().await;

    assert_eq!(seen["presence"]["people"], 2);
    assert_eq!(seen["presence"]["rooms"], 1);
    assert_eq!(seen["nodes"][0]["figures"]["is_ready"], true);
    assert_eq!(seen["rooms"], Value::Null);
    assert_eq!(seen["operator"], Value::Null);
    let findings = seen["doctor"]["findings"].as_array().expect("findings");
    assert!(findings.iter().any(|found| found["check"] == "server.version"));
    for found in findings {
        let fields: Vec<&String> = found.as_object().expect("a finding").keys().collect();
        assert_eq!(fields, ["check", "severity"]);
    }
    let text = seen.to_string();
    for name in [
        "alice",
        "bob",
        "general",
        "General",
        "venue",
        "presence_test",
        "pid ",
        db.name(),
    ] {
        assert!(!text.contains(name), "{name}: {text}");
    }
    for node in [&seen["node"], &seen["nodes"][0]] {
        assert!(node["figures"].get("host").is_none(), "{host}: {node}");
    }
}

#[tokio::test]
async fn an_operator_sees_rooms_members_findings_and_why() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    let busy = json!({"status": "busy", "activity": "viewing budget"});
    scene.enter("alice", "general", busy).await;
    scene.enter("alice", "general", json!({})).await;
    scene.enter("alice", "planning", json!({})).await;
    scene.enter("bob", "general", json!({})).await;

    let fits = |seen: &Value| seen["presence"]["members"] == 3 && !seen["doctor"]["findings"].is_null();
    let seen = scene.until(fits).await;
    let operator = scene.operator();
    let (_, members) = operator.get("/operator/rooms/general/members").await;
    let (_, why) = operator.get("/operator/why?user=victor&room=vera-catering").await;

    let rooms = json!([of(&seen["rooms"][0], ROOM), of(&seen["rooms"][1], ROOM)]);
    assert_eq!(rooms, json!([["general", 2, 3], ["planning", 1, 1]]));
    assert_eq!(
        (&seen["operator"], &seen["presence"]["people"]),
        (&json!("ops"), &json!(2))
    );
    assert!(seen["presence"]["last_minute"].is_object());
    let says = seen["doctor"]["findings"][0]["says"].as_str().expect("words");
    assert!(says.contains("Postgres"), "{says}");
    let members = members["members"].as_array().expect("members");
    let alice = members.iter().find(|member| member["user_id"] == "alice");
    let alice = of(alice.expect("alice"), &["name", "status", "activity", "sessions"]);
    assert_eq!(alice, json!(["Alice Adams", "busy", "viewing budget", 2]));
    let reasons = why["reasons"].as_array().expect("reasons");
    let holds: Vec<&Value> = reasons.iter().take(3).map(|reason| &reason["holds"]).collect();
    assert_eq!(json!(holds), json!([true, true, false]), "{why}");
}

const ROOM: &[&str] = &["room_id", "members", "sessions"];

/// Some of an object's fields.
fn of(object: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| object[*field].clone()).collect()
}

#[tokio::test]
async fn names_are_for_a_good_token_with_the_scope_alone() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    scene.enter("alice", "general", json!({})).await;
    let alice = scene.client("alice");
    let paths = [
        "/operator/overview",
        "/operator/rooms/general/members",
        "/operator/why?user=alice&room=general",
    ];

    for path in paths {
        let (status, problem) = alice.get(path).await;
        assert_eq!(
            (status.as_u16(), &problem["type"]),
            (403, &json!("forbidden")),
            "{path}"
        );
        let garbage = alice.bare(Method::GET, path).bearer_auth("garbage").send().await;
        assert_eq!(
            garbage.expect("an answer").status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    for path in &paths[1..] {
        let bare = alice.bare(Method::GET, path).send().await.expect("an answer");
        assert_eq!(bare.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let (status, problem) = scene.operator().get("/operator/why?user=alice").await;
    assert_eq!((status.as_u16(), &problem["type"]), (400, &json!("invalid")));
}

#[tokio::test]
async fn a_page_of_a_stranger_that_points_its_name_here_gets_nothing_of_it() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    let operator = scene.operator();
    let led = async |method: Method, path: &str, host: &str| {
        let request = operator.request(method, path).header("host", host);
        let request = request.header("origin", format!("http://{host}"));
        request.send().await.expect("an answer").status().as_u16()
    };

    for path in ASSETS
        .into_iter()
        .chain(["/operator/overview", "/operator/rooms/general/members"])
    {
        assert_eq!(led(Method::GET, path, "evil.example").await, 421, "{path}");
    }
    for (method, path) in [
        (Method::DELETE, "/operator/rooms/general/presence"),
        (Method::POST, "/operator/token"),
    ] {
        assert_eq!(led(method, path, "evil.example").await, 421, "{path}");
    }
    assert_eq!(
        led(Method::GET, "/operator/overview", "ops.example.com").await,
        200,
        "it is listed"
    );
}

#[tokio::test]
async fn the_page_has_a_strict_policy_and_nothing_from_elsewhere_and_is_for_operators_alone() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    let (anybody, public) = (scene.client("nobody"), scene.app.client("nobody"));

    for path in ASSETS {
        let answer = anybody.bare(Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .expect("text")
            .to_owned();
        assert!(
            policy
                .starts_with("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        let text = answer
            .text()
            .await
            .expect("text")
            .replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("//cdn") && !text.contains("http://") && !text.contains("https://"),
            "{path}"
        );
        assert!(!text.contains("innerHTML") && !text.contains(" style="), "{path}");
    }
    for path in [
        "/operator/overview",
        "/operator/app.js",
        "/operator/why?user=a&room=b",
    ] {
        let answer = public.bare(Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
