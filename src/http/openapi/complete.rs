//! What follows by rule, so that no handler repeats it: the parameters of a path, the refusals of a status, headers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::problems::{self, Refusal};

/// Puts in what the handlers left to rules.
pub fn completed(mut document: Value) -> Value {
    let refusals: BTreeMap<&str, Refusal> = problems::all()
        .into_iter()
        .map(|refusal| (refusal.problem.kind, refusal))
        .collect();
    for (path, operations) in object(&mut document["paths"]) {
        for operation in object(operations).values_mut() {
            complete(path, operation, &refusals);
        }
    }
    let components = &mut document["components"];
    components["securitySchemes"] = json!({"token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "HS256 by the service's secret, or RS256, ES256, EdDSA by a published key; with `exp` and the \
                        user's id in `sub`. Scopes, with spaces between them in `scope`: `presence:write` allows \
                        heartbeats for anybody, `presence:admin` kicking and clearing."
    }});
    components["responses"] = ["not-found", "method-not-allowed"]
        .into_iter()
        .map(|kind| (kind.to_owned(), response(&[&refusals[kind]])))
        .collect::<Map<_, _>>()
        .into();
    schemas(&mut components["schemas"], &refusals);
    link(&mut document["paths"]);
    document
}

/// Where an answer leads on to: the call, its name, the call that follows, and what that one takes from the answer.
fn link(paths: &mut Value) {
    let here = json!({"room": "$request.path.room", "session": "$request.path.session"});
    let first_room = "$response.body#/rooms/0/room_id";
    let links = [
        ("heartbeat", "renew", "heartbeat", here.clone()),
        ("heartbeat", "leave", "leave", here),
        (
            "heartbeat",
            "read",
            "readRoom",
            json!({"room": "$request.path.room"}),
        ),
        (
            "readRoom",
            "next",
            "readRoom",
            json!({"room": "$request.path.room", "after": "$response.body#/next"}),
        ),
        ("readRooms", "room", "readRoom", json!({"room": first_room})),
        ("readRooms", "join", "heartbeat", json!({"room": first_room})),
        (
            "readRooms",
            "event",
            "readEvent",
            json!({"event": "$response.body#/rooms/0/event_id"}),
        ),
        ("readEvent", "room", "readRoom", json!({"room": first_room})),
        (
            "readEvent",
            "person",
            "readUser",
            json!({"user": "$response.body#/people/0/user_id"}),
        ),
        (
            "makeTicket",
            "stream",
            "stream",
            json!({"ticket": "$response.body#/ticket"}),
        ),
    ];
    let operations = object(paths)
        .values_mut()
        .flat_map(|path| object(path).values_mut());
    for operation in operations {
        let id = operation["operationId"].clone();
        for (_, name, to, parameters) in links.iter().filter(|link| id == link.0) {
            operation["responses"]["200"]["links"][name] =
                json!({"operationId": to, "parameters": parameters});
        }
        if id == "heartbeat" {
            operation["responses"]["200"]["links"]["beacon"] =
                json!({"operationId": "leaveByBeacon", "requestBody": "$response.body#/leave_token"});
        }
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("utoipa makes objects of these")
}

fn complete(path: &str, operation: &mut Value, refusals: &BTreeMap<&str, Refusal>) {
    let fields = object(operation);
    let mut parameters = path_parameters(path);
    if let Some(Value::Array(given)) = fields.remove("parameters") {
        parameters.extend(given);
    }
    for parameter in &mut parameters {
        tidy_parameter(parameter);
    }
    let is_long = parameters
        .iter()
        .any(|parameter| parameter["schema"]["type"] == "array");
    let is_open = fields.contains_key("security");
    let has_json = fields
        .get("requestBody")
        .is_some_and(|body| body["content"].get("application/json").is_some());
    let takes_anything = has_json || !parameters.is_empty();
    let mut words = vec!["internal"];
    words.extend((!is_open).then_some("unauthenticated"));
    words.extend(takes_anything.then_some("invalid"));
    if has_json {
        words.extend(["timed-out", "too-large", "unsupported-media-type"]);
    }
    let own = fields.remove("x-problems").unwrap_or_default();
    let own = own.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.extend(own.flat_map(problems::expanded));

    fields.entry("security").or_insert(json!([{"token": []}]));
    if !parameters.is_empty() {
        fields.insert("parameters".to_owned(), parameters.into());
    }
    let mut by_status: BTreeMap<u16, Vec<&Refusal>> = BTreeMap::new();
    for word in words {
        let refusal = &refusals[word];
        by_status.entry(refusal.problem.status).or_default().push(refusal);
    }
    if let Some(stream) = operation.pointer_mut("/responses/200/content/text~1event-stream") {
        // Before OpenAPI 3.2 this is how one event is described.
        stream["schema"] = json!({"$ref": "#/components/schemas/StreamEvent"});
    }
    let responses = object(&mut operation["responses"]);
    for (status, refusals) in by_status {
        responses.insert(status.to_string(), response(&refusals));
    }
    for response in responses.values_mut() {
        let headers = object(response).entry("headers").or_insert(json!({}));
        for (_, header) in object(headers).iter_mut() {
            header["required"] = json!(true);
        }
        headers["X-Request-Id"] = header("The request, to find it in the logs.", json!({"type": "string"}));
        headers["Cache-Control"] = header(
            "Whatever a token decided is nobody else's to keep.",
            json!({"type": "string"}),
        );
    }
    if is_long {
        responses.insert("414".to_owned(), too_long());
    }
}

/// Of a URL beyond what a request's head may have: refused before there is a request, so without a problem and an id.
fn too_long() -> Value {
    json!({"description": "The URL has more than 65534 bytes. The answer is empty."})
}

/// What stands in braces.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let (about, example) = match name {
                "room" => ("The room's id", "general"),
                "event" => ("The event's id", "gala"),
                "user" => ("The user's id", "bob"),
                _ => (
                    "A uuid, made by the client: one for each tab or device and room",
                    "11111111-1111-4111-8111-111111111111",
                ),
            };
            let schema = match name {
                "session" => json!({"type": "string", "format": "uuid", "minLength": 36, "maxLength": 36}),
                _ => id(),
            };
            json!({"name": name, "in": "path", "required": true, "description": format!("{about}."),
                   "schema": schema, "example": example})
        })
        .collect()
}

