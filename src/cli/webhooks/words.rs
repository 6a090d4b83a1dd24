//! Answers of `pg-presence webhooks` for people.

use serde_json::Value;

/// Deliveries that `presence.redeliver_webhook` sends again in one call; then there may be more.
const REDELIVERED_MAX: i32 = 10_000;

/// Text as it is, a list with commas, nothing as a dash.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Each with its filters and how it does.
pub fn webhooks(hooks: &[Value]) -> String {
    if hooks.is_empty() {
        return "There are no webhooks: `pg-presence webhooks add <URL>` adds one.\n".to_owned();
    }
    hooks.iter().map(webhook).collect()
}

fn webhook(hook: &Value) -> String {
    let state = if !hook["disabled_at"].is_null() {
        format!(
            "disabled {}: {}",
            shown(&hook["disabled_at"]),
            shown(&hook["disabled_why"])
        )
    } else if !hook["failing_since"].is_null() {
        format!(
            "failing since {}: {}",
            shown(&hook["failing_since"]),
            shown(&hook["last_error"])
        )
    } else {
        "enabled".to_owned()
    };
    let mut text = format!("{}  {}\n", shown(&hook["webhook_id"]), shown(&hook["url"]));
    let mut line = |name: &str, value: String| text.push_str(&format!("   {name:<11} {value}\n"));
    line("state", state);
    for (name, key) in [
        ("for", "description"),
        ("types", "types"),
        ("rooms", "room_ids"),
        ("events", "event_ids"),
        ("users", "user_ids"),
    ] {
        if !hook[key].is_null() {
            line(name, shown(&hook[key]));
        }
    }
    line("deliveries", {
        let (waiting, failed) = (shown(&hook["waiting"]), shown(&hook["failed"]));
        format!(
            "{waiting} waiting, {failed} given up, last taken {}",
            shown(&hook["delivered_at"])
        )
    });
    text
}

/// A line each.
pub fn deliveries(deliveries: &[Value]) -> String {
    let line = |delivery: &Value| {
        let why = match &delivery["error"] {
            Value::Null => String::new(),
            why => format!(": {}", shown(why)),
        };
        format!(
            "   {:>8}  {}  {:<14} {} after {} attempts{why}\n",
            shown(&delivery["delivery_id"]),
            shown(&delivery["at"]),
            shown(&delivery["type"]),
            shown(&delivery["state"]),
            shown(&delivery["attempts"]),
        )
    };
    deliveries.iter().map(line).collect()
}

/// With the secret.
pub fn added(webhook: i64, secret: &str) -> String {
    format!(
        "webhook {webhook}\nsecret  {secret}\nKeep the secret: it is never printed again. \
         `pg-presence webhooks test {webhook}` tries it.\n"
    )
}

/// With the new secret.
pub fn rotated(secret: &str, keep_s: u64) -> String {
    match keep_s {
        0 => format!("secret  {secret}\nIt replaces those before it, and is never printed again.\n"),
        _ => format!(
            "secret  {secret}\nIt is never printed again. For {keep_s} s each delivery is signed with those before it as well.\n"
        ),
    }
}

/// What became of a test.
pub fn tested(delivery: &Value) -> String {
    match (&delivery["status"], &delivery["error"]) {
        (Value::Null, Value::Null) => {
            "No node has sent it yet: does `pg-presence serve` run against this database?\n".to_owned()
        }
        (status, Value::Null) => format!("It was taken: {} answered.\n", shown(status)),
        (_, error) => format!("It was not taken: {}. It is tried again.\n", shown(error)),
    }
}

/// How many.
pub fn redelivered(again: i32) -> String {
    match again {
        1 => "1 delivery is sent again\n".to_owned(),
        REDELIVERED_MAX.. => {
            format!("{again} deliveries are sent again; there may be more: run it once more\n")
        }
        again => format!("{again} deliveries are sent again\n"),
    }
}

/// Whether anything changed.
pub fn enabled(webhook: i64, done: bool) -> String {
    match done {
        true => format!("webhook {webhook} is enabled\n"),
        false => format!("webhook {webhook} was enabled already; what waits is tried at once\n"),
    }
}

/// Whether anything changed.
pub fn disabled(webhook: i64, done: bool) -> String {
    match done {
        true => format!("webhook {webhook} is disabled\n"),
        false => format!("webhook {webhook} was disabled already\n"),
    }
}
