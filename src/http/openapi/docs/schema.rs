//! A JSON Schema as people read it: fields with their kinds and bounds.

use serde_json::{Value, json};

use super::{escaped, fields, list, prose, text};

/// The fields of an object, the choices of a union, or what it is.
pub fn html(schema: &Value) -> String {
    if schema.get("properties").is_some() {
        return object(schema);
    }
    let choices = ["oneOf", "anyOf"].iter().flat_map(|key| list(&schema[*key]));
    let choices: Vec<String> = choices.map(choice).collect();
    match choices.is_empty() {
        true => format!("<p class=\"kind\">{}</p>", name(schema)),
        false => choices.concat(),
    }
}

fn object(schema: &Value) -> String {
    let required = list(&schema["required"]);
    // In the order in which they are written: what is always there first.
    let always = required.iter().filter_map(Value::as_str);
    let others = fields(&schema["properties"]).map(|(name, _)| name.as_str());
    let others = others.filter(|name| !required.contains(&json!(name)));
    let rows = always
        .map(|name| (name, true))
        .chain(others.map(|name| (name, false)));
    let rows = rows.map(|(name, needed)| {
        let shape = &schema["properties"][name];
        field(&escaped(name), shape, needed, described(shape), "")
    });
    format!("<dl class=\"fields\">{}</dl>", rows.collect::<String>())
}

/// Of a field that may be null the words stand with what it is otherwise.
fn described(schema: &Value) -> &Value {
    match schema.get("description") {
        Some(about) => about,
        None => &schema["oneOf"][0]["description"],
    }
}

fn choice(schema: &Value) -> String {
    let title = match schema.get("title") {
        Some(title) => format!("<h4><code>{}</code></h4>", text(title)),
        None => String::new(),
    };
    let shape = match schema.get("properties") {
        Some(_) => object(schema),
        None if schema.get("$ref").is_some() => format!("<p class=\"kind\">{}</p>", name(schema)),
        None => String::new(),
    };
    format!("{title}{}{shape}", prose(&schema["description"]))
}

/// A row: its name, kind, bounds, and what it means.
pub fn field(field_name: &str, schema: &Value, needed: bool, about: &Value, place: &str) -> String {
    let place = match place {
        "" | "header" => String::new(),
        place => format!(" <span class=\"place\">{place}</span>"),
    };
    let optional = if needed {
        ""
    } else {
        " <span class=\"place\">optional</span>"
    };
    format!(
        "<div><dt><code>{field_name}</code> <span class=\"kind\">{}</span>{place}{optional}</dt><dd>{}</dd></div>",
        name(schema),
        prose(about)
    )
}

/// What it is, in a few words.
pub fn name(schema: &Value) -> String {
    if let Some(target) = schema["$ref"]
        .as_str()
        .and_then(|target| target.rsplit('/').next())
    {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escaped(target));
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.first().map(name).unwrap_or_default();
    }
    if let Some(value) = schema.get("const") {
        return format!("<code>{}</code>", escaped(&value.to_string()));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words
            .iter()
            .map(|word| format!("<code>{}</code>", escaped(word.as_str().unwrap_or("null"))));
        return words.collect::<Vec<_>>().join(" ");
    }
    let union = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array());
    if let Some(union) = union {
        let names: Vec<String> = union.iter().map(name).filter(|name| !name.is_empty()).collect();
        return names.join(" or ");
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    if kinds.contains(&"array") {
        return format!("list of {}", name(&schema["items"]));
    }
    if let Some(target) = schema.get("contentSchema") {
        return format!("JSON of {}", name(target));
    }
    let mut words = kinds.join(" or ");
    if let Some(format) = schema["format"]
        .as_str()
        .filter(|format| !format.starts_with("int"))
    {
        words.push_str(&format!(" ({format})"));
    }
    words + &bounds(schema)
}

fn bounds(schema: &Value) -> String {
    match (
        schema.get("minimum"),
        schema.get("maximum"),
        schema.get("maxLength"),
    ) {
        (Some(min), Some(max), _) => format!(", {min} to {max}"),
        (Some(min), None, _) => format!(", {min} or more"),
        (_, _, Some(length)) if schema["format"] != "uuid" => format!(", up to {length} characters"),
        _ => String::new(),
    }
}
