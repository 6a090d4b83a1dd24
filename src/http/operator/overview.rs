//! `GET /operator/overview`: all that the page shows by itself, in one answer. What an answer without a token lacks is
//! `null`, or not there.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::Response,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{super::Edge, Operator, fresh};
use crate::{
    doctor::{Finding, Severity},
    domain::overview::{NodeRow, Overview, RoomRow, Server},
    error::Result,
    operator::desk::{Checkup, Look},
};

#[derive(Serialize)]
struct Answer<'a> {
    /// Whose token was shown.
    operator: Option<&'a str>,
    /// Whether `POST /operator/token` is there.
    hands_tokens: bool,
    /// This node.
    node: Node,
    /// Why something is missing.
    trouble: Option<&'a str>,
    presence: Option<&'a Overview>,
    server: Option<Server>,
    nodes: Option<Vec<Node>>,
    rooms: Option<&'a [RoomRow]>,
    doctor: Doctor<'a>,
}

#[derive(Serialize)]
struct Node {
    node_id: String,
    version: String,
    uptime_ms: i64,
    seen_ms: i64,
    is_silent: bool,
    figures: Value,
}

impl Node {
    fn of(row: &NodeRow) -> Self {
        Self {
            node_id: row.node_id.clone(),
            version: row.version.clone(),
            uptime_ms: row.uptime_ms,
            seen_ms: row.seen_ms,
            is_silent: row.is_silent(),
            figures: row.figures.clone(),
        }
    }

    /// Which machine it runs on is nobody's business.
    fn without_names(mut self) -> Self {
        if let Some(figures) = self.figures.as_object_mut() {
            figures.remove("host");
        }
        self
    }
}

#[derive(Serialize)]
struct Doctor<'a> {
    ran_ms: Option<u64>,
    is_running: bool,
    findings: Option<Vec<Found<'a>>>,
}

/// A finding; without a token, that there is one.
#[derive(Serialize)]
#[serde(untagged)]
enum Found<'a> {
    Whole(&'a Finding),
    Name { check: &'a str, severity: Severity },
}

pub async fn get(State(edge): State<Edge>, headers: HeaderMap, hands_tokens: bool) -> Result<Response> {
    let operator = match headers.contains_key(header::AUTHORIZATION) {
        true => Some(Operator::by(&edge, &headers).await?),
        false => None,
    };
    let checkup = match operator {
        Some(_) => edge.desk.check_up(),
        None => edge.desk.checkup(),
    };
    let look: Arc<Look> = edge.desk.look().await;
    let knows = operator.is_some();
    let shown = |node: Node| if knows { node } else { node.without_names() };
    let own = Node {
        node_id: edge.node.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_ms: edge.desk.uptime_ms(),
        seen_ms: 0,
        is_silent: false,
        figures: json!(edge.desk.node()),
    };
    let nodes = look
        .nodes
        .as_ref()
        .map(|rows| rows.iter().map(|row| shown(Node::of(row))).collect());
    Ok(fresh(Answer {
        operator: operator.as_ref().map(|Operator(caller)| caller.user_id.as_str()),
        hands_tokens,
        node: shown(own),
        trouble: look.trouble.as_deref(),
        presence: look.presence.as_ref(),
        server: look
            .server
            .clone()
            .map(|server| if knows { server } else { server.without_names() }),
        nodes,
        rooms: look.rooms.as_deref().filter(|_| knows),
        doctor: Doctor::of(&checkup, knows),
    }))
}

impl<'a> Doctor<'a> {
    fn of(checkup: &'a Checkup, knows: bool) -> Self {
        let shown = |found: &'a Finding| match knows {
            true => Found::Whole(found),
            false => Found::Name {
                check: found.check,
                severity: found.severity,
            },
        };
        Self {
            ran_ms: checkup.at.map(|at| at.elapsed().as_millis() as u64),
            is_running: checkup.is_running,
            findings: checkup
                .findings
                .as_ref()
                .map(|found| found.iter().map(shown).collect()),
        }
    }
}
