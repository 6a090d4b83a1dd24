//! How single values are read. Every message says what would be right.

use std::{net::SocketAddr, time::Duration};

use axum::http::Uri;

use crate::domain::{IdType, Network};

/// Milliseconds between two bounds.
pub fn millis(
    min: u64,
    max: u64,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| {
        let wrong = || format!("must be a whole number of milliseconds from {min} to {max}");
        let millis: u64 = text.trim().parse().map_err(|_| wrong())?;
        if (min..=max).contains(&millis) {
            Ok(Duration::from_millis(millis))
        } else {
            Err(wrong())
        }
    }
}

/// A count between two bounds.
pub(super) fn count(
    min: usize,
    max: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| {
        let wrong = || format!("must be a whole number from {min} to {max}");
        let count: usize = text.trim().parse().map_err(|_| wrong())?;
        if (min..=max).contains(&count) {
            Ok(count)
        } else {
            Err(wrong())
        }
    }
}

/// A life as people write it: `90s`, `15m`, `1h`, `7d`; 1 s to 366 days.
pub fn lifetime(text: &str) -> Result<Duration, String> {
    let wrong =
        || "must be a whole number with s, m, h or d behind it, such as 15m, from 1s to 366d".to_owned();
    let text = text.trim();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    let seconds = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_s))
        .ok_or_else(wrong)?;
    if (1..=366 * 24 * 3600).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err(wrong())
    }
}

/// An address and a port.
pub(super) fn bind(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.trim().replacen("localhost:", "127.0.0.1:", 1);
    numeric
        .parse()
        .map_err(|_| "must be an address and a port, such as 0.0.0.0:8080 or [::1]:8080".to_owned())
}

/// An origin as browsers send it in `Origin`: scheme, host and, where it is not the scheme's own, port.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let wrong = |why: &str| {
        Err(format!(
            "{why}; write origins as https://app.example.com, with commas between them"
        ))
    };
    let origin = text.trim();
    if origin == "*" {
        return wrong("every origin would be every page of the web: list those of your application");
    }
    let Some(authority) = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))
    else {
        return wrong("an origin begins with https:// or http://");
    };
    let is_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(is_host) {
        return wrong("an origin has a host in lower case and no path, not even a slash at its end");
    }
    Ok(origin.to_owned())
}

/// A host's name, without a port.
pub(super) fn host(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(
            "write names as metrics.example.com, without a port, with commas between them".to_owned(),
        );
    }
    Ok(name)
}

/// A range of addresses.
pub(super) fn network(text: &str) -> Result<Network, String> {
    Network::parse(text).ok_or_else(|| {
        "write networks as 10.1.0.0/16 or fd00:1::/32, by their first address, with commas between them"
            .to_owned()
    })
}

/// Where keys are published: https, or http where it stays on this machine.
pub(super) fn jwks_url(text: &str) -> Result<Uri, String> {
    let wrong = |why: &str| {
        Err(format!(
            "{why}; write it as https://auth.example.com/.well-known/jwks.json"
        ))
    };
    let text = text.trim();
    let Ok(url) = text.parse::<Uri>() else {
        return wrong("it is no URL");
    };
    let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return wrong("it is no whole URL");
    };
    if authority.as_str().contains('@') {
        return wrong("a URL with a user or a password in it is shown in logs");
    }
    if text.contains('#') {
        return wrong("nothing may follow a #");
    }
    let host = authority.host();
    let is_loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    match scheme {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        "http" => wrong(
            "whoever sits between here and there could give out keys of their own: only https will do, or http to localhost",
        ),
        _ => wrong("it must begin with https://"),
    }
}

/// Where a collector takes spans.
pub(super) fn collector_url(text: &str) -> Result<Uri, String> {
    let url = text.trim().trim_end_matches('/').parse::<Uri>();
    let known = url.ok().filter(|url| {
        let is_http = matches!(url.scheme_str(), Some("http" | "https"));
        is_http && url.query().is_none() && !url.authority().is_some_and(|host| host.as_str().contains('@'))
    });
    known.ok_or_else(|| "write it as http://localhost:4318, with the port of OTLP over HTTP".to_owned())
}

/// The Postgres type behind a kind of id.
pub fn id_type(text: &str) -> Result<IdType, String> {
    IdType::parse(text).ok_or_else(|| "must be text, uuid or bigint".to_owned())
}
