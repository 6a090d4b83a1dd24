//! Kick and clear: with a token that allows them, from the page's own origin, and in no other way.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Scene;
use crate::support::{
    app::service_url,
    client::Client,
    db::TestDb,
    node::{Node, Plan},
};

const KICK: &str = "/operator/rooms/general/members/alice";
const CLEAR: &str = "/operator/rooms/general/presence";

async fn write(client: &Client, path: &str, origin: Option<&str>) -> (u16, Value) {
    let mut request = client.request(Method::DELETE, path);
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn online(scene: &Scene) -> i64 {
    let (_, snapshot) = scene.app.client("bob").get("/v1/rooms/general").await;
    snapshot["online_count"].as_i64().expect("a count")
}

#[tokio::test]
async fn an_operator_kicks_and_clears_from_the_page_itself() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    for user in ["alice", "alice", "bob"] {
        scene.enter(user, "general", json!({})).await;
    }
    scene.until(|seen| seen["rooms"][0]["members"] == 2).await;
    let operator = scene.operator();

    let kicked = write(&operator, KICK, Some(&scene.url)).await;
    let after_kick = online(&scene).await;
    let seen = scene.seen_by_operator().await;
    let again = write(&operator, KICK, Some(&scene.url)).await;
    let cleared = write(&operator, CLEAR, Some(&scene.url)).await;

    assert_eq!(kicked, (200, json!({"ended": 2})));
    assert_eq!(after_kick, 1);
    assert_eq!(
        seen["rooms"][0]["members"], 1,
        "whoever changed it sees it at once"
    );
    assert_eq!(again, (200, json!({"ended": 0})));
    assert_eq!(cleared, (200, json!({"ended": 1})));
    assert_eq!(online(&scene).await, 0);
}

#[tokio::test]
async fn nobody_writes_without_the_scope_or_from_another_page() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    scene.enter("alice", "general", json!({})).await;
    let (operator, alice) = (scene.operator(), scene.client("alice"));
    let own = scene.url.as_str();
    let other_port = scene.app.url();

    for path in [KICK, CLEAR] {
        let (status, problem) = write(&alice, path, Some(own)).await;
        assert_eq!((status, &problem["type"]), (403, &json!("forbidden")), "{path}");
        let bare = alice
            .bare(Method::DELETE, path)
            .header("origin", own)
            .send()
            .await;
        assert_eq!(
            bare.expect("an answer").status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        for origin in [
            None,
            Some("null"),
            Some("https://evil.example"),
            Some(other_port),
            Some("http://ops.example.com:81"),
        ] {
            let (status, problem) = write(&operator, path, origin).await;
            assert_eq!(
                (status, &problem["type"]),
                (403, &json!("foreign-origin")),
                "{path} {origin:?}"
            );
        }
    }
    assert_eq!(online(&scene).await, 1, "nothing happened");
    // Through a proxy that asks by an address of ours.
    let (status, _) = write(&operator, CLEAR, Some("https://ops.example.com")).await;
    assert_eq!((status, online(&scene).await), (200, 0));
}

#[tokio::test]
async fn dev_hands_its_own_page_a_token_and_serve_hands_nobody_any() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    let ask = async |client: &Client, host: Option<&str>, origin: Option<&str>| {
        let mut request = client.bare(Method::POST, "/operator/token");
        for (name, value) in [("host", host), ("origin", origin)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.expect("an answer");
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap_or_default(),
        )
    };
    let anybody = scene.client("nobody");

    let (status, handed) = ask(&anybody, None, Some(&scene.url)).await;
    let token = handed["token"].as_str().expect("a token").to_owned();
    let (seen, overview) = Client::with_token(&scene.url, token)
        .get("/operator/overview")
        .await;
    let refused = [
        ask(&anybody, None, None).await.0,
        ask(&anybody, None, Some("https://evil.example")).await.0,
        ask(&anybody, Some("ops.example.com"), Some("http://ops.example.com"))
            .await
            .0,
        ask(&anybody, Some("10.0.0.1"), Some("http://10.0.0.1")).await.0,
    ];

    assert_eq!((status, seen), (200, StatusCode::OK));
    assert_eq!(
        (&overview["operator"], &overview["hands_tokens"]),
        (&json!("operator"), &json!(true))
    );
    assert_eq!(refused, [403, 403, 404, 404]);

    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let admin = free.local_addr().expect("it is bound").to_string();
    drop(free);
    let plan = Plan::new(&service_url(db.url())).set("PRESENCE_ADMIN_BIND", &admin);
    let node = Node::start(&plan).await;
    // Who is answered there is answered here as well.
    assert_eq!(
        node.client("nobody")
            .send(Method::GET, "/livez", None)
            .await
            .status(),
        StatusCode::OK
    );
    let url = format!("http://{admin}");
    let serve = Client::new(&url, "nobody");
    assert_eq!(ask(&serve, None, Some(&url)).await.0, 404);
    let answer = serve.bare(Method::GET, "/operator/overview").send().await;
    let overview: Value = answer.expect("an answer").json().await.expect("JSON");
    assert_eq!(overview["hands_tokens"], false);
}
