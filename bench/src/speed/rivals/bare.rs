//! The least that streams can cost: axum's own, and a loop over sockets.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::Result;
use axum::{
    Router,
    response::sse::{Event, Sse},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

use super::CHUNK;

/// As often as the service pings.
const PING: Duration = Duration::from_secs(15);

/// Streams that say one thing and then ping.
pub async fn streams(port: u16) -> Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/v1/stream", get(|| async { Sse::new(events()) }));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, router).await?)
}

fn events() -> impl Stream<Item = Result<Event, Infallible>> {
    let ready = stream::once(async { Event::default().event("ready").data("{}") });
    let pings = stream::unfold((), |()| async {
        tokio::time::sleep(PING).await;
        Some((Event::default().event("ping").data("{}"), ()))
    });
    ready.chain(pings).map(Ok)
}

/// The second connection triggers, the first one having asked whether it lives; all later ones are written to.
pub async fn chunks(port: u16) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let (mut asks, _) = listener.accept().await?;
    asks.read_buf(&mut Vec::with_capacity(1024)).await?; // whoever is answered before they ask hangs up
    asks.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await?;
    let (mut trigger, _) = listener.accept().await?;
    let sockets: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let written = sockets.clone();
    tokio::spawn(async move {
        let mut byte = [0];
        while trigger.read_exact(&mut byte).await.is_ok() {
            for socket in written.lock().await.iter_mut() {
                let _ = socket.write_all(&[b'x'; CHUNK]).await;
            }
        }
    });
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        sockets.lock().await.push(socket);
    }
}
