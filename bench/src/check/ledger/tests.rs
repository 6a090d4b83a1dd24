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

/// Held by a stream that was opened at 120.
fn held(ledger: &mut Ledger, session: u128, stream: u64) {
    let beat = ledger.begin_beat(key(session), 100, None);
    ledger.end_beat(key(session), beat, 110, kept(100 + TTL));
    ledger.hold(key(session), stream, 120, true);
}

#[test]
fn a_stream_that_closed_is_all_that_there_was_until_something_is_said_again() {
    let mut ledger = Ledger::default();
    held(&mut ledger, 1, 7);
    assert_eq!(ledger.closed_alone(ROOM, USER, 300), None);

    ledger.let_go(key(1), 7, 200, true);
    assert_eq!(ledger.closed_alone(ROOM, USER, 200), None, "it was there before");
    assert_eq!(ledger.closed_alone(ROOM, USER, 300), Some((key(1), 200)));
    ledger.begin_beat(key(1), 250, None);

    assert_eq!(ledger.closed_alone(ROOM, USER, 300), None);
}

#[test]
fn a_stream_that_closed_beside_another_tab_says_nothing_of_how_its_user_left() {
    let mut ledger = Ledger::default();
    held(&mut ledger, 1, 7);
    let beat = ledger.begin_beat(key(2), 150, None);
    ledger.end_beat(key(2), beat, 160, kept(150 + TTL));

    ledger.let_go(key(1), 7, 200, true);

    assert_eq!(ledger.closed_alone(ROOM, USER, 300), None);
}

#[test]
fn what_a_stream_holds_goes_on_through_a_loss_and_not_through_a_kick() {
    let mut ledger = Ledger::default();
    held(&mut ledger, 1, 7);
    let loss = ledger.begin_cut(Scope::All, 1_000, None);
    ledger.lose_all(loss, 1_000, 1_100);
    let goes_on = |ledger: &Ledger, streams: &[u64]| ledger.is_held_undisturbed(ROOM, USER, streams, 1_000);

    assert!(goes_on(&ledger, &[6, 7]) && !goes_on(&ledger, &[6]));
    assert!(
        !ledger.is_held_undisturbed(ROOM, USER, &[7], 120),
        "it was not held before"
    );
    ledger.begin_cut(Scope::Member(ROOM, USER), 1_200, None);

    assert!(!goes_on(&ledger, &[7]));
}

#[test]
fn a_user_was_let_in_by_the_last_answer_of_the_only_tab_since_all_data_was_lost() {
    let mut ledger = Ledger::default();
    for start in [100, 200] {
        let beat = ledger.begin_beat(key(1), start, None);
        ledger.end_beat(key(1), beat, start + 10, kept(start + TTL));
    }
    assert_eq!(ledger.let_in_by(ROOM, USER, 211), Some(200));
    assert_eq!(
        ledger.let_in_by(ROOM, USER, 210),
        Some(100),
        "the later answer was not there yet"
    );

    let loss = ledger.begin_cut(Scope::All, 300, None);
    assert_eq!(ledger.let_in_by(ROOM, USER, 310), None);
    ledger.lose_all(loss, 300, 400);
    for (session, start) in [(1, 390), (1, 500), (2, 600)] {
        let beat = ledger.begin_beat(key(session), start, None);
        ledger.end_beat(key(session), beat, start + 10, kept(start + TTL));
        assert_eq!(
            ledger.let_in_by(ROOM, USER, start + 11),
            (start == 500).then_some(500),
            "{start}"
        );
    }
}

#[test]
fn a_lease_that_ran_out_before_its_end_was_answered_may_be_there_until_then_and_no_longer() {
    let mut ledger = Ledger::default();
    let beat = ledger.begin_beat(key(1), 100, None);
    ledger.end_beat(key(1), beat, 110, kept(500));

    let kick = ledger.begin_cut(Scope::Member(ROOM, USER), 490, None);
    ledger.end_cut(kick, 600, 0);

    assert!(ledger.may_be_here(ROOM, USER, 600, 100) && !ledger.may_be_here(ROOM, USER, 601, 200));
}
