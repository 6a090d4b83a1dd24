//! What is batched: heartbeats, and leaves.

use crate::{
    db::Db,
    domain::{Beat, BeatKey, Outcome},
    error::Result,
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

    /// One statement; none for an item that was left undone.
    fn call(
        db: &Db,
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

    async fn call(db: &Db, items: &[Beat], mode: Mode) -> Result<Vec<Option<Outcome>>> {
        let outcomes = db.heartbeat_batch(items, mode == Mode::RenewalsOnly).await?;
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

    async fn call(db: &Db, items: &[Self::Item], mode: Mode) -> Result<Vec<Option<bool>>> {
        match mode {
            Mode::Full => db.leave_batch(items).await,
            Mode::RenewalsOnly => Ok(vec![None; items.len()]), // a leave is never a plain renewal
        }
    }
}
