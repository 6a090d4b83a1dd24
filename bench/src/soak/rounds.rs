//! Rounds: busy with faults, then whole and quiet, then everything is compared; and once more after something was broken
//! while nobody did anything.

mod silence;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::json;
use tokio::sync::watch;

use super::{Options, players, report::Report};
use crate::{
    check::{sample::Sample, streams::View},
    clock::{Micros, SECOND, now, seconds},
    dice::Dice,
    faults::{Breaker, Fault, deck},
    http::Call,
    node::Program,
    play::{Phase, Play},
    sampler::{self, LastLook},
};

/// Whatever was sent while something was broken is done this long after it is whole, or never.
const BURIED_AFTER: Duration = Duration::from_secs(4);
/// After that nobody is there any more whom nobody keeps.
const GONE_AFTER: Duration = Duration::from_millis(5_500);
/// All must agree within this, from then on.
const AGREES_WITHIN: Duration = Duration::from_secs(10);
/// That time runs once nothing has been broken, and the machine has not stood still, for so long: a listener that could not
/// connect tries again after two seconds.
const SETTLES_WITHIN: Micros = 3 * SECOND;
/// And within this on a machine that is too slow for anything.
const AGREES_AT_ALL_WITHIN: Duration = Duration::from_secs(60);
/// Every so many rounds nothing is broken, and promises of time are asked for.
const CALM_EVERY: u64 = 4;
/// Resident memory of a node may grow by so much over what it was at its second quiet moment.
const RSS_GROWTH_KIB: u64 = 64 * 1024;

/// The rounds of one run.
pub struct Rounds {
    play: Play,
    phases: watch::Sender<Phase>,
    breaker: Breaker,
    dice: Dice,
    options: Options,
    deck: Vec<Fault>,
    last: LastLook,
    /// Of each process: memory at its quiet moments.
    rss: HashMap<u32, Vec<u64>>,
    logs_read: HashMap<std::path::PathBuf, usize>,
    report: Report,
}

impl Rounds {
    /// With everything that runs.
    pub fn new(play: Play, program: Program, phases: watch::Sender<Phase>, options: &Options) -> Self {
        Self {
            breaker: Breaker::new(play.clone(), program),
            dice: Dice::new(options.seed, 1),
            options: options.clone(),
            deck: vec![],
            last: Arc::new(Mutex::new(Sample::default())),
            rss: HashMap::new(),
            logs_read: HashMap::new(),
            report: Report::new(options),
            play,
            phases,
        }
    }

    /// Until the time is over, or something was found.
    pub async fn run(mut self) -> Result<Report> {
        let begin = Instant::now();
        let sampler = tokio::spawn(sampler::run(self.play.clone(), self.last.clone()));
        let mut players = players(&self.play, self.options.seed);
        let mut round = 0;
        while begin.elapsed().as_secs_f64() < self.options.minutes * 60.0 && self.goes_on(&mut players) {
            self.phases.send_replace(Phase::Busy(round));
            self.busy(round).await?;
            self.phases.send_replace(Phase::Quiet(round));
            self.quiet(round).await;
            round += 1;
        }
        self.goes_on(&mut players);
        self.phases.send_replace(Phase::End);
        let _ = tokio::time::timeout(Duration::from_secs(10), async {
            while players.join_next().await.is_some() {}
        })
        .await;
        players.abort_all();
        sampler.abort();
        self.report.rounds = round;
        self.report.took = begin.elapsed();
        let state = self.play.check.lock();
        self.report.take(&state);
        drop(state);
        Ok(self.report)
    }

