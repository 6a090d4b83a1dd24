//! Heartbeats as fast as they are answered, over connections that are kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::sleep_until};
use uuid::Uuid;

use super::wire::{Wire, request};
use crate::token;

/// What to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Beats {
    /// Where to.
    pub port: u16,
    /// Over how many connections.
    pub connections: usize,
    /// For how long.
    pub seconds: f64,
    /// `u0` and so on, one session each.
    pub users: usize,
    /// Between one user and the next so many are passed over.
    pub stride: usize,
    /// They are spread over `r0` and so on; 0: all are in `hall`.
    pub rooms: usize,
    /// No more than this many a second; none: as fast as they are answered.
    pub per_second: Option<f64>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Beaten {
    /// Heartbeats that were answered with 200. Any other answer is an error.
    pub answered: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The median answer, in milliseconds.
    pub p50_ms: f64,
    /// Of a hundred the slowest, in milliseconds.
    pub p99_ms: f64,
}

impl Beats {
    /// Sends; every user once at least, then until the time is over.
    pub async fn run(self) -> Result<Beaten> {
        let requests: Arc<Vec<Vec<u8>>> = Arc::new(
            (0..self.users)
                .map(|nth| self.request(nth * self.stride))
                .collect(),
        );
        let mut wires = vec![];
        for _ in 0..self.connections {
            wires.push(Wire::open(self.port).await?);
        }
        let began = Instant::now();
        let turns = Turns {
            requests,
            step: self.connections,
            until: began + Duration::from_secs_f64(self.seconds),
            pause: self.per_second.map(|rate| share(self.connections) / rate),
        };
        let mut tasks = JoinSet::new();
        for (nth, wire) in wires.into_iter().enumerate() {
            tasks.spawn(turns.clone().take(wire, nth));
        }
        let mut times: Vec<u32> = vec![];
        while let Some(done) = tasks.join_next().await {
            times.extend(done??);
        }
        let seconds = began.elapsed().as_secs_f64();
        times.sort_unstable();
        let at =
            |share: usize| f64::from(times.get(times.len() * share / 100).copied().unwrap_or(0)) / 1000.0;
        Ok(Beaten {
            answered: times.len() as u64,
            seconds,
            p50_ms: at(50),
            p99_ms: at(99),
        })
    }

    fn request(&self, nth: usize) -> Vec<u8> {
        let user = format!("u{nth}");
        let room = room_of(nth, self.rooms);
        let path = format!("/v1/rooms/{room}/sessions/{}", session_of(nth));
        request("PUT", &path, &token::sign(&user), "{}")
    }
}

/// The room that this user beats in.
pub fn room_of(user: usize, rooms: usize) -> String {
    if rooms == 0 {
        "hall".to_owned()
    } else {
        format!("r{}", user % rooms)
    }
}

/// The session of this user: always the same one.
pub fn session_of(user: usize) -> Uuid {
    Uuid::from_u128(0x7072_6573_656e_4cee_8000_0000_0000_0000 + user as u128)
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn share(connections: usize) -> f64 {
    connections as f64
}

#[derive(Clone)]
struct Turns {
    requests: Arc<Vec<Vec<u8>>>,
    step: usize,
    until: Instant,
    /// Between the requests of a connection, in seconds.
    pause: Option<f64>,
}

impl Turns {
    /// One connection: every so many-th user in turn. The times of the answers in microseconds.
    async fn take(self, mut wire: Wire, first: usize) -> Result<Vec<u32>> {
        let mut times = vec![];
        let mut nth = first;
        let mut rounds = 0;
        let mut due = Instant::now();
        while rounds == 0 || Instant::now() < self.until {
            let Some(request) = self.requests.get(nth) else {
                (nth, rounds) = (first, rounds + 1);
                continue;
            };
            if let Some(pause) = self.pause {
                sleep_until(due.into()).await;
                due += Duration::from_secs_f64(pause);
            }
            let began = Instant::now();
            let status = wire.call(request).await?;
            ensure!(status == 200, "user {nth} was answered with {status}");
            times.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
            nth += self.step;
        }
        Ok(times)
    }
}
