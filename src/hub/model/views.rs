//! Dashboards against a model of their own: what each viewer reads of a topic comes from rooms that come and go, several
//! are read at a time, and what rings while one is read counts.

mod world;

use proptest::prelude::*;

use self::world::World;

const ROOMS: usize = 4;
const TOPICS: usize = 2;
const VIEWERS: usize = 2;
const SLOTS: usize = 4;

#[derive(Debug, Clone)]
pub enum Step {
    Change {
        room: usize,
    },
    /// A room comes on, or leaves, a dashboard.
    Put {
        topic: usize,
        room: usize,
        on: bool,
    },
    Allow {
        viewer: usize,
        topic: usize,
        may: bool,
    },
    Open {
        slot: usize,
        viewer: usize,
        topics: [bool; TOPICS],
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
    Hear {
        which: usize,
    },
    HearAll,
    Plan,
    Read {
        which: usize,
    },
    Land {
        which: usize,
        arrives: bool,
    },
    Pass {
        ms: u64,
    },
}

pub fn history() -> impl Strategy<Value = Vec<Step>> {
    let (room, slot, which) = (0..ROOMS, 0..SLOTS, 0..6usize);
    let (viewer, topic) = (0..VIEWERS, 0..TOPICS);
    let put = (topic.clone(), room.clone(), any::<bool>());
    let allow = (viewer.clone(), topic, prop::bool::weighted(0.7));
    let open = (slot.clone(), viewer, any::<[bool; TOPICS]>());
    let land = (which.clone(), prop::bool::weighted(0.8));
    let step = prop_oneof![
        8 => room.prop_map(|room| Step::Change { room }),
        4 => put.prop_map(|(topic, room, on)| Step::Put { topic, room, on }),
        1 => allow.prop_map(|(viewer, topic, may)| Step::Allow { viewer, topic, may }),
        5 => open.prop_map(|(slot, viewer, topics)| Step::Open { slot, viewer, topics }),
        1 => slot.clone().prop_map(|slot| Step::Close { slot }),
        1 => slot.clone().prop_map(|slot| Step::Fill { slot }),
        2 => slot.prop_map(|slot| Step::Drain { slot }),
        10 => which.clone().prop_map(|which| Step::Hear { which }),
        1 => Just(Step::HearAll),
        8 => Just(Step::Plan),
        5 => which.prop_map(|which| Step::Read { which }),
        8 => land.prop_map(|(which, arrives)| Step::Land { which, arrives }),
        6 => prop_oneof![Just(1), Just(10), Just(99), Just(101), Just(1001)].prop_map(|ms| Step::Pass { ms }),
    ];
    prop::collection::vec(step, 1..100)
}

pub fn run(history: &[Step]) -> Result<(), String> {
    let mut world = World::new();
    history.iter().try_for_each(|step| world.step(step))?;
    world.settle()
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn whatever_happens_every_dashboard_ends_up_with_the_truth(history in history()) {
        run(&history).map_err(TestCaseError::fail)?;
    }
}
