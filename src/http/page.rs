//! The page that `dev` serves, and the tokens that it needs. Nothing of this is there under `serve`.
//!
//! `/dev/token` makes anybody anyone. So it answers on loopback names alone (against DNS rebinding), to its own page or
//! to no page at all (against other sites), and takes JSON only (a form cannot send it).

mod crowd;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Edge, body::JsonBody, path};
use crate::{
    auth::jwt::{self, Claims},
    config::Settings,
    error::{Error, Result},
};

/// Longer than a demonstration, shorter than a forgotten one.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $media_type:expr),* $(,)?) => {
        &[$((concat!("/", $name), $media_type, include_str!(concat!("../page/", $name)))),*]
    };
}

/// Path, media type, content; `clients/page/run` builds them.
const ASSETS: &[(&str, &str, &str)] = assets![
    "app.css": STYLE,
    "app.js": SCRIPT,
    "icon.svg": "image/svg+xml",
];

/// `/`, its assets, `POST /dev/token`, and what the page asks of the reference application.
pub fn routes(settings: &Settings) -> Router<Edge> {
    let html = include_str!("../page/index.html");
    let settings = Arc::new(settings.clone());
    let mut routes = Router::new()
        .route(
            "/",
            get(move || async move { asset("text/html; charset=utf-8", html) }),
        )
        .route(
            "/dev/token",
            post(move |edge, headers, body| token(edge, headers, body, settings)),
        )
        .route("/dev/rooms/{room}/crowd", get(crowd::get).post(crowd::post))
        .route("/dev/rooms/{room}/rows", get(crowd::rows));
    for (path, media_type, content) in ASSETS {
        routes = routes.route(path, get(move || async move { asset(media_type, content) }));
    }
    routes
}

/// A file of a page, with the strict policy of both pages: nothing from elsewhere, nothing inline, in no frame.
pub(super) fn asset(media_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, content).into_response()
}

/// Who the caller wants to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    user_id: String,
}

/// A token for them.
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    token: String,
}

async fn token(
    State(edge): State<Edge>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<TokenRequest>,
    settings: Arc<Settings>,
) -> Result<Json<TokenResponse>> {
    if !is_local(&headers) {
        return Err(Error::PathNotFound);
    }
    let user = path::user(&request.user_id, edge.ids)?;
    let claims = Claims {
        user: user.as_str(),
        user_claim: &settings.user_claim,
        scope: "",
        issuer: settings.jwt_issuer.as_deref(),
        audience: settings.jwt_audience.as_deref(),
        ttl: TOKEN_LIFE,
    };
    let secret = settings.jwt_secret.as_deref().ok_or(Error::PathNotFound)?;
    Ok(Json(TokenResponse {
        token: jwt::mint(secret, &claims, OffsetDateTime::now_utc())?,
    }))
}

/// A loopback Host, and an Origin that is this very host, or none.
pub(super) fn is_local(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let Some(host) = text(header::HOST) else {
        return false;
    };
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    let own = match headers.get(header::ORIGIN) {
        None => true,
        Some(_) => text(header::ORIGIN).is_some_and(|origin| origin == format!("http://{host}")),
    };
    loopback && own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn tokens_are_for_this_machines_own_page_alone() {
        for (host, origin, is) in [
            ("localhost:8080", None, true),
            ("127.0.0.1:8080", Some("http://127.0.0.1:8080"), true),
            ("[::1]:8080", Some("http://[::1]:8080"), true),
            ("localhost", Some("http://localhost"), true),
            ("localhost:8080", Some("http://localhost:9090"), false),
            ("localhost:8080", Some("https://localhost:8080"), false),
            ("localhost:8080", Some("null"), false),
            ("localhost:8080", Some("https://evil.example"), false),
            ("evil.example:8080", Some("http://evil.example:8080"), false),
            ("localhost.evil.example", None, false),
            ("127.0.0.1.evil.example", None, false),
        ] {
            let mut given = headers(&[(header::HOST, host)]);
            if let Some(origin) = origin {
                given.extend(headers(&[(header::ORIGIN, origin)]));
            }

            assert_eq!(is_local(&given), is, "{host} {origin:?}");
        }
    }
}
