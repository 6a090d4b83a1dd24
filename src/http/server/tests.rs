use std::net::SocketAddr;

use axum::routing::{get, post};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::*;

/// A test that waits longer than this has failed.
const PATIENT: Duration = Duration::from_secs(20);

const SHORT: Patience = Patience {
    head: Duration::from_millis(500),
    idle: Duration::from_secs(20),
    write: Duration::from_secs(1),
};

async fn start(shutdown: &CancellationToken, drain_max: Duration) -> (SocketAddr, JoinHandle<Result<()>>) {
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(|| async { sleep(Duration::from_secs(1)).await }))
        .route("/stuck", get(|| async { sleep(Duration::from_secs(3600)).await }))
        .route("/flood", get(flood))
        .route("/echo", post(|body: String| async { body }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (
        address,
        tokio::spawn(serve_with(SHORT, listener, router, shutdown.clone(), drain_max)),
    )
}

/// Told when a flood ends.
static DROPPED: Notify = Notify::const_new();

/// An answer without an end.
async fn flood() -> Body {
    struct Told;
    impl Drop for Told {
        fn drop(&mut self) {
            DROPPED.notify_one();
        }
    }
    let told = Told;
    Body::from_stream(futures_util::stream::repeat_with(move || {
        let _ = &told;
        Ok::<_, std::convert::Infallible>(vec![b'x'; 64 * 1024])
    }))
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a listener")
}

async fn ask(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
}

/// What comes until the peer closes, or until `text` came.
async fn read_to(stream: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        all.extend_from_slice(&buffer[..read]);
        if !text.is_empty() && String::from_utf8_lossy(&all).contains(text) {
            break;
        }
    }
    String::from_utf8(all).expect("UTF-8")
}

/// What came before the peer closed.
async fn closed(stream: &mut TcpStream) -> String {
    timeout(PATIENT, read_to(stream, "")).await.expect("closed")
}

#[tokio::test]
async fn a_head_that_does_not_arrive_closes_the_connection() {
    let (address, _server) = start(&CancellationToken::new(), Duration::ZERO).await;
    let mut silent = connect(address).await;
    let mut partial = connect(address).await;
    partial
        .write_all(b"GET / HTTP/1.1\r\nHost:")
        .await
        .expect("written");

    assert_eq!(closed(&mut silent).await, "");
    assert_eq!(closed(&mut partial).await, "");
}

#[tokio::test]
async fn a_head_that_dribbles_closes_the_connection() {
    let (address, _server) = start(&CancellationToken::new(), Duration::ZERO).await;
    let (mut reader, mut writer) = connect(address).await.into_split();
    let dribble = tokio::spawn(async move {
        writer.write_all(b"GET / HTTP/1.1\r\nX: ").await.expect("written");
        while writer.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    });

    timeout(PATIENT, dribble)
        .await
        .expect("closed")
        .expect("no panic");

    let mut rest = Vec::new();
    // Reset or closed: either way without an answer.
    let _ = reader.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_connection_may_rest_between_requests_but_not_within_one() {
    let (address, _server) = start(&CancellationToken::new(), Duration::ZERO).await;
    let mut stream = connect(address).await;
    ask(&mut stream, "/").await;
    assert!(read_to(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));

    sleep(3 * SHORT.head).await;
    ask(&mut stream, "/").await;
    assert!(read_to(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));

    stream.write_all(b"GET /").await.expect("written");
    assert_eq!(closed(&mut stream).await, "");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let (address, _server) = start(&CancellationToken::new(), Duration::ZERO).await;
    let mut lazy = connect(address).await;
    ask(&mut lazy, "/flood").await;

    timeout(PATIENT, DROPPED.notified())
        .await
        .expect("the answer was given up");
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_takes_nothing_new() {
    let shutdown = CancellationToken::new();
    let (address, server) = start(&shutdown, Duration::from_secs(8)).await;
    let mut slow = connect(address).await;
    ask(&mut slow, "/slow").await;
    sleep(Duration::from_millis(200)).await;

    shutdown.cancel();

    let answer = timeout(Duration::from_secs(5), read_to(&mut slow, ""))
        .await
        .expect("closed");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    timeout(PATIENT, server)
        .await
        .expect("ended")
        .expect("no panic")
        .expect("no error");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let shutdown = CancellationToken::new();
    let (address, server) = start(&shutdown, Duration::from_millis(200)).await;
    let mut stuck = connect(address).await;
    ask(&mut stuck, "/stuck").await;
    sleep(Duration::from_millis(200)).await;

    shutdown.cancel();

    timeout(PATIENT, server)
        .await
        .expect("ended")
        .expect("no panic")
        .expect("no error");
    assert_eq!(
        timeout(Duration::from_secs(5), read_to(&mut stuck, ""))
            .await
            .expect("closed"),
        ""
    );
}

#[tokio::test]
async fn a_body_may_take_longer_than_a_head() {
    let (address, _server) = start(&CancellationToken::new(), Duration::ZERO).await;
    let mut stream = connect(address).await;
    let head = "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\nab";
    stream.write_all(head.as_bytes()).await.expect("written");
    sleep(2 * SHORT.head).await;
    stream.write_all(b"cd").await.expect("written");

    assert!(read_to(&mut stream, "abcd").await.starts_with("HTTP/1.1 200"));
}
