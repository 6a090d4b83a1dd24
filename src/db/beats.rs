//! Heartbeats and leaves, set-wise.

use std::collections::HashMap;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    Db,
    rows::{get, stamp, status, user_id},
};
use crate::{
    domain::{Beat, BeatKey, Lease, Outcome, RoomId, Stamp, UserId},
    error::{Error, Result},
};

impl Db {
    /// `presence.heartbeat_batch`: one outcome an item, in the order of the items.
    /// `renew_only`: what is more than a plain renewal is `Busy`.
    pub async fn heartbeat_batch(&self, beats: &[Beat], renew_only: bool) -> Result<Vec<Outcome>> {
        let sql = "select item, outcome, status, joined_at, expires_at from presence.heartbeat_batch(\
                   $1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::text[], \
                   $5::text[]::interval[], $6::text[], $7::text[], $8::text[]::jsonb[], $9::bigint[], $10)";
        let rooms: Vec<&str> = beats.iter().map(|beat| beat.key.room.as_str()).collect();
        let users: Vec<&str> = beats.iter().map(|beat| beat.key.user.as_str()).collect();
        let sessions: Vec<Uuid> = beats.iter().map(|beat| beat.key.session).collect();
        let statuses: Vec<Option<&str>> = beats
            .iter()
            .map(|beat| beat.state.status.map(|s| s.as_str()))
            .collect();
        let ttls: Vec<Option<String>> = beats
            .iter()
            .map(|beat| beat.state.status_ttl_ms.map(|ms| format!("{ms} milliseconds")))
            .collect();
        let messages: Vec<Option<&str>> = beats.iter().map(|beat| beat.state.message.as_deref()).collect();
        let activities: Vec<Option<&str>> = beats.iter().map(|beat| beat.state.activity.as_deref()).collect();
        let datas: Vec<Option<&str>> = beats.iter().map(|beat| beat.state.data.as_deref()).collect();
        let seqs: Vec<Option<i64>> = beats.iter().map(|beat| beat.state.seq).collect();
        let rows = self
            .query(
                sql,
                &[
                    &rooms,
                    &users,
                    &sessions,
                    &statuses,
                    &ttls,
                    &messages,
                    &activities,
                    &datas,
                    &seqs,
                    &renew_only,
                ],
            )
            .await?;
        in_order(&rows, beats.len(), outcome)
    }

    /// `presence.leave_batch`: whether each was there to leave; none where its room is locked.
    pub async fn leave_batch(&self, leaves: &[(BeatKey, Option<i64>)]) -> Result<Vec<Option<bool>>> {
        let sql = "select item, outcome from presence.leave_batch(\
                   $1::text[]::presence.room_id[], $2::text[]::presence.user_id[], $3::uuid[], $4::bigint[])";
        let rooms: Vec<&str> = leaves.iter().map(|(key, _)| key.room.as_str()).collect();
        let users: Vec<&str> = leaves.iter().map(|(key, _)| key.user.as_str()).collect();
        let sessions: Vec<Uuid> = leaves.iter().map(|(key, _)| key.session).collect();
        let seqs: Vec<Option<i64>> = leaves.iter().map(|(_, seq)| *seq).collect();
        let rows = self.query(sql, &[&rooms, &users, &sessions, &seqs]).await?;
        in_order(&rows, leaves.len(), |row| {
            Ok(match get::<&str>(row, "outcome")? {
                "busy" => None,
                outcome => Some(outcome == "left"),
            })
        })
    }

    /// `presence.leave_everywhere`: logout; how many sessions ended.
    pub async fn leave_everywhere(&self, user: &UserId) -> Result<i32> {
        let sql = "select presence.leave_everywhere($1::text::presence.user_id)";
        let row = self.query_one(sql, &[&user.as_str()]).await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.logged_out_at`: when each was logged out last; who was not, within a day, is left out.
    pub async fn logged_out_at(&self, users: &[UserId]) -> Result<HashMap<UserId, Stamp>> {
        let sql = "select user_id::text, at from presence.logged_out_at($1::text[]::presence.user_id[])";
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let rows = self.query(sql, &[&users]).await?;
        let found = rows.iter().map(|row| {
            let at = stamp(row, "at")?.ok_or_else(|| Error::bug("a logout without a moment"))?;
            Ok((user_id(row)?, at))
        });
        found.collect()
    }
}

impl Db {
    /// `presence.remove_member`: kick; how many sessions ended.
    pub async fn remove_member(&self, room: &RoomId, user: &UserId) -> Result<i32> {
        let sql = "select presence.remove_member($1::text::presence.room_id, $2::text::presence.user_id)";
        let row = self.query_one(sql, &[&room.as_str(), &user.as_str()]).await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.remove_room`: clear; how many sessions ended.
    pub async fn remove_room(&self, room: &RoomId) -> Result<i32> {
        let row = self
            .query_one(
                "select presence.remove_room($1::text::presence.room_id)",
                &[&room.as_str()],
            )
            .await?;
        row.try_get(0).map_err(Error::bug)
    }
}

/// Answers come in any order, each with its item's number from 1.
pub(super) fn in_order<T>(rows: &[Row], items: usize, read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    let mut answers: Vec<Option<T>> = std::iter::repeat_with(|| None).take(items).collect();
    for row in rows {
        let item = get::<i32>(row, "item")?;
        let slot = usize::try_from(item - 1).ok().and_then(|at| answers.get_mut(at));
        *slot.ok_or_else(|| Error::bug("an outcome for no item"))? = Some(read(row)?);
    }
    answers
        .into_iter()
        .collect::<Option<Vec<T>>>()
        .ok_or_else(|| Error::bug("an item without an outcome"))
}

fn outcome(row: &Row) -> Result<Outcome> {
    Ok(match get::<&str>(row, "outcome")? {
        "ok" => Outcome::Ok(Lease {
            status: status(row, "status")?.ok_or_else(|| Error::bug("a lease without a status"))?,
            joined_at: stamp(row, "joined_at")?,
            expires_at: stamp(row, "expires_at")?,
        }),
        "denied" => Outcome::Denied,
        "stale" => Outcome::Stale,
        "ended" => Outcome::Ended,
        "too_many_sessions" => Outcome::TooManySessions,
        "invalid" => Outcome::Invalid,
        "busy" => Outcome::Busy,
        other => return Err(Error::bug(format!("outcome {other:?}"))),
    })
}
