//! What a connection string says, and what libpq's environment adds to it.
//!
//! The driver reads hosts, names and passwords; the words of TLS are taken out before it sees them, since it knows few of
//! them. Of an unknown parameter its name is shown only where it is one of a library that people know: anything else might
//! be a piece of a password that was not encoded.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslNegotiation, TargetSessionAttrs},
};

use super::tls::{Mode, Roots, Wish};

/// Why a connection string is refused. Holds nothing of its value but names of parameters and words of closed lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not to be parsed.
    #[error(
        "it is no connection string: write postgres://user:password@host:5432/database, with %40 for @ in a password"
    )]
    Malformed,
    /// Nowhere to connect to.
    #[error("it names no host: write postgres://user:password@host:5432/database")]
    NoHost,
    /// As many ports as hosts, or one.
    #[error("it has another number of hosts than of ports or host addresses")]
    Uneven,
    /// Of another library, or not supported.
    #[error("the parameter {0} is not known here: leave it out")]
    Unknown(&'static str),
    /// A word that is none of those.
    #[error("{parameter} must be one of {allowed}")]
    Value {
        /// Whose value it is.
        parameter: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
    /// Presence writes.
    #[error(
        "target_session_attrs must be any, read-write or primary: presence needs a server that takes writes"
    )]
    Standby,
    /// There is nobody to check by.
    #[error(
        "sslmode={0} checks the server's certificate and needs to know whom to trust: give the certificate of its \
         authority with sslrootcert=PATH, or sslrootcert=system for a public one"
    )]
    NoRoots(&'static str),
    /// A public authority signs for anybody's host.
    #[error(
        "sslrootcert=system needs sslmode=verify-full: a public authority signs certificates for anybody"
    )]
    WeakSystem,
    /// The server may not speak TLS at all.
    #[error("sslnegotiation=direct needs sslmode=require, verify-ca or verify-full")]
    WeakDirect,
    /// Half of it.
    #[error("sslcert needs sslkey: the path of the certificate's private key")]
    NoKey,
}

/// Words of TLS, in a connection string and in the environment.
const OURS: [(&str, &str); 8] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslsni", "PGSSLSNI"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
];

/// Parameters that people bring from libpq or from other drivers, and that the driver here does not take.
const OTHERS: [&str; 26] = [
    "charset",
    "client_encoding",
    "connection_limit",
    "currentSchema",
    "fallback_application_name",
    "gssencmode",
    "krbsrvname",
    "passfile",
    "pgbouncer",
    "pool_timeout",
    "require_auth",
    "requirepeer",
    "schema",
    "search_path",
    "service",
    "ssl",
    "ssl_max_protocol_version",
    "sslaccept",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslidentity",
    "sslpassword",
    "statement_cache_size",
    "uselibpqcompat",
];

