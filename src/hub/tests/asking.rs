//! Those who ask, and those who already know: neither is in the other's way.

use super::*;

#[test]
fn who_opens_a_second_stream_during_a_read_is_answered_by_the_next_one_too() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    let plan = hub.plan(now);
    hub.subscribe(2, user("1"), room(), WHOLE, None, "ring".to_owned());

    // Refused: the viewer was let in after this read, and then opened the second stream.
    let outputs = hub.apply(&plan, &answer(&plan, 1, &["1"]), now);

    assert_eq!(outputs, [Output::Revoked(1, Topic::Room(room()))]);
    assert_eq!(read(&mut hub, 1, now), [snapshot(2)]);
}

#[test]
fn whoever_asks_while_a_room_is_quiet_costs_the_others_no_message() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    read(&mut hub, 1, now);
    hub.ring("ring");
    assert_eq!(read(&mut hub, 2, now), [diff(1)]);

    for stream in 2..50 {
        hub.ring("ring");
        hub.subscribe(stream, user("2"), room(), WHOLE, None, "ring".to_owned());
        let plan = hub.plan(now);
        assert_eq!(
            (plan.questions.len(), plan.viewers.len()),
            (1, 1),
            "of who asks alone"
        );
        let revision = stream.try_into().expect("a small number");
        let told = sent(&hub.apply(&plan, &answer(&plan, revision, &[]), now));
        assert_eq!(told, [snapshot(stream)]);
    }

    assert_eq!(hub.due_at(now), Some(now + MERGE));
    assert_eq!(read(&mut hub, 50, now + MERGE).len(), 49, "one each");
}

#[test]
fn a_change_that_only_who_asked_was_told_of_reaches_the_others_though_no_ring_says_so() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    read(&mut hub, 1, now);
    hub.subscribe(2, user("2"), room(), WHOLE, None, "ring".to_owned());
    assert_eq!(read(&mut hub, 2, now), [snapshot(2)]);

    assert_eq!(read(&mut hub, 2, now + MERGE), [diff(1)]);
}

#[test]
fn what_has_become_due_meanwhile_is_said_to_be_due() {
    let now = Instant::now();
    let mut hub = hub(&[(1, None)]);
    assert_eq!(hub.due_at(now), Some(now), "somebody asks");
    read(&mut hub, 1, now);
    assert_eq!(hub.due_at(now), None);
    hub.ring("ring");
    read(&mut hub, 2, now);
    hub.ring("ring");
    let due = hub.due_at(now).expect("a change to come");

    assert_eq!(hub.due_at(due + MERGE), Some(due), "however late one looks");
    hub.lagged(1, &room());
    assert_eq!(hub.due_at(due), None, "nobody could take it");
}

#[test]
fn a_whole_room_is_encoded_once_from_wherever_it_was_asked_for() {
    let now = Instant::now();
    let elsewhere = |revision| Cursor {
        epoch: Uuid::from_u128(2),
        revision,
    };
    let mut hub = hub(&[(1, Some(elsewhere(1))), (2, Some(elsewhere(2)))]);
    let plan = hub.plan(now);
    let whole = |_| {
        RoomAnswer::Snapshot(Snapshot {
            room_id: room(),
            cursor: at(1),
            online_count: 0,
            members: vec![],
        })
    };
    let answer = RoomsAnswer {
        answers: plan.questions.iter().map(whole).collect(),
        allowed: plan.viewers.iter().cloned().collect(),
    };

    let outputs = hub.apply(&plan, &answer, now);

    let frames = outputs.iter().filter_map(|output| match output {
        Output::Frame(_, _, frame) => Some(frame.as_ptr()),
        _ => None,
    });
    let frames: Vec<_> = frames.collect();
    assert_eq!((plan.questions.len(), frames.len(), frames[0]), (2, 2, frames[1]));
}
