//! A status that a user sets once for all rooms: shown at once, at every join, until it is over.

mod bad_input;
mod everywhere;
mod hidden;
mod model;
mod races;
mod transactions;

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client as Postgres;

use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
    stream::{Picture, Stream},
};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);
const PATH: &str = "/v1/me/status";

/// Two nodes of one database, which reap often.
async fn nodes(db: &TestDb) -> (TestApp, TestApp) {
    let url = service_url(db.url());
    (
        TestApp::start_with(&url, |settings| settings.reap = Duration::from_millis(100)).await,
        TestApp::start_with(&url, |settings| settings.reap = Duration::from_millis(100)).await,
    )
}

/// Sets it, and says what holds then.
async fn set(client: &Client, body: Value) -> Value {
    let (status, answer) = client.call(Method::PUT, PATH, Some(&body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

/// `<status> <message>` of a member; none: absent.
fn face(picture: &Picture, user: &str) -> Option<String> {
    let member = picture.members.get(user)?;
    let text = |field: &str| member[field].as_str().unwrap_or("-").to_owned();
    Some(format!("{} {}", text("status"), text("message")))
}

/// Reads until the member looks like this, or is absent.
async fn until(stream: &mut Stream, room: &str, user: &str, looks: Option<&str>) {
    let seen = stream
        .until(room, PATIENCE, |picture| face(picture, user).as_deref() == looks)
        .await;
    let is = face(&stream.picture(room), user);
    assert!(seen, "{user} in {room} is {is:?} and not {looks:?}");
    assert_eq!(stream.wrongs(), [""; 0]);
}

/// What is wrong with members and sessions: nothing, ever. Members that are not the merge of their sessions, and sessions
/// that do not agree with what their user says for all rooms.
async fn wrongs(admin: &Postgres) -> Vec<String> {
    let sql = "
        select m.room_id || '.' || m.user_id || ' is no merge of its sessions'
          from presence_private.member m
          left join lateral (
               select count(*)::integer as sessions,
                      (array_agg(s order by s.typing_until is null,
                                 array_position(array['busy', 'in_meeting', 'active', 'idle', 'away'], s.status),
                                 s.status_until desc nulls first, s.session_id))[1] as speaker,
                      (array_agg(s order by s.changed_at desc nulls last, s.session_id))[1] as teller
                 from presence_private.session s
                where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null) g on true
         where (m.sessions, m.status, m.message) is distinct from
               (g.sessions, case when (g.speaker).typing_until is null then (g.speaker).status else 'typing' end, (g.teller).message)
         union all
        select b.room_id || '.' || b.user_id || ' is behind'
          from (select distinct s.user_id from presence_private.session s) u
         cross join lateral presence_private.behind_own_status(array[u.user_id], statement_timestamp()) b";
    let rows = admin.query(sql, &[]).await.expect("SQL answers");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Nothing, in a call that says nothing.
fn nothing() -> Value {
    json!({"status": null, "status_until": null, "message": null})
}
