//! `GET /docs`: the document for people. One page of HTML, made once, without a script and without an asset: it can be
//! searched, printed and read as it is.

mod schema;

use std::{fmt::Write, sync::LazyLock};

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("docs/style.css");

/// Reads this document as a page
#[utoipa::path(
    get, path = "/docs", operation_id = "docs", tag = "Operations", security(()),
    responses((status = 200, description = "For people.", body = String, content_type = "text/html; charset=utf-8",
        headers(("Content-Security-Policy" = String, description = "No script, nothing from elsewhere."))))
)]
pub async fn get() -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| page(super::document()));
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::try_from(policy).expect("ASCII")
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, PAGE.as_str()).into_response()
}

/// Headers that every answer has.
const EVERYWHERE: [&str; 2] = ["X-Request-Id", "Cache-Control"];
/// The order of a path's methods on the page.
const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

fn page(document: &Value) -> String {
    let info = &document["info"];
    let (title, version) = (text(&info["title"]), text(&info["version"]));
    let nav = nav(document);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}: HTTP</title>\n<style>{STYLE}</style>\n\
         <a class=\"skip\" href=\"#top\">To the text</a>\n\
         <nav aria-label=\"Calls\"><details class=\"menu\"><summary>Calls</summary>{nav}</details>\
         <div class=\"side\">{nav}</div></nav>\n<main id=\"top\">\n<header><h1>{title} <small>{version}</small></h1>{}\
         <p class=\"links\"><a href=\"/openapi.json\">openapi.json</a></p></header>\n",
        prose(&info["description"])
    );
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        put(
            &mut out,
            format_args!("<h2 id=\"{name}\">{name}</h2>{}", prose(&tag["description"])),
        );
        for (path, method, operation) in operations(document, &tag["name"]) {
            put(
                &mut out,
                format_args!("{}", operation_html(&path, method, operation)),
            );
        }
    }
    out.push_str("<h2 id=\"schemas\">Schemas</h2>");
    for (name, shape) in fields(&document["components"]["schemas"]) {
        put(
            &mut out,
            format_args!(
                "<section class=\"schema\" id=\"schema-{name}\"><h3>{name}</h3>{}{}</section>",
                prose(&shape["description"]),
                schema::html(shape)
            ),
        );
    }
    out.push_str("</main>\n</html>\n");
    out
}

/// Calls of one tag, in the order of the document.
fn operations<'a>(
    document: &'a Value,
    tag: &'a Value,
) -> impl Iterator<Item = (String, &'static str, &'a Value)> {
    let each = super::paths().into_iter().flat_map(|path| {
        let methods = &document["paths"][&path];
        let there = METHODS
            .iter()
            .filter_map(|method| Some((*method, methods.get(*method)?)));
        there
            .map(|(method, operation)| (path.clone(), method, operation))
            .collect::<Vec<_>>()
    });
    each.filter(move |(_, _, operation)| operation["tags"][0] == *tag)
}

fn nav(document: &Value) -> String {
    let mut out = String::new();
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        put(
            &mut out,
            format_args!("<p><a href=\"#{name}\">{name}</a></p><ul>"),
        );
        for (_, method, operation) in operations(document, &tag["name"]) {
            let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
            put(
                &mut out,
                format_args!(
                    "<li><a href=\"#{id}\"><b class=\"method {method}\">{method}</b> <span>{summary}</span></a></li>"
                ),
            );
        }
        out.push_str("</ul>");
    }
    out.push_str("<p><a href=\"#schemas\">Schemas</a></p>");
    out
}

fn operation_html(path: &str, method: &str, operation: &Value) -> String {
    let id = text(&operation["operationId"]);
    let lock = match operation["security"][0].get("token") {
        Some(_) => "<span class=\"needs\">needs a token</span>",
        None => "",
    };
    let mut out = format!(
        "<section class=\"call\" id=\"{id}\"><h3><a href=\"#{id}\">{}</a></h3>\
         <p class=\"line\"><b class=\"method {method}\">{method}</b> <code>{}</code>{lock}</p>{}",
        text(&operation["summary"]),
        path_html(path),
        prose(&operation["description"])
    );
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        out.push_str("<h4>Parameters</h4><dl class=\"fields\">");
        for parameter in parameters {
            let needed = parameter["required"] == true;
            put(
                &mut out,
                format_args!(
                    "{}",
                    schema::field(
                        &text(&parameter["name"]),
                        &parameter["schema"],
                        needed,
                        &parameter["description"],
                        &text(&parameter["in"]),
                    )
                ),
            );
        }
        out.push_str("</dl>");
    }
    if let Some(body) = operation.get("requestBody") {
        put(
            &mut out,
            format_args!(
                "<h4>Body</h4>{}{}",
                prose(&body["description"]),
                contents(&body["content"])
            ),
        );
    }
    out.push_str("<h4>Answers</h4>");
    for (status, response) in fields(&operation["responses"]) {
        put(&mut out, format_args!("{}", response_html(status, response)));
    }
    out.push_str("</section>\n");
    out
}

