//! What is broken on purpose, and how the checker is told of it: first what it must allow for, then the fault.

mod kinds;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_postgres::Client;

pub use self::kinds::{Fault, Link, deck};
use crate::{
    check::ledger::Scope,
    clock::now,
    cluster::{Cluster, DATABASE, EAR, SERVICE},
    dice::Dice,
    node::Program,
    play::{Phase, Play},
    process::signal,
    proxy::Mode,
};

/// A node that is told to stop does so within this; a slow machine is allowed three times as much.
const STOP_MAX: Duration = Duration::from_secs(30);
/// After a loss the service finds its feet, and begins a new epoch, within this.
const NEW_EPOCH_MAX: Duration = Duration::from_secs(40);

/// Who breaks things.
#[derive(Clone)]
pub struct Breaker {
    play: Play,
    program: Program,
    /// One at a time has the server in hand.
    server: Arc<tokio::sync::Mutex<()>>,
    /// One at a time has a node in hand.
    hands: Arc<Vec<tokio::sync::Mutex<()>>>,
}

impl Breaker {
    /// Over these processes.
    pub fn new(play: Play, program: Program) -> Self {
        let hands = play.nodes.iter().map(|_| tokio::sync::Mutex::default()).collect();
        Self {
            play,
            program,
            server: Arc::default(),
            hands: Arc::new(hands),
        }
    }

