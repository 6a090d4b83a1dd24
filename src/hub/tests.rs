use std::time::{Duration, Instant};

use uuid::Uuid;

use super::*;
use crate::domain::{Count, Diff, Left, Snapshot};

mod asking;

const MERGE: Duration = Duration::from_millis(100);
const DETAIL_MAX: i32 = 10;
const WHOLE: Wish = Wish {
    whole: true,
    count: false,
};
const COUNT: Wish = Wish {
    whole: false,
    count: true,
};

fn room() -> RoomId {
    RoomId::trusted("general")
}

fn user(name: &str) -> UserId {
    UserId::trusted(name)
}

fn at(revision: i64) -> Cursor {
    Cursor {
        epoch: Uuid::from_u128(1),
        revision,
    }
}

/// A hub on which these streams watch the room, none of them answered yet. Stream n is of user `n`.
fn hub(streams: &[(StreamId, Option<Cursor>)]) -> Hub {
    let mut hub = Hub::new(MERGE, DETAIL_MAX);
    for (stream, cursor) in streams {
        hub.subscribe(
            *stream,
            user(&stream.to_string()),
            room(),
            WHOLE,
            *cursor,
            "ring".to_owned(),
        );
    }
    hub
}

/// Postgres, with the room at a revision: whole rooms for who has no cursor, diffs for the others.
fn answer(plan: &Plan, revision: i64, forbidden: &[&str]) -> RoomsAnswer {
    answer_of(plan, revision, 0, forbidden, "left")
}

/// As [`answer`], with so many members; somebody has left for this reason.
fn answer_of(plan: &Plan, revision: i64, members: i64, forbidden: &[&str], reason: &str) -> RoomsAnswer {
    let answers = plan.questions.iter().map(|question| match question.cursor {
        _ if members > question.detail_max.into() => RoomAnswer::Count(Count {
            room_id: room(),
            cursor: at(revision),
            online_count: members,
        }),
        None => RoomAnswer::Snapshot(Snapshot {
            room_id: room(),
            cursor: at(revision),
            online_count: members,
            members: vec![],
        }),
        Some(cursor) => RoomAnswer::Diff(Diff {
            room_id: room(),
            from: cursor.revision,
            cursor: at(revision),
            online_count: members,
            joined: vec![],
            updated: vec![],
            left: vec![Left {
                user_id: user("1"),
                reason: reason.to_owned(),
                last_seen_at: None,
            }],
        }),
    });
    let allowed = plan
        .viewers
        .iter()
        .filter(|(_, viewer)| !forbidden.contains(&viewer.as_str()));
    RoomsAnswer {
        answers: answers.collect(),
        allowed: allowed.cloned().collect(),
    }
}

/// One read; who was sent what: the event's name by stream.
fn read(hub: &mut Hub, revision: i64, now: Instant) -> Vec<(StreamId, String)> {
    let plan = hub.plan(now);
    let answer = answer(&plan, revision, &[]);
    sent(&hub.apply(&plan, &answer, now))
}

fn sent(outputs: &[Output]) -> Vec<(StreamId, String)> {
    let name = |frame: &Bytes| {
        let text = String::from_utf8_lossy(frame);
        text.lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("event: ")
            .to_owned()
    };
    let frames = outputs.iter().filter_map(|output| match output {
        Output::Frame(stream, _, frame) => Some((*stream, name(frame))),
        _ => None,
    });
    frames.collect()
}

fn snapshot(stream: StreamId) -> (StreamId, String) {
    (stream, "snapshot".to_owned())
}

fn diff(stream: StreamId) -> (StreamId, String) {
    (stream, "diff".to_owned())
}

#[test]
fn one_diff_is_encoded_once_and_shared_by_all() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None), (2, None)]);
    assert_eq!(read(&mut hub, 1, now), [snapshot(1), snapshot(2)]);
    hub.ring("ring");

    let plan = hub.plan(now + MERGE);
    let outputs = hub.apply(&plan, &answer(&plan, 2, &[]), now + MERGE);

    assert_eq!(plan.questions.len(), 1);
    let frames: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Frame(_, _, frame) => Some(frame.as_ptr()),
            _ => None,
        })
        .collect();
    assert_eq!((frames.len(), frames[0]), (2, frames[1]));
}