/// Of 1 to 128 bytes: JSON Schema counts characters.
fn id() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[^\\u0000]+$"})
}

/// Lists are repeated, and of ids.
fn tidy_parameter(parameter: &mut Value) {
    let schema = match parameter["name"].as_str() {
        Some("id") => json!({"type": "array", "items": id(), "maxItems": 1000}),
        Some("room" | "count" | "event" | "user") if parameter["in"] == "query" => {
            json!({"type": "array", "items": id(), "maxItems": 100})
        }
        Some("session") if parameter["in"] == "query" => {
            let uuid = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(@[^\\u0000]{1,128})?$";
            json!({"type": "array", "items": {"type": "string", "pattern": uuid}, "maxItems": 100})
        }
        _ => return,
    };
    parameter["schema"] = schema;
    parameter["style"] = json!("form");
    parameter["explode"] = json!(true);
}

fn header(about: &str, schema: Value) -> Value {
    json!({"description": about, "required": true, "schema": schema})
}

/// The refusals of one status.
fn response(refusals: &[&Refusal]) -> Value {
    let first = &refusals[0].problem;
    let lines: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("`{}`: {}", refusal.problem.kind, refusal.means))
        .collect();
    let examples: Map<String, Value> = refusals
        .iter()
        .map(|refusal| {
            let example = json!({"summary": refusal.problem.title, "value": refusal.example()});
            (refusal.problem.kind.to_owned(), example)
        })
        .collect();
    let kinds: Vec<&str> = refusals.iter().map(|refusal| refusal.problem.kind).collect();
    let mut headers = json!({});
    let text = || json!({"type": "string"});
    match first.status {
        401 => headers["WWW-Authenticate"] = header("`Bearer`.", text()),
        405 => headers["Allow"] = header("The methods that the path has.", text()),
        429 | 503 => {
            let wait = json!({"type": "integer", "minimum": 1});
            headers["Retry-After"] = header("How many seconds to wait at least.", wait);
        }
        _ => {}
    }
    if kinds.contains(&"rate-limited") {
        headers["RateLimit-Policy"] = header("The limit: `\"heartbeats\";q=50`.", text());
        headers["RateLimit"] = header(
            "What is left of it, and when more is: `\"heartbeats\";r=0;t=1`.",
            text(),
        );
    }
    json!({
        "description": lines.join("\n\n"),
        "headers": headers,
        "content": {"application/problem+json": {
            "schema": {"allOf": [
                {"$ref": "#/components/schemas/Problem"},
                {"type": "object", "required": ["request_id"],
                 "properties": {"type": {"enum": kinds}, "status": {"const": first.status}}},
            ]},
            "examples": examples,
        }},
    })
}

