//! The rules of presence in SQL, at moments that the test names: seconds after an origin.

use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::db::TestDb;

const BEAT: &str = "\
select coalesce(b.status, b.outcome)
  from (select $4::text::jsonb as said) j,
       presence_private.apply_beats(
           array[$1::text]::presence.room_id[], array[$2::text]::presence.user_id[], array[$3::uuid],
           array[said ->> 'status'], array[(said ->> 'status_ttl')::interval], array[said ->> 'message'],
           array[said ->> 'activity'], array[said -> 'data'], array[(said ->> 'seq')::bigint],
           renew_only => false, wait => true,
           at_time => $5::text::timestamptz + $6::float8 * interval '1 second') b";

const LEAVE: &str = "\
select outcome
  from presence_private.end_sessions(
           array[$1::text]::presence.room_id[], array[$2::text]::presence.user_id[], array[$3::uuid], array[$4::bigint],
           wait => true, at_time => $5::text::timestamptz + $6::float8 * interval '1 second')";

const SHOWN: &str = "\
select jsonb_build_object('status', m.status, 'message', m.message, 'activity', m.activity, 'data', m.data,
                          'sessions', m.sessions,
                          'until', extract(epoch from m.status_until - $3::text::timestamptz)::integer,
                          'joined', extract(epoch from m.joined_at - $3::text::timestamptz)::integer)::text
  from presence_private.member m
 where m.room_id::text = $1 and m.user_id::text = $2";

/// One tab of a user in a room.
#[derive(Debug, Clone)]
pub struct Tab {
    /// Where.
    pub room: &'static str,
    /// Whose.
    pub user: &'static str,
    /// Its session id.
    pub id: Uuid,
}

impl Tab {
    /// A new one.
    pub fn new(room: &'static str, user: &'static str) -> Self {
        let id = Uuid::new_v4();
        Self { room, user, id }
    }
}

/// A superuser's view of one database, and its time.
#[derive(Debug)]
pub struct Scene {
    sql: Client,
    origin: String,
}

impl Scene {
    /// Begins in an hour: a server that was started a moment ago ends no lease yet.
    pub async fn open(db: &TestDb) -> Self {
        Self::open_at(db, "statement_timestamp() + interval '1 hour'").await
    }

    /// Begins at this moment, an SQL expression.
    pub async fn open_at(db: &TestDb, origin: &str) -> Self {
        let sql = db.admin().await;
        let row = sql.query_one(&format!("select ({origin})::text"), &[]).await;
        let origin = row.expect("a moment").get(0);
        Self { sql, origin }
    }

    /// The connection.
    pub fn sql(&self) -> &Client {
        &self.sql
    }

    /// A heartbeat with the fields of `presence.heartbeat`: the status that it is answered with, or why it is refused.
    pub async fn beat(&self, at: f64, tab: &Tab, said: Value) -> String {
        let said = said.to_string();
        let row = self
            .sql
            .query_one(BEAT, &[&tab.room, &tab.user, &tab.id, &said, &self.origin, &at])
            .await;
        row.expect("a heartbeat has one outcome").get(0)
    }

    /// A leave: `left` or `nothing`.
    pub async fn leave(&self, at: f64, tab: &Tab, seq: Option<i64>) -> String {
        let row = self
            .sql
            .query_one(LEAVE, &[&tab.room, &tab.user, &tab.id, &seq, &self.origin, &at])
            .await;
        row.expect("a leave has one outcome").get(0)
    }

    /// What a user says for all rooms, as in `presence.set_status`; `until` in seconds after the origin.
    pub async fn set_own_status(
        &self,
        at: f64,
        user: &str,
        status: Option<&str>,
        until: Option<f64>,
        message: Option<&str>,
    ) {
        let sql = "select presence_private.set_own_status($1::text::presence.user_id, $2, \
                   $5::text::timestamptz + $3::float8 * interval '1 second', $4, true, \
                   at_time => $5::text::timestamptz + $6::float8 * interval '1 second')";
        let done = self
            .sql
            .execute(sql, &[&user, &status, &until, &message, &self.origin, &at])
            .await;
        done.expect("a status is set");
    }

    /// How many sessions the reaper ended. Where a day begins it makes room for history first, in a call of its own.
    pub async fn reap(&self, at: f64) -> i32 {
        let sql = "select presence_private.reap_sessions(5000, $1::text::timestamptz + $2::float8 * interval '1 second')";
        let mut ended = 0;
        for _ in 0..2 {
            if ended == 0 {
                let row = self.sql.query_one(sql, &[&self.origin, &at]).await;
                ended = row.expect("the reaper answers").get(0);
            }
        }
        ended
    }

    /// The log of a room: `<revision> <user> <what>[ <reason>]`.
    pub async fn changes(&self, room: &str) -> Vec<String> {
        let sql = "select concat_ws(' ', revision, user_id, what, reason) from presence_private.change \
                   where room_id::text = $1 order by revision, user_id";
        let rows = self.sql.query(sql, &[&room]).await.expect("the log is read");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// What people see of a member, with times in seconds after the origin; null: nobody.
    pub async fn shown(&self, tab: &Tab) -> Value {
        let row = self
            .sql
            .query_opt(SHOWN, &[&tab.room, &tab.user, &self.origin])
            .await;
        let text = row.expect("members are read").map(|row| row.get::<_, String>(0));
        text.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"))
    }

    /// `<seconds after the origin>[ <reason>]`.
    pub async fn last_seen(&self, tab: &Tab) -> String {
        let sql = "select concat_ws(' ', extract(epoch from last_seen_at - $3::text::timestamptz)::integer, reason) \
                   from presence.last_seen where room_id::text = $1 and user_id::text = $2";
        let row = self
            .sql
            .query_one(sql, &[&tab.room, &tab.user, &self.origin])
            .await;
        row.expect("was seen").get(0)
    }

    /// When a lease ends, in seconds after the origin.
    pub async fn expires_at(&self, tab: &Tab) -> f64 {
        let sql = "select extract(epoch from expires_at - $2::text::timestamptz)::float8 \
                   from presence_private.session where session_id = $1";
        let row = self.sql.query_one(sql, &[&tab.id, &self.origin]).await;
        row.expect("one lease").get(0)
    }

    /// The SQLSTATE that a statement fails with; none if it does not.
    pub async fn refusal(&self, statement: &str) -> Option<String> {
        let error = self.sql.batch_execute(statement).await.err()?;
        Some(error.code().expect("an error of Postgres").code().to_owned())
    }
}