    /// Nothing was found, and every player and node is well.
    fn goes_on(&mut self, players: &mut tokio::task::JoinSet<()>) -> bool {
        while let Some(ended) = players.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                self.play
                    .check
                    .violate("the soak itself is sound", format!("a player panicked: {error}"));
            }
        }
        for node in self.play.nodes.iter() {
            if let Some(end) = node.ended_by_itself() {
                self.play.check.violate(
                    "a node ends when it is told to",
                    format!("node {}: {end}", node.nth),
                );
            }
        }
        !self.play.check.stop.is_cancelled()
    }

    async fn busy(&mut self, round: u64) -> Result<()> {
        let lasts = self.dice.ms(12_000, 18_000);
        let mut faults = vec![];
        let is_calm = round.is_multiple_of(CALM_EVERY) || self.options.calm;
        if !is_calm {
            for _ in 0..1 + self.dice.below(3) {
                if self.deck.is_empty() {
                    self.deck = deck(&mut self.dice, self.play.nodes.len());
                }
                let after = self
                    .dice
                    .ms(1_000, u64::try_from(lasts.as_millis()).unwrap_or(0) * 8 / 10);
                faults.extend(self.deck.pop().map(|fault| (after, fault)));
            }
        }
        let shown: Vec<String> = faults
            .iter()
            .map(|(after, fault)| format!("{after:?}: {fault:?}"))
            .collect();
        self.play
            .check
            .history
            .note("round", json!({"round": round, "faults": shown}));
        eprintln!(
            "round {round}: {}",
            if shown.is_empty() {
                "nothing is broken".to_owned()
            } else {
                shown.join(", ")
            }
        );
        let breaker = self.breaker.clone();
        let mut dice = Dice::new(self.options.seed, 10_000 + round);
        let stop = self.play.check.stop.clone();
        let busy = async { tokio::join!(tokio::time::sleep(lasts), breaker.run(faults, &mut dice)).1 };
        tokio::select! {
            done = busy => done,
            () = stop.cancelled() => Ok(()),
        }
    }

    /// Whole and quiet: then all agree.
    async fn quiet(&mut self, round: u64) {
        let whole = now();
        let stop = self.play.check.stop.clone();
        let compared = async {
            self.first_agreement(whole, BURIED_AFTER).await;
            self.play.check.lock().ledger.bury(now());
            self.first_agreement(whole, GONE_AFTER).await;
            self.all_agree(whole).await;
            if !self.options.calm {
                self.break_in_silence(round).await;
                self.all_agree(now()).await;
            }
            self.views_agree().await;
            self.read_logs();
            self.weigh(round);
        };
        tokio::select! {
            () = compared => {}
            () = stop.cancelled() => {}
        }
        self.play
            .check
            .history
            .note("quiet", json!({"round": round, "took": seconds(now() - whole)}));
        self.play.check.history.flush();
    }

    /// Waits so long, and notes when streams and SQL agree for the first time.
    async fn first_agreement(&mut self, whole: Micros, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            if self.report.current.is_none() && self.differs(whole).is_empty() {
                self.report.current = Some(now() - whole);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What streams say and SQL does not, by a look that began after `since`.
    fn differs(&self, since: Micros) -> Vec<(u64, String)> {
        let sample = self.last.lock().expect("nobody panics with it").clone();
        if sample.now < since {
            return vec![(0, "SQL has not been looked at since".to_owned())];
        }
        self.play.check.lock().streams_differ(&sample)
    }

    async fn all_agree(&mut self, whole: Micros) {
        let since = now();
        let mut deadline = Instant::now() + AGREES_WITHIN;
        let latest = Instant::now() + AGREES_AT_ALL_WITHIN;
        loop {
            let sample = self.last.lock().expect("nobody panics with it").clone();
            let (model, streams) = {
                let state = self.play.check.lock();
                let still = !state.calm.was(now() - SETTLES_WITHIN, now());
                deadline += if still {
                    Duration::from_millis(100)
                } else {
                    Duration::ZERO
                };
                (
                    state.model_differs(&sample),
                    self.differs_in(&state, &sample, since),
                )
            };
            if model.is_empty() && streams.is_empty() {
                break;
            }
            if Instant::now() > deadline.min(latest) {
                let mut state = self.play.check.lock();
                let after = seconds(now() - whole);
                for wrong in model {
                    state.violate(
                        "once all is quiet, SQL is what the model says",
                        format!("{after} after all was whole: {wrong}"),
                    );
                }
                for (stream, wrong) in streams {
                    let wrong = format!("{after} after all was whole: {wrong}");
                    state.violate_on(
                        "once all is quiet, every stream says what SQL says",
                        wrong,
                        Some(stream),
                    );
                }
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let took = self.report.current.take().unwrap_or(now() - whole);
        self.report.agreed_after = self.report.agreed_after.max(took);
        self.report.agreements.push(took);
    }

    fn differs_in(&self, state: &crate::check::State, sample: &Sample, since: Micros) -> Vec<(u64, String)> {
        match sample.now < since {
            true => vec![(0, "SQL has not been looked at since".to_owned())],
            false => state.streams_differ(sample),
        }
    }

    /// What dashboards and people were told last is what any node answers now.
    async fn views_agree(&mut self) {
        let told = self.play.check.lock().views_told();
        for (stream, viewer, node, view, _) in told {
            let path = match &view {
                View::Event(event) => format!("/v1/events/{event}"),
                View::User(user) => format!("/v1/users/{}", user.id()),
                View::Count(_) => continue,
            };
            let call = Call {
                method: "GET",
                path,
                token: self.play.token(viewer),
                body: None,
            };
            let mut differs = None;
            // Somebody may join or leave while we ask.
            for _ in 0..20 {
                let answered = self.play.call((node + 1) % self.play.nodes.len(), &call).await;
                let still = self.play.check.lock().views_told();
                let still = still
                    .into_iter()
                    .find(|(number, _, _, told, _)| *number == stream && *told == view);
                differs = match (answered.status(), still) {
                    (200, Some((.., data))) if data != *answered.body() => {
                        Some((data, answered.body().clone()))
                    }
                    (200 | 404, _) => None,
                    _ => differs,
                };
                if differs.is_none() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            self.report.views += 1;
            if let Some((told, now)) = differs {
                let wrong = format!(
                    "stream {stream} of {} was told {told}, and a read says {now}",
                    viewer.id()
                );
                let mut state = self.play.check.lock();
                state.violate_on(
                    "once all is quiet, every stream says what SQL says",
                    wrong,
                    Some(stream),
                );
            }
        }
    }

    /// Postgres and the nodes say nothing in their logs that must not be.
    fn read_logs(&mut self) {
        let dir = self.play.check.history.dir().to_owned();
        let mut logs = vec![self.play.cluster.log()];
        logs.extend((0..self.play.nodes.len()).map(|nth| dir.join(format!("node-{nth}.log"))));
        for log in logs {
            let text = std::fs::read(&log).unwrap_or_default();
            let read = self.logs_read.insert(log.clone(), text.len()).unwrap_or(0);
            let news = String::from_utf8_lossy(&text[read.min(text.len())..]).into_owned();
            let bad = ["PANIC:", "panicked at", "deadlock detected"];
            // By hand all tables are locked at once, in no order of ours.
            let by_hand = news.contains("truncate ")
                || news.contains("delete from presence_private.room")
                || news.contains("lock table");
            for line in news
                .lines()
                .filter(|line| bad.iter().any(|bad| line.contains(bad)))
            {
                if line.contains("deadlock") && by_hand {
                    continue;
                }
                self.play.check.violate(
                    "no panic and no deadlock in the logs",
                    format!("{}: {line}", log.display()),
                );
            }
        }
    }

    fn weigh(&mut self, round: u64) {
        for node in self.play.nodes.iter() {
            let Some((pid, kib)) = node.rss() else { continue };
            let weights = self.rss.entry(pid).or_default();
            weights.push(kib);
            self.report.rss_max_kib = self.report.rss_max_kib.max(kib);
            if round == 0 {
                self.report.rss_first_kib = self.report.rss_first_kib.max(kib);
            }
            self.report.rss_last_kib = kib;
            if let Some(second) = weights.get(1)
                && kib > second + RSS_GROWTH_KIB
            {
                let wrong = format!(
                    "node {} has {kib} KiB, and had {second} KiB: {weights:?}",
                    node.nth
                );
                self.play.check.violate("memory is bounded", wrong);
            }
        }
    }
}
