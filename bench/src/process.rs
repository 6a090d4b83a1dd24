//! What is started here and must not outlive us: processes, and the directory that they live in.
//!
//! A shell holds our pipe and a list of them; when the pipe closes, because we are done or were killed, it kills what is
//! left.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Reads `+PID` and `-PID`; at the end of its input kills whoever is on the list.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
list=""
while read -r line; do
    pid=${line#?}
    case $line in
        +*) list="$list $pid" ;;
        -*) next=""; for p in $list; do [ "$p" = "$pid" ] || next="$next $p"; done; list=$next ;;
    esac
done
[ -z "$list" ] || kill -KILL $list 2>/dev/null
"#;

/// Kills what is left when this process is gone.
#[derive(Debug)]
pub struct Watchdog {
    /// Guards the pipe, for one line each.
    child: Mutex<Child>,
}

impl Watchdog {
    /// Begins to watch.
    pub fn start() -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("a shell for the watchdog")?;
        Ok(Self {
            child: Mutex::new(child),
        })
    }

    /// This one is to go with us.
    pub fn watch(&self, pid: u32) {
        self.say(&format!("+{pid}\n"));
    }

    /// This one has ended.
    pub fn forget(&self, pid: u32) {
        self.say(&format!("-{pid}\n"));
    }

    fn say(&self, line: &str) {
        let mut child = self.child.lock().expect("nobody panics with it");
        if let Some(pipe) = &mut child.stdin {
            // A watchdog that is gone watches nothing: what we start is ended by us alone then.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

/// Sends a signal; false: there is no such process any more.
pub fn signal(pid: u32, signal: Signal) -> bool {
    i32::try_from(pid).is_ok_and(|pid| kill(Pid::from_raw(pid), signal).is_ok())
}

/// Resident memory in KiB, by the system's own account.
pub fn rss_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The processes that this one started.
pub fn children(pid: u32) -> Vec<u32> {
    let mut found = vec![];
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name stands in brackets and may hold anything; the parent is the second field after it.
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1));
        if parent == Some(pid.to_string().as_str()) {
            found.push(child);
        }
    }
    found
}

/// The last lines of a log.
pub fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
