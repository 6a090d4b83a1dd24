//! Many streams that are open: opened, kept, counted, and opened again when they are lost. The first thing that each is told
//! is checked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    beat::{room_of, session_of},
    wire::{Events, Wire, data_of, name_of, request},
};
use crate::token;

/// The longest that all of them may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Streams that are opened at the same time.
pub(super) const AT_ONCE: usize = 128;

/// The pause before a connection that was refused is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// Which streams.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Opening {
    /// Where.
    pub port: u16,
    /// How many: of `u0` and so on, one each.
    pub streams: usize,
    /// They are spread over `r0` and so on; 0: all are in `hall`.
    pub rooms: usize,
    /// Each holds a session of its user there.
    pub lease: bool,
    /// How many people each must be told of at the last; none: the bare stream, which tells nothing.
    pub people: Option<u64>,
}

/// What the streams heard so far.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Tally {
    /// Streams that are open.
    pub open: usize,
    /// Of those, how many know everybody.
    pub right: usize,
    /// Events of all kinds.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Streams that were lost.
    pub lost: u64,
}

/// All streams that this process holds.
#[derive(Default)]
pub struct Crowd {
    pub(super) counts: Arc<Counts>,
    pub(super) wanted: usize,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) open: AtomicUsize,
    pub(super) right: AtomicUsize,
    pub(super) events: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) lost: AtomicU64,
}

impl Crowd {
    /// Opens them, and waits until each was told of everybody; in seconds.
    pub async fn open(&mut self, opening: Opening) -> Result<f64> {
        let began = Instant::now();
        let doors = Arc::new(Semaphore::new(AT_ONCE));
        self.wanted += opening.streams;
        for nth in 0..opening.streams {
            let stream = Stream {
                request: asks(&opening, nth),
                port: opening.port,
                people: opening.people,
                counts: self.counts.clone(),
            };
            tokio::spawn(stream.keep(doors.clone()));
        }
        self.all_right().await?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// Waits until all were lost and are back; in seconds since the first one could connect again. The first ones are back
    /// before the last ones have noticed.
    pub async fn come_back(&mut self) -> Result<f64> {
        let (lost, opened) = (self.counts.lost.load(Relaxed), self.opened());
        let gone = async {
            while self.counts.lost.load(Relaxed) < lost + self.wanted as u64 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let back = async {
            while self.opened() <= opened {
                sleep(Duration::from_millis(1)).await;
            }
            Instant::now()
        };
        let (gone, back) = tokio::join!(timeout(PATIENCE, gone), timeout(PATIENCE, back));
        gone.context("streams that are never lost")?;
        let began = back.context("nobody comes back")?;
        self.all_right().await?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// How often a stream has been opened.
    fn opened(&self) -> u64 {
        self.counts.open.load(Relaxed) as u64 + self.counts.lost.load(Relaxed)
    }

    pub(super) async fn all_right(&self) -> Result<()> {
        let all = async {
            while self.counts.right.load(Relaxed) < self.wanted {
                sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = timeout(PATIENCE, all).await;
        ensure!(waited.is_ok(), "of {} streams: {:?}", self.wanted, self.tally());
        Ok(())
    }

    /// What was heard.
    pub fn tally(&self) -> Tally {
        Tally {
            open: self.counts.open.load(Relaxed),
            right: self.counts.right.load(Relaxed),
            events: self.counts.events.load(Relaxed),
            bytes: self.counts.bytes.load(Relaxed),
            lost: self.counts.lost.load(Relaxed),
        }
    }
}

fn asks(opening: &Opening, nth: usize) -> Vec<u8> {
    let room = room_of(nth, opening.rooms);
    let session = if opening.lease {
        format!("&session={}", session_of(nth))
    } else {
        String::new()
    };
    let path = format!("/v1/stream?room={room}{session}");
    request("GET", &path, &token::sign(&format!("u{nth}")), "")
}

struct Stream {
    request: Vec<u8>,
    port: u16,
    people: Option<u64>,
    counts: Arc<Counts>,
}

impl Stream {
    /// Opens it again and again.
    async fn keep(self, doors: Arc<Semaphore>) {
        loop {
            let opened = {
                let _seat = doors.acquire().await;
                let opened = async { Wire::open(self.port).await?.begin(&self.request).await };
                opened.await
            };
            if let Ok((200, events)) = opened {
                self.listen(events).await;
            } else {
                sleep(PAUSE).await;
            }
        }
    }

    /// Listens until it ends.
    async fn listen(&self, mut events: Events) {
        self.counts.open.fetch_add(1, Relaxed);
        let mut right = self.people.is_none();
        if right {
            self.counts.right.fetch_add(1, Relaxed);
        }
        while let Ok((event, _)) = events.next().await {
            self.counts.events.fetch_add(1, Relaxed);
            self.counts.bytes.fetch_add(event.len() as u64 + 2, Relaxed);
            let knows = matches!(name_of(&event), "snapshot" | "diff" | "count")
                .then(|| online_count(data_of(&event)))
                .flatten();
            if let Some(count) = knows {
                let now = Some(count) == self.people;
                match (right, now) {
                    (false, true) => self.counts.right.fetch_add(1, Relaxed),
                    (true, false) => self.counts.right.fetch_sub(1, Relaxed),
                    _ => 0,
                };
                right = now;
            }
        }
        self.counts.open.fetch_sub(1, Relaxed);
        self.counts.lost.fetch_add(1, Relaxed);
        if right {
            self.counts.right.fetch_sub(1, Relaxed);
        }
    }
}

/// How many are there, by what is written near the beginning of a snapshot, diff or count.
pub fn online_count(data: &[u8]) -> Option<u64> {
    let at = memchr::memmem::find(data, b"\"online_count\":")? + 15;
    let digits: Vec<u8> = data[at..]
        .iter()
        .copied()
        .take_while(u8::is_ascii_digit)
        .collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_people_is_read() {
        assert_eq!(
            online_count(br#"{"room_id":"a","online_count":12,"members":[]}"#),
            Some(12)
        );
        assert_eq!(online_count(b"{}"), None);
    }
}
