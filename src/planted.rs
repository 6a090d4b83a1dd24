//! Bugs that are planted on purpose, one at a time: whoever checks this program (the model of the hub, the soak) must find
//! each of them, or checks nothing. A debug build plants the one that `PRESENCE_PLANT` names; in a release build there is
//! none, and whatever asks for one is compiled out.
//!
//! Not a setting: no rule of presence and no operator knows of it.

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident = $name:literal,)*) => {
        /// A bug that can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])* $bug,)*
        }

        impl Bug {
            /// All of them, by name.
            pub const ALL: &[(&str, Self)] = &[$(($name, Self::$bug),)*];
        }
    };
}

bugs! {
    /// The hub: a cursor of another epoch is taken for one of this epoch.
    IgnoreEpoch = "ignore-epoch",
    /// The hub: whoever once was allowed a room is told of it for ever.
    AuthoriseAtOpenOnly = "authorise-at-open-only",
    /// The hub: of who lags it is forgotten that they missed something.
    LagForgotten = "lag-forgotten",
    /// The hub: whoever asks is handed an answer from before they asked.
    LateSubscriberServed = "late-subscriber-served",
    /// The hub: after a read that failed nobody knows any more what was to be read.
    UndoForgotten = "undo-forgotten",
    /// The hub: what rings while a room is quiet is dropped.
    MergeDrops = "merge-drops",
    /// The hub: nothing is merged.
    NoMerge = "no-merge",
    /// The hub: the first answer is given twice.
    FirstAnswerTwice = "first-answer-twice",
    /// The hub: a diff begins one revision too late.
    CursorOffByOne = "cursor-off-by-one",
    /// The hub: everybody gets the diff of whoever is first, wherever they stand.
    SharedDiff = "shared-diff",
    /// The hub: of a room that gets too large nobody is told that numbers follow instead of diffs.
    CountIsEnough = "count-is-enough",
    /// The hub: `revoked` is said, and the stream is kept.
    RevokedStays = "revoked-stays",
    /// The hub: a stream that is closed stays a subscriber.
    CloseForgotten = "close-forgotten",
    /// The hub: rooms keep the names of an old key of rings.
    OldRingNames = "old-ring-names",
    /// Dashboards: what rings while one is read is forgotten.
    ViewDeaf = "view-deaf",
    /// Dashboards: rooms that are new on one are not listened to.
    ViewRingsKept = "view-rings-kept",
    /// Dashboards: whoever asks while one is read is answered by that read.
    ViewLateServed = "view-late-served",
    /// Queues: a reader that has caught up is never told so.
    NeverCaughtUp = "never-caught-up",
    /// The relay: where everything may have changed, since nobody heard the rings, nothing is read.
    SkipResync = "skip-resync",
    /// The batcher: a leave is answered before its statement is committed.
    PublishBeforeCommit = "publish-before-commit",
    /// The batcher: a leave that failed is answered as if it were done.
    FailedLeaveAnswered = "failed-leave-answered",
    /// Leases: one whose stream closes ends at once.
    NoGrace = "no-grace",
    /// Leases: nothing is given back when a stream closes.
    NeverGiveBack = "never-give-back",
    /// Leases: what streams hold is not renewed.
    NeverRenew = "never-renew",
    /// The relay: after a loss of the unlogged data nothing is put back.
    NothingPutBack = "nothing-put-back",
    /// The relay: what is one stream's goes to another one, too.
    WrongStream = "wrong-stream",
}

/// Whether this bug is planted.
#[cfg(debug_assertions)]
pub fn is(bug: Bug) -> bool {
    use std::sync::OnceLock;

    static PLANTED: OnceLock<Option<Bug>> = OnceLock::new();
    #[cfg(test)]
    if let Some(planted) = tests::here() {
        return planted == bug;
    }
    *PLANTED.get_or_init(|| {
        let name = std::env::var("PRESENCE_PLANT")
            .ok()
            .filter(|name| !name.is_empty())?;
        let found = Bug::ALL.iter().find(|(known, _)| *known == name);
        let (_, bug) = found.unwrap_or_else(|| panic!("PRESENCE_PLANT={name}: no such bug"));
        Some(*bug)
    }) == Some(bug)
}

/// Whether this bug is planted: never, in a release build.
#[cfg(not(debug_assertions))]
pub const fn is(_: Bug) -> bool {
    false
}

/// No release build compiles where this is not so for any environment: what is known here is compiled out.
#[cfg(not(debug_assertions))]
const _: () = assert!(!is(Bug::IgnoreEpoch));

#[cfg(test)]
pub(crate) mod tests {
    use std::{cell::Cell, collections::HashSet};

    use super::Bug;

    thread_local! {
        static HERE: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    pub fn here() -> Option<Bug> {
        HERE.get()
    }

    /// Plants a bug, on this thread and for this call.
    #[cfg(debug_assertions)]
    pub fn with<T>(bug: Bug, work: impl FnOnce() -> T) -> T {
        HERE.set(Some(bug));
        let done = work();
        HERE.set(None);
        done
    }

    #[test]
    fn each_bug_has_a_name_of_its_own_and_is_planted_where_it_is_said_to_be() {
        let names: HashSet<&str> = Bug::ALL.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), Bug::ALL.len());

        let sources = sources("src".as_ref());
        for (name, bug) in Bug::ALL {
            let planted = sources.matches(&format!("planted::is(Bug::{bug:?})")).count();
            assert_eq!(planted, 1, "{name}");
        }
    }

    fn sources(folder: &std::path::Path) -> String {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = String::new();
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                all += &sources(&path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                all += &std::fs::read_to_string(&path).expect("a source");
            }
        }
        all
    }
}
