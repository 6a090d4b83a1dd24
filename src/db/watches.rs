//! Watches, notifications, and what a node does so that somebody is told.

use std::time::Duration;

use tokio_postgres::Row;

use super::{
    Db,
    rows::{get, stamp, user_id},
};
use crate::{
    domain::{
        EventId, RoomId, Stamp, UserId,
        notice::{Notification, Untold, Watch},
    },
    error::{Error, Result},
};

impl Db {
    /// `presence.watch`: since when, and when it ends by itself. `until`: for how long, where it does.
    pub async fn watch(
        &self,
        watcher: &UserId,
        user: &UserId,
        room: Option<&RoomId>,
        quiet: Duration,
        until: Option<Duration>,
    ) -> Result<(Stamp, Option<Stamp>)> {
        let sql = "select presence.watch($1::text::presence.user_id, $2::text::presence.user_id, \
                   $3::text::presence.room_id, $4::text::interval, u.until_at) as created_at, u.until_at \
                   from (select statement_timestamp() + $5::text::interval as until_at) u";
        let interval = |lasts: Duration| format!("{} milliseconds", lasts.as_millis());
        let (quiet, until) = (interval(quiet), until.map(interval));
        let room = room.map(RoomId::as_str);
        let row = self
            .query_one(sql, &[&watcher.as_str(), &user.as_str(), &room, &quiet, &until])
            .await?;
        Ok((moment(&row, "created_at")?, stamp(&row, "until_at")?))
    }

    /// `presence.unwatch`; also fine where there was no such watch.
    pub async fn unwatch(&self, watcher: &UserId, user: &UserId) -> Result<()> {
        let sql = "select presence.unwatch($1::text::presence.user_id, $2::text::presence.user_id)";
        self.query(sql, &[&watcher.as_str(), &user.as_str()])
            .await
            .map(drop)
    }

    /// `presence.watches_of`, by user id.
    pub async fn watches(&self, watcher: &UserId) -> Result<Vec<Watch>> {
        let sql = "select user_id::text, name, avatar_url, online, room_id::text, \
                   (extract(epoch from quiet) * 1000)::bigint as quiet_ms, until_at, created_at \
                   from presence.watches_of($1::text::presence.user_id)";
        let rows = self.query(sql, &[&watcher.as_str()]).await?;
        rows.iter()
            .map(|row| {
                Ok(Watch {
                    user_id: user_id(row)?,
                    name: get(row, "name")?,
                    avatar_url: get(row, "avatar_url")?,
                    online: get(row, "online")?,
                    room_id: get::<Option<&str>>(row, "room_id")?.map(RoomId::trusted),
                    quiet_ms: get(row, "quiet_ms")?,
                    until_at: stamp(row, "until_at")?,
                    created_at: moment(row, "created_at")?,
                })
            })
            .collect()
    }

    /// `presence.notifications_of`: the latest first, at most `max_rows`, of before the id `before`.
    pub async fn notifications(
        &self,
        watcher: &UserId,
        max_rows: i32,
        before: Option<i64>,
        unread: bool,
    ) -> Result<Vec<Notification>> {
        let sql = "select notification_id, kind, user_id::text, name, avatar_url, room_id::text, event_id::text, at, read_at \
                   from presence.notifications_of($1::text::presence.user_id, $2, $3, $4)";
        let rows = self
            .query(sql, &[&watcher.as_str(), &max_rows, &before, &unread])
            .await?;
        rows.iter().map(notification).collect()
    }

    /// `presence.unread_notifications`: how many.
    pub async fn unread_notifications(&self, watcher: &UserId) -> Result<i64> {
        let sql = "select presence.unread_notifications($1::text::presence.user_id)";
        let row = self.query_one(sql, &[&watcher.as_str()]).await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.read_notifications`: these, or all where none are named; how many are still unread.
    pub async fn read_notifications(&self, watcher: &UserId, ids: Option<&[i64]>) -> Result<i64> {
        let sql = "select presence.read_notifications($1::text::presence.user_id, $2::bigint[])";
        let row = self.query_one(sql, &[&watcher.as_str(), &ids]).await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.expand_edges`: how many joins and leaves it took, at most `rows_max`, -1 while another node is at it; none
    /// where nobody wants to be told of any. `grace`: who is away for less was not away.
    pub async fn expand_edges(&self, rows_max: i32, grace: Duration) -> Result<Option<i32>> {
        let sql = "select presence.expand_edges($1, $2::text::interval)";
        let grace = format!("{} milliseconds", grace.as_millis());
        let row = self.query_one(sql, &[&rows_max, &grace]).await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// `presence.untold`: what waits to be told.
    pub async fn untold(&self) -> Result<Untold> {
        let sql = "select edges, oldest_ms, deliveries from presence.untold()";
        let row = self.query_one(sql, &[]).await?;
        Ok(Untold {
            edges: get(&row, "edges")?,
            oldest_ms: get(&row, "oldest_ms")?,
            deliveries: get(&row, "deliveries")?,
        })
    }

    /// `presence.last_notification`: the latest of all; 0 where there is none.
    pub async fn last_notification(&self) -> Result<i64> {
        let sql = "select presence.last_notification()";
        self.query_one(sql, &[]).await?.try_get(0).map_err(Error::bug)
    }

    /// `presence.notified_since`: the next notifications after one, and whom each is for.
    pub async fn notified_since(&self, seen: i64) -> Result<Vec<(i64, UserId)>> {
        let sql = "select notification_id, watcher_id::text as user_id from presence.notified_since($1)";
        let rows = self.query(sql, &[&seen]).await?;
        rows.iter()
            .map(|row| Ok((get(row, "notification_id")?, user_id(row)?)))
            .collect()
    }

    /// `presence.new_notifications`: what they say, each with whom it is for; without those that are not to be told now.
    pub async fn new_notifications(&self, ids: &[i64]) -> Result<Vec<(UserId, Notification)>> {
        let sql = "select notification_id, kind, watcher_id::text, user_id::text, name, avatar_url, room_id::text, event_id::text, \
                   at, read_at from presence.new_notifications($1)";
        let rows = self.query(sql, &[&ids]).await?;
        rows.iter()
            .map(|row| {
                let watcher = UserId::trusted(get::<&str>(row, "watcher_id")?);
                Ok((watcher, notification(row)?))
            })
            .collect()
    }
}

fn moment(row: &Row, column: &str) -> Result<Stamp> {
    stamp(row, column)?.ok_or_else(|| Error::bug(format!("no {column}")))
}

fn notification(row: &Row) -> Result<Notification> {
    Ok(Notification {
        id: get::<i64>(row, "notification_id")?.to_string(),
        kind: get(row, "kind")?,
        user_id: user_id(row)?,
        name: get(row, "name")?,
        avatar_url: get(row, "avatar_url")?,
        room_id: RoomId::trusted(get::<&str>(row, "room_id")?),
        event_id: get::<Option<&str>>(row, "event_id")?.map(EventId::trusted),
        at: moment(row, "at")?,
        read_at: stamp(row, "read_at")?,
    })
}
