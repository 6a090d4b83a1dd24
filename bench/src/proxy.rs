//! A fault proxy on one link: bytes pass, stand still, vanish, come late, or connections break.
//!
//! What a link did to bytes is never undone: a connection that lost some ends when the fault does, since no real one goes
//! on after that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Hands everything on.
    Pass,
    /// Hands nothing on, and keeps it for later: both ends fill up.
    Stall,
    /// Takes everything and throws it away: half-open.
    Swallow,
    /// Ends every connection, and each new one at once.
    Cut,
    /// Ends each new connection; those that are open go on.
    Refuse,
    /// Hands everything on this much later.
    Delay(Duration),
}

#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    /// Grows when all connections are to end.
    cuts: u64,
}

/// One link, to a port of this machine that may change.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Where to connect to.
    pub port: u16,
    to: Arc<AtomicU16>,
    state: Arc<watch::Sender<State>>,
}

impl Proxy {
    /// To a port on loopback.
    pub async fn to(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let first = State {
            mode: Mode::Pass,
            cuts: 0,
        };
        let proxy = Self {
            port: listener.local_addr()?.port(),
            to: Arc::new(AtomicU16::new(port)),
            state: Arc::new(watch::channel(first).0),
        };
        tokio::spawn(proxy.clone().accept(listener));
        Ok(proxy)
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.state.send_modify(|state| {
            if mode == Mode::Cut || state.mode == Mode::Swallow {
                state.cuts += 1;
            }
            state.mode = mode;
        });
    }

    /// Ends what is open; new connections are none the worse.
    pub fn cut_once(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    async fn accept(self, listener: TcpListener) {
        loop {
            let Ok((near, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let state = self.state.subscribe();
            if matches!(state.borrow().mode, Mode::Cut | Mode::Refuse) {
                continue;
            }
            let to = self.to.load(Ordering::Relaxed);
            tokio::spawn(carry(near, to, state));
        }
    }
}

/// One connection, for as long as it lasts.
async fn carry(near: TcpStream, to: u16, mut state: watch::Receiver<State>) {
    let cuts = state.borrow_and_update().cuts;
    let is_cut = |state: &State| state.cuts != cuts;
    // A way that stands still is no way to a server either.
    let open = async {
        let mut state = state.clone();
        let moves = |state: &State| !matches!(state.mode, Mode::Stall | Mode::Swallow);
        state.wait_for(moves).await.ok()?;
        TcpStream::connect(("127.0.0.1", to)).await.ok()
    };
    let far = tokio::select! {
        far = open => far,
        _ = async { state.clone().wait_for(is_cut).await.map(drop) } => None,
    };
    let Some(far) = far else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = pump(near_read, far_write, state.clone()) => {}
        () = pump(far_read, near_write, state.clone()) => {}
        _ = state.wait_for(is_cut) => {}
    }
}

/// One direction, until either end closes.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut bytes = [0; 16 * 1024];
    loop {
        let mode = state.borrow_and_update().mode;
        if mode == Mode::Stall {
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            changed = state.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok(count @ 1..) = read else { return };
        match mode {
            Mode::Swallow => {}
            Mode::Delay(by) => {
                tokio::time::sleep(by).await;
                if to.write_all(&bytes[..count]).await.is_err() {
                    return;
                }
            }
            _ => {
                if to.write_all(&bytes[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
