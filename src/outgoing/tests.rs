use std::time::Instant;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::*;

const CA: &[u8] = include_bytes!("../../tests/tls/ca.pem");
const LEAF: &[u8] = include_bytes!("../../tests/tls/leaf.pem");
const LEAF_KEY: &[u8] = include_bytes!("../../tests/tls/leaf.key");

/// Answers every connection with these bytes, over TLS where asked to; its port.
async fn provider(answer: String, tls: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                if tls {
                    if let Ok(io) = acceptor().accept(tcp).await {
                        talk(io, &answer).await;
                    }
                } else {
                    talk(tcp, &answer).await;
                }
            });
        }
    });
    port
}

fn acceptor() -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(LEAF).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(LEAF_KEY).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

async fn talk(mut io: impl Io, answer: &str) {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match io.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let _ = io.write_all(answer.as_bytes()).await;
    let _ = io.flush().await;
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
    let _ = io.shutdown().await;
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn trusted() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CA).expect("a certificate"))
        .expect("an authority");
    roots
}

fn plain(port: u16) -> Outgoing {
    let url = format!("http://127.0.0.1:{port}/keys?a=b")
        .parse()
        .expect("a URL");
    Outgoing::over(url, None)
}

fn over_tls(host: &str, port: u16, roots: RootCertStore) -> Outgoing {
    let url = format!("https://{host}:{port}/keys").parse().expect("a URL");
    Outgoing::over(url, Some(Trust::in_roots(roots).expect("TLS")))
}

#[tokio::test]
async fn a_document_comes_over_tls_from_whom_the_machine_trusts_and_from_nobody_else() {
    let port = provider(ok("{}"), true).await;
    let tls_to_plain = provider(ok("{}"), false).await;

    let trusting = over_tls("localhost", port, trusted()).read().await;
    let of_another_name = over_tls("127.0.0.1", port, trusted()).read().await;
    let distrusting = Outgoing::new(format!("https://localhost:{port}/").parse().expect("a URL"));
    let distrusting = match distrusting {
        Ok(provider) => provider.read().await,
        Err(no_roots) => Err(no_roots),
    };
    let not_tls = over_tls("localhost", tls_to_plain, trusted()).read().await;

    assert_eq!(trusting.as_deref(), Ok(&b"{}"[..]));
    assert!(of_another_name.is_err_and(|why| why.contains("certificate")));
    assert!(distrusting.is_err());
    assert!(not_tls.is_err());
}

#[tokio::test]
async fn only_200_counts_and_redirects_are_not_followed() {
    let elsewhere = provider(ok("{\"keys\":[]}"), false).await;
    let moved =
        format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned();

    let moved = plain(provider(moved, false).await).read().await;
    let missing = plain(provider(missing, false).await).read().await;
    let nonsense = plain(provider("what?\r\n\r\n".to_owned(), false).await)
        .read()
        .await;

    assert!(moved.is_err_and(|why| why.contains("redirects are not followed")));
    assert!(missing.is_err_and(|why| why.contains("404")));
    assert!(nonsense.is_err());
}

#[tokio::test]
async fn it_is_bounded_in_bytes_and_in_time() {
    let fits = plain(provider(ok(&" ".repeat(BODY_BYTES_MAX)), false).await)
        .read()
        .await;
    let over = plain(provider(ok(&" ".repeat(BODY_BYTES_MAX + 1)), false).await)
        .read()
        .await;
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned();
    let cut = plain(provider(cut, false).await).read().await;
    let begin = Instant::now();
    let silent = plain(provider(String::new(), false).await).read().await;

    assert!(fits.is_ok_and(|body| body.len() == BODY_BYTES_MAX));
    assert!(over.is_err_and(|why| why.contains("the body")));
    assert!(cut.is_err());
    assert!(silent.is_err_and(|why| why.contains("within 5 s")));
    assert!(begin.elapsed() >= CALL_MAX);
}

#[tokio::test]
async fn a_guard_judges_the_address_that_a_name_leads_to_and_nothing_is_sent_where_it_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let to = |host: &str, guard: Arc<Guard>| {
        let url = format!("http://{host}:{port}/").parse().expect("a URL");
        Outgoing::guarded(url, None, guard, CALL_MAX)
    };
    let nowhere: Arc<Guard> = Arc::new(|ip| Err(format!("{ip} is refused")));

    for host in ["127.0.0.1", "localhost"] {
        let refused = to(host, nowhere.clone()).call(Request::new(Bytes::new())).await;
        assert!(
            refused.is_err_and(|why| why.ends_with("is refused")),
            "{host}: it is refused by its address"
        );
    }

    // Nobody connected: the first to come is this one.
    let mine = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let (_, first) = listener.accept().await.expect("one");
    assert_eq!(first, mine.local_addr().expect("connected"));
}

#[tokio::test]
async fn the_head_of_an_answer_is_had_though_its_body_never_ends() {
    let endless = "HTTP/1.1 204 No Content\r\n\r\n".to_owned();
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{{", u32::MAX);

    for (answer, status) in [(endless, 204), (long, 200)] {
        let head = plain(provider(answer, false).await)
            .head_of_call(Request::new(Bytes::new()))
            .await;
        assert_eq!(head.map(|head| head.status.as_u16()), Ok(status));
    }
}
