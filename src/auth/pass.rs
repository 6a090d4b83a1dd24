//! How long an open stream may go on: as long as its user has shown a token that is good.
//!
//! A stream begins with one token. Any later request of the same user on this node, whatever it asks for, that carries a
//! token which ends later prolongs all of that user's streams here: so streams outlive short tokens, and a client need
//! not reconnect for a new one. A stream ends with the latest token (and the leeway), or once that token's key is good
//! no more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;
use tokio::sync::watch;

use super::{
    Caller,
    jwks::Keys,
    jwt::LEEWAY,
    keys::{KeyId, KeySet},
};
use crate::domain::UserId;

/// A clock that is set while a stream sleeps is noticed within this.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// The token that ends last.
#[derive(Debug, Clone, Copy)]
struct Proof {
    expires_at: OffsetDateTime,
    key: KeyId,
}

/// Users with open streams on this node, and the best that they have shown.
#[derive(Default)]
pub(super) struct Passes {
    /// Guards the users alone; held for a look-up, never across an await.
    users: Mutex<HashMap<UserId, watch::Sender<Proof>>>,
}

impl Passes {
    /// A token of somebody was found good.
    pub(super) fn shown(&self, caller: &Caller, keys: &KeySet) {
        if let Some(shown) = self.lock().get(&caller.user_id) {
            better(shown, caller, keys);
        }
    }

    /// For one stream.
    pub(super) fn open(self: &Arc<Self>, caller: &Caller, keys: Keys) -> Pass {
        let mut users = self.lock();
        let shown = users.entry(caller.user_id.clone()).or_insert_with(|| {
            let proof = Proof {
                expires_at: caller.expires_at,
                key: caller.key,
            };
            watch::channel(proof).0
        });
        better(shown, caller, &keys.current());
        Pass {
            user: caller.user_id.clone(),
            shown: shown.subscribe(),
            keys,
            passes: self.clone(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, watch::Sender<Proof>>> {
        // Whatever a panic left behind are whole entries.
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().len()
    }
}

fn better(shown: &watch::Sender<Proof>, caller: &Caller, keys: &KeySet) {
    shown.send_if_modified(|proof| {
        let is_better = caller.expires_at > proof.expires_at || !keys.holds(proof.key);
        if is_better {
            proof.expires_at = caller.expires_at;
            proof.key = caller.key;
        }
        is_better
    });
}

/// One stream's leave to go on.
pub struct Pass {
    user: UserId,
    shown: watch::Receiver<Proof>,
    keys: Keys,
    passes: Arc<Passes>,
}

impl Pass {
    /// Returns once it is over. To be dropped and called again at will.
    pub async fn ended(&mut self) {
        loop {
            let proof = *self.shown.borrow_and_update();
            let left = proof.expires_at + LEEWAY - OffsetDateTime::now_utc();
            let is_good = self.keys.current().holds(proof.key);
            let Some(left) = Duration::try_from(left).ok().filter(|_| is_good) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep(left.min(SLEEP_MAX)) => {}
                _ = self.shown.changed() => {}
                () = self.keys.changed() => {}
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut users = self.passes.lock();
        // This one still counts.
        if users
            .get(&self.user)
            .is_some_and(|shown| shown.receiver_count() <= 1)
        {
            users.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn caller(user: &str, left_s: i64) -> Caller {
        Caller {
            user_id: UserId::trusted(user),
            scopes: [].into(),
            expires_at: OffsetDateTime::now_utc() + time::Duration::seconds(left_s),
            key: KeyId::SECRET,
        }
    }

    async fn is_over(pass: &mut Pass) -> bool {
        timeout(Duration::from_millis(20), pass.ended()).await.is_ok()
    }

    #[tokio::test]
    async fn the_latest_token_of_the_user_counts_and_nobody_elses() {
        let (passes, keys) = (Arc::new(Passes::default()), Keys::fixed(SECRET));
        let set = keys.current();
        let ended = caller("alice", -10);

        let mut one = passes.open(&ended, keys.clone());
        assert!(is_over(&mut one).await);
        passes.shown(&caller("bob", 3600), &set);
        passes.shown(&caller("alice", -20), &set);
        assert!(is_over(&mut one).await);
        passes.shown(&caller("alice", 3600), &set);
        assert!(!is_over(&mut one).await);

        let mut two = passes.open(&ended, keys.clone());
        assert!(!is_over(&mut two).await, "what was shown counts for all");
        passes.shown(&caller("alice", 10), &set);
        assert!(!is_over(&mut one).await, "an older one takes nothing away");
    }

    #[tokio::test]
    async fn it_waits_for_the_end_and_for_what_prolongs_it() {
        let (passes, keys) = (Arc::new(Passes::default()), Keys::fixed(SECRET));
        let mut pass = passes.open(&caller("alice", -4), keys.clone());

        let waiting =
            tokio::spawn(async move { timeout(Duration::from_secs(60), pass.ended()).await.is_ok() });

        assert!(waiting.await.expect("no panic"), "within the leeway of 5 s");
    }

    #[tokio::test]
    async fn a_key_that_is_gone_ends_it_and_a_newer_token_by_a_good_key_does_not() {
        let (passes, keys) = (Arc::new(Passes::default()), Keys::fixed(SECRET));
        let by_old = Caller {
            key: KeyId::from_bytes([7; KeyId::BYTES]),
            ..caller("alice", 3600)
        };

        let mut pass = passes.open(&by_old, keys.clone());
        assert!(is_over(&mut pass).await);
        passes.shown(&caller("alice", 60), &keys.current());
        assert!(!is_over(&mut pass).await, "though it ends earlier");
    }

    #[tokio::test]
    async fn users_without_a_stream_are_forgotten() {
        let (passes, keys) = (Arc::new(Passes::default()), Keys::fixed(SECRET));
        let alice = caller("alice", 60);

        let (one, two) = (
            passes.open(&alice, keys.clone()),
            passes.open(&alice, keys.clone()),
        );
        drop(one);
        assert_eq!(passes.len(), 1);
        drop(two);

        assert_eq!(passes.len(), 0);
        passes.shown(&alice, &keys.current());
        assert_eq!(passes.len(), 0);
    }
}
