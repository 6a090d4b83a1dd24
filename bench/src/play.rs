//! What all players have in common: the way to the nodes, the phase of the round, and what must hold of every answer.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    check::{Check, ledger::Outcome},
    clock::{Micros, SECOND, now},
    cluster::Cluster,
    http::{Answer, Call, Reader},
    node::Node,
    token,
    world::{USERS, User},
};

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Whatever comes to mind.
    Busy(u64),
    /// Stay as you are, or go; nothing new.
    Quiet(u64),
    /// It is over.
    End,
}

/// The types of problems that a 503 may be.
const UNAVAILABLE: [&str; 3] = ["overloaded", "unavailable", "not-ready"];
/// All types of problems that a call of ours may be answered.
const PROBLEMS: [&str; 11] = [
    "overloaded",
    "unavailable",
    "not-ready",
    "room-not-found",
    "event-not-found",
    "user-not-found",
    "stale-heartbeat",
    "session-ended",
    "too-many-sessions",
    "too-many-streams",
    "timed-out",
];

/// What a call was answered, and between which moments.
#[derive(Debug)]
pub struct Answered {
    /// When it was sent.
    pub start: Micros,
    /// When it was answered, or given up.
    pub end: Micros,
    /// An error: nobody knows whether it was done.
    pub answer: Result<Answer, String>,
}

impl Answered {
    /// The status; 0: none.
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// The body; null: none.
    pub fn body(&self) -> &Value {
        self.answer.as_ref().map_or(&Value::Null, |answer| &answer.body)
    }

    /// What one item of a batch was answered; where the batch failed, that.
    pub fn item(&self, nth: usize) -> Self {
        let answer = match &self.answer {
            Ok(answer) if answer.status == 200 => {
                let body = answer.body["items"][nth].clone();
                let status = body["status"]
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok())
                    .unwrap_or(200);
                Ok(Answer {
                    status,
                    body,
                    ..answer.clone()
                })
            }
            answer => answer.clone(),
        };
        Self { answer, ..*self }
    }

    /// The type of the problem.
    pub fn problem(&self) -> &str {
        self.answer.as_ref().map_or("none", Answer::problem)
    }
}

/// Everything that a player needs. Cheap to clone.
#[derive(Clone)]
pub struct Play {
    /// What is known.
    pub check: Arc<Check>,
    /// Whom to call.
    pub nodes: Arc<Vec<Node>>,
    /// The database itself.
    pub cluster: Arc<Cluster>,
    /// What there is to do.
    pub phase: watch::Receiver<Phase>,
    /// A token for each user.
    pub tokens: Arc<Vec<String>>,
}

impl Play {
    /// Tokens for everybody.
    pub fn tokens() -> Vec<String> {
        User::all().map(token::of).collect()
    }

    /// What there is to do.
    pub fn phase(&self) -> Phase {
        if self.check.stop.is_cancelled() {
            return Phase::End;
        }
        *self.phase.borrow()
    }

    /// Waits so long, or until there is something else to do.
    pub async fn pause(&mut self, span: Duration) {
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            _ = self.phase.changed() => {}
            () = self.check.stop.cancelled() => {}
        }
    }

    /// A token of this user.
    pub fn token(&self, user: User) -> Option<String> {
        self.tokens.get(usize::from(user.0)).cloned()
    }

    /// Makes a call at a node, by its proxy; whatever it is answered is a documented answer.
    pub async fn call(&self, node: usize, call: &Call) -> Answered {
        let start = now();
        let answer = call.make(self.nodes[node].front.port).await;
        let answered = Answered {
            start,
            end: now(),
            answer,
        };
        self.judge(node, call, &answered);
        answered
    }

    /// Opens a stream at a node.
    pub async fn open(&self, node: usize, call: &Call) -> (Answered, Option<Reader>) {
        let start = now();
        let opened = call.open(self.nodes[node].front.port).await;
        let end = now();
        let (answer, reader) = match opened {
            Ok(Ok(reader)) => {
                let open = Answer {
                    status: 200,
                    media_type: String::new(),
                    has_retry_after: false,
                    body: Value::Null,
                };
                (Ok(open), Some(reader))
            }
            Ok(Err(refused)) => (Ok(refused), None),
            Err(error) => (Err(error), None),
        };
        let answered = Answered { start, end, answer };
        self.judge(node, call, &answered);
        (answered, reader)
    }

    /// Whose token it is, for people.
    fn whose(&self, call: &Call) -> &'static str {
        let whose = self
            .tokens
            .iter()
            .position(|token| Some(token) == call.token.as_ref());
        whose.map_or("nobody", |nth| USERS[nth])
    }

    fn judge(&self, node: usize, call: &Call, answered: &Answered) {
        let Answered { start, end, answer } = answered;
        let shown = match answer {
            Ok(answer) => json!({"status": answer.status, "body": answer.body}),
            Err(error) => json!(error),
        };
        let body = call.body.as_ref().map(|(_, body)| body);
        self.check.history.note(
            "call",
            json!({"user": self.whose(call), "node": node, "method": call.method, "path": call.path, "body": body, "start": start, "answer": shown}),
        );
        let mut state = self.check.lock();
        match answer {
            Err(_) => state.count("calls without an answer"),
            Ok(answer) => {
                state.count(&format!("answer {}", answer.status));
                if answer.status == 503 && state.calm.was(*start - 8 * SECOND, *end) {
                    state.count("503 though nothing was broken");
                }
                if let Some(wrong) = undocumented(answer) {
                    let wrong = format!(
                        "{} {} at node {node}: {wrong}: {answer:?}",
                        call.method, call.path
                    );
                    state.violate(
                        "no 5xx but a documented 503, and every failure is a problem",
                        wrong,
                    );
                }
            }
        }
    }

    /// What became of something that changes a session, where it was not plainly done.
    pub fn outcome_of_failure(&self, answered: &Answered) -> Outcome {
        match answered.status() {
            // Behind a link that stands still the statement may yet arrive.
            0 | 503 if !self.check.lock().calm.was(answered.start, answered.end) => Outcome::Unknown,
            0 => Outcome::Unknown,
            503 => Outcome::Doubtful,
            _ => Outcome::Refused,
        }
    }
}

fn undocumented(answer: &Answer) -> Option<&'static str> {
    let problem = answer.problem();
    match answer.status {
        200 | 204 | 304 => None,
        _ if answer.media_type != "application/problem+json" => Some("a failure that is no problem"),
        503 if !UNAVAILABLE.contains(&problem) => Some("a 503 of another type"),
        503 if !answer.has_retry_after => Some("a 503 without Retry-After"),
        500.. if answer.status != 503 => Some("a 5xx"),
        _ if !PROBLEMS.contains(&problem) => Some("an answer that this call cannot have"),
        _ => None,
    }
}
