//! What a heartbeat says, from JSON: absent means unchanged, null clears.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};

use super::path::seq;
use crate::{
    domain::{State, Status, limits},
    error::{Error, Result},
};

/// The body of a heartbeat.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateBody {
    #[serde(default, deserialize_with = "given")]
    status: Option<Option<Status>>,
    #[serde(default)]
    status_ttl_ms: Option<i64>,
    #[serde(default, deserialize_with = "given")]
    message: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    activity: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    data: Option<Option<Box<RawValue>>>,
    #[serde(default)]
    seq: Option<i64>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl StateBody {
    /// Checks every limit, so that nothing of it can fail a batch.
    pub fn check(self) -> Result<State> {
        let status_ttl_ms = match self.status_ttl_ms {
            Some(0..=limits::STATUS_TTL_MS_MAX) if self.status.is_none() => {
                return Err(invalid("status_ttl_ms needs a status"));
            }
            Some(ms @ 0..=limits::STATUS_TTL_MS_MAX) => Some(ms),
            Some(_) => return Err(invalid("status_ttl_ms must be 0 to 31622400000 (366 days)")),
            None => None,
        };
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

fn invalid(why: &str) -> Error {
    Error::Invalid(why.to_owned())
}

fn text(given: Option<Option<String>>, field: &str, chars_max: usize) -> Result<Option<String>> {
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
    fn what_would_fail_a_batch_is_refused_alone() {
        for json in [
            r#"{"status":"gone"}"#,
            r#"{"unknown":1}"#,
            r#"{"seq":-1}"#,
            r#"{"seq":9007199254740992}"#,
            r#"{"seq":1.5}"#,
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
