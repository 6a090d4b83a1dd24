//! What must hold after each answer, and once it is quiet.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use super::{
    client::{Client, Picture, expect},
    postgres::{Moment, Truth, number_of},
    world::{Checked, DETAIL_AGAIN, DETAIL_MAX, Flight, MERGE, Told, Watched, World},
};
use crate::hub::{Output, StreamId, Topic};

impl World {
    /// What the hub makes of an answer, put out as the relay does.
    pub fn check(&mut self, flight: &Flight, moment: &Moment, outputs: Vec<Output>) -> Checked {
        let mut shared: HashMap<Vec<u8>, *const u8> = HashMap::new();
        let mut told: HashSet<(StreamId, usize)> = HashSet::new();
        for output in outputs {
            let (Output::Frame(id, Topic::Room(room), _)
            | Output::Revoked(id, Topic::Room(room))
            | Output::Answered(id, Topic::Room(room))) = &output
            else {
                return Err(format!("nobody was to get {output:?}"));
            };
            let room = number_of(room);
            let mut streams = self.streams.iter_mut().flatten();
            let stream = streams
                .find(|stream| stream.id == *id)
                .ok_or("something for a stream that is gone")?;
            let (is_full, may) = (stream.is_full, moment.allowed.contains(&(room, stream.viewer)));
            let watched = stream
                .rooms
                .get_mut(&room)
                .ok_or("something of a room that is not watched")?;
            expect(!watched.is_revoked, "something after `revoked`")?;
            expect(watched.asked < flight.number, "an answer from before it asked")?;
            match output {
                Output::Frame(id, topic, bytes) => {
                    expect(may, "a frame of a room to who may not see it")?;
                    expect(!watched.is_lagging, "a frame for who lags")?;
                    expect(told.insert((id, room)), "two frames of one room from one read")?;
                    let first = *shared.entry(bytes.to_vec()).or_insert(bytes.as_ptr());
                    expect(first == bytes.as_ptr(), "the same frame encoded twice")?;
                    if is_full {
                        watched.is_lagging = true;
                        let Topic::Room(room) = &topic else {
                            unreachable!("seen above")
                        };
                        self.hub.lagged(id, room);
                    } else {
                        let now = self.now;
                        watched.hear(&bytes, &moment.rooms[room], now, &mut self.told)?;
                    }
                }
                Output::Answered(..) => {
                    expect(may, "answered a room that may not be seen")?;
                    watched.answered()?;
                }
                Output::Revoked(..) => {
                    expect(!may, "revoked from who may see it")?;
                    self.told.revoked += 1;
                    watched.is_revoked = true;
                }
                Output::LoggedOut(_) => unreachable!("seen above"),
            }
        }
        Ok(())
    }

    /// It is quiet: every client knows what is true.
    pub fn is_settled(&self) -> Checked {
        let (_, now) = self.postgres.read_rooms(&crate::hub::Plan::default());
        for stream in self.streams.iter().flatten() {
            for (&room, watched) in &stream.rooms {
                let may = now.allowed.contains(&(room, stream.viewer));
                expect(
                    may != watched.is_revoked || (may && watched.is_revoked),
                    "not revoked",
                )?;
                if watched.is_revoked {
                    continue;
                }
                expect(watched.is_answered, "never answered")?;
                agrees(&watched.client, &now.rooms[room])
                    .map_err(|wrong| format!("stream {} once it was quiet: {wrong}", stream.id))?;
            }
        }
        Ok(())
    }
}

impl Watched {
    fn hear(&mut self, bytes: &[u8], truth: &Truth, now: Instant, told: &mut Told) -> Checked {
        for kind in self.client.hear(bytes)? {
            match kind {
                "snapshot" => told.snapshots += 1,
                "count" => told.counts += 1,
                _ => {
                    told.diffs += 1;
                    if !self.is_answered {
                        continue; // where it stands is no change that others see
                    }
                    let before = self.last_diff.replace(now);
                    expect(
                        before.is_none_or(|before| now >= before + MERGE),
                        "two diffs within the merge time",
                    )?;
                }
            }
        }
        agrees(&self.client, truth).map_err(|wrong| format!("after a frame: {wrong}"))
    }

    /// The first answer was given; again after a lag, which is no first one.
    fn answered(&mut self) -> Checked {
        self.is_answered = true;
        if self.is_lagging {
            return Ok(());
        }
        expect(
            !self.client.is_whole || self.client.picture != Picture::Nothing,
            "answered with nothing",
        )?;
        expect(
            !self.client.is_counted || self.client.count.is_some(),
            "answered without the number",
        )
    }
}

/// Whether a client's picture is the truth.
fn agrees(client: &Client, truth: &Truth) -> Checked {
    let (there, stands) = (truth.members.len(), truth.epoch.to_string());
    match &client.picture {
        Picture::Nothing => expect(!client.is_whole, "knows nothing")?,
        Picture::Whole { .. } => {
            expect(client.picture == Picture::from(truth), "another picture")?;
            expect(there <= DETAIL_MAX, "told of each of too many")?;
        }
        Picture::Number { epoch, count, .. } => {
            expect(*epoch == stands && *count == there as i64, "another number")?;
            expect(there > DETAIL_AGAIN, "the number alone, of few")?;
        }
    }
    expect(
        !client.is_counted || client.count == Some(there as i64),
        "another number of the topic `count`",
    )
}
