//! A node as a process of its own: `pg-presence serve`, to be killed, frozen, starved and told lies.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::net::{TcpListener, TcpStream};

use super::{app::SECRET, client::Client, server::temporary_dir};

/// Longer than any start or stop takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shell that runs what follows it with so many file descriptors.
pub const WITH_FILES: [&str; 3] = ["sh", "-c", "ulimit -n \"$0\" && exec \"$@\""];

/// How a node is run.
#[derive(Debug, Clone)]
pub struct Plan {
    database_url: String,
    host: String,
    before: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Plan {
    /// On this database, on loopback, with short intervals.
    pub fn new(database_url: &str) -> Self {
        let plan = Self {
            database_url: database_url.to_owned(),
            host: "127.0.0.1".to_owned(),
            before: vec![],
            environment: vec![],
        };
        plan.set("PRESENCE_REAP_MS", "200")
            .set("PRESENCE_GRACE_MS", "1000")
            .set("PRESENCE_RATE_PER_S", "0")
    }

    /// Serves on this address of the machine.
    pub fn on(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// A variable of its environment, which is otherwise empty.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A program that runs it, by replacing itself with what follows.
    pub fn by(mut self, words: &[&str]) -> Self {
        self.before.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    fn command(&self, address: &str) -> Command {
        let serve = [env!("CARGO_BIN_EXE_pg-presence"), "serve"];
        let mut words = self.before.iter().map(String::as_str).chain(serve);
        let mut command = Command::new(words.next().expect("a program"));
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("DATABASE_URL", &self.database_url)
            .env("PRESENCE_JWT_SECRET", String::from_utf8_lossy(SECRET).as_ref())
            .env("PRESENCE_BIND", address)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

/// `pg-presence serve` on a port of its own; killed when dropped.
#[derive(Debug)]
pub struct Node {
    /// The process.
    pub child: Child,
    /// Where it serves.
    pub address: String,
    log: PathBuf,
}

impl Node {
    /// Starts one, and returns once it takes connections.
    pub async fn start(plan: &Plan) -> Self {
        let mut node = Self::spawn(plan).await;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&node.address).await.is_err() {
            let ended = node.child.try_wait().expect("a child of ours");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it never serves: {ended:?}: {}",
                node.said()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        node
    }

    /// Starts one that may end at once.
    pub async fn spawn(plan: &Plan) -> Self {
        let listener = TcpListener::bind((plan.host.as_str(), 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        drop(listener);
        let log = temporary_dir().with_extension("log");
        let child = plan
            .command(&address)
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the binary runs");
        Self { child, address, log }
    }

    /// A client with a token of this user.
    pub fn client(&self, user: &str) -> Client {
        Client::new(&self.url(), user)
    }

    /// Where it serves.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its log so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it runs");
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("pids are small")
    }

    /// Its exit, and how long it took.
    pub async fn ended(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return (status, begin.elapsed());
            }
            assert!(begin.elapsed() < PATIENCE, "it never ends: {}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Processor time that it used so far, of all its threads. On Linux alone.
    pub fn busy(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("it runs, on Linux");
        // After the name, which may contain anything: state, ten more, utime, stime; in hundredths of a second.
        let after = stat.rsplit_once(')').expect("a name").1;
        let ticks = after.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Memory that it occupies, in bytes. On Linux alone.
    pub fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        kilobytes.expect("a figure").parse::<u64>().expect("a number") * 1024
    }

    /// File descriptors that it has open. On Linux alone.
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It has ended already, or has no say.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.log));
    }
}
