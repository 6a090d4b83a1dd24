//! `POST /v1/heartbeats`: many at once, of the caller, or of anybody for a trusted backend.

use std::{collections::BTreeMap, fmt};

use axum::{Json, extract};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

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
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    items: Vec<Box<RawValue>>,
}

/// Whose lease an item is about; unchecked.
#[derive(Debug, Deserialize)]
pub(crate) struct Ids {
    pub(crate) room_id: String,
    pub(crate) session_id: String,
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
pub(crate) fn read(item: &RawValue) -> Result<(Ids, State)> {
    let invalid =
        |why: serde_json::Error| Error::Invalid(format!("the item: {}", body::short(&why.to_string())));
    let Fields(mut fields) = serde_json::from_str(item.get()).map_err(invalid)?;
    let ids: BTreeMap<&str, Box<RawValue>> = ["room_id", "session_id", "user_id"]
        .into_iter()
        .filter_map(|name| Some((name, fields.remove(name)?)))
        .collect();
    let ids = serde_json::to_string(&ids).map_err(Error::bug)?;
    let state = serde_json::to_string(&fields).map_err(Error::bug)?;
    let ids: Ids = serde_json::from_str(&ids).map_err(invalid)?;
    let state: StateBody = serde_json::from_str(&state).map_err(invalid)?;
    Ok((ids, state.check()?))
}
