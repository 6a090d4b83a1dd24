//! Where a server keeps its data, password and log, and the lock which gives it to one process at a time.
//!
//! ```text
//! <data dir>/                   the root: empty when we first see it, then ours
//!   binaries/<version>/         fetched servers
//!   <major>/                    a home; owned by the account that runs the server, mode 0700
//!     lock                      held (flock) by the process that runs the server
//!     password                  the superuser's, mode 0600
//!     server.log, server.log.1  of this run and the last
//!     data.new-<random>/        while initdb is at work; half-made if it was interrupted, removed at the next start
//!     data/                     the cluster; appears complete, by a rename
//! ```
//!
//! A home inside the root, not beside it: the root may be a mount point, or in a directory that is not ours to write.

use std::{
    ffi::OsStr,
    fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tokio::time::timeout;

use super::{Doing, Error, Options, Result, SUPERUSER, account::Account, find::Binaries, words};

/// Making a cluster takes a second; a minute on a very slow disk.
const INITDB_MAX: Duration = Duration::from_secs(120);

/// Of a log, this much of its end is shown.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 12;

/// What a root may hold apart from homes.
const ROOT_ENTRIES: [&str; 2] = ["binaries", "lost+found"];

/// What a home may hold.
const HOME_ENTRIES: [&str; 5] = ["lock", "password", "server.log", "server.log.1", "data"];

/// How a cluster in the making is named.
const HALF_MADE: &str = "data.new-";

/// The folder of one server's data, password and log; ours alone as long as this value lives.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    account: Account,
    _lock: File,
}

/// The root by the options, as an absolute path.
pub(super) fn root(options: &Options) -> Result<PathBuf> {
    let root = options
        .data_dir
        .as_ref()
        .or(options.places.data.as_ref())
        .ok_or(Error::NoHome)?;
    std::path::absolute(root).doing(|| format!("find {}", root.display()))
}

/// Makes the root, or takes an existing one that is empty or ours, and lets the account through it.
pub(super) fn take_root(root: &Path, account: &Account) -> Result<()> {
    let is_home = |name: &str| {
        name.strip_prefix("docker-")
            .unwrap_or(name)
            .bytes()
            .all(|b| b.is_ascii_digit())
    };
    refuse_foreign(root, |name| is_home(name) || ROOT_ENTRIES.contains(&name))?;
    if let Some(above) = root.ancestors().skip(1).find(|above| above.is_dir()) {
        account.can_reach(above)?;
    }
    std::fs::create_dir_all(root).doing(|| format!("make {}", root.display()))?;
    if account.can_reach(root).is_err() {
        let mode = root
            .metadata()
            .doing(|| format!("read {}", root.display()))?
            .mode();
        let through = Permissions::from_mode(mode | 0o011);
        std::fs::set_permissions(root, through).doing(|| format!("open {} to its server", root.display()))?;
    }
    account.can_reach(root)
}

/// Finds anything in a directory that we did not put there.
fn refuse_foreign(dir: &Path, is_ours: impl Fn(&str) -> bool) -> Result<()> {
    let entries = match dir.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).doing(|| format!("read {}", dir.display())),
    };
    for entry in entries {
        let name = entry.doing(|| format!("read {}", dir.display()))?.file_name();
        let name = name.to_string_lossy();
        if !is_ours(&name) {
            return Err(Error::Foreign {
                dir: dir.to_owned(),
                example: name.into_owned(),
            });
        }
    }
    Ok(())
}

impl Home {
    /// Makes or takes the home `name` in `root`.
    pub(super) fn open(root: &Path, name: &str, account: Account) -> Result<Self> {
        let dir = root.join(name);
        refuse_foreign(&dir, |name| {
            name.starts_with(HALF_MADE) || HOME_ENTRIES.contains(&name)
        })?;
        take_root(root, &account)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.doing(|| format!("make {}", dir.display()))?;
        account.own(&dir)?;
        let lock = lock(&dir)?;
        Ok(Self {
            dir,
            account,
            _lock: lock,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// Begins a new log; the last one is kept.
    pub(super) fn new_log(&self) -> Result<File> {
        let log = self.log();
        // The first start has no log to keep; any other failure shows at the next line.
        drop(std::fs::rename(&log, self.dir.join("server.log.1")));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&log);
        file.doing(|| format!("write {}", log.display()))
    }

    /// The end of the log, for an error's text.
    pub(super) fn log_tail(&self) -> String {
        fn read(log: &Path) -> std::io::Result<String> {
            let mut log = File::open(log)?;
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
            let mut end = Vec::new();
            log.read_to_end(&mut end)?;
            Ok(last_lines(&String::from_utf8_lossy(&end)))
        }
        read(&self.log()).unwrap_or_else(|error| format!("(no log: {error})"))
    }

    /// The superuser's password, made up if there is no cluster yet that has one.
    pub(super) fn password(&self) -> Result<String> {
        let path = self.dir.join("password");
        match std::fs::read_to_string(&path) {
            Ok(password) if !password.is_empty() => return Ok(password),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).doing(|| format!("read {}", path.display())),
        }
        if self.has_cluster() {
            return Err(Error::PasswordLost {
                dir: self.dir.clone(),
            });
        }
        let password = uuid::Uuid::new_v4().simple().to_string();
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path);
        file.and_then(|mut file| file.write_all(password.as_bytes()))
            .doing(|| format!("write {}", path.display()))?;
        self.account.own(&path)?;
        Ok(password)
    }

