//! What one look shows; also what `--json` prints.

use serde::Serialize;

use crate::{
    db::Db,
    domain::{
        RoomId,
        overview::{MemberRow, NodeRow, Overview, RoomRow, Server},
    },
    error::{Error, Result},
};

/// Presence as it was at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Picture {
    /// The server.
    pub server: Server,
    /// In numbers.
    pub presence: Overview,
    /// How often what happens, of all nodes together.
    pub rates: Rates,
    /// The service's nodes.
    pub nodes: Vec<NodeRow>,
    /// The fullest first; none where the mapping of the application's tables cannot be read.
    pub rooms: Option<Vec<RoomRow>>,
    /// The latest first; none likewise.
    pub members: Option<Vec<MemberRow>>,
}

/// A second, over the last few seconds; streams as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rates {
    pub streams: f64,
    pub heartbeats_per_s: f64,
    pub calls_per_s: f64,
    pub refused_per_s: f64,
    pub failed_per_s: f64,
    pub reads_per_s: f64,
}

impl Rates {
    /// Of those that are not silent.
    fn of(nodes: &[NodeRow]) -> Self {
        let sum = |figure| {
            let told = nodes.iter().filter(|node| !node.is_silent());
            told.map(|node| node.number(figure)).sum()
        };
        Self {
            streams: sum("streams"),
            heartbeats_per_s: sum("heartbeats_per_s"),
            calls_per_s: sum("calls_per_s"),
            refused_per_s: sum("refused_per_s"),
            failed_per_s: sum("failed_per_s"),
            reads_per_s: sum("reads_per_s"),
        }
    }
}

impl Picture {
    /// As it is now; of the members those of one room, or of all.
    pub async fn look(db: &Db, room: Option<&RoomId>, max_rows: i32) -> Result<Self> {
        let server = db.server().await?;
        let presence = db.overview().await?;
        let nodes = db.overview_nodes().await?;
        Ok(Self {
            server,
            presence,
            rates: Rates::of(&nodes),
            nodes,
            rooms: mapped(db.overview_rooms(max_rows).await)?,
            members: mapped(db.overview_members(room, max_rows).await)?,
        })
    }
}

/// A mapping that is broken hides names, and not the rest: what has none of it was read a moment ago.
fn mapped<T>(rows: Result<T>) -> Result<Option<T>> {
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(Error::Unavailable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;
    use crate::domain::{EventId, Stamp, Status, UserId};

    fn node(node_id: &str, seen_ms: i64, is_ready: bool, heartbeats_per_s: f64) -> NodeRow {
        NodeRow {
            node_id: node_id.to_owned(),
            version: "0.1.0".to_owned(),
            uptime_ms: 7_260_000,
            seen_ms,
            figures: json!({
                "host": "web-1", "is_ready": is_ready, "causes": ["changes are not being heard"], "streams": 12, "topics": 30,
                "heartbeats_per_s": heartbeats_per_s, "calls_per_s": 4.0, "refused_per_s": 0.2, "failed_per_s": 0.0,
                "reads_per_s": 1.5, "canary_ms": 0.8, "pool": 4, "pool_waiting": 0,
            }),
        }
    }

    /// A busy afternoon, with a name that would like to move the cursor.
    pub fn picture() -> Picture {
        let nodes = vec![
            node("91fc77b2", 1200, true, 10.5),
            node("a0b1c2d3", 900, false, 2.0),
            node("deadbeef", 60_000, true, 99.0),
        ];
        let at = Stamp(datetime!(2026-11-25 14:03:21 UTC));
        Picture {
            server: Server {
                version: "15.18".to_owned(),
                uptime_ms: 10_000_000,
                notify_queue: 0.0,
                xmin: None,
            },
            presence: Overview {
                at,
                epoch: None,
                rooms: 2,
                members: 15,
                people: 12,
                sessions: 18,
                overdue: 0,
                overdue_ms: None,
                reaped_ms: Some(400),
                evictions: 0,
                last_minute: json!({"join": 12, "update": 3, "left": 9, "revoked": 1}),
            },
            rates: Rates::of(&nodes),
            nodes,
            rooms: Some(vec![
                RoomRow {
                    room_id: RoomId::trusted("general"),
                    name: Some("General".to_owned()),
                    kind: Some("chat".to_owned()),
                    event_id: Some(EventId::trusted("gala")),
                    members: 12,
                    sessions: 14,
                },
                RoomRow {
                    room_id: RoomId::trusted("a-room-with-a-very-long-id-that-nobody-wants-to-read"),
                    name: None,
                    kind: None,
                    event_id: None,
                    members: 3,
                    sessions: 4,
                },
            ]),
            members: Some(vec![MemberRow {
                room_id: RoomId::trusted("general"),
                user_id: UserId::trusted("mallory"),
                name: Some("\x1b[2JMallory\u{202e} 日本".to_owned()),
                status: Status::Busy,
                status_until: None,
                message: None,
                activity: Some("viewing budget".to_owned()),
                joined_at: at,
                sessions: 2,
            }]),
        }
    }

    #[test]
    fn a_silent_node_counts_for_nothing() {
        let rates = Rates::of(&picture().nodes);

        assert_eq!((rates.streams, rates.heartbeats_per_s), (24.0, 12.5));
    }
}
