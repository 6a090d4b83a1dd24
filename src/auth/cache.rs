//! Tokens that were good, by their hash: bounded, and forgotten at their end.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::Caller;

/// Tokens of one generation; two are kept. More would be memory for users who are gone, fewer would verify the tokens
/// of a busy node again and again (some 5 µs each).
const GENERATION_MAX: usize = 16 * 1024;

/// By hash, so that the memory of this process holds no token longer than a request.
pub(super) type Key = [u8; 32];

pub(super) fn key(token: &str) -> Key {
    Sha256::digest(token).into()
}

/// Two generations: what was used since the young one began is in it, the old one is dropped when that is full.
#[derive(Default)]
pub(super) struct Cache {
    // Guards both generations; held for a look-up or an insertion, never across an await.
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Key, Caller>,
    old: HashMap<Key, Caller>,
}

impl Cache {
    /// Whose token it is, if it is known and has not ended.
    pub(super) fn get(&self, key: &Key, now: OffsetDateTime) -> Option<Caller> {
        let mut generations = self.lock();
        let caller = match generations.young.get(key) {
            Some(caller) => caller.clone(),
            None => {
                let caller = generations.old.remove(key)?;
                generations.insert(*key, caller.clone());
                caller
            }
        };
        (!caller.has_ended(now)).then_some(caller)
    }

    pub(super) fn put(&self, key: Key, caller: Caller) {
        self.lock().insert(key, caller);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // Whatever a panic left behind are whole entries: each is inserted by one call.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }
}

impl Generations {
    fn insert(&mut self, key: Key, caller: Caller) {
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, caller);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        auth::{KeyId, jwt::LEEWAY},
        domain::UserId,
    };

    fn caller(name: &str, expires_at: OffsetDateTime) -> Caller {
        Caller {
            user_id: UserId::trusted(name),
            scopes: [].into(),
            expires_at,
            key: KeyId::SECRET,
        }
    }

    #[test]
    fn a_token_is_known_until_it_ends() {
        let cache = Cache::default();
        let end = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1000);

        cache.put(key("t"), caller("alice", end));

        assert_eq!(cache.get(&key("t"), end + LEEWAY), Some(caller("alice", end)));
        assert_eq!(cache.get(&key("t"), end + LEEWAY + Duration::from_secs(1)), None);
        assert_eq!(cache.get(&key("T"), end), None);
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::default();
        let now = OffsetDateTime::UNIX_EPOCH;
        cache.put(key("used"), caller("alice", now));

        for stranger in 0..5 * GENERATION_MAX {
            cache.put(key(&stranger.to_string()), caller("mallory", now));
            if stranger % 1000 == 0 {
                assert!(cache.get(&key("used"), now).is_some());
            }
        }

        assert!(cache.len() <= 2 * GENERATION_MAX);
        assert!(cache.get(&key("0"), now).is_none());
    }
}