    /// Breaks all of these, each at its time, mends all of them, and returns when everything is whole.
    pub async fn run(&self, faults: Vec<(Duration, Fault)>, dice: &mut Dice) -> Result<()> {
        let mut tasks = JoinSet::new();
        for (nth, (after, fault)) in faults.into_iter().enumerate() {
            let (breaker, dice) = (self.clone(), Dice::new(dice.below(usize::MAX) as u64, nth as u64));
            tasks.spawn(async move {
                tokio::time::sleep(after).await;
                breaker.inflict(fault, dice).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn inflict(&self, fault: Fault, mut dice: Dice) -> Result<()> {
        if self.play.phase() == Phase::End {
            return Ok(());
        }
        let trouble = {
            let mut state = self.play.check.lock();
            state.count(&format!("fault {}", fault.name()));
            state.ledger.trouble_begins(now());
            if let Some(node) = fault.closes_streams_of() {
                let held: Vec<_> = state
                    .streams
                    .open
                    .values()
                    .filter(|stream| stream.opened.node == node)
                    .collect();
                let held: Vec<_> = held
                    .into_iter()
                    .flat_map(|stream| stream.opened.holds.clone())
                    .collect();
                for key in held {
                    state.ledger.unsure_of(key, now());
                }
            }
            state.calm.begin(now())
        };
        self.play
            .check
            .history
            .note("fault begins", json!(format!("{fault:?}")));
        let done = self.break_and_mend(&fault, &mut dice).await;
        self.play
            .check
            .history
            .note("fault ends", json!(format!("{fault:?}: {done:?}")));
        self.play.check.lock().calm.end(trouble, now());
        done
    }

    async fn break_and_mend(&self, fault: &Fault, dice: &mut Dice) -> Result<()> {
        let nodes = &self.play.nodes;
        match fault {
            Fault::Link {
                node,
                link,
                mode,
                lasts,
            } => {
                let proxy = match link {
                    Link::Pool => &nodes[*node].pool,
                    Link::Ear => &nodes[*node].ear,
                    Link::Front => &nodes[*node].front,
                };
                proxy.set(*mode);
                tokio::time::sleep(*lasts).await;
                proxy.set(Mode::Pass);
                // What stood still may go on, or be dead after all.
                if *mode == Mode::Stall && dice.chance(50) {
                    proxy.cut_once();
                }
            }
            Fault::KillNode { .. } | Fault::StopNode { .. } | Fault::FreezeNode { .. } => {
                self.break_node(fault).await?;
            }
            Fault::TerminateListener => self.admin(&kinds::terminate(&[EAR])).await,
            Fault::TerminateAll => self.admin(&kinds::terminate(&[EAR, SERVICE])).await,
            Fault::LockTable { table, lasts } => {
                let ms = lasts.as_millis();
                self.admin(&format!("begin; lock table {table} in access exclusive mode; select pg_sleep({ms} / 1000.0); rollback"))
                    .await;
            }
            Fault::LongTransaction { lasts } => {
                let ms = lasts.as_millis();
                self.admin(&format!("begin isolation level repeatable read; select txid_current(); select pg_sleep({ms} / 1000.0); commit"))
                    .await;
            }
            Fault::Truncate { tables } => self.lose(&format!("truncate {tables}")).await,
            Fault::DeleteRoom { room } => {
                self.lose(&format!(
                    "delete from presence_private.room where room_id = '{}'",
                    room.id()
                ))
                .await;
            }
            Fault::Migrate => self.migrate().await,
            Fault::KillBackend => self.crash(Crash::Backend).await?,
            Fault::KillPostmaster { back_after } => self.crash(Crash::Postmaster(*back_after)).await?,
            Fault::RestartPostgres { back_after } => {
                let _server = self.server.lock().await;
                self.play.cluster.end(Signal::SIGINT).await;
                tokio::time::sleep(*back_after).await;
                self.play.cluster.start().await?;
            }
        }
        Ok(())
    }

    /// The faults of a node itself.
    async fn break_node(&self, fault: &Fault) -> Result<()> {
        let nodes = &self.play.nodes;
        match fault {
            Fault::KillNode { node, back_after } => {
                let _node = self.hands[*node].lock().await;
                nodes[*node].signal(Signal::SIGKILL);
                nodes[*node].ended(STOP_MAX).await?;
                tokio::time::sleep(*back_after).await;
                let _server = self.server.lock().await; // a node starts on a server that is there
                nodes[*node].begin().await?;
            }
            Fault::StopNode { node, back_after } => {
                let _node = self.hands[*node].lock().await;
                nodes[*node].signal(Signal::SIGTERM);
                match nodes[*node].ended(STOP_MAX).await {
                    Ok(Some(0)) => {}
                    ended => self.play.check.violate(
                        "a node that is told to stop exits with 0 in time",
                        format!("{ended:?}"),
                    ),
                }
                tokio::time::sleep(*back_after).await;
                let _server = self.server.lock().await;
                nodes[*node].begin().await?;
            }
            Fault::FreezeNode { node, lasts } => {
                let _node = self.hands[*node].lock().await;
                nodes[*node].signal(Signal::SIGSTOP);
                tokio::time::sleep(*lasts).await;
                nodes[*node].signal(Signal::SIGCONT);
            }
            _ => {}
        }
        Ok(())
    }

    /// One of the superuser's own statements; where the server is away, it is not made.
    async fn admin(&self, sql: &str) {
        if let Ok(client) = self.play.cluster.connect("postgres", DATABASE).await
            && let Err(error) = client.batch_execute(sql).await
        {
            self.play
                .check
                .history
                .note("superuser", json!(format!("{sql}: {error}")));
        }
    }

    /// The data goes by hand, until it is gone.
    async fn lose(&self, sql: &str) {
        let start = now();
        let cut = self.play.check.lock().ledger.begin_cut(Scope::All, start, None);
        for _ in 0..100 {
            if let Ok(client) = self.play.cluster.connect("postgres", DATABASE).await
                && client
                    .batch_execute(&format!("set lock_timeout = '2 s'; {sql}"))
                    .await
                    .is_ok()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.play.check.lock().ledger.lose_all(cut, start, now());
    }

    async fn crash(&self, how: Crash) -> Result<()> {
        let _server = self.server.lock().await;
        let before = self.epoch().await;
        let start = now();
        let cut = self.play.check.lock().ledger.begin_cut(Scope::All, start, None);
        match how {
            Crash::Backend => {
                // Any will do: one takes all others down.
                let sql = kinds::backends(&[SERVICE, EAR]);
                if let Some(client) = self.client().await
                    && let Ok(rows) = client.query(&sql, &[]).await
                    && let Some(row) = rows.first()
                {
                    let pid: i32 = row.get(0);
                    signal(u32::try_from(pid).unwrap_or(0), Signal::SIGKILL);
                }
            }
            Crash::Postmaster(back_after) => {
                self.play.cluster.end(Signal::SIGKILL).await;
                tokio::time::sleep(back_after).await;
                self.play.cluster.start().await?;
            }
        }
        // Until somebody has begun anew: then what is read is of after the loss.
        let deadline = tokio::time::Instant::now() + NEW_EPOCH_MAX;
        loop {
            let epoch = self.epoch().await;
            if (epoch.is_some() && epoch != before) || self.play.phase() == Phase::End {
                break;
            }
            if tokio::time::Instant::now() > deadline {
                let wrong = format!(
                    "the epoch is {epoch:?} and was {before:?}, {NEW_EPOCH_MAX:?} after Postgres crashed"
                );
                self.play.check.violate("a crash begins a new epoch", wrong);
                break;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        self.play.check.lock().ledger.lose_all(cut, start, now());
        Ok(())
    }

    async fn epoch(&self) -> Option<uuid::Uuid> {
        let rows = self
            .client()
            .await?
            .query("select epoch from presence_private.epoch", &[])
            .await
            .ok()?;
        rows.first().map(|row| row.get(0))
    }

    async fn client(&self) -> Option<Client> {
        self.play.cluster.connect("postgres", DATABASE).await.ok()
    }

    async fn migrate(&self) {
        let mut command = self.program.command(&["migrate"]);
        command.env("DATABASE_URL", Cluster::url("postgres", self.play.cluster.port));
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let migrated = tokio::time::timeout(STOP_MAX, command.output()).await;
        // One that meets a lock or a server that is away gives up; what it had done is rolled back.
        let text = match migrated {
            Ok(Ok(output)) => String::from_utf8_lossy(&output.stderr).into_owned(),
            other => format!("{other:?}"),
        };
        self.play.check.history.note("migrate", json!(text));
        // It puts all functions back as they are written; where it gave up, the bug is still there.
        if let Some(sql) = self.program.plant.as_ref().and_then(|plant| plant.sql.as_ref()) {
            self.admin(sql).await;
        }
    }
}

enum Crash {
    Backend,
    Postmaster(Duration),
}
