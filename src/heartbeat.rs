//! The batcher: concurrent heartbeats (and leaves) become one set-wise statement.
//!
//! While a batch is in flight the next one fills, so an idle server answers in one round trip and a busy one takes big
//! batches. Every caller gets its own outcome, after commit.
//!
//! ```text
//! caller ──► queue ──► batch ──► ok, denied, stale ... ──► caller
//!                        │ busy (room locked)
//!                        └────► retry lane: again every few ms ──► caller, 503 after 2 s
//! ```
//!
//! # Failure
//! A batch that fails as a whole is tried again as renewals only, which no full NOTIFY queue can stop; what is left is
//! halved until the item that poisons it is alone. Where the database is away or overloaded the rest is told so at
//! once: halving would not help. No caller ever gets a neighbour's error.

mod work;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub use work::{Beats, Leaves};
use work::{Mode, Work};

use crate::{
    db::Db,
    domain::limits::BATCH_ITEMS_MAX,
    error::{Error, RETRY_AFTER, Result},
    known::Known,
    observe::{Observation, Observer, spans},
};

/// Callers that may wait for a batch; beyond them new ones are told to come back.
const QUEUE_MAX: usize = 20_000;
/// How often those who are ready to hand something in are let do so before a batch goes: where heartbeats come all the
/// time somebody always is.
const FILLS_MAX: usize = 3;
/// How long an item whose room is locked by somebody is tried again.
const BUSY_MAX: Duration = Duration::from_secs(2);
/// First and longest pause of the retry lane.
const PAUSE: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(50)];

struct Waiting<W: Work> {
    item: W::Item,
    /// Since when its room has been found locked.
    busy_since: Option<Instant>,
    /// The request that waits for it, where spans are told.
    request: Option<spans::Request>,
    answer: oneshot::Sender<Result<W::Answer>>,
}

/// The callers' side. Cheap to clone.
pub struct Batcher<W: Work> {
    queue: mpsc::Sender<Waiting<W>>,
}

impl<W: Work> Clone for Batcher<W> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<W: Work> Batcher<W> {
    /// The handle and the task that does the work.
    pub fn new(db: Db, known: Known, observer: Observer) -> (Self, BatcherTask<W>) {
        let (queue, items) = mpsc::channel(QUEUE_MAX);
        let task = BatcherTask {
            db,
            known,
            observer,
            items,
        };
        (Self { queue }, task)
    }

    /// Hands in one item and waits for its own outcome.
    pub async fn submit(&self, item: W::Item) -> Result<W::Answer> {
        self.enqueue(item)?
            .await
            .map_err(|_| Error::Unavailable(RETRY_AFTER))?
    }

    /// Hands in many, which may share a batch, and waits for all; the outcomes are in order.
    pub async fn submit_all(&self, items: Vec<W::Item>) -> Vec<Result<W::Answer>> {
        let waiting: Vec<_> = items.into_iter().map(|item| self.enqueue(item)).collect();
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            answers.push(match answer {
                Ok(answer) => answer.await.unwrap_or(Err(Error::Unavailable(RETRY_AFTER))),
                Err(error) => Err(error),
            });
        }
        answers
    }

    fn enqueue(&self, item: W::Item) -> Result<oneshot::Receiver<Result<W::Answer>>> {
        let (answer, receiver) = oneshot::channel();
        match self.queue.try_send(Waiting {
            item,
            busy_since: None,
            request: spans::current(),
            answer,
        }) {
            Ok(()) => Ok(receiver),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Error::Overloaded(RETRY_AFTER)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Error::Unavailable(RETRY_AFTER)),
        }
    }
}

/// The worker's side.
pub struct BatcherTask<W: Work> {
    db: Db,
    known: Known,
    observer: Observer,
    items: mpsc::Receiver<Waiting<W>>,
}

impl<W: Work> BatcherTask<W> {
    /// Works until all handles are gone, or until told to stop.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (busy, lane) = mpsc::unbounded_channel();
        let runner = || Runner::<W> {
            db: self.db.clone(),
            known: self.known.clone(),
            observer: self.observer.clone(),
            busy: busy.clone(),
        };
        let lane = tokio::spawn(retry_lane(runner(), lane, shutdown.clone()));
        let runner = runner();
        let mut batch = Vec::with_capacity(BATCH_ITEMS_MAX);
        loop {
            let taken = tokio::select! {
                taken = self.items.recv_many(&mut batch, BATCH_ITEMS_MAX) => taken,
                () = shutdown.cancelled() => 0,
            };
            if taken == 0 {
                break;
            }
            self.fill(&mut batch).await;
            runner.run(std::mem::take(&mut batch)).await;
        }
        shutdown.cancelled().await;
        lane.await?;
        Ok(())
    }

    /// Lets whoever is about to hand in an item do so: a statement costs much more than an item more in it. Nobody is waited
    /// for who is not ready to run, and not for long: on an idle node it takes some microseconds.
    async fn fill(&mut self, batch: &mut Vec<Waiting<W>>) {
        for _ in 0..FILLS_MAX {
            let before = batch.len();
            tokio::task::yield_now().await;
            while batch.len() < BATCH_ITEMS_MAX
                && let Ok(item) = self.items.try_recv()
            {
                batch.push(item);
            }
            if batch.len() == before {
                return;
            }
        }
    }
}

