//! Ten thousand streams on one node, with the clients in a process of their own: one process has too few file descriptors
//! for both ends.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::PATIENCE;
use crate::{
    batch::people,
    support::{
        app::service_url,
        client::token,
        db::TestDb,
        node::{Node, Plan, WITH_FILES},
    },
};

/// As many users as are needed: each may have twenty streams.
const STREAMS_EACH: usize = 20;
/// Until memory has been taken that every node takes.
const FIRST: usize = 500;
/// Of one idle stream, its connection and its place in a room with it.
const BYTES_MAX: u64 = 48 * 1024;

/// All of them where everything is to be run; a fifth on a machine that is somebody's desk.
fn streams() -> usize {
    match std::env::var("PRESENCE_TEST_ALL").is_ok_and(|all| all == "1") {
        true => 10_000,
        false => 2_000,
    }
}

/// What [`Clients`] runs: opens streams in `general`, as many as each line of its input says, keeps all of them, and says
/// so. By itself it does nothing.
#[tokio::test]
async fn idle_clients() {
    let Some(address) = std::env::var_os("IDLE_ADDRESS") else {
        return;
    };
    let address = address.into_string().expect("an address");
    let next_line = || tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    let mut open = vec![];
    while let Some(Ok(line)) = next_line().await.expect("no panic") {
        let more: usize = line.parse().expect("a number");
        let from = open.len();
        let opening = (from..from + more).map(|nth| open_one(&address, nth));
        let opened: Vec<TcpStream> = stream::iter(opening).buffer_unordered(64).collect().await;
        open.extend(opened);
        println!("\nopen {}", open.len());
    }
}

/// One stream, once its snapshot is here; tried again where the node is too busy.
async fn open_one(address: &str, nth: usize) -> TcpStream {
    let user = token(json!({"sub": format!("user-{}", 1 + nth / STREAMS_EACH)}));
    let request = format!(
        "GET /v1/stream?room=general HTTP/1.1\r\nhost: presence\r\nauthorization: Bearer {user}\r\n\r\n"
    );
    loop {
        let mut connection = TcpStream::connect(address)
            .await
            .expect("the node takes connections");
        connection.write_all(request.as_bytes()).await.expect("it reads");
        let mut said = vec![];
        while !said.windows(15).any(|part| part == b"event: snapshot") {
            match connection.read_buf(&mut said).await {
                Ok(0) | Err(_) => break,
                Ok(_) if said.starts_with(b"HTTP/1.1 503") => break,
                Ok(_) => {}
            }
        }
        if said.starts_with(b"HTTP/1.1 200") {
            return connection;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// This test binary, run again for one test; killed when dropped.
struct Clients {
    _process: Child,
    input: tokio::process::ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Clients {
    fn of(node: &Node) -> Self {
        let mut command = Command::new(WITH_FILES[0]);
        command
            .args(&WITH_FILES[1..])
            .arg("12000")
            .arg(std::env::current_exe().expect("this test binary"))
            .args(["--exact", "faults::idle::idle_clients", "--nocapture"])
            .env("IDLE_ADDRESS", &node.address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().expect("a helper process");
        let input = process.stdin.take().expect("a pipe");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self {
            _process: process,
            input,
            lines,
        }
    }

    /// So many more, until so many are open.
    async fn open(&mut self, more: usize, all: usize) {
        let line = format!("{more}\n");
        self.input.write_all(line.as_bytes()).await.expect("it reads");
        let expected = format!("open {all}");
        loop {
            let line = timeout(4 * PATIENCE, self.lines.next_line()).await;
            let line = line.expect("they open in time").expect("a pipe");
            if line.expect("it lives") == expected {
                return;
            }
        }
    }
}

/// FAULTS 25.
#[tokio::test]
async fn an_idle_stream_costs_a_node_little_memory_and_no_time() {
    let Some(db) = TestDb::new().await else { return };
    let (count, seconds) = (streams(), Duration::from_secs(3));
    let users = i32::try_from(count / STREAMS_EACH).expect("few");
    people(&db.admin().await, users).await;
    let words = [&WITH_FILES[..], &["12000"]].concat();
    let node = Node::start(&Plan::new(&service_url(db.url())).by(&words)).await;
    let mut clients = Clients::of(&node);

    clients.open(FIRST, FIRST).await;
    let before = node.resident_bytes();
    let begin = Instant::now();
    clients.open(count - FIRST, count).await;
    let opened = begin.elapsed();
    let each = node.resident_bytes().saturating_sub(before) / (count - FIRST) as u64;
    let (begin, busy) = (Instant::now(), node.busy());
    tokio::time::sleep(seconds).await;
    let (waited, used) = (begin.elapsed(), node.busy() - busy);

    println!(
        "{count} streams, opened in {opened:?}: {each} bytes each; {used:?} of processor time in {waited:?} while nothing \
         happens"
    );
    assert!(each < BYTES_MAX, "{each} bytes a stream");
    assert!(node.open_files() > count);
    assert!(used < waited, "{used:?} in {waited:?}, of pings and sweeps alone");
}
