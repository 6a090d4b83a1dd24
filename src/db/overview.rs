//! What operators see: nodes that tell of themselves, and the whole of presence in numbers and names.

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;

use super::{
    Db,
    rows::{get, stamp, status, user_id},
};
use crate::{
    domain::{
        EventId, RoomId, Stamp, UserId,
        overview::{Holder, MemberRow, NodeRow, Overview, Reason, RoomRow, Server},
    },
    error::{Error, Result},
};

/// With the login's own rights, which may see more of others' transactions than the owner of presence does.
const SERVER: &str = "\
select current_setting('server_version') as version,
       (extract(epoch from clock_timestamp() - pg_postmaster_start_time()) * 1000)::bigint as uptime_ms,
       pg_notification_queue_usage() as notify_queue, h.kind, h.age, h.open_ms, h.whose
  from (select) one
  left join (
      select 'transaction' as kind, age(a.backend_xmin)::bigint as age,
             (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::bigint as open_ms,
             'pid ' || a.pid || coalesce(' of ' || a.usename::text, '') || coalesce(' (' || nullif(a.application_name, '') || ')', '') as whose
        from pg_stat_activity a
       where a.backend_xmin is not null and a.pid <> pg_backend_pid()
         and (a.backend_type = 'client backend' and a.datname = current_database() or a.backend_type = 'walsender')
       union all
      select 'prepared transaction', age(x.transaction)::bigint,
             (extract(epoch from clock_timestamp() - x.prepared) * 1000)::bigint, x.gid || ' of ' || x.owner::text
        from pg_prepared_xacts x where x.database = current_database()
       union all
      select 'replication slot', age(s.xmin)::bigint, null, s.slot_name::text
        from pg_replication_slots s where s.xmin is not null
       order by 2 desc, 3 desc nulls last limit 1) h on true";

impl Db {
    /// `presence.node_beat`. `figures`: at most 8 KiB as JSON.
    pub async fn node_beat(&self, node: &str, version: &str, uptime_ms: i64, figures: &Value) -> Result<()> {
        let sql = "select presence.node_beat($1, $2, $3, $4::text::jsonb)";
        let figures = figures.to_string();
        self.query(sql, &[&node, &version, &uptime_ms, &figures]).await?;
        Ok(())
    }

    /// `presence.node_gone`.
    pub async fn node_gone(&self, node: &str) -> Result<()> {
        self.query("select presence.node_gone($1)", &[&node]).await?;
        Ok(())
    }

    /// `presence.overview`.
    pub async fn overview(&self) -> Result<Overview> {
        let sql = "select at, epoch, rooms, members, people, sessions, overdue, overdue_ms, reaped_ms, evictions, \
                   last_minute::text from presence.overview()";
        let row = self.query_one(sql, &[]).await?;
        Ok(Overview {
            at: Stamp(get::<OffsetDateTime>(&row, "at")?),
            epoch: get(&row, "epoch")?,
            rooms: get(&row, "rooms")?,
            members: get(&row, "members")?,
            people: get(&row, "people")?,
            sessions: get(&row, "sessions")?,
            overdue: get(&row, "overdue")?,
            overdue_ms: get(&row, "overdue_ms")?,
            reaped_ms: get(&row, "reaped_ms")?,
            evictions: get(&row, "evictions")?,
            last_minute: json(&row, "last_minute")?,
        })
    }

    /// `presence.overview_nodes`.
    pub async fn overview_nodes(&self) -> Result<Vec<NodeRow>> {
        let sql = "select node_id, version, uptime_ms, seen_ms, figures::text from presence.overview_nodes()";
        let rows = self.query(sql, &[]).await?;
        rows.iter()
            .map(|row| {
                Ok(NodeRow {
                    node_id: get(row, "node_id")?,
                    version: get(row, "version")?,
                    uptime_ms: get(row, "uptime_ms")?,
                    seen_ms: get(row, "seen_ms")?,
                    figures: json(row, "figures")?,
                })
            })
            .collect()
    }

    /// `presence.overview_rooms`: the fullest.
    pub async fn overview_rooms(&self, max_rows: i32) -> Result<Vec<RoomRow>> {
        let sql = "select room_id::text, name, kind, event_id::text, members, sessions from presence.overview_rooms($1)";
        let rows = self.query(sql, &[&max_rows]).await?;
        rows.iter()
            .map(|row| {
                Ok(RoomRow {
                    room_id: RoomId::trusted(get::<&str>(row, "room_id")?),
                    name: get(row, "name")?,
                    kind: get(row, "kind")?,
                    event_id: get::<Option<&str>>(row, "event_id")?.map(EventId::trusted),
                    members: get::<i32>(row, "members")?.into(),
                    sessions: get::<Option<i64>>(row, "sessions")?.unwrap_or_default(),
                })
            })
            .collect()
    }

    /// `presence.overview_members`: the latest first, of one room or of all.
    pub async fn overview_members(&self, room: Option<&RoomId>, max_rows: i32) -> Result<Vec<MemberRow>> {
        let sql = "select room_id::text, user_id::text, name, status, status_until, message, activity, joined_at, sessions \
                   from presence.overview_members($1::text::presence.room_id, $2)";
        let rows = self.query(sql, &[&room.map(RoomId::as_str), &max_rows]).await?;
        rows.iter()
            .map(|row| {
                Ok(MemberRow {
                    room_id: RoomId::trusted(get::<&str>(row, "room_id")?),
                    user_id: user_id(row)?,
                    name: get(row, "name")?,
                    status: status(row, "status")?.ok_or_else(|| Error::bug("a member without a status"))?,
                    status_until: stamp(row, "status_until")?,
                    message: get(row, "message")?,
                    activity: get(row, "activity")?,
                    joined_at: stamp(row, "joined_at")?
                        .ok_or_else(|| Error::bug("a member without a join"))?,
                    sessions: get::<i32>(row, "sessions")?.into(),
                })
            })
            .collect()
    }

    /// `presence.why`: every reason, held or not.
    pub async fn why(&self, user: &UserId, room: &RoomId) -> Result<Vec<Reason>> {
        let sql = "select reason, holds, detail \
                   from presence.why($1::text::presence.user_id, $2::text::presence.room_id)";
        let rows = self.query(sql, &[&user.as_str(), &room.as_str()]).await?;
        rows.iter()
            .map(|row| {
                Ok(Reason {
                    reason: get(row, "reason")?,
                    holds: get(row, "holds")?,
                    detail: get(row, "detail")?,
                })
            })
            .collect()
    }

    /// The server, as this login sees it.
    pub async fn server(&self) -> Result<Server> {
        let row = self.query_one(SERVER, &[]).await?;
        let kind: Option<String> = get(&row, "kind")?;
        Ok(Server {
            // Packagers say more behind it.
            version: get::<&str>(&row, "version")?.split(' ').take(1).collect(),
            uptime_ms: get(&row, "uptime_ms")?,
            notify_queue: get(&row, "notify_queue")?,
            xmin: match kind {
                None => None,
                Some(kind) => Some(Holder {
                    kind,
                    age: get(&row, "age")?,
                    open_ms: get(&row, "open_ms")?,
                    whose: get(&row, "whose")?,
                }),
            },
        })
    }
}

/// A column that holds JSON, as text.
fn json(row: &Row, column: &str) -> Result<Value> {
    serde_json::from_str(get::<&str>(row, column)?).map_err(Error::bug)
}
