//! What waits for one stream's reader. Bounded in bytes, so that a reader that takes nothing costs nothing more.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    domain::limits::QUEUE_BYTES_MAX,
    planted::{self, Bug},
};

/// Bytes handed to the connection at a time: enough to fill a socket, little enough to notice a stop.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Bytes>,
    bytes: usize,
    lagged: bool,
    ended: Option<&'static str>,
}

impl Waiting {
    fn is_full_for(&self, frame: &Bytes) -> bool {
        self.bytes >= QUEUE_BYTES_MAX / 2 && self.bytes + frame.len() > QUEUE_BYTES_MAX
    }
}

/// One stream's queue: the relay puts in, the connection takes out.
#[derive(Debug, Default)]
pub struct Queue {
    /// Guards the frames alone; held for a push or a pop, never across an await.
    waiting: Mutex<Waiting>,
    filled: Notify,
}

/// What the reader gets next.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whole events.
    pub bytes: Bytes,
    /// The queue had overflowed and is empty now: time for fresh snapshots.
    pub caught_up: bool,
    /// Nothing follows, for this reason.
    pub ended: Option<&'static str>,
}

impl Queue {
    /// Puts a frame in; false where there is no place for it: the stream lags. A queue that is less than half full has
    /// place for any frame: one that is larger than all of it is not kept out by a few small ones for ever.
    pub fn push(&self, frame: Bytes) -> bool {
        let mut waiting = self.lock();
        if waiting.is_full_for(&frame) {
            waiting.lagged = true;
            return false;
        }
        self.put(waiting, frame);
        true
    }

    /// As [`Queue::push`], of what is to be had elsewhere: no snapshot makes up for it, so the stream does not lag.
    pub fn offer(&self, frame: Bytes) -> bool {
        let waiting = self.lock();
        let has_place = !waiting.is_full_for(&frame);
        if has_place {
            self.put(waiting, frame);
        }
        has_place
    }

    /// Puts a frame in that nothing makes up for later. For small ones, of which there are few.
    pub fn insist(&self, frame: Bytes) {
        self.put(self.lock(), frame);
    }

    fn put(&self, mut waiting: MutexGuard<'_, Waiting>, frame: Bytes) {
        waiting.bytes += frame.len();
        waiting.frames.push_back(frame);
        drop(waiting);
        self.filled.notify_one();
    }

    /// Ends the stream once its reader has taken what waits.
    pub fn end(&self, reason: &'static str) {
        self.lock().ended = Some(reason);
        self.filled.notify_one();
    }

    /// Waits for frames and takes as many as fit one write.
    pub async fn take(&self) -> Taken {
        loop {
            if let Some(taken) = self.try_take() {
                return taken;
            }
            self.filled.notified().await;
        }
    }

    /// As [`Queue::take`], where there is something.
    pub fn try_take(&self) -> Option<Taken> {
        let mut waiting = self.lock();
        let Some(first) = waiting.frames.pop_front() else {
            let ended = waiting.ended.take()?;
            return Some(Taken {
                bytes: Bytes::new(),
                caught_up: false,
                ended: Some(ended),
            });
        };
        waiting.bytes -= first.len();
        let mut chunk = vec![first];
        let mut length = chunk[0].len();
        while let Some(next) = waiting.frames.front()
            && length + next.len() <= CHUNK_BYTES_MAX
        {
            length += next.len();
            waiting.bytes -= next.len();
            chunk.extend(waiting.frames.pop_front());
        }
        let mut caught_up = waiting.frames.is_empty() && std::mem::take(&mut waiting.lagged);
        caught_up &= !planted::is(Bug::NeverCaughtUp);
        let bytes = match &chunk[..] {
            [only] => only.clone(),
            many => many.concat().into(),
        };
        Some(Taken {
            bytes,
            caught_up,
            ended: None,
        })
    }

    /// Bytes that wait now.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_takes_nothing_is_bounded_and_catches_up_once() {
        let queue = Queue::default();
        let frame = Bytes::from(vec![b'x'; 100 * 1024]);
        assert!(queue.push(frame.clone()) && queue.push(frame.clone()));

        assert!(!queue.push(frame.clone()), "300 KiB are beyond the limit");
        assert!(queue.bytes() <= QUEUE_BYTES_MAX);

        assert_eq!(queue.try_take().map(|taken| taken.caught_up), Some(false));
        assert_eq!(queue.try_take().map(|taken| taken.caught_up), Some(true));
        assert_eq!(queue.try_take(), None);
    }

    #[test]
    fn what_waits_is_taken_before_the_end() {
        let queue = Queue::default();
        queue.push(Bytes::from("last words"));
        queue.end("logged-out");

        let taken: Vec<_> = std::iter::from_fn(|| queue.try_take()).collect();

        assert_eq!(taken[0].bytes, "last words");
        assert_eq!(taken[1].ended, Some("logged-out"));
        assert_eq!(taken.len(), 2);
    }

    #[test]
    fn what_nothing_makes_up_for_has_place_in_a_full_queue() {
        let queue = Queue::default();
        queue.push(Bytes::from(vec![b'x'; QUEUE_BYTES_MAX]));

        assert!(!queue.push(Bytes::from("a diff")));
        queue.insist(Bytes::from("revoked"));

        let taken: Vec<_> = std::iter::from_fn(|| queue.try_take()).collect();
        assert_eq!(taken[1].bytes, "revoked");
        assert!(taken[1].caught_up);
    }

    #[test]
    fn a_frame_larger_than_the_queue_still_goes_through() {
        let queue = Queue::default();

        assert!(queue.push(Bytes::from("a small one")));
        assert!(queue.push(Bytes::from(vec![b'x'; QUEUE_BYTES_MAX + 1])));
        assert!(!queue.push(Bytes::from("another")));
    }
}
