//! Tickets: a token's place in a URL, for a browser's `EventSource`, which sends no headers. Good for one stream, for
//! 30 s, once.
//!
//! `base64url(payload ‖ HMAC-SHA256(key, "ticket" ‖ payload))`. The payload is the expiry (8 bytes, seconds), the
//! ticket's own id (16 bytes), the end of the token that it was made for (8 bytes), that token's key (16 bytes), the
//! user. Keys are the database's, those of leave tokens, so that any node reads what another one made; the purpose in
//! front keeps the two apart. That a ticket was used is in the database too, since nodes know nothing of each other.
//! Pure: keys and time are handed in.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Caller, keys::KeyId, sealed};
use crate::domain::{UserId, limits::ID_BYTES_MAX};

/// How long one is good for: a page that asked for it opens its stream at once. URLs are written into logs of proxies,
/// so longer would be time for somebody who reads them; the database remembers used ones for 10 min.
pub const LIFE: Duration = Duration::from_secs(30);

const HEAD_BYTES: usize = 8 + 16 + 8 + KeyId::BYTES;
/// Longer texts are refused unseen.
const PAYLOAD_BYTES_MAX: usize = HEAD_BYTES + ID_BYTES_MAX;
/// No leave token is a ticket, nor the other way round.
const PURPOSE: &[u8] = b"ticket";

/// A ticket that was made by us and has not ended. Whether it was used is the database's to say.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its own.
    pub id: Uuid,
    /// Whose stream it opens; without scopes, since streams need none.
    pub caller: Caller,
}

/// For one stream of this caller, by the newest key.
pub fn mint(caller: &Caller, id: Uuid, key: &[u8], now: OffsetDateTime) -> String {
    let user = caller.user_id.as_str();
    let mut bytes = Vec::with_capacity(HEAD_BYTES + user.len());
    bytes.extend_from_slice(&(now + LIFE).unix_timestamp().to_be_bytes());
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(&caller.expires_at.unix_timestamp().to_be_bytes());
    bytes.extend_from_slice(caller.key.as_bytes());
    bytes.extend_from_slice(user.as_bytes());
    sealed::seal(bytes, PURPOSE, key)
}

/// What it says; none for whatever is not, or no longer, good by any of the keys.
pub fn verify(ticket: &str, keys: &[impl AsRef<[u8]>], now: OffsetDateTime) -> Option<Ticket> {
    let payload = sealed::open(ticket, PAYLOAD_BYTES_MAX, PURPOSE, keys)?;
    let (ends_s, rest) = payload.split_first_chunk::<8>()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (token_ends_s, rest) = rest.split_first_chunk::<8>()?;
    let (key, user) = rest.split_first_chunk::<{ KeyId::BYTES }>()?;
    (now.unix_timestamp() < i64::from_be_bytes(*ends_s)).then_some(Ticket {
        id: Uuid::from_bytes(*id),
        caller: Caller {
            user_id: UserId::trusted(std::str::from_utf8(user).ok()?),
            scopes: [].into(),
            expires_at: OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*token_ends_s)).ok()?,
            key: KeyId::from_bytes(*key),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::leave_token,
        domain::{BeatKey, RoomId},
    };

    const KEY: &[u8] = b"the newest key";
    const OLD: &[u8] = b"an older key";
    const ID: Uuid = Uuid::from_u128(7);

    fn now() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn caller(user: &str) -> Caller {
        Caller {
            user_id: UserId::trusted(user),
            scopes: [].into(),
            expires_at: now() + Duration::from_secs(900),
            key: KeyId::from_bytes([9; KeyId::BYTES]),
        }
    }

    #[test]
    fn it_says_whose_it_is_for_30_seconds() {
        let admin = Caller {
            scopes: ["presence:admin".to_owned()].into(),
            ..caller("Älice")
        };

        let ticket = mint(&admin, ID, KEY, now());

        let good = Some(Ticket {
            id: ID,
            caller: caller("Älice"),
        });
        assert_eq!(verify(&ticket, &[KEY], now()), good);
        assert_eq!(verify(&ticket, &[KEY], now() + Duration::from_secs(29)), good);
        assert_eq!(verify(&ticket, &[KEY], now() + Duration::from_secs(30)), None);
        assert!(
            ticket
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
    }

    #[test]
    fn the_newest_key_signs_and_all_verify() {
        let by_old = mint(&caller("alice"), ID, OLD, now());

        assert!(verify(&by_old, &[KEY, OLD], now()).is_some());
        assert!(verify(&by_old, &[KEY], now()).is_none());
        assert!(verify(&by_old, &[] as &[&[u8]], now()).is_none());
    }

    #[test]
    fn a_ticket_is_no_leave_token_and_a_leave_token_is_no_ticket() {
        let session = BeatKey {
            room: RoomId::trusted("general"),
            user: UserId::trusted("alice"),
            session: ID,
        };
        let leave = leave_token::mint(&session, KEY, now());
        let ticket = mint(&caller("alice"), ID, KEY, now());

        assert!(leave_token::verify(&leave, &[KEY], now()).is_some());
        assert_eq!(verify(&leave, &[KEY], now()), None);
        assert_eq!(leave_token::verify(&ticket, &[KEY], now()), None);
    }

    #[test]
    fn malformed_tickets_are_none_and_the_longest_user_fits() {
        let ticket = mint(&caller("alice"), ID, KEY, now());
        let longest = mint(&caller(&"u".repeat(ID_BYTES_MAX)), ID, KEY, now());
        let longer = mint(&caller(&"u".repeat(ID_BYTES_MAX + 3)), ID, KEY, now());
        let mut bad = vec![
            String::new(),
            "x".into(),
            format!("{ticket}A"),
            format!("{ticket}="),
            "A".repeat(100_000),
            longer,
            sealed::seal(vec![], PURPOSE, KEY),
        ];
        bad.extend((0..ticket.len()).map(|end| ticket[..end].to_owned()));
        bad.extend((0..ticket.len()).map(|at| {
            let mut bytes = ticket.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).expect("ASCII")
        }));

        assert!(verify(&longest, &[KEY], now()).is_some());
        for bad in bad {
            assert_eq!(verify(&bad, &[KEY], now()), None, "{bad:.80}");
        }
    }
}
