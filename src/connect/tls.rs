//! Whom to trust, and with what to show who we are: from the words of libpq to a configuration of rustls.
//!
//! What libpq means: `require` encrypts and checks nothing, unless there is a root certificate; with one, every mode checks
//! the chain. `verify-ca` and `verify-full` need one, and the latter checks the host's name too. A certificate that stands
//! itself in the file of roots is trusted as it is: servers with a self-signed one are common.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_postgres::{
    Socket,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    version::{TLS12, TLS13},
};

use super::Trust;

/// `sslmode`, as libpq means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Never encrypted.
    Disable,
    /// Encrypted where the server wants it.
    Allow,
    /// Encrypted where the server can: what holds where nothing is said.
    Prefer,
    /// Encrypted.
    Require,
    /// Encrypted, with a server whose certificate somebody trusted has signed.
    VerifyCa,
    /// As that, and the certificate is the host's own.
    VerifyFull,
}

impl Mode {
    /// All of them, as they are written.
    const WORDS: [(&str, Self); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    /// By its word.
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, mode)| *mode)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, mode)| *mode == self);
        found.map_or("", |(word, _)| word)
    }
}

/// Who may sign a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Whoever: nothing is checked.
    Anybody,
    /// Whom this machine trusts.
    System,
    /// Who stands in this file.
    File(PathBuf),
}

/// All that was said of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Whether to encrypt, and what to check.
    pub mode: Mode,
    /// By whom.
    pub roots: Roots,
    /// The client's own certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether the server is told by which name it is called.
    pub names_host: bool,
    /// Whether TLS 1.2 is too old.
    pub is_1_3_only: bool,
}

/// Why TLS cannot be begun. Names files and parameters, never what stands in them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{parameter}: cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        parameter: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that holds none.
    #[error("{parameter}: {} holds no certificate (-----BEGIN CERTIFICATE-----)", path.display())]
    NoCertificate {
        /// Which.
        parameter: &'static str,
        /// Its path.
        path: PathBuf,
    },
    /// A file that holds none that can be used.
    #[error("sslkey: {} holds no private key (-----BEGIN PRIVATE KEY-----)", path.display())]
    NoKey {
        /// Its path.
        path: PathBuf,
    },
    /// Nobody could type its password.
    #[error(
        "sslkey: the key in {} is encrypted: decrypt it with `openssl pkey -in KEY -out PLAIN_KEY`",
        path.display()
    )]
    EncryptedKey {
        /// Its path.
        path: PathBuf,
    },
    /// Two files that do not belong together.
    #[error("sslcert and sslkey do not go together, or are of a kind that is not known: {0}")]
    Identity(String),
    /// A bare machine.
    #[error(
        "sslrootcert=system: this machine trusts no certificate authority: install ca-certificates, or give the \
         certificate of the server's authority with sslrootcert=PATH"
    )]
    NoSystemRoots,
    /// Of our own making.
    #[error("TLS: {0}")]
    Bug(String),
}

impl Wish {
    /// Whom an encrypted connection is with.
    pub fn trust(&self) -> Trust {
        match (&self.roots, self.mode) {
            (Roots::Anybody, _) => Trust::Nobody,
            (_, Mode::VerifyFull) => Trust::Host,
            _ => Trust::Authority,
        }
    }

    /// Reads the files.
    pub fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(ring::default_provider());
        let versions = match self.is_1_3_only {
            true => &[&TLS13][..],
            false => &[&TLS13, &TLS12][..],
        };
        let verifier = Verifier::new(&self.roots, self.mode == Mode::VerifyFull, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|why| Error::Bug(why.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(certificates("sslcert", certificate)?, private_key(key)?)
                .map_err(|why| Error::Identity(why.to_string()))?,
        };
        config.enable_sni = self.names_host;
        // What Postgres 17 wants of `sslnegotiation=direct`, and older ones do not mind.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(config)
    }
}

fn read(parameter: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Unreadable {
        parameter,
        path: path.to_owned(),
        source,
    })
}

