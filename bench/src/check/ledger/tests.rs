use super::*;

const ROOM: Room = Room(0);
const USER: User = User(0);

fn key(n: u128) -> Key {
    Key {
        room: ROOM,
        user: USER,
        session: Uuid::from_u128(n),
    }
}

fn kept(until: Micros) -> Outcome {
    Outcome::Kept {
        until,
        says: Said::default(),
    }
}

#[test]
fn a_session_is_certain_from_its_answer_to_the_end_that_it_names() {
    let mut ledger = Ledger::default();
    let beat = ledger.begin_beat(key(1), 100, None);
    assert!(ledger.may_be_here(ROOM, USER, 101, 0) && !ledger.must_be_here(ROOM, USER, 101, 101));

    ledger.end_beat(key(1), beat, 110, kept(500));

    assert!(ledger.must_be_here(ROOM, USER, 110, 500));
    assert!(!ledger.must_be_here(ROOM, USER, 110, 501));
    assert!(!ledger.may_be_here(ROOM, USER, 501, 0));
}

#[test]
fn what_ends_it_ends_certainty_when_it_is_asked_for_and_possibility_when_it_is_answered() {
    let mut ledger = Ledger::default();
    let beat = ledger.begin_beat(key(1), 100, None);
    ledger.end_beat(key(1), beat, 110, kept(500));

    let cut = ledger.begin_cut(Scope::Member(ROOM, USER), 200, None);
    assert!(ledger.must_be_here(ROOM, USER, 120, 200) && !ledger.must_be_here(ROOM, USER, 120, 201));
    assert!(ledger.may_be_here(ROOM, USER, 300, 0));
    ledger.end_cut(cut, 210, 0);

    assert!(!ledger.may_be_here(ROOM, USER, 211, 1_000));
}

#[test]
fn a_heartbeat_that_was_under_way_with_a_kick_proves_nothing() {
    let mut ledger = Ledger::default();
    let cut = ledger.begin_cut(Scope::Room(ROOM), 90, None);
    let beat = ledger.begin_beat(key(1), 100, None);
    ledger.end_cut(cut, 105, 0);

    ledger.end_beat(key(1), beat, 110, kept(500));

    assert!(!ledger.must_be_here(ROOM, USER, 110, 111) && ledger.may_be_here(ROOM, USER, 111, 0));
}

#[test]
fn a_leave_that_nobody_answered_does_nothing_to_a_higher_number() {
    let mut ledger = Ledger::default();
    ledger.begin_cut(Scope::Session(key(1)), 90, Some(3));

    let beat = ledger.begin_beat(key(1), 100, Some(3));
    ledger.end_beat(key(1), beat, 110, kept(500));
    assert!(!ledger.must_be_here(ROOM, USER, 110, 111));
    let beat = ledger.begin_beat(key(1), 120, Some(4));
    ledger.end_beat(key(1), beat, 130, kept(500));

    assert!(ledger.must_be_here(ROOM, USER, 130, 500));
}

#[test]
fn a_heartbeat_that_nobody_answered_may_come_true_until_it_is_buried() {
    let mut ledger = Ledger::default();
    let beat = ledger.begin_beat(key(1), 100, None);
    ledger.end_beat(key(1), beat, 110, Outcome::Unknown);
    assert!(ledger.may_be_here(ROOM, USER, 100 * SECOND, 0));

    ledger.bury(1_000);

    assert!(
        ledger.may_be_here(ROOM, USER, 1_000 + TTL, 0) && !ledger.may_be_here(ROOM, USER, 1_001 + TTL, 0)
    );
}

#[test]
fn a_stream_that_closes_leaves_a_grace_and_one_that_was_left_behind_leaves_nothing() {
    let mut ledger = Ledger::default();
    let beat = ledger.begin_beat(key(1), 100, None);
    ledger.end_beat(key(1), beat, 110, kept(100 + TTL));
    ledger.hold(key(1), 1, 110, true);
    ledger.hold(key(1), 2, 120, true);

    ledger.let_go(key(1), 1, 200, true);
    assert!(ledger.must_be_here(ROOM, USER, 110, 100 + TTL));
    ledger.let_go(key(1), 2, 300, true);

    assert!(ledger.must_be_here(ROOM, USER, 110, 300 + GRACE));
    assert!(!ledger.must_be_here(ROOM, USER, 110, 301 + GRACE));
}

#[test]
fn a_stream_that_only_maybe_holds_it_may_end_it_all_the_same() {
    let mut ledger = Ledger::default();
    ledger.hold(key(1), 1, 90, false);
    let beat = ledger.begin_beat(key(1), 100, None);
    ledger.end_beat(key(1), beat, 110, kept(100 + TTL));

    ledger.let_go(key(1), 1, 200, true);

    assert!(ledger.must_be_here(ROOM, USER, 110, 200 + GRACE));
    assert!(!ledger.must_be_here(ROOM, USER, 110, 201 + GRACE));
}

#[test]
fn what_a_stream_holds_is_possible_until_its_end_is_done_and_no_longer() {
    let mut ledger = Ledger::default();
    let beat = ledger.begin_beat(key(1), 100, None);
    ledger.end_beat(key(1), beat, 110, kept(100 + TTL));
    ledger.hold(key(1), 7, 120, true);

    let logout = ledger.begin_cut(cuts::Scope::User(USER), 10 * TTL, None);
    assert!(ledger.may_be_here(ROOM, USER, 10 * TTL + 5, 0), "it is under way");
    ledger.end_cut(logout, 10 * TTL + 9, 0);

    assert!(ledger.may_be_here(ROOM, USER, 10 * TTL + 5, 0));
    assert!(!ledger.may_be_here(ROOM, USER, 10 * TTL + 10, 0));
}