    fn has_cluster(&self) -> bool {
        self.data().join("PG_VERSION").is_file()
    }

    /// Makes the cluster if there is none, in a directory of its own: what is interrupted is never taken for one.
    pub(super) async fn make_cluster(&self, binaries: &Binaries, options: &Options) -> Result<()> {
        if self.has_cluster() {
            return Ok(());
        }
        let data = self.data();
        refuse_foreign(&data, |_| false)?;
        self.remove_half_made();
        let half_made = self
            .dir
            .join(format!("{HALF_MADE}{}", uuid::Uuid::new_v4().simple()));

        // Who does not want a crash survived once the server runs does not want it before.
        let is_durable = !options
            .settings
            .iter()
            .any(|(name, value)| name == "fsync" && value == "off");
        let mut initdb = self.initdb(binaries, &half_made);
        if !is_durable {
            initdb.arg("--no-sync");
        }
        let initdb = tokio::process::Command::from(initdb).kill_on_drop(true).output();
        let output = match timeout(INITDB_MAX, initdb).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(Error::Initdb(words(&error))),
            Err(_) => {
                return Err(Error::Initdb(format!(
                    "not done after {} s",
                    INITDB_MAX.as_secs()
                )));
            }
        };
        if !output.status.success() {
            return Err(Error::Initdb(last_lines(&String::from_utf8_lossy(
                &output.stderr,
            ))));
        }
        std::fs::rename(&half_made, &data).doing(|| format!("move the new data to {}", data.display()))
    }

    fn initdb(&self, binaries: &Binaries, data: &Path) -> Command {
        let mut command = self.account.command(&binaries.bin_dir.join("initdb"));
        command.args(["--username", SUPERUSER, "--auth", "scram-sha-256"]);
        command.args(["--encoding", "UTF8", "--locale", "C", "--no-instructions"]);
        command
            .arg("--pwfile")
            .arg(self.dir.join("password"))
            .arg("--pgdata")
            .arg(data);
        command
    }

    /// Removes what interrupted runs of initdb left. One of them may still be at it, its parent killed a moment ago:
    /// what it writes again goes at the next start.
    fn remove_half_made(&self) {
        let entries = self.dir.read_dir().into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(HALF_MADE)) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

/// Takes the lock of a home, which the system gives back when this process ends.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let open = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path);
    let mut file = open.doing(|| format!("write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let read = file.read_to_string(&mut pid);
            let holder = read
                .ok()
                .filter(|_| !pid.is_empty())
                .map(|_| format!(" (process {})", pid.trim()));
            return Err(Error::InUse {
                dir: dir.to_owned(),
                holder: holder.unwrap_or_default(),
            });
        }
        Err(TryLockError::Error(error)) => return Err(error).doing(|| format!("lock {}", path.display())),
    }
    let wrote = file
        .set_len(0)
        .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
    wrote.doing(|| format!("write {}", path.display()))?;
    Ok(file)
}

/// The last few lines of a text.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// The first line and the port of a `postmaster.pid`, and whether its server accepts connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) port: Option<u16>,
    pub(super) is_ready: bool,
}

impl PidFile {
    /// Reads that of a data directory, if there is one.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(data.join(OsStr::new("postmaster.pid"))).ok()?)
    }

    /// Its lines: pid, directory, start time, port, socket directory, address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            port: lines.get(3).and_then(|port| port.parse().ok()),
            is_ready: lines.get(7) == Some(&"ready"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_ready_only_when_its_eighth_line_says_so() {
        let starting = "4711\n/data\n1753000000\n5433\n\n127.0.0.1\n  123 4\n";

        let parsed = |text: &str| PidFile::parse(text).expect("a pid");

        assert_eq!(
            parsed(starting),
            PidFile {
                pid: 4711,
                port: Some(5433),
                is_ready: false
            }
        );
        assert!(!parsed(&format!("{starting}starting\n")).is_ready);
        assert!(parsed(&format!("{starting}ready   \n")).is_ready);
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn a_tail_is_the_last_lines() {
        let text: String = (0..40).map(|n| format!("line {n}\n")).collect();

        assert_eq!(last_lines(&text).lines().count(), TAIL_LINES);
        assert!(last_lines(&text).ends_with("line 39"));
        assert_eq!(last_lines(""), "");
    }
}
