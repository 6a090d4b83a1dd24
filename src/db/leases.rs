//! Leases that streams hold: renewed and given back in bulk.

use std::time::Duration;

use uuid::Uuid;

use super::{Db, beats::in_order, rows::get};
use crate::{
    domain::{BeatKey, Held},
    error::Result,
};

/// One lease that a stream holds, or is to hold.
#[derive(Debug, Clone)]
pub struct Hold {
    /// Whose lease.
    pub key: BeatKey,
    /// The stream, to the database.
    pub holder: Uuid,
    /// Begin to hold it, whoever held it before.
    pub take: bool,
}

impl Db {
    /// `presence.hold_batch`: one outcome an item, in the order of the items. `silence_max`: a client that gave no sign
    /// of life for so long is not renewed.
    pub async fn hold_batch(&self, holds: &[Hold], silence_max: Duration) -> Result<Vec<Held>> {
        let sql = "select item, outcome from presence.hold_batch(\
                   $1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::uuid[], $5::boolean[], \
                   $6::text::interval)";
        let (rooms, users, sessions, holders) = columns(holds);
        let take: Vec<bool> = holds.iter().map(|hold| hold.take).collect();
        let silence_max = format!("{} milliseconds", silence_max.as_millis());
        let rows = self
            .query(sql, &[&rooms, &users, &sessions, &holders, &take, &silence_max])
            .await?;
        in_order(&rows, holds.len(), |row| {
            Ok(match get::<&str>(row, "outcome")? {
                "held" => Held::Held,
                "busy" => Held::Busy,
                "logged_out" => Held::LoggedOut,
                _ => Held::Gone,
            })
        })
    }

    /// `presence.release_batch`: false where somebody changes the session at this moment; true: nothing is to be done
    /// any more.
    pub async fn release_batch(&self, holds: &[Hold], grace: Duration) -> Result<Vec<bool>> {
        let sql = "select item, outcome from presence.release_batch(\
                   $1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::uuid[], $5::text::interval)";
        let (rooms, users, sessions, holders) = columns(holds);
        let grace = format!("{} milliseconds", grace.as_millis());
        let rows = self
            .query(sql, &[&rooms, &users, &sessions, &holders, &grace])
            .await?;
        in_order(&rows, holds.len(), |row| {
            Ok(get::<&str>(row, "outcome")? != "busy")
        })
    }
}

type Columns<'a> = (Vec<&'a str>, Vec<&'a str>, Vec<Uuid>, Vec<Uuid>);

fn columns(holds: &[Hold]) -> Columns<'_> {
    (
        holds.iter().map(|hold| hold.key.room.as_str()).collect(),
        holds.iter().map(|hold| hold.key.user.as_str()).collect(),
        holds.iter().map(|hold| hold.key.session).collect(),
        holds.iter().map(|hold| hold.holder).collect(),
    )
}
