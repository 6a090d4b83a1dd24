//! The book of leases, without Postgres.

use super::{keeper::spread, *};
use crate::domain::{RoomId, UserId};

fn key(room: &str) -> BeatKey {
    BeatKey {
        room: RoomId::trusted(room),
        user: UserId::trusted("alice"),
        session: Uuid::from_u128(1),
    }
}

#[test]
fn the_stream_that_took_a_lease_last_holds_it_and_nobody_else_gives_it_back() {
    let leases = Leases::default();
    leases.hold(1, vec![key("a"), key("b")]);
    let first = leases.due(Instant::now(), Duration::ZERO);
    leases.hold(2, vec![key("a")]);

    // The answer to the first stream's renewal comes late, and the first stream closes.
    for hold in &first {
        leases.note(hold, Held::Gone, Instant::now());
    }
    leases.release(1);

    assert!(leases.is_held(&key("a")) && !leases.is_held(&key("b")));
    assert!(
        leases.take_returns(Instant::now()).is_empty(),
        "b was gone already"
    );
    leases.release(2);
    let returned = leases.take_returns(Instant::now());
    assert_eq!(returned.len(), 1);
    assert!(leases.lock().leases.is_empty() && leases.take_returns(Instant::now()).is_empty());
}

#[test]
fn a_lease_is_taken_once_and_then_renewed_spread_over_the_interval() {
    let leases = Leases::default();
    leases.hold(1, vec![key("a")]);
    let now = Instant::now();
    let [first] = &leases.due(now, Duration::ZERO)[..] else {
        panic!("one is due")
    };
    assert!(first.take);

    let logged_out = leases.note(first, Held::Held, now + Duration::from_secs(20));

    assert_eq!(logged_out, None);
    assert!(leases.due(now, Duration::ZERO).is_empty());
    let later = leases.due(now + Duration::from_secs(20), Duration::ZERO);
    assert!(!later[0].take);
    assert_eq!(leases.note(&later[0], Held::LoggedOut, now), Some(1));
    assert!(leases.lock().leases.is_empty());
    assert!((0.8..1.2).contains(&spread(first)));
}

#[test]
fn what_is_due_soon_is_renewed_with_what_is_due_and_nobody_who_waits_is_held_up_by_it() {
    let leases = Leases::default();
    leases.hold(1, vec![key("a"), key("b"), key("c")]);
    let (now, s) = (Instant::now(), Duration::from_secs(1));
    for hold in leases.due(now, Duration::ZERO) {
        let after = match hold.key.room.as_str() {
            "a" => 20 * s,
            "b" => 21 * s,
            _ => 22 * s,
        };
        leases.note(&hold, Held::Held, now + after);
    }
    leases.hold(2, vec![key("d")]);

    let due = |after| leases.due(now + after, s).len();
    assert_eq!(due(19 * s + s / 2), 1, "who begins to hold something goes alone");
    assert_eq!(due(20 * s), 3, "what is due, the next one, and who begins");
}

#[tokio::test]
async fn a_stream_waits_until_it_holds_what_it_is_to_hold_or_will_never_do() {
    let leases = Leases::default();
    leases.hold(1, vec![key("a"), key("b")]);
    leases.hold(2, vec![key("c")]);
    let waits = async |stream| {
        let taken = tokio::time::timeout(Duration::from_millis(1), leases.taken(stream));
        taken.await.is_err()
    };
    let answer = |room: &str, outcome| {
        let due = leases.due(Instant::now(), Duration::ZERO);
        let hold = due.iter().find(|hold| hold.key == key(room));
        leases.note(hold.expect("it is due"), outcome, Instant::now());
        leases.answered.notify_waiters();
    };

    assert!(
        waits(1).await && !waits(3).await,
        "a stream without a session waits for nothing"
    );
    answer("a", Held::Held);
    answer("b", Held::Busy);
    assert!(waits(1).await);
    leases.hold(4, vec![key("b")]); // a later stream holds it: there is nothing to wait for
    assert!(!waits(1).await && waits(4).await);
    answer("b", Held::Gone);
    assert!(!waits(4).await && waits(2).await);
    assert!(
        leases.taken(4).await.is_err(),
        "it holds nothing: the client is to try again"
    );
}

#[test]
fn what_was_joined_for_a_stream_that_never_came_to_be_is_given_back() {
    let leases = Leases::default();
    leases.hold(1, vec![key("a")]);

    leases.give_up(vec![key("a"), key("b")]);

    let returned = leases.take_returns(Instant::now());
    assert_eq!(returned.len(), 2);
    let held = leases.due(Instant::now(), Duration::ZERO)[0].holder;
    assert!(leases.is_held(&key("a")), "by the stream that is open");
    assert!(
        returned.iter().all(|item| item.hold.holder != held),
        "Postgres can tell them apart"
    );
}

#[test]
fn a_lease_that_is_missing_for_long_is_asked_for_at_leisure_and_still_given_back() {
    let leases = Leases::default();
    leases.hold(1, vec![key("a")]);
    let now = Instant::now();
    let first = leases.due(now, Duration::ZERO).remove(0);
    leases.note(&first, Held::Held, now);
    let hold = leases.due(now, Duration::ZERO).remove(0);
    leases.note(&hold, Held::Missing, now);
    assert!(
        leases.due(now, Duration::ZERO).is_empty() && !leases.due(now + 2 * AGAIN, Duration::ZERO).is_empty(),
        "often at first"
    );
    leases
        .lock()
        .leases
        .get_mut(&key("a"))
        .expect("it is held")
        .missing_since = now.checked_sub(MISSING_MAX);

    leases.note(&hold, Held::Missing, now + Duration::from_secs(25));

    assert!(leases.due(now + 2 * AGAIN, Duration::ZERO).is_empty() && !leases.is_held(&key("a")));
    // Its client came back by a heartbeat: held again, and given back when the stream closes.
    leases.note(&hold, Held::Held, now + Duration::from_secs(50));
    assert!(leases.is_held(&key("a")));
    leases.release(1);
    assert_eq!(leases.take_returns(Instant::now()).len(), 1);
}
