//! The page itself: plain HTML, CSS and JavaScript, built into the binary; it loads nothing from elsewhere.

use axum::{Router, routing::get};

use super::super::{Edge, page::asset};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $media_type:expr),* $(,)?) => {
        &[$((concat!("/operator/", $name), $media_type, include_str!(concat!("../../operator/page/", $name)))),*]
    };
}

/// Path, media type, content.
const ASSETS: &[(&str, &str, &str)] = assets![
    "app.js": SCRIPT,
    "dom.js": SCRIPT,
    "doctor.js": SCRIPT,
    "link.js": SCRIPT,
    "nodes.js": SCRIPT,
    "numbers.js": SCRIPT,
    "rooms.js": SCRIPT,
    "base.css": STYLE,
    "page.css": STYLE,
    "icon.svg": "image/svg+xml",
];

/// `/` and what it loads.
pub fn routes() -> Router<Edge> {
    let html = include_str!("../../operator/page/index.html");
    let mut routes = Router::new().route(
        "/",
        get(move || async move { asset("text/html; charset=utf-8", html) }),
    );
    for (path, media_type, content) in ASSETS {
        routes = routes.route(path, get(move || async move { asset(media_type, content) }));
    }
    routes
}
