//! Words for why there is no connection: what is wrong, and what would mend it. By types and SQLSTATEs, not by texts of
//! others; names hosts and files, never a password.

use std::{error::Error as _, io, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslNegotiation},
    error::SqlState,
};
use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

use super::{
    Error,
    tls::{Mode, NotBegun, Roots, Wish},
};

/// Of one host.
pub struct Failure {
    host: String,
    words: String,
    code: Option<SqlState>,
}

/// A host that accepted and said nothing, or nothing in time.
pub fn silence(config: &Config, host_max: Duration) -> Failure {
    Failure {
        host: name(config),
        words: format!(
            "no answer within {} s: see that the address is right and no firewall swallows it (connect_timeout)",
            host_max.as_secs()
        ),
        code: None,
    }
}

/// What a host, or the way to it, failed of.
pub fn failure(config: &Config, wish: &Wish, error: &tokio_postgres::Error) -> Failure {
    let words = match (error.as_db_error(), handshake(error)) {
        (Some(refusal), _) => refused(refusal, wish),
        (None, Some(why)) => tls(why, wish),
        (None, None) => other(error, config, wish),
    };
    Failure {
        host: name(config),
        words,
        code: error.code().cloned(),
    }
}

/// Of all hosts, in the order in which they were tried.
pub fn all(failures: Vec<Failure>) -> Error {
    let code = failures.last().and_then(|last| last.code.clone());
    let each = failures.iter().map(|one| format!("{}: {}", one.host, one.words));
    Error {
        words: each.collect::<Vec<_>>().join("; "),
        code,
    }
}

fn name(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) if host.contains(':') => format!("[{host}]:{port}"),
        Some(Host::Tcp(host)) => format!("{host}:{port}"),
        #[cfg(unix)]
        Some(Host::Unix(path)) => format!("{}/.s.PGSQL.{port}", path.display()),
        None => "no host".to_owned(),
    }
}

/// What Postgres itself refused, by its SQLSTATE.
fn refused(refusal: &tokio_postgres::error::DbError, wish: &Wish) -> String {
    let message = refusal.message();
    let mend = match *refusal.code() {
        SqlState::INVALID_PASSWORD => "the password, or the login's name, is not right",
        // No entry of pg_hba.conf, a certificate that is missing, a login that there is not.
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION if wish.mode <= Mode::Prefer => {
            "see the login's name and the server's pg_hba.conf; where that admits TLS alone, say sslmode=require"
        }
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "see the login's name and the server's pg_hba.conf; where that wants a client certificate, give sslcert \
             and sslkey"
        }
        SqlState::INVALID_CATALOG_NAME => "create it, or name another one at the end of the URL",
        SqlState::TOO_MANY_CONNECTIONS => {
            "raise max_connections, or give nodes and applications smaller pools"
        }
        SqlState::CANNOT_CONNECT_NOW => "it is starting or stopping: try again",
        _ => return message.to_owned(),
    };
    format!("{message}: {mend}")
}

/// What rustls says, somewhere among the causes.
fn handshake(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let within = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = within.and_then(|within| within.downcast_ref()) {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

fn tls(why: &rustls::Error, wish: &Wish) -> String {
    match why {
        rustls::Error::InvalidCertificate(why) => certificate(why, wish),
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::UnsupportedCertificate,
        ) => {
            let which = match wish.identity {
                Some(_) => {
                    "the certificate in sslcert must be valid and signed by an authority in its ssl_ca_file"
                }
                None => "it wants one: give sslcert and sslkey",
            };
            format!("the server refuses the client's certificate ({why}): {which}")
        }
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "the server speaks TLS, but not Postgres: see the port".to_owned()
        }
        rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(_) => {
            format!(
                "the server and this client have no way of TLS in common ({why}): it must speak TLS 1.2 or 1.3"
            )
        }
        rustls::Error::InvalidMessage(_) => format!(
            "what answers there speaks no TLS ({why}): see the port, and leave out sslnegotiation=direct before Postgres 17"
        ),
        other => format!("TLS failed: {other}"),
    }
}

fn certificate(why: &CertificateError, wish: &Wish) -> String {
    let roots = match &wish.roots {
        Roots::Anybody => "nobody".to_owned(),
        Roots::System => "the authorities that this machine trusts (sslrootcert=system)".to_owned(),
        Roots::File(path) => format!("an authority in {} (sslrootcert)", path.display()),
    };
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "the server's certificate is not signed by {roots}: give the certificate of the authority that signed it \
             with sslrootcert=PATH, and see that this is the server you mean"
        ),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the server's certificate is for {}, not for {}: connect by a name that stands in it (subjectAltName), or \
             make the server one for this name",
            match presented.is_empty() {
                true => "no name".to_owned(),
                false => presented.join(", "),
            },
            expected.to_str()
        ),
        CertificateError::NotValidForName => {
            "the server's certificate is for another host: connect by a name that stands in it".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: renew it, or set this machine's clock right".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: set this machine's clock right".to_owned()
        }
        other => {
            let text = rustls::Error::InvalidCertificate(other.clone()).to_string();
            let mend = match text.contains("CaUsedAsEndEntity") {
                true => "it is self-signed: copy it from the server and name it with sslrootcert=PATH",
                false => "make the server one of X.509 version 3, with its names as subjectAltName",
            };
            format!("the server's certificate cannot be used ({text}): {mend}")
        }
    }
}

/// Neither Postgres nor rustls said it.
fn other(error: &tokio_postgres::Error, config: &Config, wish: &Wish) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        if inner.is::<NotBegun>() {
            return inner.to_string();
        }
        cause = inner;
    }
    let Some(io) = cause.downcast_ref::<io::Error>() else {
        return match (wish.mode >= Mode::Require, cause.to_string()) {
            (true, text) if text == "server does not support TLS" => format!(
                "the server speaks no TLS, which sslmode={} asks for: turn it on there (ssl = on, ssl_cert_file, \
                 ssl_key_file), or say sslmode=disable where the network is yours alone",
                wish.mode.word()
            ),
            (_, text) if text == "password missing" => {
                "the server asks for a password: put it into the URL, or into PGPASSWORD".to_owned()
            }
            (_, text) => text,
        };
    };
    match io.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("{io}: see that Postgres runs there and listens on that address (listen_addresses, port)")
        }
        io::ErrorKind::PermissionDenied if io.get_ref().is_some() => {
            "this server takes no writes, as a standby: name the primary, or all servers with commas between them"
                .to_owned()
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
            if config.get_ssl_negotiation() == SslNegotiation::Direct =>
        {
            format!("the connection was closed ({io}): sslnegotiation=direct is for Postgres 17 and later, leave it out")
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            format!("the connection was closed ({io}): see the server's log, and that Postgres is what answers there")
        }
        io::ErrorKind::TimedOut => {
            format!("{io}: see that the address is right and no firewall swallows it (connect_timeout)")
        }
        _ => io.to_string(),
    }
}
