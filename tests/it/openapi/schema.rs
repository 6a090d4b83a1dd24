//! As much of JSON Schema as the document uses, more strictly: a field that a schema does not name is a fault, and so is a
//! keyword that is not known here.

use serde_json::Value;

/// What is wrong with a value.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = vec![];
    judge(document, schema, value, "", true, &mut found);
    found
}

fn judge(document: &Value, schema: &Value, value: &Value, at: &str, closed: bool, found: &mut Vec<String>) {
    let keywords = schema
        .as_object()
        .unwrap_or_else(|| panic!("{at}: no schema: {schema}"));
    for (keyword, rule) in keywords {
        let holds = match keyword.as_str() {
            "description" | "title" | "examples" | "contentMediaType" | "pattern" | "dependentRequired" => {
                true
            }
            "$ref" => {
                let target = rule.as_str().and_then(|target| target.strip_prefix('#'));
                let target = document
                    .pointer(target.expect("a local one"))
                    .expect("it is there");
                judge(document, target, value, at, closed, found);
                true
            }
            "type" => types(rule).any(|kind| is(kind, value)),
            "enum" => rule.as_array().expect("a list").contains(value),
            "const" => rule == value,
            "minimum" | "maximum" | "minLength" | "maxLength" | "maxItems" => is_within(keyword, rule, value),
            "format" => is_of(rule.as_str().expect("a word"), value),
            "allOf" => {
                for part in rule.as_array().expect("a list") {
                    judge(document, part, value, at, part.get("$ref").is_some(), found);
                }
                true
            }
            "oneOf" | "anyOf" => {
                let parts = rule.as_array().expect("a list").iter();
                let fitting = parts.filter(|part| {
                    let mut found = vec![];
                    judge(document, part, value, at, true, &mut found);
                    found.is_empty()
                });
                let fitting = fitting.count();
                if keyword == "oneOf" {
                    fitting == 1
                } else {
                    fitting > 0
                }
            }
            "required" => has_all(rule, value),
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(shape) => judge(document, shape, field, &format!("{at}/{name}"), true, found),
                        None if closed => found.push(format!("{at}/{name} is not told of")),
                        None => {}
                    }
                }
                true
            }
            "items" => {
                for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
                    judge(document, rule, item, &format!("{at}/{nth}"), true, found);
                }
                true
            }
            "additionalProperties" => rule == false,
            other => panic!("{at}: {other} is not known here"),
        };
        if !holds {
            found.push(format!("{at}: {keyword} {rule}: {value}"));
        }
    }
}

fn is_within(keyword: &str, rule: &Value, value: &Value) -> bool {
    let bound = rule.as_f64().expect("a number");
    let size = match keyword {
        "minimum" | "maximum" => value.as_f64(),
        "maxItems" => value.as_array().map(|list| list.len() as f64),
        _ => value.as_str().map(|text| text.chars().count() as f64),
    };
    match keyword.starts_with("min") {
        true => size.is_none_or(|size| size >= bound),
        false => size.is_none_or(|size| size <= bound),
    }
}

fn has_all(names: &Value, value: &Value) -> bool {
    let mut names = names.as_array().expect("a list").iter().filter_map(Value::as_str);
    value
        .as_object()
        .is_none_or(|fields| names.all(|name| fields.contains_key(name)))
}

fn types(rule: &Value) -> impl Iterator<Item = &str> {
    let many = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
    rule.as_str().into_iter().chain(many)
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is not known here"),
    }
}

fn is_of(format: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match format {
        "uuid" => uuid::Uuid::try_parse(text).is_ok_and(|uuid| uuid.to_string() == text),
        "date-time" => {
            text.len() == "2026-11-25T01:07:29.659Z".len() && text.ends_with('Z') && &text[10..11] == "T"
        }
        _ => true,
    }
}
