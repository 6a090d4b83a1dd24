//! A real PgBouncer between a node and Postgres.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Instant,
};

use futures_util::future::join_all;
use nix::unistd::Uid;
use pg_presence::config::Settings;
use reqwest::StatusCode;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::{PATIENCE, until_ready};
use crate::support::{
    app::{SERVICE_LOGIN, TestApp, service_url},
    db::TestDb,
    programs::daemon,
    server::{Lacking, skip, temporary_dir},
    stream::Picture,
};

/// Names a PgBouncer that is 1.21 or newer; Debian 12 has none.
const NEWER: &str = "PRESENCE_TEST_PGBOUNCER";
/// `nobody`: as root it refuses to run.
const NOBODY: u32 = 65534;

/// A running PgBouncer; ended when dropped.
struct Pooler {
    child: Child,
    dir: PathBuf,
    url: String,
}

impl Pooler {
    /// In front of this database, in this mode. Nothing (and the test counted as skipped) where there is none.
    async fn start(db: &TestDb, mode: &str) -> Option<Self> {
        Some(Self::run(daemon("pgbouncer", "pgbouncer")?, db, mode).await)
    }

    async fn run(program: PathBuf, db: &TestDb, mode: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let behind: tokio_postgres::Config = db.url().parse().expect("a URL");
        let (dir, name) = (temporary_dir(), db.name());
        fs::create_dir(&dir).expect("a new directory");
        let file = dir.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n{name} = host=127.0.0.1 port={} user={SERVICE_LOGIN} password={SERVICE_LOGIN}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {mode}\ndefault_pool_size = 3\n",
            behind.get_ports()[0]
        );
        fs::write(&file, text).expect("it is written");
        let mut command = Command::new(program);
        command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        if Uid::effective().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command.spawn().expect("it runs");
        let url = format!("postgres://{SERVICE_LOGIN}@127.0.0.1:{port}/{name}");
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "PgBouncer never serves");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self { child, dir, url }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// FAULTS 14.
#[tokio::test]
async fn through_pgbouncer_in_session_mode_all_works() {
    let Some(db) = TestDb::new().await else { return };
    let Some(pooler) = Pooler::start(&db, "session").await else {
        return;
    };
    assert_all_works(&db, &pooler).await;
}

/// FAULTS 14. From 1.21 on it keeps the statements that its clients prepare, in transaction mode too.
#[tokio::test]
async fn through_a_pgbouncer_that_keeps_statements_all_works_in_transaction_mode() {
    let Some(db) = TestDb::new().await else { return };
    let Some(program) = std::env::var_os(NEWER).map(PathBuf::from) else {
        skip(Lacking::NewerPgBouncer);
        return;
    };
    let pooler = Pooler::run(program, &db, "transaction\nmax_prepared_statements = 100").await;
    assert_all_works(&db, &pooler).await;
}

/// A node with a direct listener, whose pool goes through it.
async fn assert_all_works(db: &TestDb, pooler: &Pooler) {
    let direct = service_url(db.url());
    let app = TestApp::start_with(&pooler.url, |settings: &mut Settings| {
        settings.listen_database_url = Some(direct);
        settings.pool_max = 3;
    })
    .await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    let tabs = ["alice", "carol"].map(|user| (user, Uuid::new_v4()));

    let beats = join_all((0..60).map(|n| {
        let (user, tab) = tabs[n % 2];
        let client = app.client(user);
        async move {
            client
                .beat("general", tab, json!({"activity": format!("{n}")}))
                .await
                .0
        }
    }))
    .await;
    let both = |picture: &Picture| picture.members.len() == 2;
    let is_right = stream.until("general", PATIENCE, both).await;

    assert!(beats.iter().all(|status| *status == StatusCode::OK), "{beats:?}");
    assert!(is_right);
    assert_eq!(stream.wrongs(), [""; 0]);
    until_ready(&app, StatusCode::OK).await;
}

/// FAULTS 14. Debian's PgBouncer knows nothing of prepared statements: the pool would fail now and then.
#[tokio::test]
async fn a_pool_through_a_pgbouncer_that_mixes_up_statements_is_refused_at_the_start() {
    let Some(db) = TestDb::new().await else { return };
    let Some(pooler) = Pooler::start(&db, "transaction").await else {
        return;
    };
    let direct = service_url(db.url());

    let refusal = TestApp::refusal_with(&pooler.url, |settings: &mut Settings| {
        settings.listen_database_url = Some(direct);
    })
    .await;

    assert!(refusal.contains("max_prepared_statements"), "{refusal}");
    assert!(refusal.contains("PgBouncer 1.21"), "{refusal}");
    assert!(!refusal.contains("postgres://"), "{refusal}");
}

/// FAULTS 14.
#[tokio::test]
async fn a_listener_through_pgbouncer_in_transaction_mode_is_refused_at_the_start() {
    let Some(db) = TestDb::new().await else { return };
    let Some(pooler) = Pooler::start(&db, "transaction").await else {
        return;
    };

    let refusal = TestApp::refusal(&pooler.url).await;

    assert!(refusal.contains("PRESENCE_LISTEN_DATABASE_URL"), "{refusal}");
    assert!(!refusal.contains("postgres://"), "{refusal}");
}
