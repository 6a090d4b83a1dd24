//! What time alone changes, in one look at SQL: typing and timed statuses end by themselves, and last seen goes on with whoever
//! is seen, and never back.

use std::collections::HashMap;

use super::{REAPED_WITHIN, Sample};
use crate::{
    check::State,
    clock::{MS, Micros, SECOND},
    world::{Room, User},
};

impl State {
    /// `last_seen`: as it was at the look before.
    pub(super) fn time_goes_on(
        &mut self,
        sample: &Sample,
        last_seen: &mut HashMap<(Room, User), Micros>,
        from: Micros,
        to: Micros,
    ) {
        let mut wrongs = vec![];
        let calm = self.calm.was(from - 2 * SECOND, to);
        for (room, user, at) in &sample.seen {
            let before = last_seen.insert((*room, *user), *at).unwrap_or(0);
            if calm && *at < before {
                wrongs.push((
                    "last seen never runs backwards",
                    format!(
                        "{} in {} was last seen at {before}, then at {at}",
                        user.id(),
                        room.id()
                    ),
                ));
            }
            // Whoever is gone was seen by the last heartbeat at least, and when they left where they did so themselves.
            let is_here = sample.counts.contains_key(&(*room, *user));
            let let_in = self.ledger.let_in_by(*room, *user, from).filter(|_| !is_here);
            let left = sample.left_by_word(*room, *user);
            if let_in.max(left).is_some_and(|last| *at + MS < last) {
                wrongs.push((
                    "whoever is gone was seen when they left, or by their last heartbeat",
                    format!(
                        "{} was last seen in {} at {at}; let in at {let_in:?}, left at {left:?}",
                        user.id(),
                        room.id()
                    ),
                ));
            }
        }
        if self.calm.was(from - REAPED_WITHIN, to) {
            wrongs.extend(
                sample
                    .over_for_long()
                    .map(|wrong| ("what is timed ends by itself", wrong)),
            );
        }
        for (promise, wrong) in wrongs {
            self.violate(promise, wrong);
        }
    }
}

impl Sample {
    /// When this user left this room last, other than by a lease that ran out.
    fn left_by_word(&self, room: Room, user: User) -> Option<Micros> {
        let of = self
            .changes
            .iter()
            .filter(|(of, _, row)| (*of, row.user) == (room, user));
        let by_word = |reason: &str| matches!(reason, "left" | "removed" | "logged_out");
        let left = of.filter(|(.., row)| row.what == "leave" && row.reason.as_deref().is_some_and(by_word));
        left.map(|(.., row)| row.at).max()
    }

    /// Who types, or has a status for a time, although that was over some time ago.
    fn over_for_long(&self) -> impl Iterator<Item = String> {
        let bound = self.now - REAPED_WITHIN;
        let all = self
            .members
            .iter()
            .flat_map(|(room, faces)| faces.iter().map(move |(user, face)| (*room, *user, face)));
        all.filter_map(move |(room, user, face)| {
            let mut sessions = self
                .sessions
                .iter()
                .filter(|row| row.is_alive && row.key.room == room && row.key.user == user);
            let types = face.status != "typing"
                || sessions.any(|row| row.typing_until.is_some_and(|until| until >= bound));
            let is_timed = face.status_until.is_none_or(|until| until * MS >= bound);
            (!types || !is_timed)
                .then(|| format!("{} in {} is still {face:?} at {}", user.id(), room.id(), self.now))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_000 * SECOND;

    /// Alice in `general` with one session; both as SQL says.
    fn sample(status: &str, status_until: Option<Micros>, typing_until: Option<Micros>) -> Sample {
        let member = serde_json::json!([
            "general",
            "alice",
            1,
            status,
            status_until.map(|at| at / MS),
            null,
            null,
            null,
            0
        ]);
        let session = serde_json::json!([
            "general",
            "alice",
            "00000000-0000-0000-0000-000000000001",
            "active",
            true,
            null,
            null,
            null,
            NOW,
            true,
            null,
            typing_until
        ]);
        let all = serde_json::json!({"now": NOW, "members": [member], "sessions": [session]});
        Sample::parse(&all.to_string()).expect("a sample")
    }

    #[test]
    fn typing_and_timed_statuses_may_last_until_they_are_reaped_and_no_longer() {
        let (soon, long_ago) = (Some(NOW - REAPED_WITHIN + MS), Some(NOW - REAPED_WITHIN - MS));
        let is_over = |sample: Sample| sample.over_for_long().count() == 1;

        assert!(!is_over(sample("typing", None, soon)) && is_over(sample("typing", None, long_ago)));
        assert!(is_over(sample("typing", None, None)), "nobody types");
        assert!(!is_over(sample("busy", soon, None)) && is_over(sample("busy", long_ago, None)));
        assert!(!is_over(sample("busy", None, long_ago)));
    }
}
