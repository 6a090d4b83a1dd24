//! Which server binaries are installed.
//!
//! What is in PATH was put there on purpose and wins; of the usual places of the packagers, the newest major wins.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;

use super::{
    Error, MAJOR_MIN, Options, Result,
    account::{self, Account},
    words,
};

/// `postgres --version` takes milliseconds; a wrapper script that asks something may hang.
const VERSION_MAX: Duration = Duration::from_secs(2);

/// Where packagers put server binaries; `*` stands for the major version, as part of a folder's name.
const USUAL: [&str; 9] = [
    "/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                                   // Fedora, RHEL: packages of postgresql.org
    "/usr/bin",                                           // Fedora, Arch
    "/usr/libexec/postgresql*",                           // Alpine
    "/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple silicon
    "/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew on Linux
    "/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
    "/usr/local/pgsql/bin",                               // built from source
];

/// Where this machine keeps things.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folders to search first, in this order.
    pub path: Vec<PathBuf>,
    /// Folders to search then; a `*` in a folder's name stands for anything.
    pub usual: Vec<PathBuf>,
    /// Where data live unless another directory is named; none without a home.
    pub data: Option<PathBuf>,
}

impl Places {
    /// By PATH, HOME and XDG_DATA_HOME, and by custom.
    pub fn of_this_machine() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let absolute = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        let data = if account::is_root() {
            Some(PathBuf::from("/var/lib"))
        } else {
            set("XDG_DATA_HOME").and_then(absolute).or_else(|| {
                let home = set("HOME").and_then(absolute).or_else(account::home_dir);
                home.map(|home| home.join(".local/share"))
            })
        };
        Self {
            path: set("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            usual: USUAL.iter().map(PathBuf::from).collect(),
            data: data.map(|data| data.join("pg-presence")),
        }
    }

    /// The usual places that exist.
    fn usual_dirs(&self) -> impl Iterator<Item = PathBuf> {
        self.usual.iter().flat_map(|pattern| expand(pattern))
    }
}

/// A server that can be run.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub(super) bin_dir: PathBuf,
    pub(super) major: u32,
}

/// What a search came to.
#[derive(Debug)]
pub(super) enum Search {
    Found(Binaries),
    /// Nothing of use; what there is instead, in brackets, or nothing at all.
    Nothing(String),
}

/// The folder that was named, or the best that is installed.
pub(super) async fn search(options: &Options) -> Result<Search> {
    if let Some(bin_dir) = &options.bin_dir {
        return match inspect(bin_dir).await {
            Ok(binaries) => Ok(Search::Found(binaries)),
            Err(reason) => Err(Error::Unusable {
                bin_dir: bin_dir.clone(),
                reason,
            }),
        };
    }

    let mut useless = Vec::new();
    for bin_dir in options.places.path.iter().filter(|dir| has_server(dir)) {
        match inspect(bin_dir).await {
            Ok(binaries) => return Ok(Search::Found(binaries)),
            Err(reason) => useless.push(format!("{}: {reason}", bin_dir.display())),
        }
    }
    let mut newest: Option<Binaries> = None;
    for bin_dir in options.places.usual_dirs().filter(|dir| has_server(dir)) {
        match inspect(&bin_dir).await {
            Ok(binaries) if newest.as_ref().is_none_or(|newest| newest.major < binaries.major) => {
                newest = Some(binaries);
            }
            Ok(_) => {}
            Err(reason) => useless.push(format!("{}: {reason}", bin_dir.display())),
        }
    }
    useless.sort();
    useless.dedup();
    Ok(match newest {
        Some(binaries) => Search::Found(binaries),
        None if useless.is_empty() => Search::Nothing(String::new()),
        None => Search::Nothing(format!(" ({})", useless.join("; "))),
    })
}

