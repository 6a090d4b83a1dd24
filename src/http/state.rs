//! What a heartbeat says, from JSON: absent means unchanged, null clears.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Number, Value, value::RawValue};
use utoipa::ToSchema;

use super::path::seq;
use crate::{
    domain::{State, Status, limits},
    error::{Error, Result},
};

/// What a heartbeat says beside "still here". Absent means unchanged, null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = State)]
#[serde(deny_unknown_fields)]
pub struct StateBody {
    /// A new status; null is `active`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Status>)]
    status: Option<Option<Status>>,
    /// How long that status holds, in milliseconds; it becomes `active` then. With `typing` at most 60000 counts.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 31622400000_i64)]
    status_ttl_ms: Option<i64>,
    /// Custom text; null or nothing clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 140, pattern = "^[^\\u0000]*$")]
    message: Option<Option<String>>,
    /// What the user is looking at; null or nothing clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 80, pattern = "^[^\\u0000]*$")]
    activity: Option<Option<String>>,
    /// Anything else that others should see, at most 1024 bytes as JSON, without the character NUL; null or `{}` clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    data: Option<Option<Box<RawValue>>>,
    /// The client's own number of this call; orders heartbeats and leaves of one session.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 9007199254740991_i64)]
    seq: Option<i64>,
}

/// Tells null from absent.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// `1.0` is a whole number to JSON Schema and to JavaScript, and some encoders write it so.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let exact = |float: f64| float.fract() == 0.0 && float.abs() <= limits::NUMBER_MAX as f64;
    let float = || number.as_f64().filter(|float| exact(*float));
    let found = number.as_i64().or_else(|| float().map(|float| float as i64));
    found
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("{number} is not a whole number up to 2^53 - 1")))
}

impl StateBody {
    /// Checks every limit, so that nothing of it can fail a batch.
    pub fn check(self) -> Result<State> {
        let status_ttl_ms = status_ttl_ms(self.status_ttl_ms, self.status.is_some())?;
        Ok(State {
            status: self.status.map(|status| status.unwrap_or(Status::Active)),
            status_ttl_ms,
            message: text(self.message, "message", limits::MESSAGE_CHARS_MAX)?,
            activity: text(self.activity, "activity", limits::ACTIVITY_CHARS_MAX)?,
            data: self.data.map(|data| object(data.as_deref())).transpose()?,
            seq: self.seq.map(seq).transpose()?,
        })
    }
}

/// How long a status holds, in milliseconds; nothing holds without one.
pub(super) fn status_ttl_ms(given: Option<i64>, has_status: bool) -> Result<Option<i64>> {
    match given {
        Some(0..=limits::STATUS_TTL_MS_MAX) if !has_status => Err(invalid("status_ttl_ms needs a status")),
        Some(ms @ 0..=limits::STATUS_TTL_MS_MAX) => Ok(Some(ms)),
        Some(_) => Err(invalid("status_ttl_ms must be 0 to 31622400000 (366 days)")),
        None => Ok(None),
    }
}

pub(super) fn invalid(why: &str) -> Error {
    Error::Invalid(why.to_owned())
}

pub(super) fn text(given: Option<Option<String>>, field: &str, chars_max: usize) -> Result<Option<String>> {
    let Some(text) = given.map(Option::unwrap_or_default) else {
        return Ok(None);
    };
    if text.chars().count() > chars_max {
        return Err(invalid(&format!(
            "{field} must have at most {chars_max} characters"
        )));
    }
    if text.contains('\0') {
        return Err(invalid(&format!("{field} must not contain a NUL character")));
    }
    Ok(Some(text))
}

/// Parsed whole, since what is no JSON for Postgres would fail everybody's batch: lone surrogates, NUL, huge numbers.
fn object(raw: Option<&RawValue>) -> Result<String> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
        return Ok("{}".to_owned());
    };
    let value: Value = serde_json::from_str(raw.get()).map_err(|why| invalid(&format!("data: {why}")))?;
    if !value.is_object() {
        return Err(invalid("data must be a JSON object"));
    }
    if has_nul(&value) {
        return Err(invalid("data must not contain a NUL character"));
    }
    let compact = value.to_string();
    if compact.len() > limits::DATA_BYTES_MAX {
        return Err(invalid("data must have at most 1024 bytes as JSON"));
    }
    Ok(compact)
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<State> {
        serde_json::from_str::<StateBody>(json)
            .map_err(|why| Error::Invalid(why.to_string()))?
            .check()
    }

    #[test]
    fn absent_means_unchanged_and_null_clears() {
        assert_eq!(check("{}").expect("valid"), State::default());

        let cleared = check(r#"{"status":null,"message":null,"activity":"","data":null}"#).expect("valid");

        assert_eq!(cleared.status, Some(Status::Active));
        assert_eq!(cleared.message.as_deref(), Some(""));
        assert_eq!(cleared.activity.as_deref(), Some(""));
        assert_eq!(cleared.data.as_deref(), Some("{}"));
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_fraction() {
        assert_eq!(check(r#"{"seq":7.0}"#).expect("valid").seq, Some(7));
        let timed = check(r#"{"status":"busy","status_ttl_ms":6e4}"#).expect("valid");
        assert_eq!(timed.status_ttl_ms, Some(60_000));
    }

    #[test]
    fn what_would_fail_a_batch_is_refused_alone() {
        for json in [
            r#"{"status":"gone"}"#,
            r#"{"unknown":1}"#,
            r#"{"seq":-1}"#,
            r#"{"seq":9007199254740992}"#,
            r#"{"seq":1.5}"#,
            r#"{"seq":9.007199254740992e15}"#,
            r#"{"seq":1e300}"#,
            r#"{"status":"busy","status_ttl_ms":-1}"#,
            r#"{"status":"busy","status_ttl_ms":31622400001}"#,
            r#"{"status_ttl_ms":1000}"#,
            r#"{"message":"a\u0000b"}"#,
            r#"{"data":[]}"#,
            r#"{"data":"x"}"#,
            r#"{"data":{"a":"\u0000"}}"#,
            r#"{"data":{"a\u0000":1}}"#,
            r#"{"data":{"a":"\ud800"}}"#,
            r#"{"data":{"a":1e400}}"#,
            &format!(r#"{{"message":"{}"}}"#, "x".repeat(141)),
            &format!(r#"{{"activity":"{}"}}"#, "é".repeat(81)),
            &format!(r#"{{"data":{{"a":"{}"}}}}"#, "x".repeat(1024)),
            &format!(
                r#"{{"data":{{"a":{}{}}}}}"#,
                "[".repeat(20_000),
                "]".repeat(20_000)
            ),
        ] {
            assert!(matches!(check(json), Err(Error::Invalid(_))), "{json:.60}");
        }
    }

    #[test]
    fn text_is_counted_in_characters_as_postgres_does() {
        assert!(check(&format!(r#"{{"message":"{}"}}"#, "😀".repeat(140))).is_ok());
    }
}
