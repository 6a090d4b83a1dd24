//! What a node must know before it serves, and the reaper's call.

use std::time::Duration;

use uuid::Uuid;

use super::{Db, rows::get};
use crate::{
    domain::{IdType, IdTypes},
    error::{Error, Result},
};

/// The installation's id types and the settings in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeSettings {
    /// How ids are checked.
    pub ids: IdTypes,
    /// How long a heartbeat is good for.
    pub ttl: Duration,
    /// How often clients are told to send one.
    pub heartbeat: Duration,
    /// How long one sign of typing lasts.
    pub typing: Duration,
}

/// Keys that every node of one database shares, the newest first.
#[derive(Clone, Default)]
pub struct Secrets {
    /// How rings name rooms.
    pub ring: Vec<Vec<u8>>,
    /// How leave tokens are signed.
    pub leave: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// What all nodes of one database have in common. Read at the start, and again where somebody rings for everything.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Id types and settings.
    pub settings: NodeSettings,
    /// Keys.
    pub secrets: Secrets,
}

impl Db {
    /// Settings and keys.
    pub async fn installed(&self) -> Result<Installed> {
        Ok(Installed {
            settings: self.node_settings().await?,
            secrets: self.node_secrets().await?,
        })
    }

    /// `presence.node_settings`.
    async fn node_settings(&self) -> Result<NodeSettings> {
        let sql = "select * from presence.node_settings()";
        let row = self.query_one(sql, &[]).await?;
        let id_type = |column: &str| -> Result<IdType> {
            IdType::parse(get(&row, column)?)
                .ok_or_else(|| Error::bug("an id type that this version does not know"))
        };
        let millis = |column: &str| -> Result<Duration> {
            Ok(Duration::from_millis(get::<i64>(&row, column)?.unsigned_abs()))
        };
        Ok(NodeSettings {
            ids: IdTypes {
                user: id_type("user_id_type")?,
                room: id_type("room_id_type")?,
                event: id_type("event_id_type")?,
            },
            ttl: millis("ttl_ms")?,
            heartbeat: millis("heartbeat_ms")?,
            typing: millis("typing_ms")?,
        })
    }

    /// `presence.configure`: writes what was explicitly given, leaves the rest.
    pub async fn configure(
        &self,
        ttl: Option<Duration>,
        heartbeat: Option<Duration>,
        typing: Option<Duration>,
    ) -> Result<()> {
        let sql = "select presence.configure($1::text::interval, $2::text::interval, $3::text::interval)";
        let [ttl, heartbeat, typing] = [ttl, heartbeat, typing]
            .map(|knob| knob.map(|knob| format!("{} milliseconds", knob.as_millis())));
        self.query(sql, &[&ttl, &heartbeat, &typing]).await?;
        Ok(())
    }

    /// `presence.node_secrets`.
    async fn node_secrets(&self) -> Result<Secrets> {
        let sql = "select kind, key from presence.node_secrets()";
        let rows = self.query(sql, &[]).await?;
        let mut secrets = Secrets::default();
        for row in &rows {
            match get::<&str>(row, "kind")? {
                "ring" => secrets.ring.push(get(row, "key")?),
                "leave" => secrets.leave.push(get(row, "key")?),
                _ => {}
            }
        }
        Ok(secrets)
    }

    /// `presence.reap`: how many sessions ended; none where another node is at it.
    pub async fn reap(&self, max_rows: i32) -> Result<Option<u32>> {
        let sql = "select presence.reap($1)";
        let row = self.query_one(sql, &[&max_rows]).await?;
        Ok(u32::try_from(row.try_get::<_, i32>(0).map_err(Error::bug)?).ok())
    }

    /// `presence.evict`: how many sessions ended because the application's own tables say so.
    pub async fn evict(&self) -> Result<u32> {
        let row = self.query_one("select presence.evict()", &[]).await?;
        Ok(row.try_get::<_, i32>(0).map_err(Error::bug)?.unsigned_abs())
    }

    /// `presence.spend_ticket`: whether this was the first time, on any node.
    pub async fn spend_ticket(&self, ticket: Uuid) -> Result<bool> {
        let row = self
            .query_one("select presence.spend_ticket($1)", &[&ticket])
            .await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// Whether the database answers, and the mapping can be read: asks where nobody is.
    pub async fn probe(&self) -> Result<()> {
        let sql = "select from presence.where_now(null::presence.user_id, null::presence.user_id)";
        self.query(sql, &[]).await.map(drop)
    }
}
