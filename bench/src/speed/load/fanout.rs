//! How long it takes until those who watch see who joins, and how much they are sent for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    beat::session_of,
    crowd::online_count,
    wire::{Events, Wire, data_of, name_of, request},
};
use crate::token;

/// The longest that one change may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Joins and leaves of one user in `hall`, one after the other, before watchers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Joins {
    /// Where the heartbeats go.
    pub port: u16,
    /// Where the streams are; another node, it may be.
    pub watched: u16,
    /// How many watch: `u1` and so on.
    pub watchers: usize,
    /// How many joins.
    pub joins: usize,
    /// The pause before each, in milliseconds: longer than changes are merged.
    pub pause_ms: u64,
}

/// From the moment before the request was sent, in milliseconds, of each join.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    /// Until any one watcher saw it: the times of all of them.
    pub each: Vec<f64>,
    /// Until the last one did.
    pub last: Vec<f64>,
}

impl Joins {
    /// Runs them; an error where any watcher does not see any of it.
    pub async fn run(self) -> Result<Seen> {
        let (heard, mut hears) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for nth in 1..=self.watchers {
            let mut events = watch(self.watched, nth).await?;
            let heard = heard.clone();
            tasks.spawn(async move {
                while let Ok((_, at)) = events.named("diff").await {
                    let _ = heard.send(at);
                }
            });
        }
        let mut wire = Wire::open(self.port).await?;
        let token = token::sign("u0");
        let path = format!("/v1/rooms/hall/sessions/{}", session_of(0));
        let (join, leave) = (
            request("PUT", &path, &token, "{}"),
            request("DELETE", &path, &token, ""),
        );
        let mut seen = Seen {
            each: vec![],
            last: vec![],
        };
        for nth in 0..self.joins * 2 {
            sleep(Duration::from_millis(self.pause_ms)).await;
            let joins = nth % 2 == 0;
            let began = Instant::now();
            let status = wire.call(if joins { &join } else { &leave }).await?;
            ensure!(status < 300, "answered with {status}");
            let mut last: f64 = 0.0;
            for _ in 0..self.watchers {
                let at = timeout(PATIENCE, hears.recv())
                    .await
                    .context("a watcher saw nothing")?;
                let took = (at.context("nobody watches")? - began).as_secs_f64() * 1000.0;
                last = last.max(took);
                if joins {
                    seen.each.push(took);
                }
            }
            if joins {
                seen.last.push(last);
            }
        }
        Ok(seen)
    }
}

async fn watch(port: u16, nth: usize) -> Result<Events> {
    let asks = request(
        "GET",
        "/v1/stream?room=hall",
        &token::sign(&format!("u{nth}")),
        "",
    );
    let (status, mut events) = Wire::open(port).await?.begin(&asks).await?;
    ensure!(status == 200, "a stream was answered with {status}");
    events.named("snapshot").await?;
    Ok(events)
}

/// Many join `hall` at once, where many watch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rush {
    /// Where.
    pub port: u16,
    /// How many watch: `u0` and so on.
    pub watchers: usize,
    /// How many join: those that come after them.
    pub joins: usize,
    /// Over how many connections.
    pub connections: usize,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Rushed {
    /// From the first request to the last answer, in seconds.
    pub joined: f64,
    /// From the first request until every watcher knew everybody, in seconds.
    pub known: f64,
    /// Diffs, snapshots and counts of all watchers.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Rush {
    /// Runs it.
    pub async fn run(self) -> Result<Rushed> {
        let (messages, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut watchers = JoinSet::new();
        for nth in 0..self.watchers {
            let mut events = watch(self.port, nth).await?;
            let (messages, bytes, wanted) = (messages.clone(), bytes.clone(), self.joins as u64);
            watchers.spawn(async move {
                loop {
                    let (event, at) = events.next().await?;
                    if !matches!(name_of(&event), "diff" | "snapshot" | "count") {
                        continue;
                    }
                    messages.fetch_add(1, Relaxed);
                    bytes.fetch_add(event.len() as u64, Relaxed);
                    if online_count(data_of(&event)) == Some(wanted) {
                        return anyhow::Ok(at);
                    }
                }
            });
        }
        let mut wires = vec![];
        for _ in 0..self.connections {
            wires.push(Wire::open(self.port).await?);
        }
        let began = Instant::now();
        let mut joiners = JoinSet::new();
        for (nth, mut wire) in wires.into_iter().enumerate() {
            let mine: Vec<Vec<u8>> = (self.watchers..self.watchers + self.joins)
                .skip(nth)
                .step_by(self.connections)
                .map(join)
                .collect();
            joiners.spawn(async move {
                for request in mine {
                    let status = wire.call(&request).await?;
                    ensure!(status == 200, "a join was answered with {status}");
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = joiners.join_next().await {
            done??;
        }
        let joined = began.elapsed().as_secs_f64();
        let mut known = began;
        while let Some(done) = timeout(PATIENCE, watchers.join_next())
            .await
            .context("not all know all")?
        {
            known = known.max(done??);
        }
        Ok(Rushed {
            joined,
            known: (known - began).as_secs_f64(),
            messages: messages.load(Relaxed),
            bytes: bytes.load(Relaxed),
        })
    }
}

fn join(nth: usize) -> Vec<u8> {
    let path = format!("/v1/rooms/hall/sessions/{}", session_of(nth));
    request("PUT", &path, &token::sign(&format!("u{nth}")), "{}")
}

/// The bare loop: a byte in at one socket, a chunk out at all others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chunks {
    /// Where it is.
    pub port: u16,
    /// How many sockets.
    pub sockets: usize,
    /// How many chunks.
    pub chunks: usize,
    /// The pause before each, in milliseconds.
    pub pause_ms: u64,
}

impl Chunks {
    /// Milliseconds until the last socket had it, of each chunk.
    pub async fn run(self) -> Result<Vec<f64>> {
        let (heard, mut hears) = mpsc::unbounded_channel();
        let mut trigger = TcpStream::connect(("127.0.0.1", self.port)).await?;
        trigger.set_nodelay(true)?;
        let mut tasks = JoinSet::new();
        for _ in 0..self.sockets {
            let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await?;
            let heard = heard.clone();
            tasks.spawn(async move {
                let mut chunk = [0; crate::speed::rivals::CHUNK];
                while socket.read_exact(&mut chunk).await.is_ok() {
                    let _ = heard.send(Instant::now());
                }
            });
        }
        let mut times = vec![];
        sleep(Duration::from_millis(500)).await;
        for _ in 0..self.chunks {
            sleep(Duration::from_millis(self.pause_ms)).await;
            let began = Instant::now();
            trigger.write_all(b"!").await?;
            let mut last: f64 = 0.0;
            for _ in 0..self.sockets {
                let at = timeout(PATIENCE, hears.recv())
                    .await
                    .context("a socket got nothing")?;
                last = last.max((at.context("no socket")? - began).as_secs_f64() * 1000.0);
            }
            times.push(last);
        }
        Ok(times)
    }
}
