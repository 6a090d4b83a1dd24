//! What the service is asked to do, asked of Socket.IO: joins before watchers, and many that are connected and hear nothing.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    beat::room_of,
    crowd::{AT_ONCE, Counts, Crowd, Opening},
    fanout::{Joins, PATIENCE, Seen},
    socketio::Socket,
};
use crate::token;

/// Who heard of it, whether it was a join, and when.
type Heard = (usize, bool, Instant);

/// Runs them; an error where any watcher does not hear each change exactly once, or where Socket.IO says anything but the
/// truth of who is there at the end. Whoever watches is in the room: Socket.IO tells nobody else.
pub async fn joins(joins: Joins) -> Result<Seen> {
    let (heard, hears) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    for nth in 1..=joins.watchers {
        let mut socket = Socket::open(joins.watched, &token::sign(&format!("u{nth}"))).await?;
        socket.ask("join", "hall").await?;
        let heard = heard.clone();
        tasks.spawn(async move {
            while let Ok((event, at)) = socket.next().await {
                if event.user == "u0" {
                    let _ = heard.send((nth, event.joined, at));
                }
            }
        });
    }
    let mut guest = Guest {
        socket: Socket::open(joins.port, &token::sign("u0")).await?,
        hears,
        watchers: joins.watchers,
    };
    // Not counted: what the watchers still hear of one another comes before it.
    guest.change(true).await?;
    guest.change(false).await?;
    let mut seen = Seen {
        each: vec![],
        last: vec![],
    };
    let pause = Duration::from_millis(joins.pause_ms);
    for _ in 0..joins.joins {
        sleep(pause).await;
        let times = guest.change(true).await?;
        seen.last.push(times.iter().copied().fold(0.0, f64::max));
        seen.each.extend(times);
        sleep(pause).await;
        guest.change(false).await?;
    }
    let forged = format!("{}x", token::sign("u0"));
    let stranger = Socket::open(joins.port, &forged).await;
    ensure!(stranger.is_err(), "a token that nobody signed is good");
    let elsewhere = guest.socket.ask("join", "r1").await; // u0 takes part in r0 and the hall
    ensure!(
        elsewhere.is_err(),
        "a room is entered by somebody who takes no part in it"
    );
    guest.change(true).await?;
    let there: HashSet<String> = guest.socket.who("hall").await?.into_iter().collect();
    let all: HashSet<String> = (0..=joins.watchers).map(|nth| format!("u{nth}")).collect();
    ensure!(there == all, "{} are there, of {}", there.len(), all.len());
    guest.change(false).await?; // or the next ones would hear of it
    Ok(seen)
}

/// The one who comes and goes.
struct Guest {
    socket: Socket,
    hears: mpsc::UnboundedReceiver<Heard>,
    watchers: usize,
}

impl Guest {
    /// Joins or leaves; milliseconds until each watcher heard of it.
    async fn change(&mut self, joins: bool) -> Result<Vec<f64>> {
        let began = Instant::now();
        self.socket
            .ask(if joins { "join" } else { "leave" }, "hall")
            .await?;
        let (mut times, mut who) = (vec![], HashSet::new());
        while who.len() < self.watchers {
            let heard = timeout(PATIENCE, self.hears.recv()).await;
            let heard =
                heard.with_context(|| format!("{} watchers heard nothing", self.watchers - who.len()))?;
            let (nth, joined, at) = heard.context("nobody watches")?;
            ensure!(joined == joins && who.insert(nth), "a watcher heard of it twice");
            times.push((at - began).as_secs_f64() * 1000.0);
        }
        Ok(times)
    }
}

impl Crowd {
    /// Opens as many sockets, each in a room, and waits until each knows everybody there; in seconds.
    pub async fn gather(&mut self, opening: Opening) -> Result<f64> {
        let began = Instant::now();
        let doors = Arc::new(Semaphore::new(AT_ONCE));
        self.wanted += opening.streams;
        for nth in 0..opening.streams {
            let (opening, doors, counts) = (opening.clone(), doors.clone(), self.counts.clone());
            tokio::spawn(async move {
                if let Err(error) = stay(&opening, nth, &doors, &counts).await {
                    eprintln!("u{nth}: {error:#}");
                }
                counts.lost.fetch_add(1, Relaxed);
            });
        }
        self.all_right().await?;
        Ok(began.elapsed().as_secs_f64())
    }
}

/// Joins, asks who is there, and listens until the connection ends.
async fn stay(opening: &Opening, nth: usize, doors: &Semaphore, counts: &Counts) -> Result<()> {
    let room = room_of(nth, opening.rooms);
    let (mut socket, mut there) = {
        let _seat = doors.acquire().await;
        let mut socket = Socket::open(opening.port, &token::sign(&format!("u{nth}"))).await?;
        socket.ask("join", &room).await?;
        let there: HashSet<String> = socket.who(&room).await?.into_iter().collect();
        (socket, there)
    };
    counts.open.fetch_add(1, Relaxed);
    let mut right = false;
    loop {
        let now = opening.people == Some(there.len() as u64);
        match (right, now) {
            (false, true) => counts.right.fetch_add(1, Relaxed),
            (true, false) => counts.right.fetch_sub(1, Relaxed),
            _ => 0,
        };
        right = now;
        let Ok((event, _)) = socket.next().await else {
            break;
        };
        counts.events.fetch_add(1, Relaxed);
        counts.bytes.fetch_add(event.bytes as u64, Relaxed);
        if event.joined {
            there.insert(event.user);
        } else {
            there.remove(&event.user);
        }
    }
    counts.open.fetch_sub(1, Relaxed);
    if right {
        counts.right.fetch_sub(1, Relaxed);
    }
    Ok(())
}
