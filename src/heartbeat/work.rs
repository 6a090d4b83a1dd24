//! What is batched: heartbeats, and leaves.

use std::time::Instant;

use crate::{
    db::Db,
    domain::{Beat, BeatKey, Outcome, Status},
    error::Result,
    known::Known,
    planted::{self, Bug},
};

/// How much of a batch is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All of it.
    Full,
    /// Only what changes nothing that people see; the rest is left undone.
    RenewalsOnly,
}

/// One kind of call that is merged into set-wise statements.
pub trait Work: Send + Sync + 'static {
    /// For observations.
    const KIND: &'static str;
    /// What a caller hands in.
    type Item: Clone + Send + Sync + 'static;
    /// What a caller gets.
    type Answer: Send + 'static;

    /// One statement; none for an item that was left undone. `known` is told what became of the sessions.
    fn call(
        db: &Db,
        known: &Known,
        items: &[Self::Item],
        mode: Mode,
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>>> + Send;
}

/// Joins and renewals.
#[derive(Debug)]
pub enum Beats {}

impl Work for Beats {
    const KIND: &'static str = "heartbeat";
    type Item = Beat;
    type Answer = Outcome;

    async fn call(db: &Db, known: &Known, items: &[Beat], mode: Mode) -> Result<Vec<Option<Outcome>>> {
        known.expect(items.iter().map(|beat| &beat.key));
        let outcomes = db.heartbeat_batch(items, mode == Mode::RenewalsOnly).await?;
        let is_here =
            |outcome: &Outcome| matches!(outcome, Outcome::Ok(lease) if lease.status != Status::Invisible);
        let (here, not): (Vec<_>, Vec<_>) = items
            .iter()
            .zip(&outcomes)
            .partition(|(_, outcome)| is_here(outcome));
        let not = not.into_iter().filter(|(_, outcome)| **outcome != Outcome::Busy);
        known.heard(here.iter().map(|(beat, _)| &beat.key), Instant::now());
        known.forget(not.map(|(beat, _)| &beat.key));
        Ok(outcomes
            .into_iter()
            .map(|outcome| (outcome != Outcome::Busy).then_some(outcome))
            .collect())
    }
}

/// Leaves: whose, and the client's number of it. The answer: whether there was anything to leave.
#[derive(Debug)]
pub enum Leaves {}

impl Work for Leaves {
    const KIND: &'static str = "leave";
    type Item = (BeatKey, Option<i64>);
    type Answer = bool;

    async fn call(db: &Db, known: &Known, items: &[Self::Item], mode: Mode) -> Result<Vec<Option<bool>>> {
        match mode {
            Mode::Full if planted::is(Bug::PublishBeforeCommit) => {
                let (db, items) = (db.clone(), items.to_vec());
                let all = vec![Some(true); items.len()];
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                    db.leave_batch(&items).await
                });
                Ok(all)
            }
            Mode::Full => {
                let left = db.leave_batch(items).await;
                if left.is_err() && planted::is(Bug::FailedLeaveAnswered) {
                    return Ok(vec![Some(true); items.len()]);
                }
                let left = left?;
                let over = items.iter().zip(&left).filter(|(_, left)| left.is_some());
                known.forget(over.map(|((key, _), _)| key));
                Ok(left)
            }
            Mode::RenewalsOnly => Ok(vec![None; items.len()]), // a leave is never a plain renewal
        }
    }
}
