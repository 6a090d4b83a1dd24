//! The server as a process: started, watched, stopped.

use std::{
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    Doing, Embedded, Error, Options, READY_MAX, Result,
    account::Account,
    find::Binaries,
    home::{self, Home, PidFile},
    watchdog::{self, Watchdog},
};

/// A server which does not end within this after a fast shutdown is ended without its checkpoint.
const STOP_MAX: Duration = Duration::from_secs(10);

/// For so long we wait for the server of a run that was killed: its watchdog is stopping it, see [`STOP_MAX`].
const LEFT_OVER_MAX: Duration = Duration::from_secs(12);

/// How often a process is looked at; a start takes some 50 ms.
const POLL: Duration = Duration::from_millis(10);

/// `lock_file_exists`, as `log_line_prefix` shows it: another server, or the last remains of one, on the same data.
const LOCK_FILE_EXISTS: &str = " F0001 ";

/// Starts a server with these binaries.
pub(super) async fn start(binaries: Binaries, options: &Options) -> Result<Embedded> {
    let root = home::root(options)?;
    let name = binaries.major.to_string();
    let account = Account::choose(&root.join(&name).join("data"))?;
    let remove = options.remove_data.then(|| root.clone());
    let home = blocking(move || Home::open(&root, &name, account)).await?;
    let password = home.password()?;
    home.make_cluster(&binaries, options).await?;

    let plan = Plan {
        bin_dir: binaries.bin_dir.clone(),
        port: options.port,
        settings: options.settings.clone(),
        remove,
    };
    let (server, port) = blocking(move || plan.start(home)).await?;
    Ok(Embedded {
        server,
        port,
        password,
        version: String::new(),
        origin: binaries.bin_dir.display().to_string(),
    })
}

/// Runs what blocks outside the runtime.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("blocking work of this module does not panic")
}

/// A port that is free at this moment.
pub(super) fn free_port() -> Result<u16> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(bound.doing(|| "find a free port on 127.0.0.1".to_owned())?.port())
}

/// How to run a server.
struct Plan {
    bin_dir: PathBuf,
    port: Option<u16>,
    settings: Vec<(String, String)>,
    remove: Option<PathBuf>,
}

impl Plan {
    /// Starts it and waits until it says that it is ready. Tries again when a port was taken in the meantime, and
    /// while an earlier server is still on its way out.
    fn start(&self, home: Home) -> Result<(Server, u16)> {
        wait_for_left_over(&home)?;
        let patience = Instant::now() + LEFT_OVER_MAX;
        let (data, nothing) = (home.data(), PathBuf::new());
        let arguments: [&OsStr; 2] = [data.as_ref(), self.remove.as_ref().unwrap_or(&nothing).as_ref()];
        let mut watchdog = Watchdog::start(watchdog::SERVER, &arguments)?;
        loop {
            let port = self.port.map_or_else(free_port, Ok)?;
            let mut child = self
                .command(&home, port)?
                .spawn()
                .doing(|| "start Postgres".to_owned())?;
            watchdog.tell(&child.id().to_string());
            let Some(reason) = wait_until_ready(&mut child, &home) else {
                return Ok((
                    Server {
                        child,
                        home,
                        watchdog,
                        is_container: false,
                    },
                    port,
                ));
            };
            watchdog.tell("");

            let tail = home.log_tail();
            if tail.contains(LOCK_FILE_EXISTS) {
                if Instant::now() < patience {
                    sleep(POLL * 10);
                    continue;
                }
                if let Some(PidFile { pid, .. }) = PidFile::read(&data) {
                    return Err(Error::LeftOver {
                        dir: home.dir().to_owned(),
                        pid,
                    });
                }
            }
            let port_was_taken =
                self.port.is_none() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err();
            if !port_was_taken || Instant::now() > patience {
                return Err(Error::NotStarted {
                    reason,
                    log: home.log().display().to_string(),
                    tail,
                });
            }
        }
    }

    fn command(&self, home: &Home, port: u16) -> Result<Command> {
        let log = home.new_log()?;
        let errors = log
            .try_clone()
            .doing(|| format!("write {}", home.log().display()))?;
        let mut command = home.account().command(&self.bin_dir.join("postgres"));
        command.arg("-D").arg(home.data()).args(["-p", &port.to_string()]);
        let ours = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "logging_collector=off",
            "log_destination=stderr",
            "log_line_prefix=%m [%p] %e ",
        ];
        for setting in ours {
            command.args(["-c", setting]);
        }
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // A process group of its own: Ctrl-C is for us, and we stop the server when our work is done.
        command.stdout(log).stderr(errors).process_group(0);
        Ok(command)
    }
}

/// Waits for a server that a killed process left to its watchdog.
fn wait_for_left_over(home: &Home) -> Result<()> {
    let deadline = Instant::now() + LEFT_OVER_MAX;
    while let Some(PidFile {
        pid,
        port: Some(port),
        ..
    }) = PidFile::read(&home.data())
    {
        // After a crash the file is left behind, and its number may be another process's: a server also answers.
        let is_alive = kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if !is_alive || TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_err() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Error::LeftOver {
                dir: home.dir().to_owned(),
                pid,
            });
        }
        sleep(POLL * 10);
    }
    Ok(())
}

/// Nothing once the server is ready, else why it will not be.
fn wait_until_ready(child: &mut Child, home: &Home) -> Option<String> {
    let deadline = Instant::now() + READY_MAX;
    loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Some(status.to_string()),
            Err(error) => return Some(error.to_string()),
        }
        // The file may be an earlier server's: only this one's counts.
        let pid_file = PidFile::read(&home.data());
        if pid_file.is_some_and(|file| file.is_ready && u32::try_from(file.pid) == Ok(child.id())) {
            return None;
        }
        if Instant::now() > deadline {
            end(child);
            return Some(format!("not ready after {} s", READY_MAX.as_secs()));
        }
        sleep(POLL);
    }
}

/// A running server: the process itself, or the client of its container, which hands signals on.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) child: Child,
    pub(super) home: Home,
    pub(super) watchdog: Watchdog,
    pub(super) is_container: bool,
}

impl Server {
    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its end, if it has ended, with what it said last.
    pub(super) fn ended(&mut self) -> Option<String> {
        let reason = match self.child.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        // Its number may be given to another process now.
        self.watchdog.tell("");
        Some(format!("{reason}; its last words:\n{}", self.home.log_tail()))
    }

    /// Ends it and what watches it. Blocks.
    pub(super) fn stop(mut self) {
        end(&mut self.child);
        self.watchdog.dismiss();
    }
}

/// Fast shutdown, then an immediate one, then the last resort.
fn end(child: &mut Child) {
    for (signal, patience) in [
        (Signal::SIGINT, STOP_MAX),
        (Signal::SIGQUIT, STOP_MAX / 2),
        (Signal::SIGKILL, STOP_MAX / 2),
    ] {
        // Once it has been waited for, its number may be another process's.
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let pid = i32::try_from(child.id()).expect("pids fit the type of the system's own calls");
        let _ = kill(Pid::from_raw(pid), signal);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
            sleep(POLL);
        }
    }
}
