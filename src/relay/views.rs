//! Reads the topics that are each viewer's own: dashboards and people. Room by room they listen to the same rings.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

use super::{Relay, ring_name};
use crate::{
    db::Db,
    domain::RoomId,
    error::{Error, Result},
    hub::{
        Topic, frame,
        views::{Key, Reading},
    },
};

/// Topics of one turn: between turns rooms are read.
const VIEWS_MAX: usize = 32;
/// Statements at a time: the rest of the pool is for others.
const AT_ONCE: usize = 4;
/// When one that could not be read is read again.
const AGAIN: Duration = Duration::from_secs(1);

impl Relay {
    /// Reads what is due of them; false: nothing was.
    pub(super) async fn read_views(&mut self, now: Instant) -> bool {
        let plan = self.views.plan(now, VIEWS_MAX);
        if plan.is_empty() {
            return false;
        }
        let db = &self.db;
        let reads = plan.into_iter().map(|key| async move {
            let read = read(db, &key).await;
            (key, read)
        });
        let reads: Vec<_> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
        let mut failed = None;
        for (key, read) in reads {
            match read {
                Ok(found) => {
                    let reading = found.map(|(frame, rooms)| {
                        let secrets = &self.installed.borrow().secrets;
                        let rings = rooms.iter().map(|room| ring_name(secrets, room)).collect();
                        Reading { frame, rings }
                    });
                    let outputs = self.views.apply(&key, reading, Instant::now());
                    for output in outputs {
                        self.put_out(output, Some(&key.0));
                    }
                }
                Err(error) => {
                    self.views.undo(key, Instant::now() + AGAIN);
                    // One dashboard that is too slow to read is no reason to call the database away.
                    failed = failed.or(matches!(error, Error::Unavailable(_)).then_some(error));
                }
            }
        }
        self.after_read(failed.as_ref());
        true
    }
}

/// As it is sent, with the rooms that it is about; none: not to be known of.
async fn read(db: &Db, (viewer, topic): &Key) -> Result<Option<(bytes::Bytes, Vec<RoomId>)>> {
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
