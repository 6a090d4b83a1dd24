//! The accept loop: what axum's own does not bound.
//!
//! The head of a request must arrive in 10 s, a peer that takes no byte for 15 s or acknowledges none for 30 s is cut
//! off, a connection may be idle for 75 s (longer than the proxies before it keep theirs, so that it is never closed
//! under a request), and a process without file descriptors waits instead of spinning.
//!
//! # Failure
//! A connection that fails ends alone. At a stop nothing new is accepted, what is under way is answered, and what is
//! not done by then is cut off.

use std::{io::ErrorKind, time::Duration};

use anyhow::Result;
use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod connection;

use connection::{Answering, Connection};

/// How long a peer is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For the head of a request, from its first byte or, on a new connection, from the beginning.
    head: Duration,
    /// For the next request. nginx and most load balancers keep a connection for 60 s.
    idle: Duration,
    /// For a write to make any progress: a reader that is gone or takes nothing.
    write: Duration,
}

const PATIENCE: Patience = Patience {
    head: Duration::from_secs(10),
    idle: Duration::from_secs(75),
    write: Duration::from_secs(15),
};

/// How long sent bytes may stay unacknowledged: with a ping every 15 s a half-open stream is gone within 45 s.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// How long to wait where no connection can be accepted: doubles from the one to the other.
const ACCEPT_PAUSE: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// Serves until `shutdown`, then for at most `drain_max` until what is under way is answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    drain_max: Duration,
) -> Result<()> {
    serve_with(PATIENCE, listener, router, shutdown, drain_max).await
}

async fn serve_with(
    patience: Patience,
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    drain_max: Duration,
) -> Result<()> {
    let graceful = GracefulShutdown::new();
    // Ends what is left when this function does.
    let cut = CancellationToken::new();
    let _cut = cut.clone().drop_guard();
    let [mut pause, pause_max] = ACCEPT_PAUSE;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                pause = ACCEPT_PAUSE[0];
                spawn(patience, stream, router.clone(), &graceful, cut.clone());
            }
            Err(error) if is_the_peers(error.kind()) => {}
            Err(error) => {
                if pause == ACCEPT_PAUSE[0] {
                    tracing::warn!(%error, "no connection can be accepted");
                }
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = shutdown.cancelled() => break,
                }
                pause = (pause * 2).min(pause_max);
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(drain_max, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were cut off");
    }
    Ok(())
}

/// A connection that was gone before it was accepted says nothing about the next one.
fn is_the_peers(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

fn spawn(
    patience: Patience,
    stream: TcpStream,
    router: Router,
    graceful: &GracefulShutdown,
    cut: CancellationToken,
) {
    if let Err(error) = tune(&stream) {
        // Gone already, most of all; if not, it is served a little worse.
        tracing::debug!(%error, "a connection could not be tuned");
    }
    let answering = Answering::default();
    let io = TokioIo::new(Connection::new(stream, answering.clone(), patience));
    let answer = service_fn(move |request: Request<Incoming>| {
        let answered = answering.begin();
        let router = router.clone();
        async move {
            let response: Response = router.oneshot(request.map(Body::new)).await?;
            Ok::<_, std::convert::Infallible>(response.map(|body| answered.with(body)))
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience.idle);
    let connection = graceful.watch(builder.serve_connection(io, answer));
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::trace!(%error, "a connection ended");
            },
            () = cut.cancelled() => {}
        }
    });
}

/// A diff is small and wants to go out at once; a peer that is gone without a word must be noticed.
fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    let keepalive = socket2::TcpKeepalive::new().with_time(UNACKNOWLEDGED_MAX);
    socket.set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests;
