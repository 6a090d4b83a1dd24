//! Where secrets could come out: logs, figures, answers, errors, the process list, what Postgres shows of a connection.

use std::process::Command;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::SECRET,
    client::{Client, token},
    db::TestDb,
    node::{Node, Plan},
    server::temporary_dir,
};

const LOGIN: &str = "presence_test_secretive";
const PASSWORD: &str = "open-sesame-of-the-node";

/// All that nobody may read, by name.
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn expect_none(&self, place: &str, text: &str) {
        for (name, secret) in &self.0 {
            assert!(
                !text.contains(secret.as_str()),
                "{name} is in {place}: {text:.2000}"
            );
        }
    }

    fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 8, "{name}: {secret}");
        // A part is as bad as all of it.
        let end = secret.len().saturating_sub(20);
        self.0.push((name.to_owned(), secret[end..].to_owned()));
    }
}

/// The database's URL with a password that is not the login's name.
async fn secretive_url(db: &TestDb) -> String {
    let url = db.login(LOGIN, "grant presence_service to $login").await;
    let set = format!("alter role {LOGIN} password '{PASSWORD}'");
    db.admin().await.batch_execute(&set).await.expect("a password");
    url.replace(&format!("{LOGIN}:{LOGIN}@"), &format!("{LOGIN}:{PASSWORD}@"))
}

async fn secrets_of(db: &TestDb) -> Secrets {
    let mut secrets = Secrets(vec![]);
    secrets.add("the password of the database", PASSWORD);
    secrets.add("the key of tokens", &String::from_utf8_lossy(SECRET));
    let keys = "select encode(key, 'hex'), encode(key, 'base64'), key::text from presence_private.secret";
    for row in db.admin().await.query(keys, &[]).await.expect("keys") {
        for column in 0..3 {
            secrets.add("a key of the database", row.get::<_, String>(column).trim());
        }
    }
    secrets
}

/// FAULTS 61.
#[tokio::test]
async fn nothing_secret_is_in_logs_figures_answers_errors_or_the_process_list() {
    let Some(db) = TestDb::new().await else { return };
    let url = secretive_url(&db).await;
    let (admin, mut secrets) = (db.admin().await, secrets_of(&db).await);
    let plan = Plan::new(&url)
        .set("RUST_LOG", "trace")
        .set("PRESENCE_CANARY_MS", "200");
    let node = Node::start(&plan).await;
    let bearer = token(json!({"sub": "alice", "scope": "presence:admin"}));
    secrets.add("a token", &bearer);
    let alice = Client::with_token(&node.url(), bearer.clone());

    let mut answers = everything(&alice, &mut secrets).await;
    answers.extend(refusals(&node, &bearer, &mut secrets).await);
    for path in ["/metrics", "/readyz", "/livez"] {
        answers.push((path.to_owned(), text(&alice, Method::GET, path, None).await));
    }
    let shown = "select coalesce(string_agg(concat_ws(' ', application_name, query, usename), ' '), '') \
                 from pg_stat_activity where usename = $1";
    let shown: String = admin.query_one(shown, &[&LOGIN]).await.expect("activity").get(0);
    assert!(shown.contains("pg-presence"), "{shown}");
    // The database goes away: what errors of connections say.
    let away = format!(
        "alter role {LOGIN} nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = '{LOGIN}'"
    );
    admin.batch_execute(&away).await.expect("the node is locked out");
    for path in ["/v1/rooms/general", "/readyz", "/metrics"] {
        answers.push((path.to_owned(), text(&alice, Method::GET, path, None).await));
    }
    let back = format!("alter role {LOGIN} login");
    admin.batch_execute(&back).await.expect("the node may come back");

    for (place, answer) in &answers {
        secrets.expect_none(place, answer);
    }
    secrets.expect_none("what Postgres shows of the connections", &shown);
    let said = node.said();
    assert!(
        said.contains("serving") && said.contains("TRACE"),
        "it is talkative: {said:.500}"
    );
    secrets.expect_none("the log", &said);
    for reason in ["it has expired", "its user claim is missing, or no valid user id"] {
        assert!(
            said.contains(reason),
            "the log says why a token was refused: {reason}"
        );
    }
    if cfg!(target_os = "linux") {
        let listed = std::fs::read(format!("/proc/{}/cmdline", node.pid())).expect("the process list");
        let listed = String::from_utf8_lossy(&listed).replace('\0', " ");
        assert!(listed.contains("serve"), "{listed}");
        secrets.expect_none("the process list", &listed);
    }
    assert_no_labels(&answers);
}

/// Every call that hands out or takes a secret. Those that come out on purpose are in the answers that are theirs.
async fn everything(alice: &Client, secrets: &mut Secrets) -> Vec<(String, String)> {
    let tab = Uuid::new_v4();
    let path = format!("/v1/rooms/general/sessions/{tab}");
    let beat: Value = serde_json::from_str(&text(alice, Method::PUT, &path, Some("{}")).await).expect("JSON");
    let leave = beat["leave_token"].as_str().expect("a leave token").to_owned();
    let ticket: Value =
        serde_json::from_str(&text(alice, Method::POST, "/v1/tickets", None).await).expect("JSON");
    let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
    secrets.add("a leave token", &leave);
    secrets.add("a ticket", &ticket);
    let mut answers = vec![];
    let stream = alice.bare(Method::GET, &format!("/v1/stream?room=general&ticket={ticket}"));
    assert_eq!(stream.send().await.expect("an answer").status(), StatusCode::OK);
    for (method, path, body) in [
        (
            Method::GET,
            format!("/v1/stream?room=general&ticket={ticket}"),
            None,
        ), // used up
        (Method::GET, format!("/v1/stream?ticket={ticket}&room=%00"), None),
        (Method::GET, format!("/v1/rooms/{ticket}"), None),
        (Method::GET, format!("/{ticket}"), None),
        (
            Method::PUT,
            format!("/v1/rooms/general/sessions/{leave}"),
            Some("{}"),
        ),
        (Method::POST, "/v1/leave".to_owned(), Some(leave.as_str())),
        (Method::GET, "/v1/rooms/general".to_owned(), None),
        (Method::GET, "/v1/rooms".to_owned(), None),
        (Method::GET, "/v1/events/gala".to_owned(), None),
        (Method::GET, "/v1/users/bob".to_owned(), None),
        (Method::DELETE, "/v1/rooms/general/members/bob".to_owned(), None),
    ] {
        answers.push((
            format!("{method} {path:.40}"),
            text(alice, method, &path, body).await,
        ));
    }
    answers
}

