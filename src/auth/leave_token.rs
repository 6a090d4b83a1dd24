//! Leave tokens: what a closing page can still send. Good for 24 h and for leaving one session, nothing else.
//!
//! `base64url(payload ‖ HMAC-SHA256(key, "leave" ‖ payload))`. The payload is the expiry (8 bytes, seconds), the
//! session (16 bytes), the room's length (2 bytes), room, user: lengths are explicit, so that no two meanings have one
//! encoding. Keys are the database's, so that any node reads what another one made. Pure: keys and time are handed in.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::sealed;
use crate::domain::{BeatKey, RoomId, UserId, limits::ID_BYTES_MAX};

/// How long one is good for. A page that stays open gets a new one with each heartbeat.
pub const LIFE: Duration = Duration::from_secs(24 * 3600);

const HEAD_BYTES: usize = 8 + 16 + 2;
/// Longer texts are refused unseen.
const PAYLOAD_BYTES_MAX: usize = HEAD_BYTES + 2 * ID_BYTES_MAX;
/// Keeps a leave token from being a good MAC of anything else that may once be signed with these keys.
const PURPOSE: &[u8] = b"leave";

/// A token that lets its bearer end this session, by the newest key.
pub fn mint(session: &BeatKey, key: &[u8], now: OffsetDateTime) -> String {
    let (room, user) = (session.room.as_str(), session.user.as_str());
    let room_len = u16::try_from(room.len()).expect("ids have at most 128 bytes");
    let expires_s = (now + LIFE).unix_timestamp();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + room.len() + user.len());
    bytes.extend_from_slice(&expires_s.to_be_bytes());
    bytes.extend_from_slice(session.session.as_bytes());
    bytes.extend_from_slice(&room_len.to_be_bytes());
    bytes.extend_from_slice(room.as_bytes());
    bytes.extend_from_slice(user.as_bytes());
    sealed::seal(bytes, PURPOSE, key)
}

/// Which session this token may end; none for whatever is not, or no longer, good by any of the keys.
pub fn verify(token: &str, keys: &[impl AsRef<[u8]>], now: OffsetDateTime) -> Option<BeatKey> {
    let payload = sealed::open(token, PAYLOAD_BYTES_MAX, PURPOSE, keys)?;
    let (expires_s, rest) = payload.split_first_chunk::<8>()?;
    let (session, rest) = rest.split_first_chunk::<16>()?;
    let (room_len, rest) = rest.split_first_chunk::<2>()?;
    let (room, user) = rest.split_at_checked(usize::from(u16::from_be_bytes(*room_len)))?;
    (now.unix_timestamp() < i64::from_be_bytes(*expires_s)).then_some(BeatKey {
        room: RoomId::trusted(std::str::from_utf8(room).ok()?),
        user: UserId::trusted(std::str::from_utf8(user).ok()?),
        session: Uuid::from_bytes(*session),
    })
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    const KEY: &[u8] = b"the newest key";
    const OLD: &[u8] = b"an older key";

    fn session() -> BeatKey {
        BeatKey {
            room: RoomId::trusted("Ünïcode / room"),
            user: UserId::trusted("alice"),
            session: Uuid::from_u128(7),
        }
    }

    fn now() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    #[test]
    fn it_ends_the_session_that_it_was_made_for() {
        let token = mint(&session(), KEY, now());

        assert_eq!(verify(&token, &[KEY], now()), Some(session()));
        assert!(
            token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        );
    }

    #[test]
    fn the_newest_key_signs_and_all_verify() {
        let by_old = mint(&session(), OLD, now());
        let by_both = mint(&session(), KEY, now());

        assert_eq!(verify(&by_old, &[KEY, OLD], now()), Some(session()));
        assert_eq!(verify(&by_old, &[KEY], now()), None);
        assert_eq!(verify(&by_both, &[KEY], now()), Some(session()));
        assert_eq!(verify(&by_both, &[] as &[&[u8]], now()), None);
    }

    #[test]
    fn it_is_good_for_a_day() {
        let token = mint(&session(), KEY, now());

        assert!(verify(&token, &[KEY], now() + LIFE - Duration::from_secs(1)).is_some());
        assert!(verify(&token, &[KEY], now() + LIFE).is_none());
    }

    #[test]
    fn the_border_between_room_and_user_is_signed() {
        let ab_c = BeatKey {
            room: RoomId::trusted("ab"),
            user: UserId::trusted("c"),
            ..session()
        };
        let a_bc = BeatKey {
            room: RoomId::trusted("a"),
            user: UserId::trusted("bc"),
            ..session()
        };

        assert_ne!(mint(&ab_c, KEY, now()), mint(&a_bc, KEY, now()));
    }

    #[test]
    fn the_longest_ids_fit_and_longer_ones_are_refused() {
        let of = |len: usize| BeatKey {
            room: RoomId::trusted("r".repeat(len)),
            user: UserId::trusted("u".repeat(len)),
            ..session()
        };
        let longest = mint(&of(ID_BYTES_MAX), KEY, now());
        let longer = mint(&of(ID_BYTES_MAX + 1), KEY, now());

        assert_eq!(verify(&longest, &[KEY], now()), Some(of(ID_BYTES_MAX)));
        assert_eq!(verify(&longer, &[KEY], now()), None);
    }

    #[test]
    fn malformed_tokens_are_none() {
        let token = mint(&session(), KEY, now());
        let mut bad = vec![
            String::new(),
            "x".into(),
            "=".into(),
            token.to_lowercase(),
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
            "A".repeat(100_000),
            URL_SAFE_NO_PAD.encode([0; 32]),
            sealed::seal(vec![], PURPOSE, KEY),
        ];
        bad.extend((0..token.len()).map(|end| token[..end].to_owned()));
        bad.extend((0..token.len()).map(|at| {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).expect("ASCII")
        }));

        for bad in bad {
            assert_eq!(verify(&bad, &[KEY], now()), None, "{bad:.80}");
        }
    }
}
