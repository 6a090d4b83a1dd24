//! The open streams of this node: their queues, and which of them still wait for their first answers.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{
    error::{Error, RETRY_AFTER, Result},
    hub::{StreamId, Topic, queue::Queue},
};

struct Waiting {
    topics: HashSet<Topic>,
    allowed: usize,
    opened: oneshot::Sender<Result<usize>>,
}

struct Stream {
    queue: Arc<Queue>,
    waiting: Option<Waiting>,
}

/// All of them.
#[derive(Default)]
pub struct Streams {
    open: HashMap<StreamId, Stream>,
}

impl Streams {
    /// One more; `opened` is told once each of its topics was answered.
    pub fn open(
        &mut self,
        stream: StreamId,
        topics: impl Iterator<Item = Topic>,
        queue: Arc<Queue>,
        opened: oneshot::Sender<Result<usize>>,
    ) {
        let waiting = Some(Waiting {
            topics: topics.collect(),
            allowed: 0,
            opened,
        });
        self.open.insert(stream, Stream { queue, waiting });
    }

    /// Gone.
    pub fn close(&mut self, stream: StreamId) {
        self.open.remove(&stream);
    }

    /// False where the stream lags.
    pub fn push(&self, stream: StreamId, frame: Bytes) -> bool {
        self.open
            .get(&stream)
            .is_none_or(|stream| stream.queue.push(frame))
    }

    /// As [`Streams::push`], of what nothing makes up for: also where the stream lags.
    pub fn insist(&self, stream: StreamId, frame: Bytes) {
        if let Some(stream) = self.open.get(&stream) {
            stream.queue.insist(frame);
        }
    }

    /// The stream ends once its reader has taken what waits.
    pub fn end(&self, stream: StreamId, reason: &'static str) {
        if let Some(stream) = self.open.get(&stream) {
            stream.queue.end(reason);
        }
    }

    /// To all, also to those that lag: nothing makes up for it.
    pub fn push_all(&self, frame: &Bytes) {
        for stream in self.open.values() {
            stream.queue.insist(frame.clone());
        }
    }

    /// A topic was read for this stream for the first time.
    pub fn answered(&mut self, stream: StreamId, topic: &Topic, allowed: bool) {
        let Some(stream) = self.open.get_mut(&stream) else {
            return;
        };
        let Some(waiting) = &mut stream.waiting else {
            return;
        };
        if waiting.topics.remove(topic) && allowed {
            waiting.allowed += 1;
        }
        if waiting.topics.is_empty()
            && let Some(waiting) = stream.waiting.take()
        {
            // A client that went away meanwhile is closed by its own guard.
            let _ = waiting.opened.send(Ok(waiting.allowed));
        }
    }

    /// The database is away: whoever waits is told so now. Returns the streams that are no more.
    pub fn fail_openings(&mut self) -> Vec<StreamId> {
        let waiting = self
            .open
            .iter()
            .filter(|(_, stream)| stream.waiting.is_some())
            .map(|(id, _)| *id);
        let failed: Vec<StreamId> = waiting.collect();
        for stream in &failed {
            if let Some(waiting) = self.open.remove(stream).and_then(|stream| stream.waiting) {
                let _ = waiting.opened.send(Err(Error::Unavailable(RETRY_AFTER)));
            }
        }
        failed
    }
}
