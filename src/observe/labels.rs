//! Labels of figures. None names a user, a room or an event: a route is its pattern.

use prometheus_client::encoding::EncodeLabelSet;

/// Labels of one HTTP route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) route: String,
}

/// Labels of one kind of answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answer {
    pub(super) method: String,
    pub(super) route: String,
    pub(super) status: u16,
}

/// Label of what is batched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Kind {
    pub(super) kind: &'static str,
}

/// Label of what readiness hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Check {
    pub(super) check: &'static str,
}

/// Label of the build.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Version {
    pub(super) version: &'static str,
}
