//! Sidebar, dashboard, one person: rows of SQL functions, folded into the shape of their screens.

use std::collections::{BTreeMap, btree_map::Entry};

use tokio_postgres::Row;

use super::{
    Db,
    rows::{get, member, stamp, status, user_id},
};
use crate::{
    domain::{
        EventId, RoomId, UserId,
        view::{EventRoom, EventView, Person, RoomCount, UserRoom, UserView, speaking, weightiest},
    },
    error::Result,
};

const EVENT: &str = "\
select event_name, coordinator_id::text, online_count, room_id::text, room_name, kind, room_online_count, user_id::text,
       name, avatar_url, role, online, status, status_until, message, activity, data::text, joined_at, last_seen_at
  from presence.event_snapshot($1::text::presence.user_id, $2::text::presence.event_id)";

impl Db {
    /// `presence.room_counts`; all rooms of the viewer where none are named.
    pub async fn room_counts(&self, viewer: &UserId, rooms: Option<&[RoomId]>) -> Result<Vec<RoomCount>> {
        let sql = "select room_id::text, name, kind, event_id::text, online_count \
                   from presence.room_counts($1::text::presence.user_id, $2::text[]::presence.room_id[])";
        let rooms: Option<Vec<&str>> = rooms.map(|rooms| rooms.iter().map(RoomId::as_str).collect());
        let rows = self.query(sql, &[&viewer.as_str(), &rooms]).await?;
        rows.iter()
            .map(|row| {
                Ok(RoomCount {
                    room_id: RoomId::trusted(get::<&str>(row, "room_id")?),
                    name: get(row, "name")?,
                    kind: get(row, "kind")?,
                    event_id: get::<Option<&str>>(row, "event_id")?.map(EventId::trusted),
                    online_count: get::<i32>(row, "online_count")?.into(),
                })
            })
            .collect()
    }

    /// `presence.event_snapshot`; none where there is nothing that the viewer may see.
    pub async fn event(&self, viewer: &UserId, event: &EventId) -> Result<Option<EventView>> {
        let rows = self.query(EVENT, &[&viewer.as_str(), &event.as_str()]).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let mut view = EventView {
            event_id: event.clone(),
            name: get(first, "event_name")?,
            coordinator_id: get::<Option<&str>>(first, "coordinator_id")?.map(UserId::trusted),
            online_count: get::<i32>(first, "online_count")?.into(),
            people: vec![],
            rooms: vec![],
        };
        let mut people = BTreeMap::new();
        for row in &rows {
            add_room(&mut view.rooms, row)?;
            if get::<Option<&str>>(row, "user_id")?.is_some() {
                add_person(&mut people, row)?;
            }
        }
        view.people = people.into_values().collect();
        Ok(Some(view))
    }

    /// `presence.where_now`; none where nobody by that id shares a room with the viewer.
    pub async fn user(&self, viewer: &UserId, user: &UserId) -> Result<Option<UserView>> {
        let sql = "select name, avatar_url, room_id::text, online, status, last_seen_at \
                   from presence.where_now($1::text::presence.user_id, $2::text::presence.user_id)";
        let rows = self.query(sql, &[&viewer.as_str(), &user.as_str()]).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let mut view = UserView {
            user_id: user.clone(),
            name: get(first, "name")?,
            avatar_url: get(first, "avatar_url")?,
            online: false,
            status: None,
            last_seen_at: None,
            rooms: vec![],
            shared: vec![],
        };
        for row in &rows {
            view.shared
                .extend(get::<Option<&str>>(row, "room_id")?.map(RoomId::trusted));
            view.last_seen_at = view.last_seen_at.max(stamp(row, "last_seen_at")?);
            if let (Some(room), Some(status)) = (get::<Option<&str>>(row, "room_id")?, status(row, "status")?)
            {
                view.rooms.push(UserRoom {
                    room_id: RoomId::trusted(room),
                    status,
                });
            }
        }
        view.online = !view.rooms.is_empty();
        view.status = speaking(view.rooms.iter().map(|room| room.status));
        Ok(Some(view))
    }
}

/// Rows come room by room.
fn add_room(rooms: &mut Vec<EventRoom>, row: &Row) -> Result<()> {
    let room_id = get::<&str>(row, "room_id")?;
    if rooms.last().is_none_or(|last| last.room_id.as_str() != room_id) {
        rooms.push(EventRoom {
            room_id: RoomId::trusted(room_id),
            name: get(row, "room_name")?,
            kind: get(row, "kind")?,
            online_count: get::<i32>(row, "room_online_count")?.into(),
            members: vec![],
        });
    }
    if let Some(room) = rooms.last_mut()
        && get::<bool>(row, "online")?
    {
        room.members.push(member(row)?);
    }
    Ok(())
}

fn add_person(people: &mut BTreeMap<UserId, Person>, row: &Row) -> Result<()> {
    let here = Person {
        user_id: user_id(row)?,
        name: get(row, "name")?,
        avatar_url: get(row, "avatar_url")?,
        role: get(row, "role")?,
        online: get(row, "online")?,
        status: status(row, "status")?,
        last_seen_at: stamp(row, "last_seen_at")?,
    };
    match people.entry(here.user_id.clone()) {
        Entry::Vacant(place) => drop(place.insert(here)),
        Entry::Occupied(mut place) => {
            let known = place.get_mut();
            known.online |= here.online;
            known.status = speaking(known.status.into_iter().chain(here.status));
            known.last_seen_at = known.last_seen_at.max(here.last_seen_at);
            let roles = known.role.iter().chain(&here.role).map(String::as_str);
            known.role = weightiest(roles).map(str::to_owned);
        }
    }
    Ok(())
}