/// Runs batches; what is busy goes to the lane.
struct Runner<W: Work> {
    db: Db,
    known: Known,
    observer: Observer,
    busy: mpsc::UnboundedSender<Waiting<W>>,
}

impl<W: Work> Runner<W> {
    async fn run(&self, batch: Vec<Waiting<W>>) {
        let mut left = vec![batch];
        while let Some(batch) = left.pop() {
            left.extend(self.run_one(batch).await);
        }
    }

    /// One statement for all; the halves that are still to be done, where it failed.
    async fn run_one(&self, batch: Vec<Waiting<W>>) -> Vec<Vec<Waiting<W>>> {
        let error = match self.call(&batch, Mode::Full).await {
            Ok(answers) => {
                for waiting in deliver(batch, answers) {
                    self.wait(waiting);
                }
                return vec![];
            }
            Err(error) => error,
        };
        let undone = match self.call(&batch, Mode::RenewalsOnly).await {
            Ok(answers) => deliver(batch, answers),
            Err(_) => batch,
        };
        match error {
            Error::Unavailable(wait) => fail(undone, || Error::Unavailable(wait)),
            Error::Overloaded(wait) => fail(undone, || Error::Overloaded(wait)),
            error if undone.len() == 1 => {
                let mut error = Some(error);
                fail(undone, || error.take().unwrap_or(Error::Unavailable(RETRY_AFTER)));
            }
            _ => return halves(undone),
        }
        vec![]
    }

    /// Into the lane, or, where it has been there for long enough, out of it.
    fn wait(&self, mut waiting: Waiting<W>) {
        let since = *waiting.busy_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= BUSY_MAX {
            fail(vec![waiting], || Error::Overloaded(RETRY_AFTER));
        } else if let Err(unsent) = self.busy.send(waiting) {
            // The lane has ended with the process.
            fail(vec![unsent.0], || Error::Unavailable(RETRY_AFTER));
        }
    }

    async fn call(&self, batch: &[Waiting<W>], mode: Mode) -> Result<Vec<Option<W::Answer>>> {
        let items: Vec<W::Item> = batch.iter().map(|waiting| waiting.item.clone()).collect();
        self.observer.note(Observation::Batch {
            kind: W::KIND,
            items: items.len(),
        });
        let requests = batch.iter().filter_map(|waiting| waiting.request.clone());
        let span = self.observer.spans().batch(W::KIND, items.len(), requests);
        span.over(W::call(&self.db, &self.known, &items, mode)).await
    }
}

fn halves<T>(mut all: Vec<T>) -> Vec<Vec<T>> {
    let second = all.split_off(all.len() / 2);
    [all, second]
        .into_iter()
        .filter(|half| !half.is_empty())
        .collect()
}

/// Answers those who have an answer; returns the others.
fn deliver<W: Work>(batch: Vec<Waiting<W>>, answers: Vec<Option<W::Answer>>) -> Vec<Waiting<W>> {
    let mut undone = vec![];
    for (waiting, answer) in batch.into_iter().zip(answers) {
        match answer {
            // A caller who went away needs no answer.
            Some(answer) => drop(waiting.answer.send(Ok(answer))),
            None => undone.push(waiting),
        }
    }
    undone
}

fn fail<W: Work>(batch: Vec<Waiting<W>>, mut error: impl FnMut() -> Error) {
    for waiting in batch {
        drop(waiting.answer.send(Err(error())));
    }
}

/// Items whose room somebody holds: tried again by a runner of their own, apart from everybody else.
async fn retry_lane<W: Work>(
    runner: Runner<W>,
    mut arrivals: mpsc::UnboundedReceiver<Waiting<W>>,
    shutdown: CancellationToken,
) {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            taken = arrivals.recv_many(&mut batch, BATCH_ITEMS_MAX) => debug_assert!(taken > 0, "the runner holds a sender"),
            () = shutdown.cancelled() => break,
        }
        let oldest = batch.iter().filter_map(|waiting| waiting.busy_since).min();
        let pause = oldest
            .map_or(PAUSE[0], |since| since.elapsed())
            .clamp(PAUSE[0], PAUSE[1]);
        tokio::select! {
            () = tokio::time::sleep(pause) => runner.run(std::mem::take(&mut batch)).await,
            () = shutdown.cancelled() => break,
        }
    }
    arrivals.close();
    while let Ok(waiting) = arrivals.try_recv() {
        batch.push(waiting);
    }
    fail(batch, || Error::Unavailable(RETRY_AFTER));
}
