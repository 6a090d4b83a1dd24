//! The hub against a model: random histories of changes, crashes, rings that come late, twice, never or in another order,
//! reads that fail or whose answers are late, readers that lag, streams that come and go, rights that come and go. What
//! judges it shares no code with the hub: a client that reads the bytes ([`client`]) and a Postgres in plain Rust.
//!
//! `PROPTEST_CASES` says how many histories; one that fails is made small and kept in `proptest-regressions/`.

mod check;
mod client;
#[cfg(debug_assertions)]
mod planted;
mod postgres;
mod queue;
mod views;
mod world;

use std::time::Duration;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use self::{
    postgres::{ROOMS, USERS},
    world::{STREAMS, Stand, Told, World},
};
use super::Wish;

/// Histories, where the environment does not say.
const CASES: u32 = 4_000;
const LENGTH: std::ops::Range<usize> = 1..100;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A transaction of so many users; those in the second set leave.
    Change {
        room: usize,
        users: u8,
        leaving: u8,
    },
    Crash,
    Reap,
    Trim {
        room: usize,
        keep: i64,
    },
    Allow {
        room: usize,
        user: usize,
        may: bool,
    },
    Rotate,
    Open {
        slot: usize,
        viewer: usize,
        wishes: [(Wish, Stand); ROOMS],
    },
    Close {
        slot: usize,
    },
    Fill {
        slot: usize,
    },
    Drain {
        slot: usize,
    },
    /// A ring is heard: any that was not yet.
    Hear {
        which: usize,
    },
    HearAgain {
        which: usize,
    },
    HearForged {
        which: u64,
    },
    HearAll,
    Lose {
        which: usize,
    },
    Plan,
    Read,
    Land {
        arrives: bool,
    },
    /// All three at once.
    Work,
    Pass {
        ms: u64,
    },
}

#[derive(Clone)]
struct History {
    /// Whether rings may be lost. Where none is, nobody may depend on a look at everything.
    is_lossy: bool,
    steps: Vec<Step>,
}

/// A step a line.
impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "is_lossy: {}", self.is_lossy)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

fn stand() -> impl Strategy<Value = Stand> {
    prop_oneof![
        4 => Just(Stand::Nowhere),
        2 => Just(Stand::Past(0)),
        3 => (1..8u8).prop_map(Stand::Past),
        1 => Just(Stand::Future),
        1 => Just(Stand::Elsewhere),
    ]
}

fn wishes() -> impl Strategy<Value = [(Wish, Stand); ROOMS]> {
    let wish = prop_oneof![
        4 => Just((true, false)),
        1 => Just((false, true)),
        2 => Just((true, true)),
        1 => Just((false, false)),
    ];
    let wish = wish.prop_map(|(whole, count)| Wish { whole, count });
    proptest::array::uniform((wish, stand()))
}

fn step() -> impl Strategy<Value = Step> {
    let (room, slot, which) = (0..ROOMS, 0..STREAMS, 0..8usize);
    // Few look on, so that several streams are of one viewer.
    let viewer = 0..3usize;
    let users = 1..1u8 << USERS;
    let opening = (slot.clone(), viewer.clone(), wishes());
    let passes = prop_oneof![Just(1), Just(10), Just(49), Just(99), Just(100), Just(101)];
    prop_oneof![
        12 => (room.clone(), users.clone(), users).prop_map(|(room, users, leaving)| Step::Change { room, users, leaving }),
        1 => Just(Step::Crash),
        1 => Just(Step::Reap),
        1 => (room.clone(), 0..4i64).prop_map(|(room, keep)| Step::Trim { room, keep }),
        3 => (room, viewer, any::<bool>()).prop_map(|(room, user, may)| Step::Allow { room, user, may }),
        1 => Just(Step::Rotate),
        6 => opening.prop_map(|(slot, viewer, wishes)| Step::Open { slot, viewer, wishes }),
        1 => slot.clone().prop_map(|slot| Step::Close { slot }),
        2 => slot.clone().prop_map(|slot| Step::Fill { slot }),
        2 => slot.prop_map(|slot| Step::Drain { slot }),
        10 => which.clone().prop_map(|which| Step::Hear { which }),
        1 => which.clone().prop_map(|which| Step::HearAgain { which }),
        1 => any::<u64>().prop_map(|which| Step::HearForged { which }),
        1 => Just(Step::HearAll),
        2 => which.prop_map(|which| Step::Lose { which }),
        5 => Just(Step::Plan),
        3 => Just(Step::Read),
        5 => prop::bool::weighted(0.7).prop_map(|arrives| Step::Land { arrives }),
        10 => Just(Step::Work),
        8 => passes.prop_map(|ms| Step::Pass { ms }),
    ]
}

fn history() -> impl Strategy<Value = History> {
    let steps = prop::collection::vec(step(), LENGTH);
    (any::<bool>(), steps).prop_map(|(is_lossy, steps)| History { is_lossy, steps })
}

/// Runs a history; what was wrong, or what clients were told.
fn run(history: &History) -> Result<Told, String> {
    let mut world = World::new();
    for step in &history.steps {
        match *step {
            Step::Change { room, users, leaving } => world.postgres.change(room, users, leaving),
            Step::Crash => world.postgres.crash(),
            Step::Reap => world.postgres.reap(),
            Step::Trim { room, keep } => world.postgres.trim(room, keep),
            Step::Allow { room, user, may } => world.postgres.allow(room, user, may),
            Step::Rotate => world.postgres.rotate(),
            Step::Open { slot, viewer, wishes } => world.open(slot, viewer, &wishes),
            Step::Close { slot } => world.close(slot),
            Step::Fill { slot } => world.fill(slot),
            Step::Drain { slot } => world.drain(slot),
            Step::Hear { which } => world.deliver(which, false),
            Step::HearAgain { which } => world.deliver(which, true),
            Step::HearForged { which } => world.hear(&format!("{which:016x}")),
            Step::HearAll => world.hear("*"),
            Step::Lose { which } if history.is_lossy => world.lose(which),
            Step::Lose { .. } => {}
            Step::Plan => world.plan()?,
            Step::Read => world.read(),
            Step::Land { arrives } => world.land(arrives)?,
            Step::Work => {
                world.plan()?;
                world.land(true)?;
            }
            Step::Pass { ms } => world.pass(Duration::from_millis(ms)),
        }
    }
    world.settle()
}

fn config() -> Config {
    let mut config = Config {
        rng_algorithm: RngAlgorithm::XorShift, // unoptimised, the default one is most of a run
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config
}

/// A model that nothing happens in proves nothing.
#[test]
fn histories_are_eventful() {
    let mut runner = TestRunner::new_with_rng(config(), TestRng::deterministic_rng(RngAlgorithm::XorShift));
    let mut all = Told::default();
    for _ in 0..100 {
        let history = history().new_tree(&mut runner).expect("a history").current();
        let told = run(&history).expect("nothing wrong");
        all.snapshots += told.snapshots;
        all.diffs += told.diffs;
        all.counts += told.counts;
        all.revoked += told.revoked;
    }

    assert!(all.snapshots > 400 && all.diffs > 300, "{all:?}");
    assert!(all.counts > 300 && all.revoked > 50, "{all:?}");
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_every_client_ends_up_with_the_truth_and_never_sees_a_wrong_frame(history in history()) {
        run(&history).map_err(TestCaseError::fail)?;
    }
}
