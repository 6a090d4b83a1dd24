//! A stream that is being read, by a task of its own, until it ends or its reader closes it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    check::streams::{Event, Picture},
    clock::{Micros, now},
    http::{End, Reader},
    node::PING,
    play::Play,
    world::Room,
};

/// With no byte for so many pings the connection is dead.
const PINGS_MISSED: u32 = 4;

/// The reader's side.
pub struct Reading {
    play: Play,
    number: u64,
    close: CancellationToken,
    stalled: watch::Sender<bool>,
    logged_out: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Reading {
    /// Begins to read.
    pub fn start(play: Play, number: u64, reader: Reader) -> Self {
        let reading = Self {
            play: play.clone(),
            number,
            close: CancellationToken::new(),
            stalled: watch::Sender::new(false),
            logged_out: Arc::default(),
            over: Arc::default(),
        };
        let task = Task {
            play,
            number,
            close: reading.close.clone(),
            stalled: reading.stalled.subscribe(),
            logged_out: reading.logged_out.clone(),
            over: reading.over.clone(),
        };
        tokio::spawn(task.run(reader));
        reading
    }

    /// What it knows of its rooms.
    pub fn pictures(&self) -> HashMap<Room, Picture> {
        let state = self.play.check.lock();
        let stream = state.streams.open.get(&self.number);
        stream.map(|stream| stream.pictures.clone()).unwrap_or_default()
    }

    /// It has ended by itself.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// It was told not to come back by these sessions.
    pub fn is_logged_out(&self) -> bool {
        self.logged_out.load(Ordering::Acquire)
    }

    /// Takes nothing, or goes on.
    pub fn stall(&self, stalls: bool) {
        self.stalled.send_replace(stalls);
        if let Some(stream) = self.play.check.lock().streams.open.get_mut(&self.number) {
            stream.is_stalled = stalls;
            stream.heard = now();
        }
    }

    /// Closes it.
    pub fn close(self) {
        close(&self.play, self.number);
        self.close.cancel();
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        close(&self.play, self.number);
        self.close.cancel();
    }
}

/// The checker first: the service may notice at once.
fn close(play: &Play, number: u64) {
    let mut state = play.check.lock();
    let at: Micros = now();
    let Some(stream) = state.streams.close(number) else {
        return;
    };
    let calm = state.calm.was(at, at);
    for key in stream.opened.holds {
        state.ledger.let_go(key, number, at, calm);
    }
    drop(state);
    play.check
        .history
        .note("stream closed", json!({"stream": number}));
}

struct Task {
    play: Play,
    number: u64,
    close: CancellationToken,
    stalled: watch::Receiver<bool>,
    logged_out: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self, mut reader: Reader) {
        let silence = Duration::from_micros(u64::try_from(PING).unwrap_or(1_000_000)) * PINGS_MISSED;
        loop {
            let mut stalled = self.stalled.clone();
            let goes_on = async {
                let waited = stalled.wait_for(|stalls| !stalls).await.is_ok();
                let event = tokio::time::timeout(silence, reader.next()).await;
                (waited, event)
            };
            let read = tokio::select! {
                (_, read) = goes_on => read,
                _ = self.stalled.changed() => continue,
                () = self.close.cancelled() => return,
            };
            match read {
                Ok(Ok(event)) => {
                    if self.take(&event) {
                        break;
                    }
                }
                Ok(Err(End::Garbage(wrong))) => {
                    let mut state = self.play.check.lock();
                    state.violate_on("streams say events", wrong, Some(self.number));
                    break;
                }
                Ok(Err(End::Over(why))) => {
                    self.play
                        .check
                        .history
                        .note("stream over", json!({"stream": self.number, "why": why}));
                    break;
                }
                Err(_) => {
                    self.play
                        .check
                        .history
                        .note("stream silent", json!({"stream": self.number}));
                    break;
                }
            }
        }
        // Where it ended by itself the node may have noticed some time ago.
        let mut state = self.play.check.lock();
        if let Some(stream) = state.streams.open.get_mut(&self.number) {
            stream.is_over = true;
            let (holds, heard) = (stream.opened.holds.clone(), stream.heard);
            for key in holds {
                state.ledger.unsure_of(key, heard);
            }
        }
        drop(state);
        // Its pictures stay until somebody asks for them.
        self.over.store(true, Ordering::Release);
    }

    /// Whether it is the last one.
    fn take(&self, event: &Event) -> bool {
        if event.name != "ping" {
            let what = json!({"stream": self.number, "name": event.name, "id": event.id, "data": event.data});
            self.play.check.history.note("frame", what);
        }
        self.play.check.lock().frame(self.number, event);
        if event.name == "bye" {
            let is_for_good = event.data["reason"] == "logged-out";
            self.logged_out.store(is_for_good, Ordering::Release);
        }
        event.name == "bye"
    }
}
