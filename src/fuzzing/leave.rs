//! Leave beacons and tickets: nothing but what we made ends a session or opens a stream, and only in time.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Source;
use crate::{
    auth::{leave_token, ticket},
    domain::{BeatKey, RoomId, UserId, limits},
    http::leave::leaves,
};

const KEYS: [&[u8]; 2] = [b"the newest key", b"an older key"];

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

pub(super) fn check(bytes: &[u8]) {
    check_body(bytes);
    check_one_of_ours(&mut Source(bytes));
}

/// A beacon as it comes.
fn check_body(body: &[u8]) {
    let found = leaves(body, &KEYS, now());
    assert!(found.len() <= limits::LEAVE_LINES_MAX);
    let text = String::from_utf8_lossy(body);
    let tokens: Vec<&str> = text.split_whitespace().collect();
    for (key, number) in found {
        assert!(number.is_none_or(|number| (0..=limits::NUMBER_MAX).contains(&number)));
        let end = end_of(&key);
        assert!(
            tokens.iter().any(|token| is_signed(token, b"leave", &end)),
            "{key:?} by no token of ours in {text:?}"
        );
    }
    for token in tokens {
        if ticket::verify(token, &KEYS, now()).is_some() {
            assert!(is_signed(token, b"ticket", &[]), "{token}");
        }
    }
}

/// What a leave token of this session holds behind its expiry.
fn end_of(key: &BeatKey) -> Vec<u8> {
    let (room, user) = (key.room.as_str().as_bytes(), key.user.as_str().as_bytes());
    let len = u16::try_from(room.len()).expect("it came out of two bytes");
    [key.session.as_bytes(), &len.to_be_bytes()[..], room, user].concat()
}

/// Whether it has this end, has not expired, and a MAC by one of the keys, computed here.
fn is_signed(token: &str, purpose: &[u8], end: &[u8]) -> bool {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let Some((payload, signature)) = bytes.split_last_chunk::<32>() else {
        return false;
    };
    let Some((expires_s, rest)) = payload.split_first_chunk::<8>() else {
        return false;
    };
    let by_one_of_ours = KEYS.iter().any(|key| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
        mac.update(&[purpose, payload].concat());
        mac.finalize().into_bytes()[..] == signature[..]
    });
    by_one_of_ours && rest.ends_with(end) && i64::from_be_bytes(*expires_s) > now().unix_timestamp()
}

/// A token that we made, at some moment, of some length, damaged or not.
fn check_one_of_ours(source: &mut Source<'_>) {
    let (room, user) = (source.text(), source.text());
    let key = BeatKey {
        room: RoomId::trusted(room),
        user: UserId::trusted(user),
        session: Uuid::from_bytes(source.number()),
    };
    let age = Duration::from_secs(u64::from(u32::from_be_bytes(source.number())) % 200_000);
    let secret = KEYS[usize::from(source.below(2))];
    let (at, change) = (u16::from_be_bytes(source.number()), source.byte());
    let token = leave_token::mint(&key, secret, now() - age);

    let fits = key.room.as_str().len() + key.user.as_str().len() <= 2 * limits::ID_BYTES_MAX;
    let is_good = age < leave_token::LIFE && fits;
    assert_eq!(
        leave_token::verify(&token, &KEYS, now()),
        is_good.then(|| key.clone()),
        "{key:?} after {age:?}"
    );
    assert!(
        ticket::verify(&token, &KEYS, now()).is_none(),
        "a leave token is no ticket"
    );
    let mut damaged = token.clone().into_bytes();
    let at = usize::from(at) % damaged.len();
    damaged[at] ^= change & 0x7f;
    let damaged = String::from_utf8(damaged).expect("still ASCII");
    if damaged != token {
        let found = leave_token::verify(&damaged, &KEYS, now());
        assert!(found.is_none(), "{damaged} of {token}");
    }
    let line = format!("{token} {at}\n{damaged}\nx\n");
    let found = leaves(line.as_bytes(), &KEYS, now());
    let expected = is_good.then(|| (key, i64::try_from(at).ok()));
    assert_eq!(found.first(), expected.as_ref());
}
