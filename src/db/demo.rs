//! What the page of `dev` asks of the reference application: people for a crowd, and a room as SQL sees it.
//! Nothing of it is called under `serve`.

use tokio_postgres::Row;

use super::{Db, rows::get};
use crate::{
    domain::RoomId,
    error::{Error, Result},
};

/// The query that the page shows, and runs each second: presence joined with the application's own tables.
pub const LIVE: &str = "\
select u.name, p.role, m.status, m.sessions,
       date_trunc('second', now() - m.joined_at)::text as here_for,
       (select date_trunc('second', max(s.expires_at) - now())::text
          from presence.sessions s
         where s.room_id = m.room_id and s.user_id = m.user_id) as lease
  from presence.members m
  join event_app.users u on u.id = m.user_id
  join event_app.room_participants p on p.room_id = m.room_id and p.user_id = m.user_id
 where m.room_id = $1::text::presence.room_id
 order by m.joined_at, m.user_id
 limit 12";

/// Names repeat after 500, which is as many as there ever are.
const CROWD: &str = "\
with people as (
    select format('crowd-%s', lpad(n::text, 3, '0')) as id,
           (array['Ada', 'Bo', 'Cleo', 'Dina', 'Emil', 'Fay', 'Gus', 'Hana', 'Ivo', 'Jana', 'Kai', 'Lena', 'Milo', 'Nora',
                  'Otis', 'Pia', 'Quinn', 'Rosa', 'Sami', 'Tara', 'Uma', 'Vito', 'Wim', 'Yara', 'Zoe'])[1 + n % 25] || ' ' ||
           (array['Abel', 'Berg', 'Cole', 'Diaz', 'Egan', 'Fox', 'Gray', 'Holm', 'Ito', 'Jones', 'Klein', 'Lund', 'Mori',
                  'Nash', 'Olsen', 'Park', 'Reyes', 'Silva', 'Tran', 'Weber'])[1 + n / 25 % 20] as name
      from generate_series(1, $2::integer) n),
made as (insert into event_app.users (id, name) select id, name from people on conflict do nothing)
insert into event_app.room_participants (room_id, user_id) select $1::text::presence.room_id, id from people
    on conflict do nothing";

const SHRINK: &str = "\
delete from event_app.room_participants
 where room_id = $1::text::presence.room_id and user_id like 'crowd-%' and substr(user_id, 7)::integer > $2::integer";

const FORGET: &str = "\
delete from event_app.users u
 where u.id like 'crowd-%' and not exists (select from event_app.room_participants p where p.user_id = u.id)";

const SIZE: &str = "\
select count(*)::integer from event_app.room_participants
 where room_id = $1::text::presence.room_id and user_id like 'crowd-%'";

/// A member of a room, as [`LIVE`] shows it.
#[derive(Debug, serde::Serialize)]
pub struct LiveRow {
    name: String,
    role: String,
    status: String,
    sessions: i32,
    here_for: String,
    lease: Option<String>,
}

impl Db {
    /// How many simulated people take part in the room.
    pub async fn crowd_size(&self, room: &RoomId) -> Result<i32> {
        let row = self.query_one(SIZE, &[&room.as_str()]).await?;
        row.try_get(0).map_err(Error::bug)
    }

    /// Lets `crowd-001` to `crowd-<size>` take part in the room, and nobody beyond. Whoever is beyond has left before.
    pub async fn set_crowd(&self, room: &RoomId, size: i32) -> Result<()> {
        self.query(CROWD, &[&room.as_str(), &size]).await?;
        self.query(SHRINK, &[&room.as_str(), &size]).await?;
        self.query(FORGET, &[]).await?;
        Ok(())
    }

    /// What [`LIVE`] gives.
    pub async fn live_rows(&self, room: &RoomId) -> Result<Vec<LiveRow>> {
        let rows = self.query(LIVE, &[&room.as_str()]).await?;
        rows.iter().map(live_row).collect()
    }
}

fn live_row(row: &Row) -> Result<LiveRow> {
    Ok(LiveRow {
        name: get(row, "name")?,
        role: get(row, "role")?,
        status: get(row, "status")?,
        sessions: get(row, "sessions")?,
        here_for: get(row, "here_for")?,
        lease: get(row, "lease")?,
    })
}
