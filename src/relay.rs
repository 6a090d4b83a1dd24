//! The only place where a ring becomes a diff: rings mark rooms, one reader reads the marked ones, the hub says who gets
//! what, and frames go into the streams' queues.
//!
//! One read at a time, so that every room's changes go out in order. While a read is under way marks and commands
//! collect; the next read takes all of them.
//!
//! # Failure
//! A read that fails leaves its rooms marked and is made again after a doubling pause. Streams that are open say
//! `degraded` and stay; streams that are being opened fail. The first read that succeeds says `recovered`. Where the
//! unlogged data was lost, what is known of it is put back before anything is read.

mod epoch;
mod handle;
mod logouts;
mod names;
mod streams;
mod views;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::handle::{Opening, RelayHandle};
use self::{handle::Command, logouts::Logins, streams::Streams, views::View};
use crate::{
    db::{Db, Installed},
    domain::UserId,
    error::Error,
    health::Health,
    hub::{Hub, Output, Plan, StreamId, Topic, bell::Bell, frame, notices::Notices, views::Views},
    known::Known,
    observe::{Observation, Observer},
    planted::{self, Bug},
};

/// First and longest pause after a read that failed.
const PAUSE: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// Where another task failed at the database: when to ask whether it is there, though nobody rings.
const PROBE: Duration = Duration::from_millis(250);
/// Everything is read at most so often, however often somebody rings for it.
const ALL_GAP: Duration = Duration::from_millis(200);
/// Why a stream ends whose user was logged out.
const LOGGED_OUT: &str = "logged-out";
/// Turns rings into frames until it is told to stop.
pub struct Relay {
    /// The way to Postgres.
    pub db: Db,
    /// Rings.
    pub bell: Arc<Bell>,
    /// What could be put back after a loss; told of what is read.
    pub known: Known,
    /// Rung where somebody was notified.
    pub notices: Notices,
    /// Settings and keys; read again where somebody rings for everything.
    pub installed: watch::Sender<Installed>,
    /// How often the access of all open streams is asked again.
    pub sweep: Duration,
    /// Told whether rooms can be read.
    pub health: Health,
    /// Told of what happens.
    pub observer: Observer,
    hub: Hub,
    views: Views,
    streams: Streams,
    logins: Logins,
    /// Dashboards and people that are being read.
    reading: JoinSet<View>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// What everything read belongs to; none before the first look.
    epoch: Option<Uuid>,
    /// It may be another one: to be looked at before anything is read.
    is_epoch_doubtful: bool,
    /// Nothing is read before: every node puts back what it knows.
    hold_until: Option<Instant>,
    /// Not before: the pause after a failed read.
    retry_at: Option<(Instant, Duration)>,
    all_at: Option<Instant>,
    all_due: bool,
    /// Whether rooms can be read is to be known also where nobody watches any.
    is_to_probe: bool,
}

impl Relay {
    /// The handle and the task. `merge`, `detail_max`: as [`Hub::new`].
    #[expect(clippy::too_many_arguments, reason = "called in one place, each by its name")]
    pub fn new(
        db: Db,
        bell: Arc<Bell>,
        known: Known,
        notices: Notices,
        installed: watch::Sender<Installed>,
        sweep: Duration,
        merge: Duration,
        detail_max: i32,
        health: Health,
        observer: Observer,
    ) -> (RelayHandle, Self) {
        let (sender, commands) = mpsc::unbounded_channel();
        let (hub, views, streams) = (Hub::new(merge, detail_max), Views::new(merge), Streams::default());
        let (retry_at, all_at, all_due) = (None, None, false);
        let relay = Self {
            db,
            bell,
            known,
            notices,
            installed,
            sweep,
            health,
            observer,
            hub,
            views,
            streams,
            logins: Logins::default(),
            reading: JoinSet::new(),
            commands,
            epoch: None,
            is_epoch_doubtful: true,
            hold_until: None,
            retry_at,
            all_at,
            all_due,
            is_to_probe: false,
        };
        (RelayHandle { commands: sender }, relay)
    }

