//! A Postgres in a container, by the `docker` command line: for a machine which has an engine and nothing else.
//!
//! The client runs in the foreground as our child: its end is the container's, its output the server's log, and it
//! hands SIGINT on, which Postgres takes for a fast shutdown. Data live in a volume named after the data directory.
//!
//! # Failure
//! No client, no answer or no image are reasons for [`Error::NoPostgres`], not errors of their own.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Doing, Embedded, Options, Result, SUPERUSER,
    account::Account,
    home::{self, Home},
    launch::{Server, blocking, free_port},
    watchdog::{self, Watchdog},
};

/// Below 18: that image keeps its data elsewhere.
const IMAGE: &str = "postgres:17-alpine";

/// The home of a container's password and log, and the end of its names.
const HOME: &str = "docker-17";

/// An engine that is there answers at once.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// An image of 100 MB over a slow line, once the first byte has come.
const PULL_MAX: Duration = Duration::from_secs(600);

/// The container of an earlier run, stopped the hard way after 10 s.
const CLEAR_MAX: Duration = Duration::from_secs(15);

/// Runs a container, or says why there is none.
pub(super) async fn start(options: &Options, deadline: Instant) -> Result<Result<Embedded, String>> {
    if let Err(reason) = engine().await {
        return Ok(Err(reason));
    }
    if let Err(reason) = image(deadline).await {
        return Ok(Err(format!("Docker has no image {IMAGE} ({reason})")));
    }

    let root = home::root(options)?;
    let name = container_name(&root);
    // The engine does the work: what is kept here is ours to read, whoever we are.
    let home = blocking(move || Home::open(&root, HOME, Account::Ourselves)).await?;
    let password = home.password()?;
    // We hold the lock, so a container by our name is a leftover.
    drop(timeout(CLEAR_MAX, run(&["stop", "--time", "10", &name])).await);
    let port = options.port.map_or_else(free_port, Ok)?;
    let watchdog = Watchdog::start(watchdog::CONTAINER, &[name.as_ref()])?;

    let log = home.new_log()?;
    let errors = log
        .try_clone()
        .doing(|| format!("write {}", home.log().display()))?;
    let mut command = std::process::Command::new("docker");
    command.args([
        "run",
        "--rm",
        "--name",
        &name,
        "--publish",
        &format!("127.0.0.1:{port}:5432"),
    ]);
    command.args(["--volume", &format!("{name}:/var/lib/postgresql/data")]);
    command.args([
        "--env",
        "POSTGRES_PASSWORD",
        "--env",
        &format!("POSTGRES_USER={SUPERUSER}"),
        IMAGE,
    ]);
    for (name, value) in &options.settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // By the environment: arguments can be read by everybody on this machine.
    command.env("POSTGRES_PASSWORD", &password);
    command
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .current_dir("/")
        .process_group(0);
    let child = command.spawn().doing(|| "start docker".to_owned())?;
    let server = Server {
        child,
        home,
        watchdog,
        is_container: true,
    };
    Ok(Ok(Embedded {
        server,
        port,
        password,
        version: String::new(),
        origin: format!("the image {IMAGE}"),
    }))
}

/// A name of our own for each data directory.
fn container_name(root: &Path) -> String {
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("pg-presence-{digest}-{HOME}")
}

/// Whether there is a client, and an engine that answers it.
async fn engine() -> Result<(), String> {
    match timeout(ANSWER_MAX, run(&["version", "--format", "{{.Server.Version}}"])).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(_)) => Err("Docker's engine does not run".to_owned()),
        Ok(Err(_)) => Err("there is no Docker".to_owned()),
        Err(_) => Err("Docker's engine does not answer".to_owned()),
    }
}

/// Whether the image is there, or can be pulled: the registry must answer before the deadline.
async fn image(deadline: Instant) -> Result<(), String> {
    if let Ok(Ok(output)) = timeout(ANSWER_MAX, run(&["image", "inspect", IMAGE])).await
        && output.status.success()
    {
        return Ok(());
    }
    let mut pull = Command::new("docker");
    pull.args(["pull", IMAGE])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut pull = pull
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let first_line = async {
        let stdout = pull.stdout.as_mut().expect("stdout was asked to be a pipe");
        BufReader::new(stdout).lines().next_line().await
    };
    match timeout_at(deadline, first_line).await {
        Ok(Ok(Some(_))) => tracing::info!("pulling the image {IMAGE}"),
        Ok(_) => {}
        Err(_) => return Err("the registry does not answer".to_owned()),
    }
    match timeout(PULL_MAX, pull.wait_with_output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(said.lines().last().unwrap_or("the pull failed").to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("the pull takes longer than {} s", PULL_MAX.as_secs())),
    }
}

async fn run(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
}
