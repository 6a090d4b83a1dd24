//! What users say for all rooms.

use tokio_postgres::Row;

use super::{
    Db,
    rows::{get, stamp, status},
};
use crate::{
    domain::{OwnStatus, OwnStatusChange, Status, UserId},
    error::Result,
};

impl Db {
    /// `presence.status_of`: what the user says for all rooms.
    pub async fn own_status(&self, user: &UserId) -> Result<OwnStatus> {
        let sql = "select status, status_until, message from presence.status_of($1::text::presence.user_id)";
        own_status(&self.query_one(sql, &[&user.as_str()]).await?)
    }

    /// `presence.set_status`: what holds then.
    pub async fn set_own_status(&self, user: &UserId, change: &OwnStatusChange) -> Result<OwnStatus> {
        let sql = "select status, status_until, message from presence.set_status(\
                   $1::text::presence.user_id, $2, now() + $3::text::interval, $4)";
        let status = change.status.map(|status| status.map_or("", Status::as_str));
        let ttl = change.status_ttl_ms.map(|ms| format!("{ms} milliseconds"));
        own_status(
            &self
                .query_one(sql, &[&user.as_str(), &status, &ttl, &change.message])
                .await?,
        )
    }
}

fn own_status(row: &Row) -> Result<OwnStatus> {
    Ok(OwnStatus {
        status: status(row, "status")?,
        status_until: stamp(row, "status_until")?,
        message: get(row, "message")?,
    })
}