#[test]
fn a_current_cursor_yields_nothing_until_something_changes() {
    let now = Instant::now();
    let mut hub = hub(&[(1, Some(at(5)))]);

    assert_eq!(read(&mut hub, 5, now), []);
    hub.ring("ring");
    assert_eq!(read(&mut hub, 6, now + MERGE), [diff(1)]);
}

#[test]
fn who_subscribes_during_a_read_is_answered_by_the_next() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    let plan = hub.plan(now);
    hub.subscribe(2, user("2"), room(), WHOLE, None, "ring".to_owned());

    let first = hub.apply(&plan, &answer(&plan, 1, &[]), now);

    assert_eq!(
        sent(&first),
        [snapshot(1)],
        "nobody is handed a room that was not asked for them"
    );
    assert_eq!(read(&mut hub, 1, now), [snapshot(2)]);
}

#[test]
fn changes_within_the_merge_time_go_out_as_one_and_nobody_who_asks_waits_for_it() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    read(&mut hub, 1, now);
    let now = now + MERGE;
    hub.ring("ring");
    assert_eq!(read(&mut hub, 2, now), [diff(1)], "the first at once");

    hub.ring("ring");
    hub.ring("ring");
    assert_eq!(read(&mut hub, 4, now + MERGE / 2), [], "quiet");
    assert_eq!(hub.due_at(now + MERGE / 2), Some(now + MERGE));
    hub.subscribe(2, user("2"), room(), WHOLE, None, "ring".to_owned());

    assert_eq!(
        read(&mut hub, 4, now + MERGE / 2),
        [snapshot(2)],
        "and nobody else hears of it sooner"
    );
    assert_eq!(
        read(&mut hub, 5, now + MERGE),
        [diff(1), diff(2)],
        "each from where it stands"
    );
}

#[test]
fn who_may_no_longer_see_gets_no_frame_and_is_forgotten() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None), (2, None)]);
    read(&mut hub, 1, now);
    hub.ring_all();

    let plan = hub.plan(now + MERGE);
    let outputs = hub.apply(&plan, &answer(&plan, 2, &["1"]), now + MERGE);

    assert_eq!(sent(&outputs), [diff(2)]);
    assert!(outputs.contains(&Output::Revoked(1, Topic::Room(room()))));
    assert_eq!(hub.size(), (1, 1));
}

#[test]
fn a_lagging_stream_gets_nothing_until_it_resumes_and_then_a_snapshot() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None), (2, None)]);
    read(&mut hub, 1, now);
    hub.lagged(1, &room());
    hub.ring("ring");
    assert_eq!(read(&mut hub, 2, now + MERGE), [diff(2)]);

    hub.resumed(1);

    assert_eq!(read(&mut hub, 2, now + 3 * MERGE), [snapshot(1)]);
}

#[test]
fn a_read_that_failed_is_made_again() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    let plan = hub.plan(now);
    assert!(hub.plan(now).questions.is_empty());

    hub.undo(&plan);

    assert_eq!(read(&mut hub, 1, now), [snapshot(1)]);
}

#[test]
fn rings_of_rooms_that_nobody_watches_mean_nothing() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    read(&mut hub, 1, now);
    hub.ring("another");
    assert!(hub.plan(now + MERGE).questions.is_empty());

    hub.close(1);
    hub.ring("ring");

    assert!(hub.plan(now + MERGE).questions.is_empty());
    assert_eq!(hub.size(), (0, 0));
}

/// One read with so many members.
fn read_of(hub: &mut Hub, revision: i64, members: i64, now: Instant) -> Vec<(StreamId, String)> {
    let plan = hub.plan(now);
    let answer = answer_of(&plan, revision, members, &[], "left");
    sent(&hub.apply(&plan, &answer, now))
}

fn count(stream: StreamId) -> (StreamId, String) {
    (stream, "count".to_owned())
}

