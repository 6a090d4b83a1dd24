//! A cable between a node and Postgres that can be cut, or be deaf without anybody noticing.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What the cable does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes them on.
    Pass,
    /// Takes them and throws them away, both ways: a half-open link.
    Swallow,
    /// Closes every connection, and each new one at once.
    Cut,
}

/// A TCP proxy on loopback.
#[derive(Debug)]
pub struct Cable {
    port: u16,
    mode: Arc<watch::Sender<Mode>>,
}

impl Cable {
    /// To `host:port`.
    pub async fn to(address: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let mode = Arc::new(watch::channel(Mode::Pass).0);
        let modes = mode.clone();
        tokio::spawn(async move {
            while let Ok((inner, _)) = listener.accept().await {
                if *modes.borrow() != Mode::Cut
                    && let Ok(outer) = TcpStream::connect(&address).await
                {
                    tokio::spawn(pump(inner, outer, modes.subscribe()));
                }
            }
        });
        Self { port, mode }
    }

    /// The same URL by way of this cable.
    pub async fn around(url: &str) -> (Self, String) {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (login, place) = rest.split_once('@').expect("a login");
        let (address, path) = place.split_once('/').unwrap_or((place, ""));
        let cable = Self::to(address.to_owned()).await;
        let url = format!("{scheme}://{login}@127.0.0.1:{}/{path}", cable.port);
        (cable, url)
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn pump(mut inner: TcpStream, mut outer: TcpStream, mut modes: watch::Receiver<Mode>) {
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        let mode = *modes.borrow_and_update();
        let done = tokio::select! {
            _ = modes.changed() => *modes.borrow() == Mode::Cut,
            read = inner.read(&mut up) => pass(read, &up, &mut outer, mode).await,
            read = outer.read(&mut down) => pass(read, &down, &mut inner, mode).await,
        };
        if done {
            return;
        }
    }
}

/// Whether the connection is over.
async fn pass(read: std::io::Result<usize>, bytes: &[u8], to: &mut TcpStream, mode: Mode) -> bool {
    match read {
        Ok(0) | Err(_) => true,
        Ok(_) if mode == Mode::Swallow => false,
        Ok(count) => to.write_all(&bytes[..count]).await.is_err(),
    }
}
