//! What was, and how many are at what.

use time::OffsetDateTime;
use tokio_postgres::Row;

use super::{
    Db,
    rows::{get, stamp, user_id},
};
use crate::{
    domain::{
        EventId, RoomId, Stamp, UserId,
        history::{ActivePerson, ActiveRoom, Activity, ActivityCount, Peak, Point, Visit, VisitsQuestion},
    },
    error::{Error, Result},
};

impl Db {
    /// `presence.room_visits`; none where the viewer may not enter.
    pub async fn visits(
        &self,
        viewer: &UserId,
        room: &RoomId,
        asked: &VisitsQuestion,
    ) -> Result<Option<Vec<Visit>>> {
        let sql = "select user_id::text, name, avatar_url, began_at, ended_at, reason from presence.room_visits(\
                   $1::text::presence.user_id, $2::text::presence.room_id, $3::text::presence.user_id, $4, $5, $6, \
                   $7::text::presence.user_id, $8)";
        let moment = |stamp: Option<Stamp>| -> Option<OffsetDateTime> { stamp.map(|stamp| stamp.0) };
        let (since, until) = (moment(asked.since), moment(asked.until));
        let before_at = asked.after.as_ref().map(|(at, _)| at.0);
        let before_user = asked.after.as_ref().map(|(_, user)| user.as_str());
        let visitor = asked.user.as_ref().map(UserId::as_str);
        let rows = self
            .query(
                sql,
                &[
                    &viewer.as_str(),
                    &room.as_str(),
                    &visitor,
                    &since,
                    &until,
                    &before_at,
                    &before_user,
                    &asked.limit,
                ],
            )
            .await?;
        present(&rows, "user_id", visit)
    }

    /// `presence.event_activity`; none where there is nothing that the viewer may see.
    pub async fn event_activity(
        &self,
        viewer: &UserId,
        event: &EventId,
        hours: i32,
    ) -> Result<Option<Activity>> {
        let sql = "select kind, room_id::text, room_name, user_id::text, name, avatar_url, last_seen_at, online, at, \
                   online_count, average, active_users \
                   from presence.event_activity($1::text::presence.user_id, $2::text::presence.event_id, $3)";
        activity(
            &self
                .query(sql, &[&viewer.as_str(), &event.as_str(), &hours])
                .await?,
        )
    }

    /// `presence.room_activity`; none where the viewer may not enter.
    pub async fn room_activity(
        &self,
        viewer: &UserId,
        room: &RoomId,
        hours: i32,
    ) -> Result<Option<Activity>> {
        let sql = "select kind, room_id::text, room_name, user_id::text, name, avatar_url, last_seen_at, online, at, \
                   online_count, average, active_users \
                   from presence.room_activity($1::text::presence.user_id, $2::text::presence.room_id, $3)";
        activity(
            &self
                .query(sql, &[&viewer.as_str(), &room.as_str(), &hours])
                .await?,
        )
    }

    /// `presence.activity_counts`; none where the viewer may not enter.
    pub async fn activity_counts(
        &self,
        viewer: &UserId,
        room: &RoomId,
    ) -> Result<Option<Vec<ActivityCount>>> {
        let sql = "select activity, online_count from presence.activity_counts(\
                   $1::text::presence.room_id, $2::text::presence.user_id)";
        let rows = self.query(sql, &[&room.as_str(), &viewer.as_str()]).await?;
        present(&rows, "activity", |row| {
            Ok(ActivityCount {
                activity: get(row, "activity")?,
                online_count: get::<i32>(row, "online_count")?.into(),
            })
        })
    }
}

/// No row: nothing may be seen. One row where this column is null: there is nothing.
fn present<T>(rows: &[Row], column: &str, read: impl Fn(&Row) -> Result<T>) -> Result<Option<Vec<T>>> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    if get::<Option<&str>>(first, column)?.is_none() {
        return Ok(Some(vec![]));
    }
    rows.iter().map(read).collect::<Result<_>>().map(Some)
}

fn visit(row: &Row) -> Result<Visit> {
    Ok(Visit {
        user_id: user_id(row)?,
        name: get(row, "name")?,
        avatar_url: get(row, "avatar_url")?,
        began_at: moment(row, "began_at")?,
        ended_at: stamp(row, "ended_at")?,
        reason: get(row, "reason")?,
    })
}

fn activity(rows: &[Row]) -> Result<Option<Activity>> {
    let kind = |row: &Row| get::<String>(row, "kind");
    let Some(whole) = rows.first() else {
        return Ok(None);
    };
    let mut all = Activity {
        active_users: get::<i32>(whole, "active_users")?.into(),
        people: vec![],
        peak: peak(whole)?,
        average: get(whole, "average")?,
        occupancy: vec![],
        rooms: vec![],
    };
    for row in &rows[1..] {
        match kind(row)?.as_str() {
            "room" => all.rooms.push(ActiveRoom {
                room_id: RoomId::trusted(get::<&str>(row, "room_id")?),
                name: get(row, "room_name")?,
                active_users: get::<i32>(row, "active_users")?.into(),
                peak: peak(row)?,
                average: get(row, "average")?,
            }),
            "person" => all.people.push(ActivePerson {
                user_id: user_id(row)?,
                name: get(row, "name")?,
                avatar_url: get(row, "avatar_url")?,
                last_seen_at: stamp(row, "last_seen_at")?,
                online: get(row, "online")?,
            }),
            "point" => all.occupancy.push(Point {
                at: moment(row, "at")?,
                online_count: get::<i32>(row, "online_count")?.into(),
            }),
            other => return Err(Error::bug(format!("a row of kind {other:?}"))),
        }
    }
    Ok(Some(all))
}

fn peak(row: &Row) -> Result<Peak> {
    Ok(Peak {
        online_count: get::<i32>(row, "online_count")?.into(),
        at: stamp(row, "at")?,
    })
}

fn moment(row: &Row, column: &str) -> Result<Stamp> {
    stamp(row, column)?.ok_or_else(|| Error::bug(format!("{column} is not there")))
}