#[test]
fn a_count_is_told_where_it_differs_and_costs_no_question_of_its_own() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    hub.subscribe(2, user("2"), room(), COUNT, None, "ring".to_owned());
    let plan = hub.plan(now);
    assert_eq!(plan.questions.len(), 1);
    hub.undo(&plan);
    assert_eq!(read_of(&mut hub, 1, 3, now), [snapshot(1), count(2)]);

    hub.ring("ring");
    assert_eq!(
        read_of(&mut hub, 2, 3, now + MERGE),
        [diff(1)],
        "one came, one went"
    );
    hub.close(1);
    hub.ring("ring");
    let plan = hub.plan(now + 2 * MERGE);
    assert!(
        plan.questions[0].detail_max < 0,
        "nobody wants more than the count"
    );
    hub.undo(&plan);

    assert_eq!(read_of(&mut hub, 3, 4, now + 2 * MERGE), [count(2)]);
}

#[test]
fn a_room_that_grows_too_large_is_told_as_a_count_until_it_is_clearly_smaller() {
    let now = Instant::now();
    let later = |reads: u32| now + reads * MERGE;
    let mut hub = hub(&[(1, None)]);
    assert_eq!(read_of(&mut hub, 1, 10, later(0)), [snapshot(1)]);

    for (reads, members, told) in [
        (1, 11, vec![snapshot(1)]), // in counts from here on
        (2, 12, vec![count(1)]),
        (3, 10, vec![count(1)]),
        (4, 9, vec![count(1)]),
        (5, 8, vec![snapshot(1)]), // whole again
        (6, 9, vec![diff(1)]),
    ] {
        hub.ring("ring");
        let revision = i64::from(reads) + 1;
        assert_eq!(
            read_of(&mut hub, revision, members, later(reads)),
            told,
            "{members}"
        );
    }
    hub.ring("ring");
    assert_eq!(read_of(&mut hub, 8, 11, later(7)), [snapshot(1)]);
    hub.ring("ring");
    assert_eq!(read_of(&mut hub, 8, 11, later(8)), [], "nothing changed");
}

#[test]
fn a_logout_ends_the_streams_of_that_user_that_were_open_and_no_other() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None), (2, None)]);
    read(&mut hub, 1, now);
    hub.subscribe(3, user("1"), room(), WHOLE, Some(at(1)), "ring".to_owned()); // a new login, resuming
    hub.ring("ring");

    let plan = hub.plan(now + MERGE);
    let outputs = hub.apply(&plan, &answer_of(&plan, 2, 0, &[], "logged_out"), now + MERGE);

    let ended: Vec<_> = outputs
        .iter()
        .filter(|output| matches!(output, Output::LoggedOut(_)))
        .collect();
    assert_eq!(ended, [&Output::LoggedOut(1)]);
}

#[test]
fn a_count_that_had_no_place_is_told_again_and_goes_in_one_piece_with_its_room() {
    let now = Instant::now();
    let mut hub = hub(&[]);
    hub.subscribe(1, user("1"), room(), COUNT, None, "ring".to_owned());
    let both = Wish { whole: true, ..COUNT };
    hub.subscribe(2, user("2"), room(), both, None, "ring".to_owned());
    assert_eq!(
        read_of(&mut hub, 1, 3, now),
        [count(1), snapshot(2)],
        "one frame each"
    );
    hub.ring("ring");
    read_of(&mut hub, 2, 4, now + MERGE);

    hub.lagged(1, &room());
    hub.resumed(1);
    hub.lagged(2, &room());
    hub.resumed(2);
    let plan = hub.plan(now + MERGE);
    let outputs = hub.apply(&plan, &answer_of(&plan, 2, 4, &[], "left"), now + MERGE);

    assert_eq!(
        sent(&outputs),
        [count(1), snapshot(2)],
        "though they were sent that count"
    );
    let has_count = |output: &&Output| match output {
        Output::Frame(2, _, frame) => String::from_utf8_lossy(frame).contains("\n\nevent: count\n"),
        _ => false,
    };
    assert_eq!(outputs.iter().filter(has_count).count(), 1);
}

#[test]
fn of_a_room_that_is_too_large_only_another_number_is_told() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    assert_eq!(read_of(&mut hub, 1, 11, now), [snapshot(1)]);

    for (reads, members, told) in [(1, 11, vec![]), (2, 12, vec![count(1)]), (3, 12, vec![])] {
        hub.ring("ring");
        let revision = i64::from(reads) + 1;
        assert_eq!(read_of(&mut hub, revision, members, now + reads * MERGE), told);
    }
}