/// Reads a connection string, and the environment for what it does not say.
pub fn read(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<(Config, Wish), Error> {
    let (rest, said) = take_ours(text)?;
    let mut config: Config = rest.parse().map_err(|_| unknown(&rest))?;
    let environment = |variable: &str| environment(variable).filter(|value| !value.is_empty());
    let word = |parameter: &str| {
        let said = said.iter().rev().find(|(name, _)| name == parameter);
        let variable = OURS.iter().find(|(name, _)| *name == parameter)?.1;
        said.map(|(_, value)| value.clone())
            .or_else(|| environment(variable))
    };
    if config.get_hosts().is_empty() {
        // As libpq, which checks the address where there is no name.
        for address in config.get_hostaddrs().to_vec() {
            config.host(address.to_string());
        }
    }
    if config.get_hosts().is_empty() {
        return Err(Error::NoHost);
    }
    if config.get_connect_timeout().is_none()
        && let Some(seconds) = environment("PGCONNECT_TIMEOUT").and_then(|text| text.parse().ok())
        && seconds > 0
    {
        config.connect_timeout(std::time::Duration::from_secs(seconds));
    }
    if let (None, Some(password)) = (config.get_password(), environment("PGPASSWORD")) {
        config.password(password);
    }
    config.target_session_attrs(session(word("target_session_attrs"), config.get_hosts().len())?);
    let wish = wish(&word, environment("HOME").map(PathBuf::from))?;
    if is_direct(word("sslnegotiation"))? {
        if wish.mode < Mode::Require {
            return Err(Error::WeakDirect);
        }
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    Ok((config, wish))
}

/// What is said of TLS, with the files that libpq takes by default.
fn wish(word: &impl Fn(&str) -> Option<String>, home: Option<PathBuf>) -> Result<Wish, Error> {
    let by_default = |name: &str| {
        let path = home.as_ref()?.join(".postgresql").join(name);
        path.exists().then_some(path)
    };
    let root = word("sslrootcert");
    let roots = match root.as_deref() {
        Some("system") => Roots::System,
        Some(path) => Roots::File(path.into()),
        None => by_default("root.crt").map_or(Roots::Anybody, Roots::File),
    };
    let mode = match word("sslmode") {
        None if roots == Roots::System => Mode::VerifyFull,
        None => Mode::Prefer,
        Some(text) => mode(&text)?,
    };
    match (&roots, mode) {
        (Roots::Anybody, Mode::VerifyCa) => return Err(Error::NoRoots("verify-ca")),
        (Roots::Anybody, Mode::VerifyFull) => return Err(Error::NoRoots("verify-full")),
        (Roots::System, mode) if mode != Mode::VerifyFull => return Err(Error::WeakSystem),
        _ => {}
    }
    let key = word("sslkey")
        .map(PathBuf::from)
        .or_else(|| by_default("postgresql.key"));
    let certificate = word("sslcert").map(PathBuf::from);
    let identity = match (certificate.or_else(|| by_default("postgresql.crt")), key) {
        (None, _) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (Some(_), None) => return Err(Error::NoKey),
    };
    Ok(Wish {
        mode,
        roots,
        identity,
        names_host: word("sslsni").as_deref() != Some("0"),
        is_1_3_only: is_1_3_only(word("ssl_min_protocol_version"))?,
    })
}

fn mode(text: &str) -> Result<Mode, Error> {
    Mode::parse(text).ok_or(Error::Value {
        parameter: "sslmode",
        allowed: "disable, allow, prefer, require, verify-ca, verify-full",
    })
}

fn is_direct(text: Option<String>) -> Result<bool, Error> {
    match text.as_deref() {
        None | Some("postgres") => Ok(false),
        Some("direct") => Ok(true),
        Some(_) => Err(Error::Value {
            parameter: "sslnegotiation",
            allowed: "postgres, direct",
        }),
    }
}

fn is_1_3_only(text: Option<String>) -> Result<bool, Error> {
    match text.as_deref() {
        None | Some("TLSv1" | "TLSv1.1" | "TLSv1.2") => Ok(false),
        Some("TLSv1.3") => Ok(true),
        Some(_) => Err(Error::Value {
            parameter: "ssl_min_protocol_version",
            allowed: "TLSv1.2, TLSv1.3",
        }),
    }
}

/// With several hosts a standby may be among them, which is of no use.
fn session(text: Option<String>, hosts: usize) -> Result<TargetSessionAttrs, Error> {
    match text.as_deref() {
        None if hosts > 1 => Ok(TargetSessionAttrs::ReadWrite),
        None | Some("any") => Ok(TargetSessionAttrs::Any),
        Some("read-write" | "primary") => Ok(TargetSessionAttrs::ReadWrite),
        Some(_) => Err(Error::Standby),
    }
}

/// A configuration of one host each.
pub fn split(config: &Config) -> Result<Vec<Config>, Error> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let is_even = |some: usize| some <= 1 || some == hosts.len();
    if !(is_even(ports.len()) && (addresses.is_empty() || addresses.len() == hosts.len())) {
        return Err(Error::Uneven);
    }
    let of_host = |(at, host): (usize, &Host)| {
        let mut one = Config::new();
        match host {
            Host::Tcp(name) => one.host(name),
            #[cfg(unix)]
            Host::Unix(path) => one.host_path(path),
        };
        if let Some(address) = addresses.get(at) {
            one.hostaddr(*address);
        }
        one.port(ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432));
        if let Some(user) = config.get_user() {
            one.user(user);
        }
        if let Some(password) = config.get_password() {
            one.password(password);
        }
        if let Some(name) = config.get_dbname() {
            one.dbname(name);
        }
        if let Some(options) = config.get_options() {
            one.options(options);
        }
        if let Some(name) = config.get_application_name() {
            one.application_name(name);
        }
        if let Some(time) = config.get_connect_timeout() {
            one.connect_timeout(*time);
        }
        if let Some(time) = config.get_tcp_user_timeout() {
            one.tcp_user_timeout(*time);
        }
        one.keepalives(config.get_keepalives())
            .keepalives_idle(config.get_keepalives_idle())
            .ssl_negotiation(config.get_ssl_negotiation())
            .target_session_attrs(config.get_target_session_attrs())
            .channel_binding(config.get_channel_binding())
            .load_balance_hosts(config.get_load_balance_hosts());
        if let Some(time) = config.get_keepalives_interval() {
            one.keepalives_interval(time);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            one.keepalives_retries(retries);
        }
        one
    };
    Ok(hosts.iter().enumerate().map(of_host).collect())
}

