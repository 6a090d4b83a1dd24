//! Bodies of heartbeats, alone and as an item of a batch: what gets through has nothing in it that could fail a batch.

use serde_json::{Value, json, value::RawValue};

use crate::{
    domain::{State, limits},
    error::{Error, Result},
    http::{body, heartbeats, state::StateBody},
};

/// The fields that there are.
const FIELDS: [&str; 6] = ["status", "status_ttl_ms", "message", "activity", "data", "seq"];

pub(super) fn check(bytes: &[u8]) {
    let state = body::parse::<StateBody>(bytes).and_then(StateBody::check);
    check_refusal(&state);
    if let Ok(state) = &state {
        check_state(state);
        let said: Value = serde_json::from_slice(bytes).expect("what was taken is JSON");
        let fields = said.as_object().expect("and an object");
        assert!(
            fields.keys().all(|field| FIELDS.contains(&field.as_str())),
            "{said}"
        );
        assert_eq!(&read_again(state), state, "{said}");
    }
    let item = match std::str::from_utf8(bytes) {
        Ok(text) => RawValue::from_string(text.to_owned()),
        Err(_) => return assert!(state.is_err(), "what is no UTF-8"),
    };
    if let Ok(item) = item {
        let read = heartbeats::read(&item);
        check_refusal(&read);
        if let Ok((_, state)) = &read {
            check_state(state);
        }
        if let Ok(state) = &state {
            assert!(read.is_err(), "an item without ids");
            check_in_batch(&item, state);
        }
    }
}

/// The same words with ids in front of them say the same.
fn check_in_batch(item: &RawValue, alone: &State) {
    let rest = item.get().trim_start().strip_prefix('{').expect("an object");
    let comma = if rest.trim_start() == "}" { "" } else { "," };
    let text = format!(r#"{{"room_id":"r","session_id":"s"{comma}{rest}"#);
    let item = RawValue::from_string(text).expect("still JSON");
    let (ids, state) = heartbeats::read(&item).expect("as good as alone");
    assert_eq!((ids.room_id.as_str(), ids.session_id.as_str()), ("r", "s"));
    assert!(ids.user_id.is_none());
    assert_eq!(&state, alone);
}

/// Refused by a word for the caller that is no longer than a line.
fn check_refusal<T>(read: &Result<T>) {
    match read {
        Ok(_) => {}
        Err(Error::Invalid(why)) => assert!(why.chars().count() <= 260, "{why}"),
        Err(other) => panic!("{other:?}"),
    }
}

fn check_state(state: &State) {
    for (text, max) in [
        (&state.message, limits::MESSAGE_CHARS_MAX),
        (&state.activity, limits::ACTIVITY_CHARS_MAX),
    ] {
        let text = text.as_deref().unwrap_or_default();
        assert!(text.chars().count() <= max && !text.contains('\0'), "{text:?}");
    }
    if let Some(seq) = state.seq {
        assert!((0..=limits::NUMBER_MAX).contains(&seq), "{seq}");
    }
    if let Some(ms) = state.status_ttl_ms {
        assert!(
            (0..=limits::STATUS_TTL_MS_MAX).contains(&ms) && state.status.is_some(),
            "{ms}"
        );
    }
    if let Some(data) = &state.data {
        let value: Value = serde_json::from_str(data).expect("JSON, as Postgres reads it");
        assert!(
            value.is_object() && data.len() <= limits::DATA_BYTES_MAX,
            "{data}"
        );
        assert!(!has_nul(&value) && depth(&value) <= 128, "{data}");
    }
}

/// Which jsonb refuses.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Said once more, as a client of ours would.
fn read_again(state: &State) -> State {
    let mut body = serde_json::Map::new();
    let mut say = |name: &str, value: Option<Value>| {
        body.extend(value.map(|value| (name.to_owned(), value)));
    };
    say("status", state.status.map(|status| json!(status.as_str())));
    say("status_ttl_ms", state.status_ttl_ms.map(Value::from));
    say("message", state.message.as_deref().map(Value::from));
    say("activity", state.activity.as_deref().map(Value::from));
    let data = state.data.as_deref();
    say("data", data.map(|data| serde_json::from_str(data).expect("JSON")));
    say("seq", state.seq.map(Value::from));
    let body = Value::from(body).to_string();
    body::parse::<StateBody>(body.as_bytes())
        .and_then(StateBody::check)
        .expect("what was taken once is taken again")
}
