//! One call to another service: the JWKS of a provider, the spans for a collector, what webhooks tell. Bounded in time and
//! in bytes, over TLS where its URL says so, to the host that was named and no other. Redirects are not followed, proxies
//! of the environment are not used, answers are not decompressed.
//!
//! Where strangers may have chosen the host, a guard judges each address that its name leads to, and what it lets through
//! is what is connected to: the name is looked up once, so that it cannot lead elsewhere in between (DNS rebinding).

use std::{net::IpAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode, Uri,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, HOST, HeaderValue, USER_AGENT},
    http::response::Parts,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use tokio_util::task::AbortOnDropHandle;

/// From the look-up of the name to the last byte. Requests with a new key wait for it, so it is no longer than a person
/// waits; whoever takes more is as good as down.
pub const CALL_MAX: Duration = Duration::from_secs(5);
/// A JWKS has some 1 to 5 KiB, the answer of a collector a few bytes; what is longer is something else.
const BODY_BYTES_MAX: usize = 256 * 1024;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Whether this address may be connected to; if not, why, for the log.
pub type Guard = dyn Fn(IpAddr) -> Result<(), String> + Send + Sync;

/// Whose certificates are good. Cheap to clone.
#[derive(Clone)]
pub struct Trust(TlsConnector);

impl Trust {
    /// Those that this machine trusts, as they are now: its files are read.
    pub fn of_this_machine() -> Result<Self, String> {
        Self::in_roots(native_roots()?)
    }

    fn in_roots(roots: RootCertStore) -> Result<Self, String> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(text)?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

/// The other service.
pub struct Outgoing {
    url: Uri,
    tls: Option<TlsConnector>,
    guard: Option<Arc<Guard>>,
    call_max: Duration,
}

impl Outgoing {
    /// Trusts what this machine trusts. The URL was checked by the configuration.
    pub fn new(url: Uri) -> Result<Self, String> {
        let trust = match url.scheme_str() {
            Some("https") => Some(Trust::of_this_machine()?),
            _ => None,
        };
        Ok(Self::over(url, trust))
    }

    /// To a URL that strangers may have chosen: by TLS if there is trust, to addresses that the guard lets through alone.
    pub fn guarded(url: Uri, trust: Option<Trust>, guard: Arc<Guard>, call_max: Duration) -> Self {
        Self {
            guard: Some(guard),
            call_max,
            ..Self::over(url, trust)
        }
    }

    fn over(url: Uri, trust: Option<Trust>) -> Self {
        Self {
            url,
            tls: trust.map(|Trust(tls)| tls),
            guard: None,
            call_max: CALL_MAX,
        }
    }

    /// The document that is there, or why there is none, for the log.
    pub async fn read(&self) -> Result<Bytes, String> {
        let request = Request::get("/")
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .body(Bytes::new())
            .map_err(text)?;
        let answer = self.call(request).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            status if status.is_redirection() => {
                Err(format!("it answers {status}: redirects are not followed"))
            }
            status => Err(format!("it answers {status}")),
        }
    }

    /// The answer to a request, which goes to the URL whatever its own says.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        self.in_time(request, true).await
    }

    /// As [`Outgoing::call`], for the head of the answer alone: its body is not read.
    pub async fn head_of_call(&self, request: Request<Bytes>) -> Result<Parts, String> {
        Ok(self.in_time(request, false).await?.into_parts().0)
    }

    async fn in_time(&self, request: Request<Bytes>, is_body_read: bool) -> Result<Response<Bytes>, String> {
        match tokio::time::timeout(self.call_max, self.exchange(request, is_body_read)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "no whole answer within {} s",
                self.call_max.as_secs_f64()
            )),
        }
    }

    async fn exchange(&self, request: Request<Bytes>, is_body_read: bool) -> Result<Response<Bytes>, String> {
        let io = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = http1::handshake(io).await.map_err(text)?;
        // Ends with this call, also where that is given up.
        let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let (mut head, body) = request.into_parts();
        head.uri = path.parse().map_err(text)?;
        head.headers
            .insert(HOST, HeaderValue::from_str(authority).map_err(text)?);
        let agent = concat!("pg-presence/", env!("CARGO_PKG_VERSION"));
        head.headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let request = Request::from_parts(head, Full::new(body));
        let (head, body) = sender.send_request(request).await.map_err(text)?.into_parts();
        if !is_body_read {
            return Ok(Response::from_parts(head, Bytes::new()));
        }
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|why| format!("the body: {why}"))?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    async fn connect(&self) -> Result<Box<dyn Io>, String> {
        let host = self.url.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let default_port = if self.tls.is_some() { 443 } else { 80 };
        let port = self.url.port_u16().unwrap_or(default_port);
        let tcp = match &self.guard {
            None => TcpStream::connect((host, port)).await.map_err(text)?,
            Some(guard) => connect_guarded(host, port, guard).await?,
        };
        let Some(tls) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(text)?;
        Ok(Box::new(tls.connect(name, tcp).await.map_err(text)?))
    }
}

/// To the first address that is let through and answers; what is refused says so, though another one may have failed.
async fn connect_guarded(host: &str, port: u16, guard: &Arc<Guard>) -> Result<TcpStream, String> {
    let addresses = tokio::net::lookup_host((host, port)).await.map_err(text)?;
    let mut trouble = None;
    for address in addresses {
        if let Err(why) = guard(address.ip()) {
            trouble = Some(why);
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(why) => trouble = trouble.or(Some(text(why))),
        }
    }
    Err(trouble.unwrap_or_else(|| "the name leads to no address".to_owned()))
}

/// What the machine trusts; `SSL_CERT_FILE` names others.
fn native_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        false => Ok(roots),
        true => Err(
            "this machine trusts no certificate authority: install ca-certificates, or name a file with SSL_CERT_FILE"
                .to_owned(),
        ),
    }
}

fn text(why: impl std::fmt::Display) -> String {
    why.to_string()
}

#[cfg(test)]
mod tests;