/// Tokens that are refused are as secret as others: most of them were good a moment ago.
async fn refusals(node: &Node, bearer: &str, secrets: &mut Secrets) -> Vec<(String, String)> {
    let mut answers = vec![];
    let ended = token(json!({"sub": "alice", "exp": 1_000_000}));
    let stranger = token(json!({"sub": "\u{0}"}));
    for (what, bad) in [("an ended token", ended), ("a token of nobody", stranger)] {
        secrets.add(what, &bad);
        let client = Client::with_token(&node.url(), bad);
        for path in ["/v1/rooms", "/v1/stream?room=general"] {
            answers.push((what.to_owned(), text(&client, Method::GET, path, None).await));
        }
    }
    // In the wrong places.
    let client = Client::with_token(&node.url(), format!("{bearer}x"));
    for request in [
        client
            .bare(Method::GET, "/v1/rooms")
            .basic_auth("alice", Some(bearer)),
        client
            .bare(Method::GET, "/v1/rooms")
            .header("cookie", format!("token={bearer}")),
        client.bare(Method::GET, &format!("/v1/rooms?access_token={bearer}")),
        client.bare(Method::GET, &format!("/v1/stream?room=general&ticket={bearer}")),
        client
            .request(Method::POST, "/v1/heartbeats")
            .header("content-type", "application/json")
            .body(bearer.to_owned()),
    ] {
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_client_error());
        answers.push((
            "a token in the wrong place".to_owned(),
            answer.text().await.expect("a text"),
        ));
    }
    answers
}

async fn text(client: &Client, method: Method, path: &str, body: Option<&str>) -> String {
    let mut request = client.request(method, path);
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
    }
    request
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a text")
}

/// Figures tell of nobody: no user, no room, no session.
fn assert_no_labels(answers: &[(String, String)]) {
    let figures = answers.iter().filter(|(path, _)| path == "/metrics");
    for (_, figures) in figures {
        assert!(figures.contains("presence_"), "{figures:.300}");
        for name in ["alice", "bob", "general", "gala"] {
            assert!(!figures.contains(name), "{name} is a label: {figures}");
        }
    }
}

/// Arguments and variables of a command.
type Way<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);

/// FAULTS 61. What is wrong with a secret is said without it, whichever way it was given.
#[tokio::test]
async fn what_is_wrong_with_a_secret_is_said_without_it() {
    let Some(db) = TestDb::new().await else { return };
    let url = secretive_url(&db).await;
    let wrong = url.replace(PASSWORD, "a-wrong-sesame");
    let odd = "postgres://app:odd-sesame@host:port/app";
    let short = "short-sesame";
    let file = temporary_dir().with_extension("secret");
    std::fs::write(&file, format!("{odd}\n")).expect("a file");
    let path = file.to_str().expect("UTF-8");
    let key = "a-key-of-open-sesame-0123456789-0123456789";

    let ways: [Way<'_>; 8] = [
        (
            &["serve"],
            &[("DATABASE_URL", &wrong), ("PRESENCE_JWT_SECRET", key)],
        ),
        (&["serve"], &[("DATABASE_URL", odd), ("PRESENCE_JWT_SECRET", key)]),
        (
            &["serve"],
            &[("DATABASE_URL_FILE", path), ("PRESENCE_JWT_SECRET", key)],
        ),
        (
            &["serve"],
            &[("DATABASE_URL", &url), ("PRESENCE_JWT_SECRET", short)],
        ),
        (&["serve", "--database-url", odd, "--jwt-secret", short], &[]),
        (&["doctor"], &[("DATABASE_URL", &wrong)]),
        (&["migrate", "status"], &[("DATABASE_URL", odd)]),
        (&["token", "--user", "alice"], &[("PRESENCE_JWT_SECRET", short)]),
    ];
    for (arguments, environment) in ways {
        let output = Command::new(env!("CARGO_BIN_EXE_pg-presence"))
            .args(arguments)
            .env_clear()
            .env("RUST_LOG", "trace")
            .env("PRESENCE_BIND", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .output()
            .expect("the binary runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!output.status.success(), "{arguments:?}: {said}");
        assert!(
            !said.is_empty() && !said.contains("sesame"),
            "{arguments:?}: {said}"
        );
    }
    std::fs::remove_file(&file).expect("our own file");

    let help = Command::new(env!("CARGO_BIN_EXE_pg-presence"))
        .args(["serve", "--help"])
        .env_clear()
        .envs([("DATABASE_URL", url.as_str()), ("PRESENCE_JWT_SECRET", key)])
        .output()
        .expect("the binary runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        help.contains("DATABASE_URL") && !help.contains("sesame"),
        "{help}"
    );
}
