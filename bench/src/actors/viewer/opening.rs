//! What comes of opening a stream: sessions that it holds, or a refusal, which must be one that something accounts for.

use super::Viewer;
use crate::{
    check::ledger::{Beat, Key, Outcome, Said},
    node::TTL,
    play::Answered,
};

impl Viewer {
    /// What became of a session that the stream was to hold.
    pub(super) fn note_join(&self, key: Key, beat: Beat, number: Option<u64>, answered: &Answered) {
        let failure = self.play.outcome_of_failure(answered);
        let mut state = self.play.check.lock();
        if answered.status() == 0 {
            // The stream may have come to be, and its node may notice late that nobody waits for it any more.
            state.ledger.unsure_of(key, answered.end);
        }
        // What may not be entered is told as revoked, and nothing is held there.
        let enters = state
            .access
            .must(key.room, key.user, answered.start, answered.end);
        if let Some(number) = number {
            state.ledger.hold(key, number, answered.end, enters);
        }
        let outcome = match (number, failure) {
            (Some(_), _) if enters => {
                let (until, says) = (answered.start + TTL, Said::default());
                Outcome::Kept { until, says }
            }
            (Some(_), _) => Outcome::Unknown,
            // One room too many is refused after others were joined.
            (None, Outcome::Refused) => Outcome::Doubtful,
            (None, failure) => failure,
        };
        state.ledger.end_beat(key, beat, answered.end, outcome);
    }

    /// What the answer to an opening says, and whether it may be so.
    pub(super) fn learn(&mut self, answered: &Answered) {
        match answered.status() {
            404 => {
                let sees_one = {
                    let state = self.play.check.lock();
                    self.rooms
                        .iter()
                        .any(|room| state.access.must(*room, self.user, answered.start, answered.end))
                };
                if sees_one {
                    let wrong = format!("{} is refused a stream of {:?}", self.user.id(), self.rooms);
                    self.play.check.violate("answers are right", wrong);
                }
                let holds = self.dice.chance(60);
                self.choose_topics(holds);
            }
            409 => {
                let many = answered.problem() == "too-many-sessions";
                let state = self.play.check.lock();
                let known = many
                    || self
                        .sessions
                        .iter()
                        .any(|session| state.ledger.was_cut(session.key));
                drop(state);
                if !known {
                    let wrong = format!(
                        "{} is refused a stream as {}, and nothing ended it",
                        self.user.id(),
                        answered.problem()
                    );
                    self.play.check.violate("answers are right", wrong);
                }
                self.choose_topics(true);
            }
            _ => {}
        }
    }
}
