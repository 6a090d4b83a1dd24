//! The loss of Postgres's unlogged data, by a crash, a failover or a TRUNCATE: a new epoch. What this node knows of who was
//! here is put back before it reads anything of the new one, and it gives the other nodes the time to do so too. So those
//! whose streams are open never flicker, on whatever node they are.
//!
//! # Failure
//! What cannot be put back is a failed read: tried again after the pause. A room that somebody holds for a second is left
//! to its clients' next heartbeats.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::Relay;
use crate::{
    db::Hold,
    domain::{PutBack, RoomAnswer, RoomId, RoomQuestion, RoomsAnswer, limits::BATCH_ITEMS_MAX},
    error::Result,
    hub::Plan,
    observe::Observation,
    planted::{self, Bug},
};

/// How long nothing of a new epoch is read; half a TTL where that is less. Nodes find the server within their longest
/// pause of a second.
const HOLD: Duration = Duration::from_secs(2);
/// When somebody else is beginning an epoch, or holds a room: when to look again, and how often.
const AGAIN: Duration = Duration::from_millis(50);
const TRIES: usize = 20;

impl Relay {
    /// How long a lease lasts.
    pub(super) fn ttl(&self) -> Duration {
        self.installed.borrow().settings.ttl
    }

    pub(super) fn is_holding(&self, now: Instant) -> bool {
        self.hold_until.is_some_and(|until| now < until)
    }

    /// The answer, where it is of the epoch that is known; nothing otherwise. A statement that began before a TRUNCATE finds
    /// the tables empty and the epoch unchanged, since TRUNCATE is no part of its snapshot: where a room looks as if nobody
    /// ever was in it, the epoch is asked for once more.
    pub(super) async fn of_epoch(&self, answer: RoomsAnswer) -> Result<Option<RoomsAnswer>> {
        let cursors = || answer.answers.iter().map(RoomAnswer::cursor);
        let mut is_same = cursors().all(|cursor| Some(cursor.epoch) == self.epoch);
        if is_same && cursors().any(|cursor| cursor.revision == 0) {
            is_same = self.db.epoch().await? == self.epoch;
        }
        Ok(is_same.then_some(answer))
    }

    /// Whether all is as it was. Otherwise nothing is to be read now: the database is away, or a new epoch is held off.
    pub(super) async fn look_at_epoch(&mut self) -> bool {
        let epoch = match self.db.epoch().await {
            Ok(Some(epoch)) => epoch,
            Ok(None) => {
                self.hold_until = Some(Instant::now() + AGAIN);
                return false;
            }
            Err(error) => {
                self.after_read(Some(&error));
                return false;
            }
        };
        if self.epoch.is_some_and(|before| before != epoch) {
            match self.put_back().await {
                Ok(sessions) => self.observer.note(Observation::PutBack { sessions }),
                Err(error) => {
                    self.after_read(Some(&error));
                    return false;
                }
            }
            self.ring_all();
            self.hold_until = Some(Instant::now() + HOLD.min(self.ttl() / 2));
        }
        self.is_epoch_doubtful = false;
        self.epoch.replace(epoch).is_none_or(|before| before == epoch)
    }

    /// Asks for rooms whole, of which changes alone were to be asked, where somebody could not be put back yet since no
    /// read has told of them.
    pub(super) fn ask_for_unseen(&self, plan: &mut Plan) {
        let is_part = |question: &&RoomQuestion| question.cursor.is_some() && question.detail_max >= 0;
        let parts: HashSet<RoomQuestion> = plan
            .questions
            .iter()
            .filter(is_part)
            .filter(|question| self.known.has_unseen(&question.room))
            .map(|question| RoomQuestion {
                cursor: None,
                ..question.clone()
            })
            .filter(|whole| !plan.questions.contains(whole))
            .collect();
        plan.questions.extend(parts);
    }

    /// Keeps what was read for the time after a loss. Of a room that none of those who asked may see no member was read;
    /// and a count that was asked for says nothing of members, where others are told of them.
    pub(super) fn remember(&self, plan: &Plan, answer: &RoomsAnswer, began: Instant) {
        let read: HashSet<&RoomId> = answer.allowed.iter().map(|(room, _)| room).collect();
        for (question, answer) in plan.questions.iter().zip(&answer.answers) {
            let tells = question.detail_max >= 0 || !self.hub.is_watched_whole(&question.room);
            if tells && read.contains(&question.room) {
                self.known.saw(answer, began);
            }
        }
    }

    /// How many were asked for.
    async fn put_back(&self) -> Result<usize> {
        let items = self
            .known
            .to_put_back(|room| self.hub.is_watched(room), self.ttl(), Instant::now());
        if planted::is(Bug::NothingPutBack) {
            return Ok(0);
        }
        let mut back = vec![];
        for batch in items.chunks(BATCH_ITEMS_MAX) {
            let mut left: Vec<PutBack> = batch.to_vec();
            for _ in 0..TRIES {
                let done = self.db.put_back_batch(&left).await?;
                let answered = Instant::now();
                let mut busy = vec![];
                for (item, done) in left.into_iter().zip(done) {
                    match done {
                        None => busy.push(item),
                        Some(true) => back.push((item, answered)),
                        Some(false) => {}
                    }
                }
                left = busy;
                if left.is_empty() {
                    break;
                }
                tokio::time::sleep(AGAIN).await;
                for item in left.iter_mut().filter(|item| item.holder.is_none()) {
                    item.lasts = item.lasts.saturating_sub(answered.elapsed());
                }
            }
        }
        self.give_back_closed(&back).await;
        Ok(items.len())
    }

    /// Of what was put back, each with when that was answered: streams that were closed meanwhile were given back while
    /// there was nothing to give back, and nobody else would do it again.
    async fn give_back_closed(&self, back: &[(PutBack, Instant)]) {
        let now = Instant::now();
        let (mut holds, mut closed, mut grace) = (vec![], vec![], Duration::ZERO);
        for (item, answered) in back {
            let Some(holder) = item.holder else { continue };
            let Some(until) = self.known.closed_until(&item.key, holder) else {
                continue;
            };
            let key = item.key.clone();
            holds.push(Hold {
                key,
                holder,
                take: false,
            });
            closed.push(answered.elapsed());
            grace = grace.max(until.saturating_duration_since(now));
        }
        for (holds, closed) in holds.chunks(BATCH_ITEMS_MAX).zip(closed.chunks(BATCH_ITEMS_MAX)) {
            if let Err(error) = self.db.release_batch(holds, closed, grace).await {
                // They run out by themselves, a TTL later.
                tracing::debug!(%error, "what was put back and is closed could not be given back");
            }
        }
    }
}
