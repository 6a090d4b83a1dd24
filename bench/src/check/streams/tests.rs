use serde_json::{Value, json};

use super::*;
use crate::{check::Check, clock::now, history::History, world::Tables};

fn check() -> Check {
    let dir = std::env::temp_dir().join(format!(
        "bench-test-{}",
        Uuid::from_bytes(fastrand::u128(..).to_be_bytes()).simple()
    ));
    std::fs::create_dir_all(&dir).expect("a directory");
    Check::new(History::begin(&dir).expect("a file"), Tables::at_first())
}

fn open(check: &Check) -> u64 {
    let opened = Opened {
        viewer: User(0),
        node: 0,
        rooms: vec![(Room(0), Picture::default())],
        views: vec![],
        holds: vec![],
    };
    check.lock().streams.open(opened, now())
}

fn member(user: &str) -> Value {
    json!({"user_id": user, "status": "active", "joined_at": "2026-11-25T01:07:29.659Z"})
}

const EPOCH: &str = "77ace71b-e290-440f-beac-c68d439078f8";

fn tell(check: &Check, stream: u64, name: &str, revision: i64, mut data: Value) -> Vec<String> {
    data["room_id"] = json!("general");
    data["epoch"] = json!(EPOCH);
    data["revision"] = json!(revision);
    let event = Event {
        at: now(),
        name: name.to_owned(),
        id: Some(format!("{EPOCH}.{revision}")),
        data,
    };
    let mut state = check.lock();
    state.frame(stream, &event);
    state
        .violations
        .iter()
        .map(|violation| violation.what.clone())
        .collect()
}

#[test]
fn a_snapshot_and_diffs_that_fit_are_no_violation() {
    let check = check();
    let stream = open(&check);

    tell(
        &check,
        stream,
        "snapshot",
        3,
        json!({"online_count": 1, "members": [member("bob")]}),
    );
    tell(
        &check,
        stream,
        "diff",
        5,
        json!({"from": 3, "online_count": 2, "joined": [member("alice")]}),
    );
    let left = json!({"from": 5, "online_count": 1, "left": [{"user_id": "bob", "reason": "left"}]});
    let violations = tell(&check, stream, "diff", 6, left);

    assert_eq!(violations, [""; 0]);
}

#[test]
fn a_gap_a_fall_a_second_join_and_a_leave_of_nobody_are_violations() {
    for (revision, diff) in [
        (7, json!({"from": 5, "online_count": 1})),
        (2, json!({"from": 3, "online_count": 1})),
        (
            4,
            json!({"from": 3, "online_count": 2, "joined": [member("bob")]}),
        ),
        (
            4,
            json!({"from": 3, "online_count": 1, "updated": [member("alice")]}),
        ),
        (
            4,
            json!({"from": 3, "online_count": 1, "left": [{"user_id": "alice", "reason": "left"}]}),
        ),
        (4, json!({"from": 3, "online_count": 7})),
    ] {
        let check = check();
        let stream = open(&check);
        tell(
            &check,
            stream,
            "snapshot",
            3,
            json!({"online_count": 1, "members": [member("bob")]}),
        );

        let violations = tell(&check, stream, "diff", revision, diff.clone());

        assert_eq!(violations.len(), 1, "{diff}: {violations:?}");
    }
}

#[test]
fn two_streams_that_see_one_revision_differently_are_a_violation() {
    let check = check();
    let (first, second) = (open(&check), open(&check));
    tell(
        &check,
        first,
        "snapshot",
        3,
        json!({"online_count": 1, "members": [member("bob")]}),
    );

    let violations = tell(
        &check,
        second,
        "snapshot",
        3,
        json!({"online_count": 1, "members": [member("alice")]}),
    );

    assert_eq!(violations.len(), 1, "{violations:?}");
}

#[test]
fn what_follows_a_revocation_is_a_violation() {
    let check = check();
    let stream = open(&check);
    tell(&check, stream, "revoked", 0, json!({}));

    let violations = tell(
        &check,
        stream,
        "snapshot",
        3,
        json!({"online_count": 1, "members": [member("bob")]}),
    );

    assert_eq!(violations.len(), 1, "{violations:?}");
}
