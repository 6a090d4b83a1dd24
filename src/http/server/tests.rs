//! Time is paused where a time-out is awaited: it moves on when nobody has anything to do.

use std::net::SocketAddr;

use axum::routing::{get, post};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::*;

async fn start(shutdown: &CancellationToken, drain_max: Duration) -> (SocketAddr, JoinHandle<Result<()>>) {
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(|| async { sleep(Duration::from_secs(1)).await }))
        .route("/stuck", get(|| async { sleep(Duration::from_secs(3600)).await }))
        .route("/echo", post(|body: String| async { body }));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (
        address,
        tokio::spawn(serve(listener, router, shutdown.clone(), drain_max)),
    )
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

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_arrive_closes_the_connection() {
    let (address, _server) = start(&CancellationToken::new(), Duration::ZERO).await;
    let began = Instant::now();
    let mut silent = connect(address).await;
    let mut partial = connect(address).await;
    partial
        .write_all(b"GET / HTTP/1.1\r\nHost:")
        .await
        .expect("written");

    assert_eq!(read_to(&mut silent, "").await, "");
    assert_eq!(read_to(&mut partial, "").await, "");

    assert!(
        (10..13).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_rest_between_requests_but_not_within_one() {
    let (address, _server) = start(&CancellationToken::new(), Duration::ZERO).await;
    let mut stream = connect(address).await;
    ask(&mut stream, "/").await;
    assert!(read_to(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));

    sleep(Duration::from_secs(60)).await;
    ask(&mut stream, "/").await;
    assert!(read_to(&mut stream, "hello").await.starts_with("HTTP/1.1 200"));

    let began = Instant::now();
    stream.write_all(b"GET /").await.expect("written");
    assert_eq!(read_to(&mut stream, "").await, "");
    assert!(
        (9..13).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
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
    timeout(Duration::from_secs(5), server)
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

    timeout(Duration::from_secs(5), server)
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
    sleep(Duration::from_millis(100)).await;
    stream.write_all(b"cd").await.expect("written");

    assert!(read_to(&mut stream, "abcd").await.starts_with("HTTP/1.1 200"));
}
