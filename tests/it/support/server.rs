//! The one Postgres of a run, and clusters of one's own.
//!
//! In this order: `TEST_DATABASE_URL` (a superuser's), server binaries as `dev` finds them (`PRESENCE_TEST_PG_BIN`
//! names a folder of others), a container by testcontainers. Otherwise what needs it is skipped, see [`skip`].
//!
//! The server is kept by a thread of its own with a runtime of its own, since each test has one that ends with it.
//! Statics are not dropped: what is started here is ended by a watchdog when this process is gone.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};
use pg_presence::embedded::{Embedded, Error, Options};
use testcontainers::{
    GenericImage, ImageExt,
    core::{IntoContainerPort, WaitFor},
    runners::AsyncRunner,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::NoTls;

use super::db::{self, Cloner};

/// What all servers of tests have in common: they need not survive a power cut, and serve many tests at once.
const SETTINGS: [(&str, &str); 3] = [
    ("fsync", "off"),
    ("max_connections", "300"),
    ("max_prepared_transactions", "0"),
];

/// A pull over a slow line, or an engine that hangs.
const CONTAINER_MAX: Duration = Duration::from_secs(180);

/// The server of this run, if there is one; a failure to start one that is there is a failure of each test.
pub fn server() -> Option<&'static Server> {
    static SERVER: LazyLock<Result<Option<Server>, String>> = LazyLock::new(|| {
        let (tell, told) = std::sync::mpsc::channel();
        let keep = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                match Server::start().await {
                    Ok(Some((server, cloner, kept))) => {
                        drop(tell.send(Ok(Some(server))));
                        cloner.run().await;
                        drop(kept);
                    }
                    Ok(None) => drop(tell.send(Ok(None))),
                    Err(error) => drop(tell.send(Err(format!("{error:#}")))),
                }
            });
        };
        std::thread::Builder::new()
            .name("test-server".to_owned())
            .spawn(keep)
            .expect("a thread");
        told.recv().expect("the server's thread says how it went")
    });
    match &*SERVER {
        Ok(Some(server)) => Some(server),
        Ok(None) => {
            skip(Lacking::Postgres);
            None
        }
        Err(error) => panic!("the tests' Postgres: {error}"),
    }
}

/// What a bare machine may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// Any Postgres.
    Postgres,
    /// Server binaries: a test wants a cluster to kill, and `TEST_DATABASE_URL` or a container is no such thing.
    ServerBinaries,
    /// An engine that runs containers, and an image.
    Docker,
    /// To be root.
    Root,
    /// To be root, and allowed to mount and to make network namespaces.
    Privileges,
    /// A client.
    Psql,
    /// One that is no older than the server.
    PgDump,
    /// A Postgres that was built with TLS.
    Tls,
    /// The extension pg_cron, of the server's major version.
    PgCron,
    /// A PgBouncer that keeps prepared statements in transaction mode.
    NewerPgBouncer,
    /// A program, by the Debian package that brings it.
    Package(&'static str),
}

/// Says on the terminal (past the capture of output) that the calling test is skipped, and how many were so far.
/// With `PRESENCE_TEST_ALL=1` it fails instead; Docker and root apart, which not every CI has.
pub fn skip(lacking: Lacking) {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let needs = match lacking {
        Lacking::Postgres => {
            "a Postgres: install one (`apt-get install postgresql`), or set TEST_DATABASE_URL or PRESENCE_TEST_PG_BIN"
        }
        Lacking::ServerBinaries => "server binaries of Postgres: install them, or set PRESENCE_TEST_PG_BIN",
        Lacking::Docker => "a Docker engine with the image postgres:17-alpine, or one that can pull it",
        Lacking::Root => "to be run by root",
        Lacking::Privileges => "to be run by root, who may mount and make network namespaces",
        Lacking::Psql => "psql (`apt-get install postgresql-client`)",
        Lacking::PgDump => "a pg_dump that is no older than the server",
        Lacking::Tls => "a Postgres that was built with TLS",
        Lacking::PgCron => {
            "the extension pg_cron of the server's major version (`apt-get install postgresql-15-cron`)"
        }
        Lacking::NewerPgBouncer => "PgBouncer 1.21 or newer, named by PRESENCE_TEST_PGBOUNCER",
        Lacking::Package(name) => &format!("a program that `apt-get install {name}` brings"),
    };
    // Binaries that somebody named are often the bare server.
    let is_named = std::env::var_os("PRESENCE_TEST_PG_BIN").is_some();
    let may_lack = match lacking {
        Lacking::Docker | Lacking::Root | Lacking::NewerPgBouncer => true,
        Lacking::Privileges => !Uid::effective().is_root(),
        Lacking::PgDump | Lacking::PgCron | Lacking::Tls => is_named,
        Lacking::Postgres | Lacking::ServerBinaries | Lacking::Psql | Lacking::Package(_) => false,
    };
    let all = std::env::var("PRESENCE_TEST_ALL").is_ok_and(|all| all == "1");
    assert!(
        may_lack || !all,
        "PRESENCE_TEST_ALL=1, and this test needs {needs}"
    );
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("SKIPPED ({count} so far): {test} needs {needs}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr");
}

