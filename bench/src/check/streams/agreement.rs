//! What was said of each revision of each room, by whoever said it first.

use std::collections::HashMap;

use crate::{
    check::{
        face::{Faces, agree_on_common, difference},
        streams::Cursor,
    },
    world::Room,
};

/// So many revisions are remembered, those of the last minutes.
const REVISIONS_MAX: usize = 60_000;

/// Who said what of a revision.
#[derive(Debug, Default)]
pub struct Agreement {
    said: HashMap<(Room, Cursor), (String, Faces)>,
    /// How often two were compared.
    pub compared: u64,
}

impl Agreement {
    /// Somebody says this; an error where somebody else said otherwise. `calm`: somebody reaps, so that reads leave nobody out.
    pub fn note(
        &mut self,
        who: &str,
        room: Room,
        at: Cursor,
        faces: &Faces,
        calm: bool,
    ) -> Result<(), String> {
        if at.revision == 0 && faces.is_empty() {
            return Ok(());
        }
        let Some((first, known)) = self.said.get_mut(&(room, at)) else {
            if self.said.len() >= REVISIONS_MAX {
                self.said.clear();
            }
            self.said.insert((room, at), (who.to_owned(), faces.clone()));
            return Ok(());
        };
        self.compared += 1;
        let Some(differs) = difference(known, faces) else {
            return Ok(());
        };
        // Where nobody reaps, a read leaves out whose lease ended more than 5 s ago.
        if !calm && agree_on_common(known, faces) {
            if faces.len() > known.len() {
                known.clone_from(faces);
            }
            return Ok(());
        }
        Err(format!(
            "{} at {}.{}: {first} or {who}: {differs}",
            room.id(),
            at.epoch,
            at.revision
        ))
    }
}
