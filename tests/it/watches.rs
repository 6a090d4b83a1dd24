//! Being told when somebody comes online: what is written of joins and leaves, who is told of them, and by which ways.

mod crowds;
mod edges;
mod http;
mod kept;
mod streams;
mod telling;

use tokio_postgres::Client;

use crate::support::sql::{list, text};

/// `<watcher> <user> <room>` of all that was ever told, in that order.
async fn told(sql: &Client) -> Vec<String> {
    let told = "select concat_ws(' ', watcher_id, user_id, room_id) from presence.notifications order by notification_id";
    list(sql, told).await
}

/// Expands all that there is, as a node does; grace: 5 s.
async fn expand(sql: &Client) {
    loop {
        let took = text(sql, "select presence.expand_edges()::text").await;
        if took == "0" || took == "null" {
            return;
        }
        assert_ne!(took, "-1", "nobody else is at it");
    }
}
