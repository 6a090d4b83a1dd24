//! Reads the topics that are each viewer's own: dashboards and people. They listen to the same rings as rooms, and are read
//! beside them, in tasks of their own: a slow dashboard keeps no room waiting.

use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use tokio::task::JoinError;

use super::{Relay, names};
use crate::{
    db::Db,
    domain::RoomId,
    error::{Error, Result},
    hub::{
        Topic, frame,
        views::{Key, Reading},
    },
};

/// Statements at a time: the rest of the pool is for others.
const AT_ONCE: usize = 4;
/// When one that could not be read is read again.
const AGAIN: Duration = Duration::from_secs(1);

/// A topic that was read: as it is sent, with the rooms that it is about; none: not to be known of.
#[derive(Debug)]
pub(super) struct View {
    key: Key,
    began: Instant,
    found: Result<Option<(Bytes, Vec<RoomId>)>>,
}

impl Relay {
    /// Begins to read what is due of them, as far as there is room for it.
    pub(super) fn begin_views(&mut self, now: Instant) {
        let free = AT_ONCE.saturating_sub(self.reading.len());
        for key in self.views.plan(now, free) {
            let db = self.db.clone();
            self.reading.spawn(async move {
                let (began, found) = (Instant::now(), read(&db, &key).await);
                View { key, began, found }
            });
        }
    }

    /// When the next is to be begun; what has passed is to be begun now. Not while there is no room for it.
    pub(super) fn views_due_at(&self, now: Instant) -> Option<Instant> {
        match self.reading.len() < AT_ONCE {
            true => self.views.due_at(now),
            false => None,
        }
    }

    /// One was read.
    pub(super) fn end_view(&mut self, view: Result<View, JoinError>) -> anyhow::Result<()> {
        let View { key, began, found } = view.context("reading a dashboard panicked")?;
        match found {
            Ok(found) => {
                let reading = found.map(|(frame, rooms)| {
                    let secrets = &self.installed.borrow().secrets;
                    let rings = rooms.iter().map(|room| names::of_room(secrets, room)).collect();
                    Reading { frame, rings }
                });
                let outputs = self.views.apply(&key, reading, Instant::now());
                for output in outputs {
                    self.put_out(output, Some(&key.0));
                }
                // What began before the last failure says nothing about now.
                if self.retry_at.is_none_or(|(at, _)| began >= at) {
                    self.after_read(None);
                }
            }
            Err(error) => {
                self.views.undo(key, Instant::now() + AGAIN);
                // One dashboard that is too slow to read is no reason to call the database away.
                if matches!(error, Error::Unavailable(_)) {
                    self.after_read(Some(&error));
                }
            }
        }
        Ok(())
    }
}

async fn read(db: &Db, (viewer, topic): &Key) -> Result<Option<(Bytes, Vec<RoomId>)>> {
    match topic {
        Topic::Event(event) => {
            let view = db.event(viewer, event).await?;
            Ok(view.map(|view| {
                let rooms = view.rooms.iter().map(|room| room.room_id.clone()).collect();
                (frame::of_event(&view), rooms)
            }))
        }
        Topic::User(user) => {
            let view = db.user(viewer, user).await?;
            Ok(view.map(|view| (frame::of_user(&view), view.shared)))
        }
        Topic::Room(_) => Err(Error::bug("a room is read by the hub")),
    }
}