/// Segments may break the line.
fn path_html(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        let part = escaped(part);
        match part.starts_with('{') {
            true => format!("<i>{part}</i>"),
            false => part,
        }
    });
    parts.collect::<Vec<_>>().join("/<wbr>")
}

fn response_html(status: &str, response: &Value) -> String {
    let kinds = fields(&response["content"]["application/problem+json"]["examples"]);
    let kinds: Vec<String> = kinds.map(|(kind, _)| format!("<code>{kind}</code>")).collect();
    let told = match kinds.is_empty() {
        true => text(&response["description"]),
        false => kinds.join(" "),
    };
    let class = &status[..1];
    let mut out = format!(
        "<details class=\"answer\"{}><summary><b class=\"status s{class}\">{status}</b> <span>{told}</span></summary>",
        if class == "2" { " open" } else { "" }
    );
    if !kinds.is_empty() {
        out.push_str(&prose(&response["description"]));
    }
    out.push_str("<dl class=\"fields\">");
    // Those that stand in every answer are told of above.
    let headers = fields(&response["headers"]).filter(|(name, _)| !EVERYWHERE.contains(&name.as_str()));
    for (name, header) in headers {
        out.push_str(&schema::field(
            name,
            &header["schema"],
            true,
            &header["description"],
            "header",
        ));
    }
    out.push_str("</dl>");
    out.push_str(&contents(&response["content"]));
    out.push_str("</details>");
    out
}

/// Each media type with its shape and its examples.
fn contents(content: &Value) -> String {
    let mut out = String::new();
    for (media_type, content) in fields(content) {
        put(
            &mut out,
            format_args!(
                "<p class=\"media\"><code>{}</code> {}</p>",
                escaped(media_type),
                schema::name(&content["schema"])
            ),
        );
        let one = content.get("example").into_iter();
        for example in one.chain(fields(&content["examples"]).map(|(_, example)| &example["value"])) {
            let shown = match example {
                Value::String(text) => text.clone(),
                json => serde_json::to_string_pretty(json).unwrap_or_default(),
            };
            put(
                &mut out,
                format_args!("<pre tabindex=\"0\"><code>{}</code></pre>", escaped(&shown)),
            );
        }
    }
    out
}

/// Into a string: nothing can fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(what);
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Paragraphs, and `code` in them: all of Markdown that the document uses.
fn prose(value: &Value) -> String {
    let text = text(value);
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.is_empty());
    paragraphs
        .map(|paragraph| {
            let parts = paragraph.split('`').enumerate();
            let parts = parts.map(|(nth, part)| match nth % 2 {
                0 => part.to_owned(),
                _ => format!("<code>{part}</code>"),
            });
            format!("<p>{}</p>", parts.collect::<String>())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_document_says_is_text_and_never_markup() {
        let said = Value::from("a <b> & \"c\", `<script>`\n\nsecond");

        assert_eq!(
            prose(&said),
            "<p>a &lt;b&gt; &amp; &quot;c&quot;, <code>&lt;script&gt;</code></p><p>second</p>"
        );
    }

    #[test]
    fn the_page_has_every_call_and_every_link_of_it_leads_somewhere() {
        let page = page(super::super::document());

        let links = page
            .split("href=\"#")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let lost: Vec<&str> = links
            .filter(|id| !page.contains(&format!(" id=\"{id}\"")))
            .collect();
        assert_eq!(lost, [""; 0]);
        let calls = fields(&super::super::document()["paths"]).flat_map(|(_, methods)| fields(methods));
        for (_, operation) in calls {
            assert!(page.contains(&format!("id=\"{}\"", text(&operation["operationId"]))));
        }
        for banned in [
            "<script", " style=", "http:", "https:", "url(", "@import", " onclick",
        ] {
            assert!(!page.contains(banned), "{banned}");
        }
    }
}