fn schemas(schemas: &mut Value, refusals: &BTreeMap<&str, Refusal>) {
    schemas["Problem"]["properties"]["type"]["enum"] = refusals.keys().copied().collect();
    schemas["State"]["dependentRequired"] = json!({"status_ttl_ms": ["status"]});
    // A time to live is one of a status; and a list of ids, or all of them.
    schemas["OwnStatusChange"]["anyOf"] = json!([
        {"properties": {"status": {}, "status_ttl_ms": {"type": "null"}, "message": {}}},
        {"required": ["status"], "properties": {"status": {"type": "string"}, "status_ttl_ms": {}, "message": {}}},
    ]);
    schemas["NotificationsRead"]["oneOf"] = json!([
        {"required": ["ids"], "properties": {"ids": {"type": "array"}, "all": {"type": "null"}}},
        {"required": ["all"], "properties": {"ids": {"type": "null"}, "all": {"const": true}}},
    ]);
    schemas["NotificationsRead"]["properties"]["ids"]["items"]["pattern"] = json!("^[1-9][0-9]{0,17}$");
    let mut item = schemas["State"].clone();
    item["description"] = json!("A heartbeat, and where it goes.");
    item["required"] = json!(["room_id", "session_id"]);
    let key = schemas["Key"]["properties"].clone();
    object(&mut item["properties"]).extend(key.as_object().cloned().unwrap_or_default());
    schemas["Item"] = item;
    object(schemas).remove("Key");
    // Each item is judged on its own.
    schemas["Batch"]["properties"]["items"]["items"] = json!({"anyOf": [
        {"$ref": "#/components/schemas/Item"},
        {"description": "Anything else is answered by a problem of its own."},
    ]});
    schemas["StreamEvent"] = stream_event();
}

/// An event of a stream, once it is parsed.
fn stream_event() -> Value {
    let events = [
        ("ready", "Ready", "The first event of every stream."),
        (
            "snapshot",
            "Snapshot",
            "Replaces all that is known of the room. With `mode` `count` it names nobody, and `count` follows in place of `diff`.",
        ),
        ("diff", "Diff", "Leads on from the revision `from`."),
        ("count", "Count", "How many are in a room, where that differs."),
        ("event", "Event", "Replaces all that is known of the dashboard."),
        ("user", "User", "Replaces all that is known of the person."),
        (
            "notification",
            "Notification",
            "Somebody came online whom the caller watches. Told on every stream of the caller, without a topic.",
        ),
        (
            "revoked",
            "Revoked",
            "The topic may not, or no longer, be seen; nothing of it follows.",
        ),
        (
            "ping",
            "Nothing",
            "Every `ping_ms`: nothing for two of them means that the connection is dead.",
        ),
        (
            "degraded",
            "Nothing",
            "The database is away; what is shown may be old.",
        ),
        (
            "recovered",
            "Nothing",
            "It is back; what changed meanwhile follows.",
        ),
        ("bye", "Bye", "The stream ends now."),
    ];
    let one_of: Vec<Value> = events
        .into_iter()
        .map(|(name, schema, about)| {
            let mut fields = json!({
                "event": {"const": name},
                "data": {"type": "string", "contentMediaType": "application/json",
                         "contentSchema": {"$ref": format!("#/components/schemas/{schema}")}},
            });
            if ["snapshot", "diff", "count"].contains(&name) {
                fields["id"] = json!({"type": "string", "description": "The cursor: `<epoch>.<revision>`, of counts with `.count` behind it."});
            }
            json!({"title": name, "description": about, "type": "object", "required": ["event", "data"], "properties": fields})
        })
        .collect();
    json!({"description": "What a stream tells, an event at a time; `data` is one JSON object. An event that is not known is to be passed over.", "oneOf": one_of})
}
