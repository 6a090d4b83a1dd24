//! `GET /openapi.json`: the contract of HTTP, made of the handlers' own words, types and refusals.
//!
//! What stands beside each handler is its path, its parameters, what it answers where all is well, and the words of
//! `x-problems`; `complete` puts in what follows by rule: path parameters, refusals, headers. It never describes what no
//! handler does: a test drives every path of it against a node.

mod complete;
pub mod docs;
mod problems;

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use utoipa::OpenApi;

use super::{
    admin, heartbeats, history, leave, me, metrics, notifications, operations, rooms, sessions, stream,
    tickets, views, watches,
};
use crate::hub::frame;

const ABOUT: &str = "\
Who is here, right now, from the Postgres that you already have.

Ids are opaque strings, percent-encoded in paths. Times are UTC with milliseconds, by the database's clock. A read after \
an answered write sees it, on any node. Every refusal is a problem (RFC 9457) whose `type` is the word to compare; an \
unknown path is `not-found`, a wrong method `method-not-allowed` with `Allow`.

Every answer carries `Cache-Control` and `X-Request-Id`; a caller's own of 8 to 128 letters, digits, `-`, `_` and `.` is kept.";

#[derive(OpenApi)]
#[openapi(
    info(title = "pg-presence", description = ABOUT),
    servers((url = "/", description = "Where this document was read.")),
    paths(
        sessions::put, sessions::delete, heartbeats::post, leave::post, me::delete_sessions,
        watches::list, watches::put, watches::delete, notifications::list, notifications::read,
        me::put_status, me::get_status, me::delete_status,
        rooms::counts, rooms::snapshot, rooms::activities, views::event, views::user,
        history::visits, history::room_activity, history::event_activity,
        stream::get, tickets::post,
        admin::delete_member, admin::delete_presence,
        operations::livez, operations::readyz, metrics::get, get, docs::get,
    ),
    components(schemas(
        heartbeats::Key, frame::Ready<'static>, frame::DiffBody<'static>, frame::Count<'static>,
        frame::Revoked<'static>, frame::Bye<'static>, frame::Nothing,
    )),
    tags(
        (name = "Sessions", description = "Being there: one tab or device of one user in one room, for as long as it says so."),
        (name = "Reading", description = "Who is there, as far as the caller may see it."),
        (name = "Watches", description = "Being told when somebody comes online."),
        (name = "History", description = "Who was there, and how many, as far as the caller may see the rooms."),
        (name = "Streams", description = "The same as server-sent events, with every change."),
        (name = "Administration", description = "For tokens with the scope `presence:admin`."),
        (name = "Operations", description = "For whoever runs this."),
    )
)]
struct Api;

/// The document, as JSON.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let bare = serde_json::to_value(Api::openapi()).expect("a document of strings and numbers");
        complete::completed(bare)
    });
    &DOCUMENT
}

/// Paths in the order of the list above, which JSON objects do not keep.
fn paths() -> Vec<String> {
    Api::openapi().paths.paths.into_keys().collect()
}

/// The document, as `pg-presence openapi` prints it.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let pretty = serde_json::to_string_pretty(document()).expect("it was JSON before");
        pretty + "\n"
    });
    &TEXT
}

/// Reads this document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "Operations", security(()),
    responses((status = 200, description = "OpenAPI 3.1.", body = Object))
)]
pub async fn get() -> Response {
    let json = HeaderValue::from_static("application/json");
    let check = HeaderValue::from_static("no-cache");
    (
        [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, check)],
        text(),
    )
        .into_response()
}
