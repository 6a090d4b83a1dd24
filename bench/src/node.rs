//! Nodes of the service as processes of their own, each with a proxy on every link that it has.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use crate::{
    clock::{MS, Micros, SECOND},
    cluster::{Cluster, EAR, SERVICE, free_port},
    http::Call,
    plants::Plant,
    process::{Watchdog, rss_kib, signal, tail},
    proxy::Proxy,
    token::SECRET,
};

/// How long a heartbeat is good for.
pub const TTL: Micros = 4 * SECOND;
/// How often one is asked for.
pub const HEARTBEAT: Micros = 1_500 * MS;
/// How long a session outlives its stream.
pub const GRACE: Micros = SECOND;
/// How often leases are ended.
pub const REAP: Micros = 200 * MS;
/// How often all rooms are read though nobody rang: so rarely that a lost ring shows.
pub const SWEEP: Micros = 30 * SECOND;
/// How often a stream pings.
pub const PING: Micros = SECOND;
/// Members above which a room's streams tell the number alone.
pub const DETAIL_MAX: usize = 12;

/// The longest start of a node, on a machine that is busy.
const START_MAX: Duration = Duration::from_secs(40);

/// The binary and what it is started with.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it is.
    pub bin: PathBuf,
    /// A bug that is planted, in it or in SQL.
    pub plant: Option<Plant>,
}

impl Program {
    /// A command with the bug, and with nothing else of our environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.bin);
        command.args(arguments).env_clear().stdin(Stdio::null());
        if let Some(Plant { name, sql: None, .. }) = &self.plant {
            command.env("PRESENCE_PLANT", name);
        }
        command
    }
}

/// One node.
pub struct Node {
    /// Its place among the nodes.
    pub nth: usize,
    /// Its pool's way to Postgres.
    pub pool: Proxy,
    /// Its listener's way to Postgres.
    pub ear: Proxy,
    /// The clients' way to it.
    pub front: Proxy,
    program: Program,
    port: u16,
    log: PathBuf,
    watchdog: Arc<Watchdog>,
    /// Guards the process, which is away between a kill and a start.
    child: Mutex<Option<Child>>,
}

impl Node {
    /// Starts one.
    pub async fn start(
        nth: usize,
        cluster: &Cluster,
        program: &Program,
        dir: &Path,
        watchdog: Arc<Watchdog>,
    ) -> Result<Self> {
        let port = free_port()?;
        let node = Self {
            nth,
            pool: Proxy::to(cluster.port).await?,
            ear: Proxy::to(cluster.port).await?,
            front: Proxy::to(port).await?,
            program: program.clone(),
            port,
            log: dir.join(format!("node-{nth}.log")),
            watchdog,
            child: Mutex::new(None),
        };
        node.begin().await?;
        Ok(node)
    }

    /// Starts the process, and returns when it serves.
    pub async fn begin(&self) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        loop {
            let mut child = self.command()?.spawn().context("the binary of pg-presence")?;
            self.watchdog.watch(child.id());
            loop {
                if let Some(status) = child.try_wait()? {
                    self.watchdog.forget(child.id());
                    // A database that is away at the start is none of a node's faults.
                    ensure!(
                        Instant::now() < deadline,
                        "node {} ended with {status}: {}",
                        self.nth,
                        tail(&self.log, 20)
                    );
                    break;
                }
                // It takes connections before it has begun to answer.
                if self.asks("/livez").await {
                    *self.lock() = Some(child);
                    return Ok(());
                }
                ensure!(
                    Instant::now() < deadline,
                    "node {} never serves: {}",
                    self.nth,
                    tail(&self.log, 20)
                );
                sleep(Duration::from_millis(20)).await;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&self) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        while !self.asks("/readyz").await {
            ensure!(
                Instant::now() < deadline,
                "node {} is never ready: {}",
                self.nth,
                tail(&self.log, 20)
            );
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Past its proxy, whether it answers 200.
    async fn asks(&self, path: &str) -> bool {
        let call = Call {
            method: "GET",
            path: path.to_owned(),
            token: None,
            body: None,
        };
        let answer = tokio::time::timeout(Duration::from_secs(1), call.make(self.port)).await;
        matches!(answer, Ok(Ok(answer)) if answer.status == 200)
    }

    fn command(&self) -> Result<Command> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = self.program.command(&["serve"]);
        let ms = |span: Micros| (span / MS).to_string();
        command
            .env("DATABASE_URL", Cluster::url(SERVICE, self.pool.port))
            .env("PRESENCE_LISTEN_DATABASE_URL", Cluster::url(EAR, self.ear.port))
            .env("PRESENCE_JWT_SECRET", SECRET)
            .env("PRESENCE_BIND", format!("127.0.0.1:{}", self.port))
            .env("PRESENCE_TTL_MS", ms(TTL))
            .env("PRESENCE_HEARTBEAT_MS", ms(HEARTBEAT))
            .env("PRESENCE_TYPING_MS", "1500")
            .env("PRESENCE_GRACE_MS", ms(GRACE))
            .env("PRESENCE_REAP_MS", ms(REAP))
            .env("PRESENCE_SWEEP_MS", ms(SWEEP))
            .env("PRESENCE_PING_MS", ms(PING))
            .env("PRESENCE_CANARY_MS", "300")
            .env("PRESENCE_MERGE_MS", "60")
            .env("PRESENCE_SILENCE_MAX_MS", "60000")
            .env("PRESENCE_ROOM_DETAIL_MAX", DETAIL_MAX.to_string())
            .env("PRESENCE_POOL_MAX", "6")
            .env("PRESENCE_RATE_PER_S", "0") // players are not told off: each is many people
            .env("RUST_LOG", "info")
            .env("RUST_BACKTRACE", "1");
        command.stdout(Stdio::null()).stderr(log);
        Ok(command)
    }

    /// Signals the process.
    pub fn signal(&self, what: Signal) {
        if let Some(child) = self.lock().as_ref() {
            signal(child.id(), what);
        }
    }

    /// Waits for its end; its exit code, none where a signal ended it; an error where it does not end in time.
    pub async fn ended(&self, within: Duration) -> Result<Option<i32>> {
        let child = self.lock().take();
        let Some(mut child) = child else { return Ok(None) };
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = child.try_wait()? {
                self.watchdog.forget(child.id());
                return Ok(status.code());
            }
            if Instant::now() > deadline {
                signal(child.id(), Signal::SIGKILL);
                let _ = child.wait();
                self.watchdog.forget(child.id());
                anyhow::bail!("node {} did not end within {within:?}", self.nth);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// An end that nobody asked for.
    pub fn ended_by_itself(&self) -> Option<String> {
        let mut child = self.lock();
        let status = child.as_mut()?.try_wait().ok()??;
        Some(format!("{status}; its last words:\n{}", tail(&self.log, 15)))
    }

    /// Resident memory in KiB, and whose it is.
    pub fn rss(&self) -> Option<(u32, u64)> {
        let pid = self.lock().as_ref()?.id();
        Some((pid, rss_kib(pid)?))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().expect("nobody panics with it")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.lock().take() {
            signal(child.id(), Signal::SIGKILL);
            let _ = child.wait();
            self.watchdog.forget(child.id());
        }
    }
}
