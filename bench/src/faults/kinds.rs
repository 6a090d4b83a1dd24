//! The kinds of faults, and the deck from which a run draws them, so that each kind comes before any comes twice.

use std::time::Duration;

use crate::{
    dice::Dice,
    proxy::Mode,
    world::{HALL, Room},
};

/// A link of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Its pool to Postgres.
    Pool,
    /// Its listener to Postgres.
    Ear,
    /// Its clients to it.
    Front,
}

/// What is broken.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A link does something to bytes.
    Link {
        node: usize,
        link: Link,
        mode: Mode,
        lasts: Duration,
    },
    /// A node is killed.
    KillNode { node: usize, back_after: Duration },
    /// A node is told to stop.
    StopNode { node: usize, back_after: Duration },
    /// A node stands still.
    FreezeNode { node: usize, lasts: Duration },
    /// The listeners' backends are ended.
    TerminateListener,
    /// All backends of the nodes are ended.
    TerminateAll,
    /// A table is locked against everybody.
    LockTable { table: &'static str, lasts: Duration },
    /// Somebody's transaction stays open.
    LongTransaction { lasts: Duration },
    /// Tables are emptied by hand.
    Truncate { tables: &'static str },
    /// A room's row is deleted by hand.
    DeleteRoom { room: Room },
    /// Migrated in the middle of the day.
    Migrate,
    /// One backend is killed, which takes all down.
    KillBackend,
    /// The postmaster is killed.
    KillPostmaster { back_after: Duration },
    /// Postgres is restarted cleanly.
    RestartPostgres { back_after: Duration },
}

impl Fault {
    /// As the summary counts it.
    pub fn name(&self) -> String {
        match self {
            Self::Link { link, mode, .. } => {
                let mode = match mode {
                    Mode::Pass => "pass",
                    Mode::Stall => "stall",
                    Mode::Swallow => "swallow",
                    Mode::Cut => "cut",
                    Mode::Refuse => "refuse",
                    Mode::Delay(_) => "delay",
                };
                format!("link {link:?} {mode}").to_lowercase()
            }
            Self::KillNode { .. } => "node killed".to_owned(),
            Self::StopNode { .. } => "node stopped".to_owned(),
            Self::FreezeNode { .. } => "node frozen".to_owned(),
            Self::TerminateListener => "listeners terminated".to_owned(),
            Self::TerminateAll => "all backends terminated".to_owned(),
            Self::LockTable { .. } => "table locked".to_owned(),
            Self::LongTransaction { .. } => "long transaction".to_owned(),
            Self::Truncate { .. } => "truncated by hand".to_owned(),
            Self::DeleteRoom { .. } => "room deleted by hand".to_owned(),
            Self::Migrate => "migrate".to_owned(),
            Self::KillBackend => "backend killed".to_owned(),
            Self::KillPostmaster { .. } => "postmaster killed".to_owned(),
            Self::RestartPostgres { .. } => "clean restart".to_owned(),
        }
    }

    /// The node that may take its streams for closed.
    pub fn closes_streams_of(&self) -> Option<usize> {
        match self {
            Self::Link {
                node,
                link: Link::Front,
                ..
            }
            | Self::KillNode { node, .. }
            | Self::StopNode { node, .. }
            | Self::FreezeNode { node, .. } => Some(*node),
            _ => None,
        }
    }
}

/// One of each kind, in an order of its own.
pub fn deck(dice: &mut Dice, nodes: usize) -> Vec<Fault> {
    let mut all = vec![];
    for link in [Link::Pool, Link::Ear, Link::Front] {
        for mode in [
            Mode::Stall,
            Mode::Swallow,
            Mode::Cut,
            Mode::Refuse,
            Mode::Delay(dice.ms(50, 600)),
        ] {
            let (node, lasts) = (dice.below(nodes), dice.ms(500, 7_000));
            all.push(Fault::Link {
                node,
                link,
                mode,
                lasts,
            });
        }
    }
    // A listener that is lost is what a stale picture comes from: it is lost in more ways than one.
    for _ in 0..2 {
        let (node, lasts) = (dice.below(nodes), dice.ms(300, 3_000));
        all.push(Fault::Link {
            node,
            link: Link::Ear,
            mode: Mode::Cut,
            lasts,
        });
        all.push(Fault::TerminateListener);
    }
    all.extend([
        Fault::KillNode { node: dice.below(nodes), back_after: dice.ms(100, 3_000) },
        Fault::StopNode { node: dice.below(nodes), back_after: dice.ms(100, 2_000) },
        Fault::FreezeNode { node: dice.below(nodes), lasts: dice.ms(1_000, 6_000) },
        Fault::TerminateAll,
        Fault::LockTable {
            table: dice.of(&[
                "presence_private.session",
                "presence_private.room",
                "presence_private.member",
                "event_app.room_participants",
            ]),
            lasts: dice.ms(500, 5_000),
        },
        Fault::LongTransaction { lasts: dice.ms(5_000, 12_000) },
        Fault::Truncate {
            tables: dice.of(&[
                "presence_private.session, presence_private.member, presence_private.room, presence_private.change",
                "presence_private.session, presence_private.member, presence_private.room, presence_private.change, presence_private.epoch",
            ]),
        },
        Fault::DeleteRoom { room: dice.of(&[Room(0), Room(1), HALL]) },
        Fault::Migrate,
        Fault::KillBackend,
        Fault::KillBackend,
        Fault::KillPostmaster { back_after: dice.ms(0, 2_000) },
        Fault::RestartPostgres { back_after: dice.ms(0, 2_000) },
    ]);
    dice.shuffle(&mut all);
    all
}

/// Ends all backends of these logins.
pub fn terminate(logins: &[&str]) -> String {
    format!(
        "select pg_terminate_backend(pid) from ({}) as b",
        backends(logins)
    )
}

/// The backends of these logins.
pub fn backends(logins: &[&str]) -> String {
    let names: Vec<String> = logins.iter().map(|login| format!("'{login}'")).collect();
    format!(
        "select pid from pg_stat_activity where usename in ({}) order by backend_start desc",
        names.join(", ")
    )
}
