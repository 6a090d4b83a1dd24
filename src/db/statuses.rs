//! What users say for all rooms.

use std::time::Duration;

use tokio_postgres::Row;

use super::{
    Db,
    rows::{get, stamp, status},
};
use crate::{
    domain::{OwnStatus, OwnStatusChange, Status, UserId},
    error::Result,
};

/// How often sessions are looked at again that somebody held. Nearly always that is a renewal or a change of milliseconds;
/// more, and a caller waits longer for a room that somebody keeps.
const LOOKS: u32 = 4;
/// How long after each other.
const LOOK_GAP: Duration = Duration::from_millis(25);

impl Db {
    /// `presence.status_of`: what the user says for all rooms.
    pub async fn own_status(&self, user: &UserId) -> Result<OwnStatus> {
        let sql = "select status, status_until, message from presence.status_of($1::text::presence.user_id)";
        own_status(&self.query_one(sql, &[&user.as_str()]).await?)
    }

    /// `presence.put_status`: what holds then. It waits for no room: one that somebody goes on holding has it when the
    /// reaper finds it free, and the others have it at once.
    pub async fn set_own_status(&self, user: &UserId, change: &OwnStatusChange) -> Result<OwnStatus> {
        let status = change.status.map(|status| status.map_or("", Status::as_str));
        let ttl = change.status_ttl_ms.map(|ms| format!("{ms} milliseconds"));
        let mut agrees = self
            .put_status(user, status, ttl, change.message.as_deref())
            .await?;
        for _ in 0..LOOKS {
            if agrees {
                break;
            }
            tokio::time::sleep(LOOK_GAP).await;
            agrees = self.put_status(user, None, None, None).await?;
        }
        self.own_status(user).await
    }

    /// Whether all sessions have it; without a word it looks at them again.
    async fn put_status(
        &self,
        user: &UserId,
        status: Option<&str>,
        ttl: Option<String>,
        message: Option<&str>,
    ) -> Result<bool> {
        let sql = "select presence.put_status(\
                   $1::text::presence.user_id, $2, now() + $3::text::interval, $4) as agrees";
        let row = self
            .query_one(sql, &[&user.as_str(), &status, &ttl, &message])
            .await?;
        get(&row, "agrees")
    }
}

fn own_status(row: &Row) -> Result<OwnStatus> {
    Ok(OwnStatus {
        status: status(row, "status")?,
        status_until: stamp(row, "status_until")?,
        message: get(row, "message")?,
    })
}