/// A connection string without the words of TLS, and those.
fn take_ours(text: &str) -> Result<(String, Vec<(String, String)>), Error> {
    let is_ours = |name: &str| OURS.iter().any(|(ours, _)| *ours == name);
    let is_url = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if !is_url {
        let pairs = pairs(text)?;
        let (ours, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| is_ours(name));
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
        let others: Vec<String> = others
            .iter()
            .map(|(name, value)| format!("{name}='{}'", quoted(value)))
            .collect();
        return Ok((others.join(" "), ours));
    }
    // A password may hold a question mark.
    let after_login = text.find('@').map_or(0, |at| at + 1);
    let Some(at) = text[after_login..].find('?').map(|at| at + after_login) else {
        return Ok((text.to_owned(), vec![]));
    };
    let (mut ours, mut others) = (vec![], vec![]);
    for pair in text[at + 1..].split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(Error::Malformed)?;
        if is_ours(name) {
            let value = percent_decode_str(value).decode_utf8();
            ours.push((name.to_owned(), value.map_err(|_| Error::Malformed)?.into_owned()));
        } else {
            others.push(pair);
        }
    }
    let rest = match others.is_empty() {
        true => text[..at].to_owned(),
        false => format!("{}?{}", &text[..at], others.join("&")),
    };
    Ok((rest, ours))
}

/// `key=value key='value with \' and blanks'`.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = vec![];
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return Ok(pairs);
        }
        let mut name = String::new();
        while let Some(letter) = letters.next_if(|letter| *letter != '=') {
            name.push(letter);
        }
        letters.next().ok_or(Error::Malformed)?;
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let is_quoted = letters.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match letters.next() {
                Some('\'') if is_quoted => break,
                Some('\\') => value.push(letters.next().ok_or(Error::Malformed)?),
                Some(letter) if is_quoted || !letter.is_whitespace() => value.push(letter),
                None if is_quoted => return Err(Error::Malformed),
                _ => break,
            }
        }
        pairs.push((name.trim().to_owned(), value));
    }
}

/// Why the driver refused what it was given.
fn unknown(rest: &str) -> Error {
    let has = |name: &&&str| {
        [format!("?{name}="), format!("&{name}=")]
            .iter()
            .any(|parameter| rest.contains(parameter))
            || rest.starts_with(&format!("{name}='"))
            || rest.contains(&format!(" {name}='"))
    };
    OTHERS
        .iter()
        .find(has)
        .map_or(Error::Malformed, |name| Error::Unknown(name))
}
