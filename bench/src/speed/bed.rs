//! What everything is measured on: a Postgres with ordinary settings that is everybody's in turn, with its people in it, and
//! the release build of the service. Never a figure.

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
use tokio_postgres::Client;

use super::{Options, cpu, load::Load, rivals::socketio};
use crate::{
    cluster::{Cluster, DATABASE, SERVICE, free_port},
    http::Call,
    process::{Watchdog, signal, tail},
    token::SECRET,
};

/// As an installation would be: durable, with memory for its tables; nothing is tuned for what is measured.
const SETTINGS: &[&str] = &["max_connections=200", "shared_buffers=1GB", "max_wal_size=4GB"];

/// The longest start, on a machine that is busy.
const START_MAX: Duration = Duration::from_secs(60);

/// Who there is.
#[derive(Debug, Clone, Copy)]
pub struct People {
    /// `u0` and so on. The n-th takes part in room `r` + (n mod rooms).
    pub users: usize,
    /// `r0` and so on. All take part in `hall` as well.
    pub rooms: usize,
}

/// The bed.
pub struct Bed {
    /// Its Postgres.
    pub cluster: Cluster,
    dir: PathBuf,
    bin: PathBuf,
    watchdog: Arc<Watchdog>,
}

impl Bed {
    /// Makes it, migrated and with these people.
    pub async fn make(options: &Options, people: People) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("pg-presence-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let watchdog = Arc::new(Watchdog::start()?);
        let cluster = Cluster::make(&dir, options.pg_bin.clone(), SETTINGS, watchdog.clone()).await?;
        let bed = Self {
            cluster,
            dir,
            bin: options.bin.clone().map_or_else(service_binary, Ok)?,
            watchdog,
        };
        bed.migrate().await?;
        bed.settle(people).await?;
        Ok(bed)
    }

    async fn migrate(&self) -> Result<()> {
        let admin = self.cluster.connect("postgres", "postgres").await?;
        admin
            .batch_execute(&format!("create database {DATABASE}"))
            .await?;
        let migrated = Command::new(&self.bin)
            .args(["migrate", "--id-type", "text"])
            .env_clear()
            .env("DATABASE_URL", Cluster::url("postgres", self.cluster.port))
            .output()
            .context("pg-presence migrate")?;
        ensure!(
            migrated.status.success(),
            "migrate: {}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        let admin = self.admin().await?;
        admin
            .batch_execute(include_str!("../../../sql/host/event_app.sql"))
            .await?;
        let grant = format!("create role {SERVICE} login; grant presence_service to {SERVICE}");
        Ok(admin.batch_execute(&grant).await?)
    }

    async fn settle(&self, people: People) -> Result<()> {
        let People { users, rooms } = people;
        let sql = format!(
            "insert into event_app.users (id, name) select 'u' || n, 'User ' || n from generate_series(0, {users} - 1) n;
             insert into event_app.rooms (id, name) select 'r' || n, 'Room ' || n from generate_series(0, {rooms} - 1) n;
             insert into event_app.rooms (id, name) values ('hall', 'The hall');
             insert into event_app.room_participants (room_id, user_id)
             select 'r' || n % {rooms}, 'u' || n from generate_series(0, {users} - 1) n;
             insert into event_app.room_participants (room_id, user_id)
             select 'hall', 'u' || n from generate_series(0, {users} - 1) n;
             vacuum analyze event_app.users, event_app.rooms, event_app.room_participants"
        );
        let admin = self.admin().await?;
        for statement in sql.split(';') {
            admin.batch_execute(statement).await?;
        }
        Ok(())
    }

    /// A superuser's connection to the database.
    pub async fn admin(&self) -> Result<Client> {
        self.cluster.connect("postgres", DATABASE).await
    }

    /// Everybody is gone, as after a crash.
    pub async fn empty(&self) -> Result<()> {
        let admin = self.admin().await?;
        let tables = "presence_private.session, presence_private.member, presence_private.room, presence_private.change";
        admin.batch_execute(&format!("truncate {tables}")).await?;
        admin.batch_execute("checkpoint").await?;
        Ok(())
    }

    /// Starts the service, with these settings beside what it must have, and waits until it is ready.
    pub async fn service(&self, settings: &[(&str, &str)]) -> Result<Server> {
        self.service_at(free_port()?, settings).await
    }

    /// As [`Self::service`], at this port.
    pub async fn service_at(&self, port: u16, settings: &[(&str, &str)]) -> Result<Server> {
        let mut command = Command::new(&self.bin);
        command
            .arg("serve")
            .env_clear()
            .env("DATABASE_URL", Cluster::url(SERVICE, self.cluster.port))
            .env("PRESENCE_JWT_SECRET", SECRET)
            .env("PRESENCE_BIND", format!("127.0.0.1:{port}"))
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied());
        self.start(command, "service", port, "/readyz").await
    }