fn certificates(parameter: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(parameter, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::NoCertificate {
            parameter,
            path: path.to_owned(),
        }),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let pem = read("sslkey", path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let path = path.to_owned();
        match String::from_utf8_lossy(&pem).contains("ENCRYPTED") {
            true => Error::EncryptedKey { path },
            false => Error::NoKey { path },
        }
    })
}

/// Read once: they are many, and change with the machine.
fn system_roots() -> Result<Arc<RootCertStore>, Error> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    match roots.is_empty() {
        true => Err(Error::NoSystemRoots),
        false => Ok(roots.clone()),
    }
}

#[derive(Debug)]
struct Verifier {
    /// Who may sign; none: whoever.
    roots: Option<Arc<RootCertStore>>,
    /// Certificates that are trusted as they are.
    known: Vec<CertificateDer<'static>>,
    is_name_checked: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(roots: &Roots, is_name_checked: bool, provider: &CryptoProvider) -> Result<Self, Error> {
        let mut known = vec![];
        let roots = match roots {
            Roots::Anybody => None,
            Roots::System => Some(system_roots()?),
            Roots::File(path) => {
                known = certificates("sslrootcert", path)?;
                let mut roots = RootCertStore::empty();
                // What is no authority may still be the server's own.
                roots.add_parsable_certificates(known.clone());
                Some(Arc::new(roots))
            }
        };
        Ok(Self {
            roots,
            known,
            is_name_checked,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

type Checked<T> = Result<T, tokio_rustls::rustls::Error>;

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Checked<ServerCertVerified> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if !self.known.iter().any(|known| known == end_entity) {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        if self.is_name_checked {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    // Where whoever is trusted, whose key it is says nothing, and the certificate may be of a kind that cannot be read.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Checked<HandshakeSignatureValid> {
        match self.roots {
            None => Ok(HandshakeSignatureValid::assertion()),
            Some(_) => verify_tls12_signature(message, certificate, signed, &self.algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Checked<HandshakeSignatureValid> {
        match self.roots {
            None => Ok(HandshakeSignatureValid::assertion()),
            Some(_) => verify_tls13_signature(message, certificate, signed, &self.algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Begins TLS for the driver, and notes that it did.
#[derive(Clone)]
pub struct Maker {
    inner: Result<MakeRustlsConnect, Arc<Error>>,
    has_begun: Arc<AtomicBool>,
}

/// What one connection's TLS begins with.
pub struct Beginning {
    inner: <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect,
    has_begun: Arc<AtomicBool>,
}

/// What is sent through.
pub type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

impl Maker {
    /// As wished. Files that cannot be read fail the connection.
    pub fn new(wish: &Wish, has_begun: Arc<AtomicBool>) -> Self {
        Self {
            inner: wish.config().map(MakeRustlsConnect::new).map_err(Arc::new),
            has_begun,
        }
    }

    /// Never used: the driver wants one also where it does not encrypt.
    pub fn off() -> Self {
        static OFF: OnceLock<Maker> = OnceLock::new();
        let off = || {
            let wish = Wish {
                mode: Mode::Disable,
                roots: Roots::Anybody,
                identity: None,
                names_host: false,
                is_1_3_only: false,
            };
            Self::new(&wish, Arc::default())
        };
        OFF.get_or_init(off).clone()
    }
}

/// The driver owns its errors; ours is shared by the hosts' addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotBegun(pub Arc<Error>);

impl MakeTlsConnect<Socket> for Maker {
    type Stream = Stream;
    type TlsConnect = Beginning;
    type Error = NotBegun;

    fn make_tls_connect(&mut self, host: &str) -> Result<Beginning, NotBegun> {
        let inner = self.inner.as_mut().map_err(|error| NotBegun(error.clone()))?;
        let Ok(inner) = MakeTlsConnect::<Socket>::make_tls_connect(inner, host);
        Ok(Beginning {
            inner,
            has_begun: self.has_begun.clone(),
        })
    }
}

impl TlsConnect<Socket> for Beginning {
    type Stream = Stream;
    type Error = std::io::Error;
    type Future = <<MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect as TlsConnect<Socket>>::Future;

    fn connect(self, stream: Socket) -> Self::Future {
        self.has_begun.store(true, Ordering::Relaxed);
        self.inner.connect(stream)
    }
}
