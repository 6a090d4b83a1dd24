//! A real nginx between clients and a node.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::PATIENCE;
use crate::support::{
    app::{TEST_SLACK, TestApp},
    client::Client,
    db::TestDb,
    programs::daemon,
    server::temporary_dir,
    stream::Stream,
};

/// After so much silence of a node nginx cuts a stream; 60 s, and pings every 15, where nobody shortens either.
const IDLE_MAX: Duration = Duration::from_secs(4);
const FIRST_EVENT_MAX: Duration = Duration::from_secs(1);

/// A running nginx; ended when dropped.
struct Proxy {
    child: Child,
    dir: PathBuf,
    url: String,
}

impl Proxy {
    /// In front of this node: its defaults, but for the length of its patience, and with gzip, for JSON as well.
    async fn start(node: &TestApp) -> Option<Self> {
        let program = daemon("nginx", "nginx-light")?;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let dir = temporary_dir();
        fs::create_dir(&dir).expect("a new directory");
        let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", dir.display()))
            .concat();
        let text = format!(
            "daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/log;\nevents {{}}\nhttp {{\n\
             access_log off; gzip on; gzip_types application/json; gzip_min_length 1; gzip_proxied any;\n{places}\
             server {{ listen {address}; location / {{ proxy_pass {}; proxy_read_timeout {}s; }} }} }}\n",
            node.url(),
            IDLE_MAX.as_secs(),
            dir = dir.display(),
        );
        fs::write(dir.join("conf"), text).expect("it is written");
        let child = Command::new(program)
            .arg("-c")
            .arg(dir.join("conf"))
            .arg("-e")
            .arg(dir.join("log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let proxy = Self {
            child,
            dir,
            url: format!("http://{address}"),
        };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).await.is_err() {
            let log = fs::read_to_string(proxy.dir.join("log"));
            assert!(Instant::now() < deadline, "nginx never serves: {log:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        // Its workers end with it only where it is told so.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// FAULTS 30.
#[tokio::test]
async fn behind_nginx_a_stream_begins_at_once_is_never_cut_and_never_compressed() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let Some(proxy) = Proxy::start(&app).await else {
        return;
    };
    let client = Client::new(&proxy.url, "bob");
    let greedy = |path: &str| {
        let request = client
            .request(Method::GET, path)
            .header("accept-encoding", "gzip, br");
        async move { request.send().await.expect("an answer") }
    };

    let begin = Instant::now();
    let answer = greedy("/v1/stream?room=general").await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut stream = Stream::new(answer);
    stream.next_of("snapshot").await;
    let first = begin.elapsed();
    let (mut pings, silence) = (0, Instant::now());
    while silence.elapsed() < 2 * IDLE_MAX {
        let event = stream.any_within(PATIENCE).await.expect("the stream goes on");
        pings += usize::from(event.name == "ping");
    }
    let joined = Client::new(&proxy.url, "alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let diff = stream.next_of("diff").await;
    let squeezed = greedy("/v1/rooms/general").await;

    println!("the first events after {first:?}; {pings} pings");
    assert_eq!((status, joined.0), (StatusCode::OK, StatusCode::OK));
    assert!(first < FIRST_EVENT_MAX * TEST_SLACK, "{first:?}");
    assert_eq!(headers.get("content-encoding"), None);
    assert_eq!(headers["content-type"], "text/event-stream");
    assert!(pings > 1, "{pings}");
    assert_eq!(diff.data["joined"][0]["user_id"], "alice");
    assert_eq!(squeezed.headers()["content-encoding"], "gzip", "it does compress");
}
