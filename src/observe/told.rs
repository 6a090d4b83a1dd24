//! Of what is told elsewhere than on a room's stream: to those who watch, and to endpoints of webhooks.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::Observation;

/// Their figures.
#[derive(Default)]
pub(super) struct Told {
    webhooks_taken: Counter,
    webhook_failures: Counter,
    webhooks_disabled: Counter,
    edges: Counter,
    expand_failures: Counter,
    notified: Counter,
    edges_waiting: Gauge,
    edges_oldest_s: Gauge,
    deliveries_waiting: Gauge,
}

impl Told {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut count =
            |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        count(
            "webhooks_taken",
            "Deliveries of webhooks that their endpoints took from this node",
            &self.webhooks_taken,
        );
        count(
            "webhook_failures",
            "Attempts of this node to deliver a webhook that failed",
            &self.webhook_failures,
        );
        count(
            "webhooks_disabled",
            "Webhooks that this node saw disabled, since they failed for long or want no more",
            &self.webhooks_disabled,
        );
        count(
            "edges_expanded",
            "Joins and leaves that this node told to those who want to be told of them",
            &self.edges,
        );
        count(
            "expand_failures",
            "Calls of this node to tell joins and leaves that failed",
            &self.expand_failures,
        );
        count(
            "notifications_streamed",
            "Notifications that were put on a stream of this node",
            &self.notified,
        );
        let mut level = |name: &str, help: &str, gauge: &Gauge| registry.register(name, help, gauge.clone());
        level(
            "edges_waiting",
            "Joins and leaves in the database that are due to be told, 10000 at most",
            &self.edges_waiting,
        );
        level(
            "edges_oldest_seconds",
            "How long the oldest of them has waited",
            &self.edges_oldest_s,
        );
        level(
            "deliveries_waiting",
            "Deliveries of webhooks in the database that wait or are under way, 100000 at most",
            &self.deliveries_waiting,
        );
    }

    /// Others are none of these.
    pub(super) fn count(&self, observation: &Observation) {
        match observation {
            Observation::EdgesExpanded { edges } => _ = self.edges.inc_by(u64::from(*edges)),
            Observation::ExpandFailed { .. } => _ = self.expand_failures.inc(),
            Observation::Untold(waiting) => {
                self.edges_waiting.set(waiting.edges);
                self.edges_oldest_s.set(waiting.oldest_ms / 1000);
                self.deliveries_waiting.set(waiting.deliveries);
            }
            Observation::Notified { streams } => _ = self.notified.inc_by(*streams as u64),
            Observation::WebhookAnswered { is_taken: true } => _ = self.webhooks_taken.inc(),
            Observation::WebhookAnswered { is_taken: false } => _ = self.webhook_failures.inc(),
            Observation::WebhookDisabled { .. } => _ = self.webhooks_disabled.inc(),
            _ => {}
        }
    }
}

/// Says so, where it is not as it should be.
pub(super) fn log(observation: &Observation) {
    match observation {
        Observation::ExpandFailed {
            cause,
            is_first: true,
        } => tracing::warn!(
            cause,
            "joins and leaves could not be told to those who want to be told: they wait"
        ),
        Observation::WebhookDisabled { webhook } => tracing::warn!(
            webhook,
            "a webhook was disabled: `pg-presence webhooks list` says why"
        ),
        other => tracing::debug!(observation = ?other),
    }
}
