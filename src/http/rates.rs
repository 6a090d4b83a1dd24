//! How often a user may send heartbeats, and other calls that cost, on this node: so many a second, with a burst. Whoever is
//! over it is told when to come back, and nobody else notices. What takes seconds is asked one after the other: a user has
//! one connection of the pool for it at most. Backends that speak for others (scope `presence:write`) are not limited.
//!
//! A user on two nodes has each node's rate; what holds everywhere is the database's (sessions of a member in a room).

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

use crate::{
    auth::{Caller, SCOPE_WRITE},
    domain::UserId,
    error::{Error, Result},
};

/// From so many users with a turn on those are forgotten who have none: bounds memory by the callers that wait.
const TURNS_BETWEEN_TIDIES: usize = 1_000;
/// After so many checks users who were quiet are forgotten: bounds memory by those who are not.
const CHECKS_BETWEEN_TIDIES: u32 = 10_000;

type Limiter<C> = RateLimiter<UserId, HashMapStateStore<UserId>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Per user; none: no limit.
#[derive(Debug)]
pub struct Rates<C: Clock = MonotonicClock> {
    limiter: Option<Limiter<C>>,
    burst: u32,
    checks: AtomicU32,
    clock: C,
    /// Whoever holds a user's lock has their turn. The map's own is never held over a wait.
    turns: Mutex<HashMap<UserId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Rates {
    /// `per_s`: heartbeats a second that a user may send on and on, 0 for no limit; `burst`: at once, after a pause.
    pub fn new(per_s: u32, burst: u32) -> Self {
        Self::with_clock(per_s, burst, MonotonicClock)
    }
}

impl<C: Clock + Clone> Rates<C> {
    fn with_clock(per_s: u32, burst: u32, clock: C) -> Self {
        let quota = NonZeroU32::new(per_s)
            .zip(NonZeroU32::new(burst))
            .map(|(per_s, burst)| Quota::per_second(per_s).allow_burst(burst));
        Self {
            limiter: quota.map(|quota| RateLimiter::new(quota, HashMapStateStore::default(), clock.clone())),
            burst,
            checks: AtomicU32::new(0),
            clock,
            turns: Mutex::default(),
        }
    }

    /// A question that may take seconds, once the one before of the same caller has its answer. Who gives up while they wait
    /// asks nothing; who gives up later keeps the turn until the database is done.
    pub async fn in_turn<T: Send + 'static>(
        &self,
        caller: &Caller,
        question: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        if caller.has_scope(SCOPE_WRITE) {
            return question.await;
        }
        let turn = self.turn(&caller.user_id).lock_owned().await;
        let asked = tokio::spawn(async move {
            let answer = question.await;
            drop(turn);
            answer
        });
        asked.await.map_err(Error::bug)?
    }

    fn turn(&self, user: &UserId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= TURNS_BETWEEN_TIDIES {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        turns.entry(user.clone()).or_default().clone()
    }

    /// One heartbeat of the caller's own, or another call that counts as one.
    pub fn check(&self, caller: &Caller) -> Result<()> {
        let Some(limiter) = self.limiter.as_ref().filter(|_| !caller.has_scope(SCOPE_WRITE)) else {
            return Ok(());
        };
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_BETWEEN_TIDIES == CHECKS_BETWEEN_TIDIES - 1 {
            limiter.retain_recent();
        }
        limiter.check_key(&caller.user_id).map_err(|until| {
            let wait: Duration = until.wait_time_from(self.clock.now());
            Error::RateLimited {
                wait,
                burst: self.burst,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use time::OffsetDateTime;

    use super::*;
    use crate::auth::KeyId;

    fn caller(user: &str, scopes: &[&str]) -> Caller {
        Caller {
            user_id: UserId::trusted(user),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: OffsetDateTime::UNIX_EPOCH,
            key: KeyId::SECRET,
        }
    }

    fn passed<C: Clock + Clone>(rates: &Rates<C>, caller: &Caller, checks: usize) -> usize {
        (0..checks).filter(|_| rates.check(caller).is_ok()).count()
    }

    #[test]
    fn a_user_has_a_burst_and_then_the_rate_and_nobody_else_is_held_up() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::with_clock(5, 50, clock.clone());
        let (alice, bob, backend) = (
            caller("alice", &[]),
            caller("bob", &[]),
            caller("backend", &[SCOPE_WRITE]),
        );

        assert_eq!(passed(&rates, &alice, 80), 50);
        assert_eq!(passed(&rates, &bob, 1), 1);
        assert_eq!(passed(&rates, &backend, 1_000), 1_000);
        clock.advance(Duration::from_secs(2));
        assert_eq!(passed(&rates, &alice, 80), 10);
        clock.advance(Duration::from_secs(60));
        assert_eq!(passed(&rates, &alice, 80), 50, "never more than the burst");

        match rates.check(&alice) {
            Err(Error::RateLimited { wait, burst }) => {
                assert_eq!(burst, 50);
                assert!(
                    wait > Duration::ZERO && wait <= Duration::from_millis(200),
                    "{wait:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_takes_long_is_asked_one_after_the_other_also_where_nobody_waits_any_more() {
        let rates = Arc::new(Rates::new(5, 50));
        let (alice, bob) = (caller("alice", &[]), caller("bob", &[]));
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let long = async move { Ok(ended.await.is_ok()) };
        let gone = tokio::time::timeout(Duration::from_millis(1), rates.in_turn(&alice, long)).await;
        assert!(gone.is_err(), "she gives up");

        let mut second = std::pin::pin!(rates.in_turn(&alice, async { Ok(2) }));
        let early = tokio::time::timeout(Duration::from_millis(1), &mut second).await;
        let of_bob = rates.in_turn(&bob, async { Ok(1) }).await;
        end.send(()).expect("it goes on");
        let late = second.await;

        assert!(early.is_err(), "the first one is still asked");
        assert_eq!((of_bob.ok(), late.ok()), (Some(1), Some(2)));
    }

    #[tokio::test]
    async fn turns_of_users_who_have_none_are_forgotten() {
        let rates = Rates::new(5, 50);
        for n in 0..=TURNS_BETWEEN_TIDIES {
            let user = caller(&format!("user-{n}"), &[]);
            assert!(rates.in_turn(&user, async { Ok(()) }).await.is_ok());
        }

        assert!(rates.turns.lock().is_ok_and(|turns| turns.len() <= 2));
    }

    #[test]
    fn a_rate_of_0_is_no_limit_and_quiet_users_are_forgotten() {
        assert_eq!(passed(&Rates::new(0, 50), &caller("alice", &[]), 1_000), 1_000);

        let clock = FakeRelativeClock::default();
        let rates = Rates::with_clock(5, 50, clock.clone());
        for n in 0..CHECKS_BETWEEN_TIDIES - 1 {
            assert!(rates.check(&caller(&format!("user-{n}"), &[])).is_ok());
        }
        clock.advance(Duration::from_secs(60));
        assert!(rates.check(&caller("alice", &[])).is_ok());

        assert!(rates.limiter.as_ref().is_some_and(|limiter| limiter.len() <= 1));
    }
}
