//! What is known to be put back, without Postgres.

use super::*;
use crate::domain::{Cursor, Diff, Left, Snapshot, Stamp};

const TTL: Duration = Duration::from_secs(75);
const ROOM: &str = "general";

fn key(user: &str, session: u128) -> BeatKey {
    BeatKey {
        room: RoomId::trusted(ROOM),
        user: UserId::trusted(user),
        session: Uuid::from_u128(session),
    }
}

fn member(user: &str, status: Status) -> Member {
    Member {
        user_id: UserId::trusted(user),
        name: None,
        avatar_url: None,
        role: None,
        status,
        status_until: None,
        message: Some("at the venue".to_owned()),
        activity: None,
        data: None,
        joined_at: Stamp(time::OffsetDateTime::UNIX_EPOCH),
    }
}

fn diff(joined: &[Member], left: &[&str]) -> RoomAnswer {
    let left = left.iter().map(|user| Left {
        user_id: UserId::trusted(*user),
        reason: "left".to_owned(),
        last_seen_at: None,
    });
    RoomAnswer::Diff(Diff {
        room_id: RoomId::trusted(ROOM),
        from: 0,
        cursor: cursor(),
        online_count: 0,
        joined: joined.to_vec(),
        updated: vec![],
        left: left.collect(),
    })
}

fn snapshot(members: &[Member]) -> RoomAnswer {
    RoomAnswer::Snapshot(Snapshot {
        room_id: RoomId::trusted(ROOM),
        cursor: cursor(),
        online_count: members.len() as i64,
        members: members.to_vec(),
    })
}

fn cursor() -> Cursor {
    Cursor {
        epoch: Uuid::nil(),
        revision: 1,
    }
}

/// Whose sessions would be put back, in order.
fn back(known: &Known, now: Instant) -> Vec<(String, u128)> {
    let found = known.to_put_back(|_| true, TTL, now);
    let mut found: Vec<_> = found
        .iter()
        .map(|item| (item.key.user.to_string(), item.key.session.as_u128()))
        .collect();
    found.sort();
    found
}

fn heard(known: &Known, keys: &[BeatKey], now: Instant) {
    known.expect(keys.iter());
    known.heard(keys.iter(), now);
}

#[test]
fn who_was_heard_of_and_seen_is_put_back_as_seen_for_what_is_left_of_the_lease() {
    let (known, now) = (Known::default(), Instant::now());
    // The change is read before the heartbeat's answer is here.
    known.expect([key("alice", 1)].iter());
    known.saw(&diff(&[member("alice", Status::Busy)], &[]), now);
    assert_eq!(back(&known, now), [], "not answered yet");
    known.heard([key("alice", 1)].iter(), now);
    known.saw(&diff(&[member("alice", Status::Typing)], &[]), now);

    let found = known.to_put_back(|_| true, TTL, now + TTL / 3);

    assert_eq!(found.len(), 1);
    assert_eq!((found[0].lasts, found[0].holder), (TTL - TTL / 3, None));
    assert_eq!(
        (found[0].seen.status, found[0].seen.message.as_deref()),
        (Status::Busy, Some("at the venue"))
    );
    assert_eq!(back(&known, now + TTL), [], "it has run out");
    assert_eq!(known.to_put_back(|_| false, TTL, now).len(), 0, "nobody watches");
}

#[test]
fn who_left_or_is_hidden_or_unseen_is_not_put_back() {
    let (known, now) = (Known::default(), Instant::now());
    let later = now + Duration::from_secs(1);
    let people = ["alice", "bob", "carol", "dave"].map(|user| key(user, 1));
    heard(&known, &people, now);
    let seen = ["alice", "bob", "carol"].map(|user| member(user, Status::Active));
    known.saw(&snapshot(&seen), now);

    known.saw(&diff(&[], &["alice"]), later);
    known.forget([key("bob", 1)].iter());

    assert_eq!(
        back(&known, later),
        [("carol".to_owned(), 1)],
        "dave was never seen"
    );
    known.saw(&snapshot(&seen[..2]), later);
    assert_eq!(back(&known, later), [], "whom a snapshot does not have is gone");
    known.saw(&diff(&[member("alice", Status::Active)], &[]), later);
    assert_eq!(back(&known, later), [], "alice's tab of before is over");
}

#[test]
fn a_read_that_began_before_a_heartbeat_says_nothing_of_it() {
    let (known, now) = (Known::default(), Instant::now());
    heard(&known, &[key("alice", 1)], now + Duration::from_millis(5));

    known.saw(&snapshot(&[]), now);
    known.saw(&diff(&[member("alice", Status::Active)], &[]), now);

    assert_eq!(back(&known, now), [("alice".to_owned(), 1)]);
}

#[test]
fn what_a_stream_holds_is_put_back_for_a_whole_ttl_and_for_the_grace_once_it_is_closed() {
    let (known, now) = (Known::default(), Instant::now());
    let (grace, holder) = (Duration::from_secs(5), Uuid::from_u128(9));
    heard(&known, &[key("alice", 1)], now);
    known.hold(&key("alice", 1), holder);
    known.saw(&snapshot(&[member("alice", Status::Active)]), now);
    known.tidy(TTL, now + 10 * TTL);
    let held = known.to_put_back(|_| true, TTL, now + 10 * TTL); // Postgres was away for long

    known.release(&key("alice", 1), now + grace);

    assert_eq!((held[0].lasts, held[0].holder), (TTL, Some(holder)));
    let closed = known.to_put_back(|_| true, TTL, now);
    assert_eq!((closed[0].lasts, closed[0].holder), (grace, None));
    assert_eq!(back(&known, now + grace), []);
}

#[test]
fn a_room_that_is_told_by_its_count_puts_nobody_back() {
    let (known, now) = (Known::default(), Instant::now());
    heard(&known, &[key("alice", 1)], now);
    known.saw(&snapshot(&[member("alice", Status::Active)]), now);

    known.saw(
        &RoomAnswer::Count(crate::domain::Count {
            room_id: RoomId::trusted(ROOM),
            cursor: cursor(),
            online_count: 501,
        }),
        now,
    );

    assert_eq!(back(&known, now), []);
}

#[test]
fn of_what_ran_out_or_was_never_answered_nothing_is_kept() {
    let (known, now) = (Known::default(), Instant::now());
    heard(&known, &[key("alice", 1), key("alice", 2)], now);
    known.expect([key("bob", 1)].iter());

    known.tidy(TTL, now + TTL / 2);
    known.heard([key("alice", 2)].iter(), now + TTL / 2);
    known.tidy(TTL, now + TTL);
    let sizes = |known: &Known| {
        let rooms = known.lock();
        let people = rooms.values().flat_map(HashMap::values);
        people.map(|person| person.sessions.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&known), [1]);
    known.tidy(TTL, now + 2 * TTL);

    assert!(known.lock().is_empty());
}