/// Where the databases of tests live.
#[derive(Debug)]
pub struct Server {
    pub(super) databases: db::Databases,
}

/// What must be held for the server to live.
#[derive(Debug)]
enum Kept {
    Embedded { _server: Box<Embedded> },
    Container { _container: Box<Container> },
    Nothing,
}

impl Server {
    async fn start() -> anyhow::Result<Option<(Self, Cloner, Kept)>> {
        let (url, is_ours, kept) = if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
            (url, false, Kept::Nothing)
        } else if let Some(embedded) = start_embedded(&own(&[])).await? {
            (
                embedded.url("postgres"),
                true,
                Kept::Embedded {
                    _server: Box::new(embedded),
                },
            )
        } else if let Some(container) = Container::start().await {
            (
                container.url().to_owned(),
                true,
                Kept::Container {
                    _container: Box::new(container),
                },
            )
        } else {
            return Ok(None);
        };
        let (databases, cloner) = db::open(&url, is_ours).await?;
        Ok(Some((Self { databases }, cloner, kept)))
    }
}

/// A server by installed binaries, in a temporary directory that goes with it; nothing is fetched.
pub fn own(settings: &[(&str, &str)]) -> Options {
    let settings = SETTINGS
        .iter()
        .chain(settings)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Options {
        bin_dir: std::env::var_os("PRESENCE_TEST_PG_BIN").map(PathBuf::from),
        data_dir: Some(temporary_dir()),
        settings: settings.collect(),
        remove_data: true,
        go_out: false,
        ..Options::default()
    }
}

/// A path that nothing has yet.
pub fn temporary_dir() -> PathBuf {
    std::env::temp_dir().join(format!("pg-presence-test-{}", uuid::Uuid::new_v4().simple()))
}