    /// Starts one of those that it is compared with.
    pub async fn rival(&self, kind: &str, arguments: &[&str]) -> Result<Server> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["rival", kind, "--port", &port.to_string()])
            .args(arguments);
        self.start(command, kind, port, "/livez").await
    }

    /// Starts a server of Socket.IO.
    pub async fn socketio(&self) -> Result<Server> {
        let port = free_port()?;
        let command = socketio::command(port, self.cluster.port);
        self.start(command, &format!("socketio-{port}"), port, "/livez")
            .await
    }

    /// Starts a process that listens at this port, and waits until it answers there.
    pub async fn start(&self, mut command: Command, name: &str, port: u16, asked: &str) -> Result<Server> {
        let log = self.dir.join(format!("{name}.log"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let began = Instant::now();
        let child = command.spawn().with_context(|| name.to_owned())?;
        self.watchdog.watch(child.id());
        let server = Server {
            port,
            pid: child.id(),
            child: Mutex::new(child),
            watchdog: self.watchdog.clone(),
        };
        while !answers(port, asked).await {
            ensure!(
                began.elapsed() < START_MAX,
                "{name} never answers: {}",
                tail(&log, 20)
            );
            sleep(Duration::from_millis(5)).await;
        }
        Ok(server)
    }

    /// A load generator, which is a process of its own.
    pub async fn load(&self) -> Result<Load> {
        Load::start(&self.watchdog).await
    }

    /// CPU time of Postgres so far.
    pub fn postgres_cpu(&self) -> Duration {
        self.cluster.pid().map_or(Duration::ZERO, cpu::used)
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A process that serves at a port, and ends with this value.
pub struct Server {
    /// Where.
    pub port: u16,
    /// Which.
    pub pid: u32,
    child: Mutex<Child>,
    watchdog: Arc<Watchdog>,
}

impl Server {
    /// CPU time so far.
    pub fn cpu(&self) -> Duration {
        cpu::used(self.pid)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        signal(self.pid, Signal::SIGKILL);
        if let Ok(mut child) = self.child.lock() {
            let _ = child.wait();
        }
        self.watchdog.forget(self.pid);
    }
}

/// Whether it answers 200 to this.
pub async fn answers(port: u16, path: &str) -> bool {
    let call = Call {
        method: "GET",
        path: path.to_owned(),
        token: None,
        body: None,
    };
    let answer = tokio::time::timeout(Duration::from_secs(1), call.make(port)).await;
    matches!(answer, Ok(Ok(answer)) if answer.status == 200)
}

/// The service, built as this program is, beside it.
fn service_binary() -> Result<PathBuf> {
    let release = !cfg!(debug_assertions);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .args(["build", "--quiet", "--locked", "--package", "pg-presence"])
        .args(release.then_some("--release"))
        .current_dir(root);
    ensure!(
        build.status().context("cargo")?.success(),
        "pg-presence does not build"
    );
    Ok(std::env::current_exe()?.with_file_name("pg-presence"))
}
