//! Whatever a user says for all rooms and whatever their tabs say: what people see, held against a model that knows of
//! neither tables nor merges. `SEED` repeats a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
};

const STATUSES: [&str; 7] = [
    "active",
    "idle",
    "away",
    "busy",
    "in_meeting",
    "typing",
    "invisible",
];
/// By what comes first where several tabs speak.
const RANKS: [&str; 6] = ["typing", "busy", "in_meeting", "active", "idle", "away"];
const ROOMS: [&str; 2] = ["general", "planning"];
/// The defaults, in seconds.
const TTL: i64 = 75;
const TYPING: i64 = 6;
const RUNS: u64 = 3;
const STEPS: usize = 60;

/// xorshift64*: the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

/// A status with its end, in seconds after the origin.
type Timed = (&'static str, Option<i64>);

/// As it counts at a moment.
fn at(said: Timed, now: i64) -> Timed {
    match said.1 {
        Some(until) if until <= now => ("active", None),
        _ => said,
    }
}

#[derive(Debug)]
struct Session {
    said: Timed,
    typing_until: Option<i64>,
    message: Option<String>,
    changed: Option<usize>,
    expires_at: i64,
}

/// What must be so.
#[derive(Debug, Default)]
struct World {
    own: Option<Timed>,
    own_message: Option<String>,
    sessions: BTreeMap<(usize, Uuid), Session>,
}

impl World {
    /// What is over at this moment ends.
    fn passes(&mut self, now: i64) {
        self.own = self
            .own
            .filter(|(_, until)| until.is_none_or(|until| until > now));
        self.sessions.retain(|_, session| session.expires_at > now);
        for session in self.sessions.values_mut() {
            session.typing_until = session.typing_until.filter(|until| *until > now);
        }
    }

    fn is_hidden(&self) -> bool {
        self.own.is_some_and(|(status, _)| status == "invisible")
    }

    fn set(&mut self, now: i64, status: Option<Option<Timed>>, message: Option<&str>) {
        if let Some(status) = status {
            self.own = status.filter(|(_, until)| until.is_none_or(|until| until > now));
        }
        if let Some(message) = message {
            self.own_message = Some(message.to_owned()).filter(|message| !message.is_empty());
        }
        if self.is_hidden() {
            self.sessions.clear();
        }
    }

    fn beat(&mut self, now: i64, step: usize, place: (usize, Uuid), said: &Value, status: Option<Timed>) {
        if self.is_hidden() || said["status"] == "invisible" {
            self.sessions.remove(&place);
            return;
        }
        let session = self.sessions.entry(place).or_insert(Session {
            said: ("active", None),
            typing_until: None,
            message: None,
            changed: None,
            expires_at: 0,
        });
        session.expires_at = now + TTL;
        match status {
            Some(("typing", _)) => session.typing_until = Some(now + TYPING),
            Some(said) => (session.said, session.typing_until) = (said, None),
            None => {}
        }
        if let Some(message) = said["message"].as_str() {
            let message = Some(message.to_owned()).filter(|message| !message.is_empty());
            if message != session.message {
                (session.message, session.changed) = (message, Some(step));
            }
        }
    }

    /// `<status> <until> <message>`; none: absent.
    fn shown(&self, now: i64, room: usize) -> Option<String> {
        let here: Vec<&Session> = self
            .sessions
            .iter()
            .filter(|((of, _), _)| *of == room)
            .map(|(_, one)| one)
            .collect();
        let counts = |session: &Session| match (session.typing_until, self.own) {
            (Some(_), _) => ("typing", None),
            (None, Some(own)) => own,
            (None, None) => at(session.said, now),
        };
        let rank = |status: &str| RANKS.iter().position(|one| *one == status);
        // Of several that say the same, the one without an end or with the latest.
        let speaker = here
            .iter()
            .map(|one| counts(one))
            .min_by_key(|(status, until)| (rank(status), -until.unwrap_or(i64::MAX)))?;
        let teller = here
            .iter()
            .filter(|one| one.changed.is_some())
            .max_by_key(|one| one.changed);
        let message = teller
            .and_then(|one| one.message.clone())
            .or_else(|| self.own_message.clone());
        Some(format!("{} {:?} {message:?}", speaker.0, speaker.1))
    }
}

#[tokio::test]
async fn what_people_see_is_what_a_model_says_whatever_is_set_and_said() {
    let Some(db) = TestDb::new().await else { return };
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
    println!("SEED={seed}");
    let scene = Scene::open(&db).await;
    let mut now = 0;
    for run in 0..RUNS {
        let mut dice = Dice((seed ^ run.wrapping_mul(0x9E37_79B9_7F4A_7C15)).max(1));
        now = play(&scene, &mut dice, now + 1000, seed).await;
    }
}

/// Begins a while after what was before, by which time all of it is over; returns when it ended.
async fn play(scene: &Scene, dice: &mut Dice, begin: i64, seed: u64) -> i64 {
    let (mut world, mut now) = (World::default(), begin);
    set(scene, now, &mut world, Some(None), Some("")).await;
    let tabs: Vec<(usize, Tab)> = (0..4).map(|n| (n % 2, Tab::new(ROOMS[n % 2], "alice"))).collect();
    for step in 0..STEPS {
        now += dice.below(12) as i64;
        scene.reap(now as f64).await;
        world.passes(now);
        let (room, tab) = &tabs[dice.below(4) as usize];
        match dice.below(10) {
            0..6 => {
                let mut said = json!({});
                let mut status = None;
                if dice.below(3) > 0 {
                    let word = STATUSES[dice.below(7) as usize];
                    let ttl = (dice.below(3) == 0 && word != "typing").then(|| dice.below(40) as i64);
                    said["status"] = json!(word);
                    if let Some(ttl) = ttl {
                        said["status_ttl"] = json!(format!("{ttl} seconds"));
                    }
                    let until = ttl.filter(|_| word != "active").map(|ttl| now + ttl);
                    status = Some((word, until));
                }
                if dice.below(3) == 0 {
                    said["message"] = json!(["", "one", "two"][dice.below(3) as usize]);
                }
                scene.beat(now as f64, tab, said.clone()).await;
                world.beat(now, step, (*room, tab.id), &said, status);
            }
            6 => {
                scene.leave(now as f64, tab, None).await;
                world.sessions.remove(&(*room, tab.id));
            }
            _ => {
                let status = match dice.below(4) {
                    0 => None,
                    1 => Some(None),
                    _ => {
                        let words = ["active", "idle", "away", "busy", "in_meeting", "invisible"];
                        let until = (dice.below(2) == 0).then(|| now + dice.below(60) as i64);
                        Some(Some((words[dice.below(6) as usize], until)))
                    }
                };
                let message = [None, None, Some(""), Some("on site")][dice.below(4) as usize];
                set(scene, now, &mut world, status, message).await;
            }
        }
        scene.reap(now as f64).await;
        world.passes(now);
        for (room, tab) in &tabs[..2] {
            let shown = scene.shown(tab).await;
            let is = shown.is_object().then(|| {
                let until = shown["until"].as_i64();
                let message = shown["message"].as_str().map(str::to_owned);
                format!(
                    "{} {until:?} {message:?}",
                    shown["status"].as_str().unwrap_or("?")
                )
            });
            assert_eq!(
                is,
                world.shown(now, *room),
                "step {step} at {now}, SEED={seed}: {world:?}"
            );
        }
    }
    now
}

async fn set(
    scene: &Scene,
    now: i64,
    world: &mut World,
    status: Option<Option<Timed>>,
    message: Option<&str>,
) {
    let word = status.map(|status| status.map_or("", |(word, _)| word));
    let until = status.flatten().and_then(|(_, until)| until);
    scene
        .set_own_status(
            now as f64,
            "alice",
            word,
            until.map(|until| until as f64),
            message,
        )
        .await;
    world.set(now, status, message);
}
