//! `POST /v1/heartbeats`: many at once, of the caller, or of anybody for a trusted backend.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Edge,
    body::BatchBody,
    path,
    problem::Problem,
    sessions::{self, LeaseBody},
    state::StateBody,
};
use crate::{
    auth::{Caller, SCOPE_WRITE},
    domain::{Beat, BeatKey, limits::BATCH_ITEMS_MAX},
    error::{Error, Result},
};

/// The body: up to 1000 items, each checked on its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    items: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
struct Key {
    room_id: String,
    session_id: String,
    user_id: Option<String>,
}

/// Each item as the single call would answer, or a problem.
#[derive(Debug, Serialize)]
pub struct Response {
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Item {
    Lease(LeaseBody),
    Problem(Problem),
}

/// Joins or renews many.
pub async fn post(
    State(edge): State<Edge>,
    caller: Caller,
    BatchBody(request): BatchBody<Request>,
) -> Result<Json<Response>> {
    if request.items.len() > BATCH_ITEMS_MAX {
        return Err(Error::Invalid(format!(
            "items must have at most {BATCH_ITEMS_MAX} elements"
        )));
    }
    let beats: Vec<Result<Beat>> = request
        .items
        .iter()
        .map(|item| beat(&edge, &caller, item))
        .collect();
    let good = beats
        .iter()
        .filter_map(|beat| beat.as_ref().ok().cloned())
        .collect();
    let mut outcomes = edge.beats.submit_all(good).await.into_iter();
    let items = beats
        .into_iter()
        .map(|beat| {
            let answer = beat.and_then(|beat| {
                let outcome = outcomes
                    .next()
                    .unwrap_or_else(|| Err(Error::bug("an item without an outcome")))?;
                sessions::answer(&edge, &beat.key, outcome)
            });
            answer.map_or_else(|error| Item::Problem(Problem::from(error)), Item::Lease)
        })
        .collect();
    Ok(Json(Response { items }))
}

/// The ids are read apart from the state, so that both keep their own checks of unknown fields.
fn beat(edge: &Edge, caller: &Caller, item: &RawValue) -> Result<Beat> {
    let invalid = |why: serde_json::Error| Error::Invalid(format!("the item: {why}"));
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(item.get()).map_err(invalid)?;
    let mut ids = serde_json::Map::new();
    for name in ["room_id", "session_id", "user_id"] {
        ids.extend(fields.remove(name).map(|value| (name.to_owned(), value)));
    }
    let key: Key = serde_json::from_value(ids.into()).map_err(invalid)?;
    let state: StateBody =
        serde_json::from_str(&serde_json::Value::from(fields).to_string()).map_err(invalid)?;
    let state = state.check()?;
    let user = match key.user_id {
        None => caller.user_id.clone(),
        Some(user) => path::user(&user, edge.ids)?,
    };
    if user != caller.user_id {
        caller.require(SCOPE_WRITE)?;
    }
    let key = BeatKey {
        room: path::room(&key.room_id, edge.ids)?,
        user,
        session: path::session(&key.session_id)?,
    };
    edge.rates.check(caller)?;
    Ok(Beat { key, state })
}
