//! What the model is worth: it finds each bug that is planted in the hub.

use std::cell::Cell;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

use crate::planted::{Bug, tests::with};

/// Histories after which a bug that was not found is one that the model does not know of.
const HISTORIES_MAX: u32 = 1_000;

const OF_ROOMS: [Bug; 14] = [
    Bug::IgnoreEpoch,
    Bug::AuthoriseAtOpenOnly,
    Bug::LagForgotten,
    Bug::LateSubscriberServed,
    Bug::UndoForgotten,
    Bug::MergeDrops,
    Bug::NoMerge,
    Bug::FirstAnswerTwice,
    Bug::CursorOffByOne,
    Bug::SharedDiff,
    Bug::CountIsEnough,
    Bug::RevokedStays,
    Bug::CloseForgotten,
    Bug::OldRingNames,
];

/// How many histories it took to find the bug, and what was wrong; none: it was not found.
fn hunt<S: Strategy, T>(
    bug: Bug,
    histories: &S,
    run: impl Fn(&S::Value) -> Result<T, String>,
) -> Option<(u32, String)> {
    let config = Config {
        cases: HISTORIES_MAX,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::XorShift));
    let ran = Cell::new(0);
    let found = with(bug, || {
        runner.run(histories, |history| {
            ran.set(ran.get() + 1);
            run(&history).map(drop).map_err(TestCaseError::fail)
        })
    });
    match found {
        Err(TestError::Fail(wrong, _)) => Some((ran.get(), wrong.message().to_owned())),
        _ => None,
    }
}

fn all_are_found<S: Strategy, T>(bugs: &[Bug], histories: &S, run: impl Fn(&S::Value) -> Result<T, String>) {
    let mut unseen = vec![];
    for bug in bugs {
        match hunt(*bug, histories, &run) {
            Some((ran, wrong)) => println!("{bug:?}: found by history {ran}: {wrong}"),
            None => unseen.push(*bug),
        }
    }
    assert_eq!(unseen, []);
}

#[test]
fn each_bug_that_is_planted_in_dashboards_and_queues_is_found() {
    let of_views = [Bug::ViewDeaf, Bug::ViewRingsKept, Bug::ViewLateServed];
    all_are_found(&of_views, &super::views::history(), |history| {
        super::views::run(history)
    });
    all_are_found(&[Bug::NeverCaughtUp], &super::queue::history(), |history| {
        super::queue::run(history)
    });
}

#[test]
fn each_bug_that_is_planted_in_the_hub_is_found() {
    all_are_found(&OF_ROOMS, &super::history(), super::run);
}
