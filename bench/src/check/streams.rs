//! What each open stream was told, and what must hold of it at every frame: revisions rise within an epoch, a diff begins
//! where the last one ended, joins and leaves alternate, and nothing follows once a topic was revoked. What two streams, a
//! read or SQL say of one revision is the same.

mod agreement;
mod frame;

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::Value;
use uuid::Uuid;

pub use self::{
    agreement::Agreement,
    frame::{Event, cursor_of},
};
use super::{face::Faces, ledger::Key};
use crate::{
    clock::Micros,
    world::{Room, User},
};

/// So many of a stream's frames are shown with a violation.
const RECENT: usize = 12;

/// Where a reader stands in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cursor {
    /// As long as the data lives.
    pub epoch: Uuid,
    /// Grows.
    pub revision: i64,
}

/// What a reader knows of a room.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// The id of the last event, to resume by.
    pub id: String,
    /// Where it stands; none: it was told nothing yet.
    pub cursor: Option<Cursor>,
    /// Who is there; none: the room is told in counts.
    pub members: Option<Faces>,
    /// How many are there.
    pub count: i64,
}

/// A topic other than a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum View {
    /// `count=`.
    Count(Room),
    /// `event=`.
    Event(&'static str),
    /// `user=`.
    User(User),
}

/// What a stream is opened with.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Who looks.
    pub viewer: User,
    /// At which node.
    pub node: usize,
    /// Rooms, each with what the reader knows already.
    pub rooms: Vec<(Room, Picture)>,
    /// Other topics.
    pub views: Vec<View>,
    /// Sessions that it holds.
    pub holds: Vec<Key>,
}

/// One open stream.
#[derive(Debug)]
pub struct Stream {
    /// What it was opened with.
    pub opened: Opened,
    /// Since when.
    pub since: Micros,
    /// What its reader knows.
    pub pictures: HashMap<Room, Picture>,
    /// The last state of each other topic, and when it came.
    pub views: HashMap<View, (Micros, Value)>,
    /// Rooms that it was told it may not see.
    pub revoked: BTreeSet<Room>,
    /// Other topics likewise.
    pub revoked_views: Vec<View>,
    /// Its reader takes nothing at the moment.
    pub is_stalled: bool,
    /// It has ended, and its reader has not looked yet.
    pub is_over: bool,
    /// Times of the last bytes.
    pub heard: Micros,
    left_epochs: Vec<Uuid>,
    recent: VecDeque<String>,
}

/// All streams that are open.
#[derive(Debug, Default)]
pub struct Streams {
    /// By number.
    pub open: HashMap<u64, Stream>,
    /// What was said of each revision.
    pub agreement: Agreement,
    numbers: u64,
    /// Frames of streams that are closed, for those who still ask.
    closed: VecDeque<(u64, VecDeque<String>)>,
}

impl Streams {
    /// One was answered.
    pub fn open(&mut self, opened: Opened, at: Micros) -> u64 {
        self.numbers += 1;
        let pictures = opened.rooms.iter().cloned().collect();
        let head = format!(
            "opened by {} at node {}: {:?}, {:?}",
            opened.viewer.id(),
            opened.node,
            opened.rooms,
            opened.views
        );
        let stream = Stream {
            since: at,
            heard: at,
            pictures,
            views: HashMap::new(),
            revoked: BTreeSet::new(),
            revoked_views: vec![],
            is_stalled: false,
            is_over: false,
            left_epochs: vec![],
            recent: VecDeque::from([shortened(&head)]),
            opened,
        };
        self.open.insert(self.numbers, stream);
        self.numbers
    }

    /// One is over; what its reader knew.
    pub fn close(&mut self, number: u64) -> Option<Stream> {
        let stream = self.open.remove(&number)?;
        self.closed.push_back((number, stream.recent.clone()));
        if self.closed.len() > 64 {
            self.closed.pop_front();
        }
        Some(stream)
    }

    /// Its last frames, for people.
    pub fn recent(&self, number: u64) -> Vec<String> {
        let open = self.open.get(&number).map(|stream| &stream.recent);
        let closed = self
            .closed
            .iter()
            .find(|(closed, _)| *closed == number)
            .map(|(_, recent)| recent);
        open.or(closed).into_iter().flatten().cloned().collect()
    }
}

impl Stream {
    fn remember(&mut self, event: &Event) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(shortened(&format!(
            "{} {} {} {}",
            event.at,
            event.name,
            event.id.as_deref().unwrap_or("-"),
            event.data
        )));
    }

    /// Epochs are never gone back to; the nil one stands for none.
    fn enter_epoch(&mut self, epoch: Uuid, before: Option<Uuid>) -> Result<(), String> {
        if epoch.is_nil() {
            return Ok(());
        }
        if self.left_epochs.contains(&epoch) {
            return Err(format!("back in epoch {epoch}, which it had left"));
        }
        if let Some(before) = before.filter(|before| *before != epoch && !before.is_nil())
            && !self.left_epochs.contains(&before)
        {
            self.left_epochs.push(before);
        }
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(1_500) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