/// A server, or nothing where no binaries are.
pub async fn start_embedded(options: &Options) -> Result<Option<Embedded>, Error> {
    match Embedded::start(options.clone()).await {
        Ok(embedded) => Ok(Some(embedded)),
        Err(Error::NoPostgres { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A cluster for one test alone, whose backends, postmaster and settings are the test's to break.
#[derive(Debug)]
pub struct TestCluster {
    embedded: Option<Embedded>,
    options: Options,
}

impl TestCluster {
    /// Starts one with further settings; nothing (and the test counted as skipped) without server binaries.
    pub async fn start(settings: &[(&str, &str)]) -> Option<Self> {
        Self::of(own(settings)).await
    }

    /// As [`TestCluster::start`], run in a way of the test's own.
    pub async fn of(mut options: Options) -> Option<Self> {
        let started = start_embedded(&options).await.expect("a cluster of one's own");
        let Some(embedded) = started else {
            skip(Lacking::ServerBinaries);
            return None;
        };
        options.port = Some(embedded.port()); // the same at each start: it is what others know it by
        Some(Self {
            embedded: Some(embedded),
            options,
        })
    }

    /// A superuser's URL of a database on it, running or not.
    pub fn url(&self, database: &str) -> String {
        self.running().url(database)
    }

    /// A new database, prepared as those of [`super::db::TestDb`] are; returns its URL.
    pub async fn database(&self, name: &str, id_type: &str) -> String {
        let admin = connect(&self.url("postgres")).await.expect("the cluster answers");
        admin
            .batch_execute(&format!("create database {name}"))
            .await
            .expect("a new name");
        let url = self.url(name);
        db::prepare_template(&url, id_type)
            .await
            .expect("a database is prepared");
        url
    }

    /// The postmaster's process.
    pub fn pid(&self) -> i32 {
        let pid = self.running().pid().expect("no container");
        i32::try_from(pid).expect("pids are small")
    }

    /// Signals the postmaster (SIGINT: orderly, SIGKILL: a crash) and returns when it is gone.
    pub async fn kill(&mut self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the postmaster runs");
        let embedded = self.embedded.as_mut().expect("a running cluster");
        timeout(Duration::from_secs(20), embedded.ended())
            .await
            .expect("a signalled postmaster ends");
    }

    /// Starts it again on its data and its port, after it was killed or while it runs.
    pub async fn restart(&mut self) {
        self.embedded.take().expect("a cluster").stop().await;
        self.embedded = Some(
            Embedded::start(self.options.clone())
                .await
                .expect("a cluster starts again"),
        );
    }

    fn running(&self) -> &Embedded {
        self.embedded
            .as_ref()
            .expect("a cluster is only away while it restarts")
    }
}

/// A Postgres by testcontainers.
#[derive(Debug)]
pub struct Container {
    url: String,
    _container: testcontainers::ContainerAsync<GenericImage>,
    _reaper: Option<Child>,
}

impl Container {
    /// Starts one; says why not.
    pub async fn start() -> Option<Self> {
        match timeout(CONTAINER_MAX, Self::try_start()).await {
            Ok(Ok(container)) => Some(container),
            Ok(Err(error)) => {
                say(&format!("no container by testcontainers: {error:#}"));
                None
            }
            Err(_) => {
                say(&format!(
                    "no container by testcontainers within {} s",
                    CONTAINER_MAX.as_secs()
                ));
                None
            }
        }
    }

    async fn try_start() -> anyhow::Result<Self> {
        let password = uuid::Uuid::new_v4().simple().to_string();
        let arguments = SETTINGS
            .iter()
            .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        // Ready is when it answers, not when its log says so: an entrypoint starts a server of its own before.
        let container = GenericImage::new("postgres", "17-alpine")
            .with_exposed_port(5432.tcp())
            .with_wait_for(WaitFor::Nothing)
            .with_env_var("POSTGRES_PASSWORD", &password)
            .with_cmd(["postgres".to_owned()].into_iter().chain(arguments))
            .start()
            .await?;
        let reaper = reaper(container.id());
        let (host, port) = (
            container.get_host().await?,
            container.get_host_port_ipv4(5432.tcp()).await?,
        );
        let url = format!("postgres://postgres:{password}@{host}:{port}/postgres");
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = connect(&url).await {
            anyhow::ensure!(Instant::now() < deadline, "it does not answer: {error}");
            sleep(Duration::from_millis(100)).await;
        }
        Ok(Self {
            url,
            _container: container,
            _reaper: reaper,
        })
    }

    /// The superuser's URL of its first database.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Removes a container when this process is gone: nothing else does, since statics are not dropped.
fn reaper(id: &str) -> Option<Child> {
    let mut command = Command::new("/bin/sh");
    command.args([
        "-c",
        "trap '' HUP INT TERM; while read -r _; do :; done; docker rm --force --volumes \"$0\"",
        id,
    ]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let reaper = command.spawn();
    if reaper.is_err() || !has_docker_client() {
        say(&format!(
            "no `docker` to remove it with: the container {id} stays behind"
        ));
    }
    reaper.ok()
}

fn has_docker_client() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir: PathBuf| Path::new(&dir).join("docker").is_file())
}

fn say(what: &str) {
    std::io::stderr()
        .write_all(format!("{what}\n").as_bytes())
        .expect("stderr");
}

/// A client whose connection is driven by the calling test's runtime, and ends with it.
pub async fn connect(url: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
