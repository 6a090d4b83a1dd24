//! `POST /v1/heartbeats`: many at once, of the caller, or of anybody for a trusted backend.

use std::{collections::BTreeMap, fmt};

use axum::{Json, extract};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    Edge,
    body::{self, BatchBody},
    path,
    problem::Problem,
    sessions::{self, LeaseBody},
    state::StateBody,
};
use crate::{
    auth::{Caller, SCOPE_WRITE},
    domain::{Beat, BeatKey, State, limits::BATCH_ITEMS_MAX},
    error::{Error, Result},
};

/// The body: up to 1000 items, each checked on its own.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Batch)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Each a heartbeat and where it goes: a `State` with a `Key`. One that is not valid is answered by a problem of its own.
    #[schema(value_type = Vec<Object>, max_items = 1000)]
    items: Vec<Box<RawValue>>,
}

/// Where an item of a batch goes; unchecked.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Key {
    /// Which room.
    pub(crate) room_id: String,
    /// A uuid, made by the client: one for each tab or device and room.
    pub(crate) session_id: String,
    /// Whose; the caller's own where absent. Anybody else's needs the scope `presence:write`.
    pub(crate) user_id: Option<String>,
}

/// An object's fields as they are written, none of them twice: in a map the last one would win, unseen.
struct Fields(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EachOnce;
        impl<'de> Visitor<'de> for EachOnce {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(EachOnce)
    }
}

/// What became of each item, in order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
pub struct Response {
    items: Vec<Item>,
}

/// As the single call would answer, or a problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchItem)]
#[serde(untagged)]
pub enum Item {
    /// Joined or renewed.
    Lease(LeaseBody),
    /// Refused, without a request id of its own.
    Problem(Problem),
}

/// Joins or renews many
///
/// No transaction: what one item does, it does whatever becomes of the others.
#[utoipa::path(
    post, path = "/v1/heartbeats", operation_id = "heartbeats", tag = "Sessions",
    request_body(content = Request, example = json!({"items": [
        {"room_id": "general", "session_id": "11111111-1111-4111-8111-111111111111", "status": "busy"},
        {"room_id": "planning", "session_id": "11111111-1111-4111-8111-111111111111", "user_id": "bob"}]})),
    responses((
        status = 200, description = "Each item was done or refused by itself.", body = Response,
        example = json!({"items": [
            {"session_id": "11111111-1111-4111-8111-111111111111", "status": "busy",
             "joined_at": "2026-11-25T01:07:38.363Z", "expires_at": "2026-11-25T01:08:53.363Z",
             "heartbeat_ms": 25000, "leave_token": "AAAAAGsHhloRERER..."},
            {"type": "forbidden", "title": "The token does not allow this", "status": 403,
             "detail": "the token lacks the scope presence:write"}]})
    ))
)]
pub async fn post(
    extract::State(edge): extract::State<Edge>,
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

fn beat(edge: &Edge, caller: &Caller, item: &RawValue) -> Result<Beat> {
    let (ids, state) = read(item)?;
    let user = match ids.user_id {
        None => caller.user_id.clone(),
        Some(user) => path::user(&user, edge.ids)?,
    };
    if user != caller.user_id {
        caller.require(SCOPE_WRITE)?;
    }
    let key = BeatKey {
        room: path::room(&ids.room_id, edge.ids)?,
        user,
        session: path::session(&ids.session_id)?,
    };
    edge.rates.check(caller)?;
    Ok(Beat { key, state })
}

/// The ids are read apart from the state, so that both keep their own checks.
pub(crate) fn read(item: &RawValue) -> Result<(Key, State)> {
    let invalid =
        |why: serde_json::Error| Error::Invalid(format!("the item: {}", body::short(&why.to_string())));
    let Fields(mut fields) = serde_json::from_str(item.get()).map_err(invalid)?;
    let ids: BTreeMap<&str, Box<RawValue>> = ["room_id", "session_id", "user_id"]
        .into_iter()
        .filter_map(|name| Some((name, fields.remove(name)?)))
        .collect();
    let ids = serde_json::to_string(&ids).map_err(Error::bug)?;
    let state = serde_json::to_string(&fields).map_err(Error::bug)?;
    let ids: Key = serde_json::from_str(&ids).map_err(invalid)?;
    let state: StateBody = serde_json::from_str(&state).map_err(invalid)?;
    Ok((ids, state.check()?))
}
