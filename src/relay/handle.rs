//! The streams' side of the relay: they open, say that they have caught up, and close. Never a read.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use crate::{
    domain::{Cursor, RoomId, UserId},
    error::{Error, RETRY_AFTER, Result},
    hub::{StreamId, Topic, Wish, queue::Queue},
};

/// How long an opening stream waits for its first answers.
const OPEN_MAX: Duration = Duration::from_secs(3);

/// A stream that is being opened.
pub struct Opening {
    /// Its number on this node.
    pub stream: StreamId,
    /// Who looks.
    pub viewer: UserId,
    /// Rooms, each with what is wanted of it and where the client stands.
    pub rooms: Vec<(RoomId, Wish, Option<Cursor>)>,
    /// Events and people.
    pub views: Vec<Topic>,
    /// Where its frames go.
    pub queue: Arc<Queue>,
}

pub(super) enum Command {
    Open(Opening, oneshot::Sender<Result<usize>>),
    Close(StreamId),
    CaughtUp(StreamId),
    LogOut(StreamId),
}

/// The streams' side. Cheap to clone.
#[derive(Clone)]
pub struct RelayHandle {
    pub(super) commands: mpsc::UnboundedSender<Command>,
}

impl RelayHandle {
    /// Opens a stream; answers once each topic was read for it, with how many of them it may see. What it may see
    /// is in its queue by then.
    pub async fn open(&self, opening: Opening) -> Result<usize> {
        let (opened, answer) = oneshot::channel();
        let gone = || Error::Unavailable(RETRY_AFTER);
        self.commands
            .send(Command::Open(opening, opened))
            .map_err(|_| gone())?;
        match tokio::time::timeout(OPEN_MAX, answer).await {
            Ok(answer) => answer.map_err(|_| gone())?,
            Err(_) => Err(gone()),
        }
    }

    /// The stream is gone.
    pub fn close(&self, stream: StreamId) {
        // Without a relay there is nothing to close.
        let _ = self.commands.send(Command::Close(stream));
    }

    /// The stream's queue had overflowed and is empty again.
    pub fn caught_up(&self, stream: StreamId) {
        let _ = self.commands.send(Command::CaughtUp(stream));
    }

    /// The stream's user was logged out: it ends for good.
    pub fn log_out(&self, stream: StreamId) {
        let _ = self.commands.send(Command::LogOut(stream));
    }
}
