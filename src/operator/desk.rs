//! A look at the whole of presence, shared by all who look at this node, and what the doctor found.
//!
//! A look costs Postgres a scan, so it is kept for a second at least and for twenty times as long as it took: however
//! many look, and whoever they are, they cost a twentieth of one connection. The doctor asks some hundred questions, on
//! a connection of its own, once a minute at most and only while somebody looks who may know what it finds.
//!
//! # Failure
//! What cannot be read is missing from the look, which says so; the next one is a second later.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{NodeFigures, Vitals};
use crate::{
    db::Db,
    doctor::{self, Finding, Options},
    domain::overview::{NodeRow, Overview, RoomRow, Server},
    error::Error,
};

/// Rooms that a look lists.
pub const ROOMS_MAX: i32 = 50;
/// A look is good for so long at least.
const FRESH: Duration = Duration::from_secs(1);
/// And for so many times as long as it took.
const SHARE: u32 = 20;
/// What the doctor found is good for so long.
const CHECKUP_FRESH: Duration = Duration::from_secs(60);

/// What there was to be seen.
#[derive(Debug, Default)]
pub struct Look {
    /// Why something is missing, in words that tell nothing of hosts, SQL or roles.
    pub trouble: Option<String>,
    /// All of presence, in numbers.
    pub presence: Option<Overview>,
    /// The server.
    pub server: Option<Server>,
    /// The nodes.
    pub nodes: Option<Vec<NodeRow>>,
    /// The fullest rooms; none also where the mapping cannot be read.
    pub rooms: Option<Vec<RoomRow>>,
}

/// What the doctor found, and when.
#[derive(Debug, Clone, Default)]
pub struct Checkup {
    /// None: it has not been there yet.
    pub findings: Option<Arc<[Finding]>>,
    /// When it had been there.
    pub at: Option<Instant>,
    /// Whether it is at it now.
    pub is_running: bool,
}

/// Where operators look. One for the process, behind an `Arc`.
pub struct Desk {
    db: Db,
    vitals: Vitals,
    doctor: Options,
    /// The last look, and until when it is good. Held while one looks: the others wait for what it sees.
    kept: tokio::sync::Mutex<Option<(Arc<Look>, Instant)>>,
    /// Held for a copy.
    checkup: Mutex<Checkup>,
}

impl Desk {
    /// Of this node; the doctor goes the ways that the node itself does.
    pub fn new(db: &Db, vitals: &Vitals, database_url: &str, listen_url: Option<&str>) -> Self {
        let doctor = Options {
            listen_url: listen_url.map(str::to_owned),
            ..Options::new(database_url)
        };
        Self {
            db: db.clone(),
            vitals: vitals.clone(),
            doctor,
            kept: tokio::sync::Mutex::default(),
            checkup: Mutex::default(),
        }
    }

    /// This node, as it is now.
    pub fn node(&self) -> NodeFigures {
        self.vitals.now()
    }

    /// Since its start, in ms.
    pub fn uptime_ms(&self) -> i64 {
        self.vitals.uptime_ms()
    }

    /// The last look, or a new one.
    pub async fn look(&self) -> Arc<Look> {
        let mut kept = self.kept.lock().await;
        if let Some((look, until)) = &*kept
            && Instant::now() < *until
        {
            return look.clone();
        }
        let begin = Instant::now();
        let look = Arc::new(look(&self.db).await);
        let end = Instant::now();
        *kept = Some((look.clone(), end + FRESH.max((end - begin) * SHARE)));
        look
    }

    /// The next look is a new one: somebody changed what there is to be seen.
    pub async fn look_anew(&self) {
        *self.kept.lock().await = None;
    }

    /// What the doctor found last, without sending for it.
    pub fn checkup(&self) -> Checkup {
        self.checkup
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The same; sends for it where that is long ago.
    pub fn check_up(self: &Arc<Self>) -> Checkup {
        let mut checkup = self.checkup.lock().unwrap_or_else(PoisonError::into_inner);
        if !checkup.is_running && checkup.at.is_none_or(|at| at.elapsed() > CHECKUP_FRESH) {
            checkup.is_running = true;
            tokio::spawn(examine(self.clone()));
        }
        checkup.clone()
    }
}

async fn examine(desk: Arc<Desk>) {
    let options = desk.doctor.clone();
    // In a task of its own: a panic of the doctor's ends that alone.
    let found = tokio::spawn(async move { doctor::examine(&options).await }).await;
    let mut checkup = desk.checkup.lock().unwrap_or_else(PoisonError::into_inner);
    checkup.is_running = false;
    checkup.at = Some(Instant::now());
    if let Ok(found) = found {
        checkup.findings = Some(found.into());
    }
}

async fn look(db: &Db) -> Look {
    let mut look = Look::default();
    if let Err(error) = fill(db, &mut look).await {
        look.trouble = Some(match error {
            Error::Overloaded(_) => "The database is too busy, or too full, to be looked at in 2 s.".to_owned(),
            Error::Unavailable(_) => {
                "The database cannot be read: it is away, not migrated to this version, or your mapping is broken.".to_owned()
            }
            _ => "The database answers with what this version does not know.".to_owned(),
        });
    }
    look
}

/// The first that cannot be read is the last that is asked, since the others would wait as long for the same answer; but
/// what took too long hides nothing else.
async fn fill(db: &Db, look: &mut Look) -> Result<(), Error> {
    look.server = Some(db.server().await?);
    look.nodes = Some(db.overview_nodes().await?);
    let too_late = match db.overview().await {
        Ok(presence) => {
            look.presence = Some(presence);
            None
        }
        Err(error @ Error::Unavailable(_)) => return Err(error),
        Err(error) => Some(error),
    };
    look.rooms = Some(db.overview_rooms(ROOMS_MAX).await?);
    too_late.map_or(Ok(()), Err)
}