    /// Runs until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let bell = self.bell.clone();
        let mut sweeps = tokio::time::interval(self.sweep);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.work().await?;
            let wake = self.wakes_at();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return Ok(()),
                },
                () = bell.rung() => {}
                Some(view) = self.reading.join_next() => self.end_view(view)?,
                _ = sweeps.tick() => {
                    self.ring_all();
                    self.logins.ring();
                    self.known.tidy(self.ttl(), Instant::now());
                    self.is_to_probe = true;
                }
                () = tokio::time::sleep_until(wake.into()) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    /// Takes commands and rings, and reads, until nothing is due.
    async fn work(&mut self) -> anyhow::Result<()> {
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            self.answer_bell().await;
            let now = Instant::now();
            if self.retry_at.is_some_and(|(at, _)| now < at) || self.is_holding(now) {
                return Ok(());
            }
            if self.is_epoch_doubtful && !self.look_at_epoch().await {
                continue;
            }
            if let Err(error) = self.look_at_logins(now).await {
                self.after_read(Some(&error));
                continue;
            }
            let plan = self.hub.plan(now);
            self.begin_views(now);
            if plan.questions.is_empty() {
                if self.health.is_doubtful() || std::mem::take(&mut self.is_to_probe) {
                    // Nothing is to be read: ask whether it could be all the same.
                    let readable = self.db.probe().await;
                    self.after_read(readable.as_ref().err());
                }
                return Ok(());
            }
            self.read(plan).await;
            while let Some(view) = self.reading.try_join_next() {
                self.end_view(view)?;
            }
        }
    }

    fn wakes_at(&self) -> Instant {
        let now = Instant::now();
        let all = self.all_at.filter(|_| self.all_due).map(|at| at + ALL_GAP);
        let hold = self.hold_until.filter(|until| *until > now);
        let retry = self.retry_at.map(|(at, _)| at).max(hold);
        let due = [
            self.hub.due_at(now),
            self.views_due_at(now),
            self.logins.due_at(now),
        ];
        let due = due.into_iter().flatten().min().filter(|_| retry.is_none());
        let probe = self.health.is_doubtful().then(|| retry.unwrap_or(now + PROBE));
        [all, retry, due, probe]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + Duration::from_secs(3600))
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(opening, opened) => {
                let rooms = opening.rooms.iter().map(|(room, ..)| Topic::Room(room.clone()));
                let topics = rooms.chain(opening.views.iter().cloned());
                self.streams.open(opening.stream, topics, opening.queue, opened);
                self.logins.open(opening.stream, &opening.viewer);
                for topic in opening.views {
                    self.views
                        .subscribe(opening.stream, (opening.viewer.clone(), topic));
                }
                for (room, wish, cursor) in opening.rooms {
                    let ring = names::of_room(&self.installed.borrow().secrets, &room);
                    self.hub
                        .subscribe(opening.stream, opening.viewer.clone(), room, wish, cursor, ring);
                }
                if self.retry_at.is_some() {
                    self.fail_openings();
                }
            }
            Command::Close(stream) => {
                self.streams.close(stream);
                self.forget(stream);
            }
            Command::CaughtUp(stream) => {
                self.hub.resumed(stream);
                self.views.resumed(stream);
            }
            Command::LogOut(stream) => self.streams.end(stream, LOGGED_OUT),
        }
    }

    fn forget(&mut self, stream: StreamId) {
        self.hub.close(stream);
        self.views.close(stream);
        self.logins.close(stream);
    }

    fn ring_all(&mut self) {
        if planted::is(Bug::SkipResync) {
            return;
        }
        self.hub.ring_all();
        self.views.ring_all();
    }

    async fn answer_bell(&mut self) {
        let rings = self.bell.take();
        if !rings.names.is_empty() {
            let secrets = &self.installed.borrow().secrets;
            if rings.names.contains(&names::of_logouts(secrets)) {
                self.logins.ring();
            }
            if rings.names.contains(&names::of_notifications(secrets)) {
                self.notices.ring();
            }
        }
        for name in &rings.names {
            self.hub.ring(name);
            self.views.ring(name);
        }
        self.all_due |= rings.all;
        if self.all_due && self.all_at.is_none_or(|at| at.elapsed() >= ALL_GAP) {
            self.all_due = false;
            self.all_at = Some(Instant::now());
            self.is_epoch_doubtful = true;
            self.ring_all();
            self.read_installed().await;
        }
    }

    /// Keys may have been rotated and settings changed; where they cannot be read the next look at everything does.
    async fn read_installed(&mut self) {
        let Ok(installed) = self.db.installed().await else {
            return;
        };
        let before = self.installed.send_replace(installed);
        let now = self.installed.borrow();
        if now.secrets.ring.first() != before.secrets.ring.first() {
            self.hub.rename_rings(|room| names::of_room(&now.secrets, room));
        }
        if now.settings != before.settings {
            self.observer.note(Observation::SettingsChanged {
                ttl: now.settings.ttl,
                heartbeat: now.settings.heartbeat,
                typing: now.settings.typing,
            });
        }
    }

    async fn read(&mut self, mut plan: Plan) {
        self.ask_for_unseen(&mut plan);
        let began = Instant::now();
        let span = self.observer.spans().read(plan.questions.len());
        let reading = async {
            let answer = self.db.read_rooms(&plan.questions, &plan.viewers).await?;
            self.of_epoch(answer).await
        };
        match span.over(reading).await {
            Ok(None) => {
                self.is_epoch_doubtful = true;
                self.hub.undo(&plan);
            }
            Ok(Some(answer)) => {
                self.after_read(None);
                self.remember(&plan, &answer, began);
                self.observer.note(Observation::RoomsRead {
                    questions: plan.questions.len(),
                });
                let outputs = self.hub.apply(&plan, &answer, Instant::now());
                outputs.into_iter().for_each(|output| self.put_out(output, None));
            }
            Err(error) => {
                self.hub.undo(&plan);
                self.after_read(Some(&error));
            }
        }
    }

    /// `viewer`: whose view it is, where it is no room.
    fn put_out(&mut self, output: Output, viewer: Option<&UserId>) {
        match output {
            Output::Frame(stream, topic, frame) => {
                if planted::is(Bug::WrongStream) {
                    self.streams.push(stream ^ 1, frame.clone());
                }
                if !self.streams.push(stream, frame) {
                    self.observer.note(Observation::StreamLagged);
                    match (topic, viewer) {
                        (Topic::Room(room), _) => self.hub.lagged(stream, &room),
                        (topic, Some(viewer)) => self.views.lagged(stream, &(viewer.clone(), topic)),
                        (_, None) => {}
                    }
                }
            }
            Output::Revoked(stream, topic) => {
                self.streams.insist(stream, frame::revoked(&topic));
                self.streams.answered(stream, &topic, false);
            }
            Output::Answered(stream, topic) => self.streams.answered(stream, &topic, true),
            Output::LoggedOut(stream) => self.logins.doubt(stream),
        }
    }

    fn after_read(&mut self, error: Option<&Error>) {
        match error {
            None => {
                self.health.set_reading(true);
                if self.retry_at.take().is_some() {
                    self.observer.note(Observation::Recovered);
                    self.streams.push_all(&frame::bare("recovered"));
                }
            }
            Some(error) => {
                self.is_epoch_doubtful = true;
                self.health.set_reading(false);
                let pause = match self.retry_at {
                    Some((_, pause)) => (pause * 2).min(PAUSE[1]),
                    None => {
                        self.observer.note(Observation::Degraded {
                            cause: error.to_string(),
                        });
                        self.streams.push_all(&frame::bare("degraded"));
                        PAUSE[0]
                    }
                };
                self.retry_at = Some((Instant::now() + pause, pause));
                self.fail_openings();
            }
        }
    }

    fn fail_openings(&mut self) {
        for stream in self.streams.fail_openings() {
            self.forget(stream);
        }
    }
}
