//! Which streams a notification goes to: all that its watcher has on this node. No I/O, and no notification is kept.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{StreamId, queue::Queue};
use crate::domain::UserId;

type Streams = HashMap<UserId, HashMap<StreamId, Arc<Queue>>>;

#[derive(Debug, Default)]
struct Shared {
    /// Guards the queues' handles alone; held for a look-up, never across an await.
    streams: Mutex<Streams>,
    rung: Notify,
}

/// The open streams of this node, by user. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Notices(Arc<Shared>);

/// A stream that is told, for as long as this lives.
#[derive(Debug)]
pub struct Told {
    notices: Notices,
    user: UserId,
    stream: StreamId,
}

impl Notices {
    /// From now on the stream is told of what its user is notified of.
    pub fn open(&self, user: &UserId, stream: StreamId, queue: Arc<Queue>) -> Told {
        let mut streams = self.lock();
        streams.entry(user.clone()).or_default().insert(stream, queue);
        Told {
            notices: self.clone(),
            user: user.clone(),
            stream,
        }
    }

    /// Whether the user has a stream here.
    pub fn has(&self, user: &UserId) -> bool {
        self.lock().contains_key(user)
    }

    /// Puts a frame on all streams of a user; on how many. One that lags has its place in the list that is read, so it
    /// is not kept for it.
    pub fn push(&self, user: &UserId, frame: &Bytes) -> usize {
        let queues: Vec<Arc<Queue>> = match self.lock().get(user) {
            Some(streams) => streams.values().cloned().collect(),
            None => return 0,
        };
        queues.iter().filter(|queue| queue.offer(frame.clone())).count()
    }

    /// Somebody was notified, or may have been.
    pub fn ring(&self) {
        self.0.rung.notify_one();
    }

    /// Waits until it rings.
    pub async fn rung(&self) {
        self.0.rung.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let mut streams = self.notices.lock();
        if let Some(of_user) = streams.get_mut(&self.user) {
            of_user.remove(&self.stream);
            if of_user.is_empty() {
                streams.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_goes_to_all_streams_of_its_watcher_and_to_no_other() {
        let notices = Notices::default();
        let [alice, bob] = ["alice", "bob"].map(UserId::trusted);
        let queues = [(); 3].map(|()| Arc::new(Queue::default()));
        let _first = notices.open(&alice, 1, queues[0].clone());
        let second = notices.open(&alice, 2, queues[1].clone());
        let _other = notices.open(&bob, 3, queues[2].clone());

        assert_eq!(notices.push(&alice, &Bytes::from_static(b"one")), 2);
        drop(second);
        assert_eq!(notices.push(&alice, &Bytes::from_static(b"two")), 1);

        assert_eq!(queues.map(|queue| queue.bytes()), [6, 3, 0]);
    }

    #[test]
    fn whoever_has_closed_the_last_stream_is_forgotten() {
        let notices = Notices::default();
        let alice = UserId::trusted("alice");
        let told = notices.open(&alice, 1, Arc::default());
        assert!(notices.has(&alice));

        drop(told);

        assert!(!notices.has(&alice) && notices.lock().is_empty());
        assert_eq!(notices.push(&alice, &Bytes::new()), 0);
    }
}
