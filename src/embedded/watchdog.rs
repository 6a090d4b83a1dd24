//! Ends what we started when we cannot: a shell at the other end of a pipe that only we hold.
//!
//! However this process ends, SIGKILL included, the system closes the pipe, the shell reads the end of the file and
//! does what its script says. It needs no unsafe code and works the same on Linux and macOS. It is in a process group
//! of its own, so that Ctrl-C reaches us alone.

use std::{
    ffi::OsStr,
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
};

use super::{Doing, Result};

/// Reads lines until `done` (we stopped the server ourselves) or the end of the file (we are gone); `$last` is what
/// it was told last. What it must not do is signal a process which has only inherited a number, hence `ours`.
const PREAMBLE: &str = r#"
trap '' HUP INT QUIT TERM
PATH=$PATH:/usr/bin:/bin
last=
while read -r line; do last=$line; [ "$line" = done ] && break; done
pause() { sleep 0.1 2>/dev/null || sleep 1; }
"#;

/// For a server of this machine: `$1` its data, `$2` what to remove afterwards, the last line its pid.
/// Fast shutdown, after 10 s an immediate one. For up to 2 s it waits for a server that has just been started.
pub(super) const SERVER: &str = r#"
ours() { read -r first < "$1/postmaster.pid" && [ "$first" = "$last" ]; }
settle() { tries=$2; while [ "$tries" -gt 0 ] && ours "$1"; do pause; tries=$((tries - 1)); done; }
[ "$last" = done ] && exit
if [ -n "$last" ]; then
    tries=20
    until ours "$1" || [ "$tries" -eq 0 ]; do pause; tries=$((tries - 1)); done
    if ours "$1"; then kill -INT "$last"; settle "$1" 100; fi
    if ours "$1"; then kill -QUIT "$last"; settle "$1" 20; fi
fi
if [ -n "$2" ]; then rm -rf "$2"; fi
"#;

/// For a container: `$1` its name.
pub(super) const CONTAINER: &str = r#"
[ "$last" = done ] || docker stop --time 10 "$1"
"#;

/// A live watchdog. Dropped, it acts at once.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts one with a script of this module.
    pub(super) fn start(script: &str, arguments: &[&OsStr]) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(format!("{PREAMBLE}{script}"))
            .arg("pg-presence-watchdog")
            .args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0);
        let mut shell = command.spawn().doing(|| "start /bin/sh".to_owned())?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Says a line. A shell that is gone hears nothing, and there is nothing to be done about it.
    pub(super) fn tell(&mut self, line: &str) {
        if let Some(pipe) = &mut self.pipe {
            drop(writeln!(pipe, "{line}"));
        }
    }

    /// Its work is done by us: it just ends.
    pub(super) fn dismiss(mut self) {
        self.tell("done");
        self.pipe = None;
        drop(self.shell.wait());
    }
}
