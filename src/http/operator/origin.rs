//! Writes are taken from the operator's own page alone: a browser says by `Origin` whose page asks, and no page can say
//! otherwise. Programs have `/v1` for the same.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::super::hosts::Hosts;
use crate::error::Error;

/// A layer: refuses what no page of ours asks.
pub async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match is_own(request.headers(), &hosts) {
        true => next.run(request).await,
        false => Error::ForeignOrigin.into_response(),
    }
}

/// One origin, of the very host that was asked; or of a name that the operator listed, where a proxy asks by another one.
fn is_own(headers: &HeaderMap, hosts: &Hosts) -> bool {
    let only = |name| {
        let mut values = headers.get_all(name).iter();
        let value = values.next().and_then(|value| value.to_str().ok());
        value.filter(|_| values.next().is_none())
    };
    let (Some(origin), Some(host)) = (only(header::ORIGIN), only(header::HOST)) else {
        return false;
    };
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let is_web = matches!(origin.scheme_str(), Some("http" | "https"));
    let Some(authority) = origin.authority().filter(|_| is_web) else {
        return false;
    };
    authority.as_str().eq_ignore_ascii_case(host)
        || authority.port().is_none() && hosts.lists(authority.host())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_pages_own_origin_may_write_and_nobody_elses() {
        let hosts = Hosts::listing(&["ops.example.com"]);
        for (host, origin, is) in [
            ("localhost:8090", Some("http://localhost:8090"), true),
            ("[::1]:8090", Some("http://[::1]:8090"), true),
            ("ops.example.com", Some("https://ops.example.com"), true),
            ("10.0.0.1:9090", Some("https://ops.example.com"), true),
            ("10.0.0.1:9090", Some("https://ops.example.com:8443"), false),
            ("localhost:8090", Some("http://localhost:8080"), false),
            ("localhost:8090", Some("http://127.0.0.1:8090"), false),
            ("localhost:8090", Some("null"), false),
            ("localhost:8090", Some("file://localhost:8090"), false),
            ("localhost:8090", Some("localhost:8090"), false),
            ("localhost:8090", Some("https://evil.example"), false),
            ("localhost:8090", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }

            assert_eq!(is_own(&headers, &hosts), is, "{host} {origin:?}");

            headers.append(header::ORIGIN, HeaderValue::from_static("http://localhost:8090"));
            if origin.is_some() {
                assert!(!is_own(&headers, &hosts), "two of them: {host} {origin:?}");
            }
        }
    }
}
