//! Leases that streams hold: renewed and given back in bulk, and put back after a loss of the unlogged data.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Db, beats::in_order, rows::get};
use crate::{
    domain::{BeatKey, Held, PutBack},
    error::{Error, Result},
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
                "missing" => Held::Missing,
                _ => Held::Gone,
            })
        })
    }

    /// `presence.release_batch`: false where somebody changes the session at this moment; true: nothing is to be done
    /// any more.
    /// `closed`: how long ago each stream was closed; whoever was heard of since keeps the lease.
    pub async fn release_batch(
        &self,
        holds: &[Hold],
        closed: &[Duration],
        grace: Duration,
    ) -> Result<Vec<bool>> {
        let sql = "select item, outcome from presence.release_batch(\
                   $1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::uuid[], \
                   $5::text[]::interval[], $6::text::interval)";
        let (rooms, users, sessions, holders) = columns(holds);
        let closed = closed
            .iter()
            .map(|span| format!("{} milliseconds", span.as_millis()));
        let closed: Vec<String> = closed.collect();
        let grace = format!("{} milliseconds", grace.as_millis());
        let rows = self
            .query(sql, &[&rooms, &users, &sessions, &holders, &closed, &grace])
            .await?;
        in_order(&rows, holds.len(), |row| {
            Ok(get::<&str>(row, "outcome")? != "busy")
        })
    }

    /// `presence.node_epoch`: which epoch it is; none where somebody else is beginning one.
    pub async fn epoch(&self) -> Result<Option<Uuid>> {
        let row = self.query_one("select presence.node_epoch()", &[]).await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.put_back_batch`: whether each is back, and not there already or not allowed; none where somebody changes
    /// the room at this moment.
    pub async fn put_back_batch(&self, items: &[PutBack]) -> Result<Vec<Option<bool>>> {
        let sql = "select item, outcome from presence.put_back_batch(\
                   $1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::uuid[], \
                   $5::text[]::interval[], $6::timestamptz[], $7::text[], $8::timestamptz[], $9::text[], \
                   $10::text[], $11::text[]::jsonb[])";
        let keys = || items.iter().map(|item| &item.key);
        let seen = || items.iter().map(|item| &item.seen);
        let rooms: Vec<&str> = keys().map(|key| key.room.as_str()).collect();
        let users: Vec<&str> = keys().map(|key| key.user.as_str()).collect();
        let sessions: Vec<Uuid> = keys().map(|key| key.session).collect();
        let holders: Vec<Option<Uuid>> = items.iter().map(|item| item.holder).collect();
        let lasts = items
            .iter()
            .map(|item| format!("{} milliseconds", item.lasts.as_millis()));
        let lasts: Vec<String> = lasts.collect();
        let joined_ats: Vec<OffsetDateTime> = seen().map(|seen| seen.joined_at.0).collect();
        let statuses: Vec<&str> = seen().map(|seen| seen.status.as_str()).collect();
        let untils = seen().map(|seen| seen.status_until.map(|until| until.0));
        let untils: Vec<Option<OffsetDateTime>> = untils.collect();
        let messages: Vec<Option<&str>> = seen().map(|seen| seen.message.as_deref()).collect();
        let activities: Vec<Option<&str>> = seen().map(|seen| seen.activity.as_deref()).collect();
        let datas: Vec<Option<&str>> = seen().map(|seen| seen.data.as_deref()).collect();
        let rows = self
            .query(
                sql,
                &[
                    &rooms,
                    &users,
                    &sessions,
                    &holders,
                    &lasts,
                    &joined_ats,
                    &statuses,
                    &untils,
                    &messages,
                    &activities,
                    &datas,
                ],
            )
            .await?;
        in_order(&rows, items.len(), |row| {
            Ok(match get::<&str>(row, "outcome")? {
                "busy" => None,
                outcome => Some(outcome == "back"),
            })
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
