//! The load generator's handle: a process of its own, so that what it costs is nobody else's; told what to do by lines of JSON.

pub mod beat;
pub mod crowd;
pub mod fanout;
mod socketio;
mod sockets;
pub mod wire;

use std::{process::Stdio, sync::Arc};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::process::Watchdog;

/// What a load generator does, one after the other.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Sends heartbeats as fast as they are answered.
    Beat(beat::Beats),
    /// Opens streams and keeps them.
    Open(crowd::Opening),
    /// Waits until every stream that is open has come back with a right snapshot.
    Reopen,
    /// What the open streams have heard.
    Tally,
    /// Times joins on their way to watchers.
    Joins(fanout::Joins),
    /// Many join at once where many watch.
    Rush(fanout::Rush),
    /// Times joins on their way to watchers, of Socket.IO.
    Meet(fanout::Joins),
    /// Opens sockets of Socket.IO and keeps them.
    Gather(crowd::Opening),
    /// Times one chunk on its way to all sockets of the bare loop.
    Chunks(fanout::Chunks),
}

/// The handle; the process ends with it.
pub struct Load {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Load {
    /// Starts one.
    pub async fn start(watchdog: &Arc<Watchdog>) -> Result<Self> {
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        command
            .arg("load")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(pid) = child.id() {
            watchdog.watch(pid);
        }
        let orders = child.stdin.take().context("a pipe")?;
        let answers = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        Ok(Self {
            child,
            orders,
            answers,
        })
    }

    /// Has it do something, and returns what it says of it.
    pub async fn order<T: DeserializeOwned>(&mut self, order: &Order) -> Result<T> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.orders.write_all(&line).await?;
        let Some(answer) = self.answers.next_line().await? else {
            bail!("the load generator is gone: {:?}", self.child.wait().await?);
        };
        let answer: Result<T, String> = serde_json::from_str(&answer)?;
        answer.map_err(|why| anyhow::anyhow!("{order:?}: {why}"))
    }
}

/// What the process does: orders in, answers out.
pub async fn serve() -> Result<()> {
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let mut crowd = crowd::Crowd::default();
    while let Some(line) = orders.next_line().await? {
        let answer = match serde_json::from_str(&line)? {
            Order::Beat(beats) => text(beats.run().await),
            Order::Open(opening) => text(crowd.open(opening).await),
            Order::Reopen => text(crowd.come_back().await),
            Order::Tally => text(Ok(crowd.tally())),
            Order::Joins(joins) => text(joins.run().await),
            Order::Rush(rush) => text(rush.run().await),
            Order::Meet(joins) => text(sockets::joins(joins).await),
            Order::Gather(opening) => text(crowd.gather(opening).await),
            Order::Chunks(chunks) => text(chunks.run().await),
        };
        println!("{answer}");
    }
    Ok(())
}

fn text<T: Serialize>(answer: Result<T>) -> String {
    let answer = answer.map_err(|error| format!("{error:#}"));
    serde_json::to_string(&answer).unwrap_or_default()
}
