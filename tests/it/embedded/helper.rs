//! A process that starts a server and is killed: this test binary, run again for one test.

use std::{path::Path, process::Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pg_presence::embedded::{self, Embedded, Error, Options, Places};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::SOON;
use crate::support::server::{Lacking, own, skip};

/// What [`Helper`] runs: a process that starts a server, says so and waits to be killed. By itself it does nothing.
#[tokio::test]
async fn helper_process() {
    let Some(data_dir) = std::env::var_os("HELPER_DATA_DIR") else {
        return;
    };
    let asked = |name: &str| std::env::var_os(name).is_some();
    let mut options = Options {
        data_dir: Some(data_dir.into()),
        remove_data: asked("HELPER_REMOVES"),
        ..own(&[])
    };
    if asked("HELPER_FINDS_NOTHING") {
        options.bin_dir = None;
        options.go_out = true;
        options.places = Places {
            path: Vec::new(),
            usual: Vec::new(),
            data: None,
        };
    }

    match Embedded::start(options).await {
        Err(error @ Error::NoPostgres { .. }) => println!("\nerror {error}"),
        Err(error) => println!("\nfailed {error}"),
        Ok(server) => {
            println!("\nport {}", server.port());
            std::future::pending().await
        }
    }
}

/// Another process of this test binary, killed with this value.
#[derive(Debug)]
pub struct Helper {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Helper {
    /// Starts one if there are binaries for a server.
    pub async fn start(data_dir: &Path, environment: &[(&str, &str)]) -> Option<Self> {
        if embedded::installed(&own(&[]))
            .await
            .expect("the search")
            .is_none()
        {
            skip(Lacking::ServerBinaries);
            return None;
        }
        Some(Self::spawn(data_dir, environment))
    }

    /// Starts one.
    pub fn spawn(data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this test binary"));
        command
            .args(["--exact", "embedded::helper::helper_process", "--nocapture"])
            .env("HELPER_DATA_DIR", data_dir);
        command.envs(environment.iter().copied()).kill_on_drop(true);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("a helper process");
        let stdout = process.stdout.take().expect("stdout was asked to be a pipe");
        Self {
            process,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// The next line that is the helper's and not the test runner's, as its first word and the rest.
    pub async fn line(&mut self) -> Option<(String, String)> {
        loop {
            let line = timeout(SOON, self.lines.next_line())
                .await
                .expect("a line in time")
                .expect("a pipe")?;
            if let Some((word @ ("port" | "error" | "failed"), rest)) = line.split_once(' ') {
                return Some((word.to_owned(), rest.to_owned()));
            }
        }
    }

    /// The port of its server, once that runs.
    pub async fn port(&mut self) -> u16 {
        let (word, rest) = self.line().await.expect("the helper says something");
        assert_eq!(word, "port", "{rest}");
        rest.parse().expect("a port")
    }

    /// SIGKILL: no handler, no destructor.
    pub async fn kill(&mut self) {
        let pid = self.process.id().expect("it was not waited for");
        kill(Pid::from_raw(i32::try_from(pid).expect("a pid")), Signal::SIGKILL).expect("the helper runs");
        self.process.wait().await.expect("a killed process ends");
    }
}