/// Whether a folder has what a server needs, and which; or why it is of no use.
pub(super) async fn inspect(bin_dir: &Path) -> Result<Binaries, String> {
    let bin_dir = &std::path::absolute(bin_dir).map_err(|error| error.to_string())?;
    if !has_server(bin_dir) {
        return Err("it has no `initdb` and `postgres`".to_owned());
    }
    let account = Account::choose(Path::new("")).map_err(|error| words(&error))?;
    account.can_reach(bin_dir).map_err(|error| words(&error))?;
    let mut ask = tokio::process::Command::from(account.command(&bin_dir.join("postgres")));
    let answer = match timeout(VERSION_MAX, ask.arg("--version").kill_on_drop(true).output()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(format!("`postgres --version` failed: {error}")),
        Err(_) => return Err("`postgres --version` does not answer".to_owned()),
    };
    match major(&String::from_utf8_lossy(&answer.stdout)) {
        Some(major) if major >= MAJOR_MIN => Ok(Binaries {
            bin_dir: bin_dir.to_owned(),
            major,
        }),
        Some(major) => Err(format!("version {major} is older than {MAJOR_MIN}")),
        None => Err("`postgres --version` tells no version".to_owned()),
    }
}

/// The major version in the answer to `postgres --version`: `postgres (PostgreSQL) 18beta1`.
fn major(answer: &str) -> Option<u32> {
    let (_, version) = answer.split_once("(PostgreSQL) ")?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version[..digits].parse().ok()
}

fn has_server(dir: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| dir.join(name).is_file())
}

/// The folders that a pattern stands for: its one `*` in a folder's name matches anything there.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern {
        let part = part.to_string_lossy();
        found = match part.split_once('*') {
            None => found.into_iter().map(|above| above.join(&*part)).collect(),
            Some((before, after)) => found
                .iter()
                .flat_map(|above| matching(above, before, after))
                .collect(),
        };
    }
    found
}

fn matching(above: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(above).into_iter().flatten().flatten();
    let matches = |name: &str| {
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
    };
    entries
        .filter(|entry| matches(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_releases_packages_and_betas() {
        for (answer, expected) in [
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1\n", Some(18)),
            ("postgres (PostgreSQL) 9.6.24\n", Some(9)),
            ("No version is set for command postgres", None),
        ] {
            assert_eq!(major(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn a_star_stands_for_part_of_a_folder_name() {
        let above = std::env::temp_dir().join(format!("pg-presence-find-{}", std::process::id()));
        for name in ["pgsql-15/bin", "pgsql-17/bin", "other/bin"] {
            std::fs::create_dir_all(above.join(name)).expect("a temporary directory");
        }

        let mut found = expand(&above.join("pgsql-*/bin"));

        found.sort();
        assert_eq!(found, [above.join("pgsql-15/bin"), above.join("pgsql-17/bin")]);
        std::fs::remove_dir_all(&above).expect("our own directory");
    }

    #[tokio::test]
    async fn path_wins_then_the_newest_and_what_is_too_old_is_named() {
        use std::os::unix::fs::PermissionsExt;

        let above = std::env::temp_dir().join(format!("pg-presence-newest-{}", std::process::id()));
        for major in [9, 14, 15, 17, 16] {
            let bin = above.join(format!("{major}/bin"));
            std::fs::create_dir_all(&bin).expect("a temporary directory");
            for name in ["initdb", "postgres"] {
                let script = format!("#!/bin/sh\necho '{name} (PostgreSQL) {major}.1'\n");
                std::fs::write(bin.join(name), script).expect("a script");
                std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755))
                    .expect("ours");
            }
        }
        let bin = |major: u32| above.join(format!("{major}/bin"));
        let found = async |path: &[u32], usual: &str| {
            let path = path.iter().map(|major| bin(*major)).collect();
            let places = Places {
                path,
                usual: vec![above.join(usual)],
                data: None,
            };
            search(&Options {
                places,
                ..Options::default()
            })
            .await
            .expect("a search")
        };

        let newest = found(&[14], "*/bin").await;
        let in_path = found(&[14, 15, 16], "*/bin").await;
        let nothing = found(&[14], "9/bin").await;

        let found = |search: &Search, expected| matches!(search, Search::Found(found) if found.bin_dir == bin(expected));
        assert!(found(&newest, 17), "{newest:?}");
        assert!(found(&in_path, 15), "{in_path:?}");
        let Search::Nothing(why) = nothing else {
            panic!("{nothing:?}")
        };
        assert!(why.contains("14/bin: version 14 is older than 15"), "{why}");
        assert!(why.contains("9/bin: version 9 is older than 15"), "{why}");
        std::fs::remove_dir_all(&above).expect("our own directory");
    }
}
