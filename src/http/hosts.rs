//! What is for operators answers no page of a stranger: a site that is shown in a browser of the network can point its own
//! name at an address of that network (DNS rebinding), and reads as its own origin what is served there.
//!
//! It needs a name for that, and one that it can buy. So what is asked for by an address, by a name without a dot or below
//! a suffix that nobody can buy, or by a name that the operator listed, is answered; everything else is refused.

use std::{net::Ipv6Addr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{config::Settings, error::Error};

/// Of machines (RFC 6761, RFC 6762), of networks (RFC 8375; `internal` is ICANN's since 2024), of Kubernetes' services.
const OWN_SUFFIXES: [&str; 6] = ["localhost", "local", "home.arpa", "internal", "svc", "lan"];

/// Names beside those that are anybody's own.
#[derive(Clone)]
pub struct Hosts(Arc<[String]>);

impl Hosts {
    /// As the operator listed them.
    pub fn of(settings: &Settings) -> Self {
        let listed = settings.admin_hosts.iter();
        Self(listed.map(|host| host.to_ascii_lowercase()).collect())
    }

    /// Whether the operator listed this name.
    pub fn lists(&self, name: &str) -> bool {
        self.0.contains(&name.to_ascii_lowercase())
    }

    #[cfg(test)]
    pub fn listing(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Whether no stranger's page can have asked.
    fn is_own(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else {
            return false;
        };
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        let last = name.rsplit('.').next().unwrap_or_default();
        // What ends in a number is an address or nothing, to browsers too (the URL standard, "ends in a number").
        let is_address = address.parse::<Ipv6Addr>().is_ok()
            || !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
        let is_below = |suffix: &&str| name.strip_suffix(*suffix).is_some_and(|rest| rest.ends_with('.'));
        !name.is_empty()
            && (is_address
                || !name.contains('.')
                || OWN_SUFFIXES.iter().any(is_below)
                || self.0.contains(&name))
    }
}

/// A layer: refuses what was asked for by a stranger's name.
pub async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match hosts.is_own(request.headers()) {
        true => next.run(request).await,
        false => Error::WrongHost.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn names_that_a_stranger_can_buy_are_refused_unless_they_are_listed() {
        let hosts = Hosts(["metrics.example.com".to_owned()].into());
        for (host, is) in [
            ("127.0.0.1:9090", true),
            ("10.1.2.3", true),
            ("[::1]:9090", true),
            ("[2001:db8::1]", true),
            ("localhost:9090", true),
            ("node-1", true),
            ("node-1.local:9090", true),
            ("presence.monitoring.svc:9090", true),
            ("presence.monitoring.svc.cluster.local.:9090", true),
            ("ip-10-0-0-1.ec2.internal", true),
            ("metrics.example.com:9090", true),
            ("METRICS.example.com", true),
            ("evil.example", false),
            ("evil.example:9090", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("x.metrics.example.com", false),
            ("evillocal.example", false),
            ("127.0.0.1@evil.example", false),
            ("evil.example.", false),
            ("", false),
            (".", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));

            assert_eq!(hosts.is_own(&headers), is, "{host}");
        }
        assert!(!hosts.is_own(&HeaderMap::new()), "none at all");
    }
}
