//! History over HTTP: who was where, what became of the last hours, what people are at; and its erasure.

mod access;
mod activity;
mod erasure;
mod pages;

use reqwest::StatusCode;
use serde_json::Value;
use tokio_postgres::Client as Postgres;

use crate::support::{client::Client, sql::as_owner};

/// Visits that ended, as if they had been: room, user, and minutes before now at which each began and ended.
async fn past(admin: &Postgres, visits: &[(&str, &str, i64, i64)]) {
    let rows: Vec<String> = visits
        .iter()
        .map(|(room, user, began, ended)| {
            format!(
                "(now() - interval '{began} minutes', now() - interval '{ended} minutes', '{room}', '{user}', 'left')"
            )
        })
        .collect();
    let sql = format!(
        "insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason) values {};
         insert into presence_private.last_seen as l (last_seen_at, since, room_id, user_id, reason)
         select distinct on (v.room_id, v.user_id) v.ended_at, v.began_at, v.room_id, v.user_id, v.reason
           from presence_private.visit v order by v.room_id, v.user_id, v.ended_at desc
             on conflict do nothing",
        rows.join(", ")
    );
    as_owner(admin, &sql).await;
}

/// An answer that is there.
async fn ok(client: &Client, path: &str) -> Value {
    let (status, body) = client.get(path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// A field of each in a list.
fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let all = list.as_array().expect("a list").iter();
    all.map(|one| one[field].as_str().unwrap_or("-")).collect()
}
