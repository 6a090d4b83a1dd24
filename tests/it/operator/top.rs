//! `pg-presence top --once`: for people and for machines, with the rights of a monitor.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::Scene;
use crate::support::db::TestDb;

pub fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pg-presence"));
    command
        .env_clear()
        .arg("top")
        .args(arguments)
        .env("DATABASE_URL", url);
    command
}

fn top(url: &str, arguments: &[&str]) -> Output {
    command(url, arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What docs/operations.md grants to a monitor.
fn rights_of_a_monitor() -> String {
    let page = include_str!("../../../docs/operations.md");
    let (_, rest) = page
        .split_once("create role presence_monitor")
        .expect("the example");
    let sql = rest.split_once("```").expect("its end").0;
    let grants = sql.split_once(";\n").expect("the first statement").1;
    grants.replace("presence_monitor", "$login")
}

#[tokio::test]
async fn a_monitor_may_look_at_all_of_it_and_change_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::start(&db).await;
    scene
        .enter("alice", "general", json!({"activity": "viewing budget"}))
        .await;
    scene.enter("bob", "planning", json!({})).await;
    scene
        .until(|seen| seen["nodes"][0]["figures"]["is_ready"] == true)
        .await;
    let monitor = db.login("presence_test_monitor", &rights_of_a_monitor()).await;

    let machine = top(&monitor, &["--once", "--json", "--room", "general"]);
    let people = top(&monitor, &["--once"]);
    let client = crate::support::server::connect(&monitor)
        .await
        .expect("it logs in");
    let write = client.query("select presence.remove_room('general')", &[]).await;
    let read = client.query("select * from presence.members", &[]).await;

    assert!(machine.status.success(), "{}", text(&machine.stderr));
    let picture: Value = serde_json::from_str(&text(&machine.stdout)).expect("one line of JSON");
    assert_eq!(
        (&picture["presence"]["people"], &picture["presence"]["rooms"]),
        (&json!(2), &json!(2))
    );
    let ids = |list: &str, id: &str| -> Vec<Value> {
        let list = picture[list].as_array().expect("a list");
        list.iter().map(|item| item[id].clone()).collect()
    };
    assert_eq!(ids("rooms", "room_id"), [json!("general"), json!("planning")]);
    assert_eq!(ids("members", "user_id"), [json!("alice")], "of that room alone");
    assert_eq!(picture["nodes"][0]["figures"]["is_ready"], true);
    let people = text(&people.stdout);
    for part in [
        "2 people  2 members",
        "1 node",
        "ready",
        "planning",
        "Bob Brandt",
        "viewing budget",
    ] {
        assert!(people.contains(part), "{part}:\n{people}");
    }
    assert!(!people.contains('\x1b'), "no colours in a pipe: {people:?}");
    assert!(write.is_err() && read.is_err());
}

#[tokio::test]
async fn who_may_not_look_is_told_what_to_grant_and_who_has_nothing_to_look_at_what_to_run() {
    let (Some(db), Some(empty)) = (TestDb::new().await, TestDb::empty().await) else {
        return;
    };
    let nobody = db.login("presence_test_no_monitor", "").await;

    let refused = top(&nobody, &["--once"]);
    let bare = top(empty.url(), &["--once"]);
    let bad_room = top(db.url(), &["--once", "--room", ""]);
    let bad_interval = top(db.url(), &["--interval", "499"]);

    let code = |output: &Output| output.status.code();
    assert_eq!(
        [code(&refused), code(&bare), code(&bad_room), code(&bad_interval)],
        [Some(1), Some(1), Some(1), Some(2)]
    );
    let said = text(&refused.stderr);
    assert!(
        said.contains("grant presence_app to presence_test_no_monitor"),
        "{said}"
    );
    let said = text(&bare.stderr);
    assert!(said.contains("run `pg-presence migrate` first"), "{said}");
    assert!(text(&bad_room.stderr).contains("--room"));
}
