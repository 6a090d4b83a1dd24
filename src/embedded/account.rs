//! Whom the server runs as: ourselves, or an unprivileged account when we are root.

use std::{
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::unistd::{Uid, User, geteuid};

use super::{Doing, Error, Result};

/// An account that is not root.
#[derive(Debug, Clone)]
pub(super) enum Account {
    /// We are unprivileged, and so is what we start.
    Ourselves,
    /// We are root, and drop to this one.
    Other { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// Who runs a server: as root whoever owns the data already, else `postgres`, else `nobody`.
    pub(super) fn choose(data: &Path) -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let owner = data
            .metadata()
            .ok()
            .map(|data| Uid::from_raw(data.uid()))
            .filter(|owner| !owner.is_root());
        owner
            .and_then(|owner| User::from_uid(owner).ok().flatten())
            .or_else(|| {
                ["postgres", "nobody"]
                    .iter()
                    .find_map(|name| User::from_name(name).ok().flatten())
            })
            .map(|user| Self::Other {
                name: user.name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            })
            .ok_or(Error::NoAccount)
    }

    /// A command as this account, which gets neither our environment (it holds secrets) nor our working directory.
    pub(super) fn command(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt;

        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null());
        for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Makes a file or directory this account's.
    pub(super) fn own(&self, path: &Path) -> Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { name, uid, gid } => chown(path, Some(*uid), Some(*gid))
                .doing(|| format!("give {} to the user `{name}`", path.display())),
        }
    }

    /// Whether every directory on the way lets this account through, by mode bits.
    pub(super) fn can_reach(&self, path: &Path) -> Result<()> {
        let Self::Other { name, uid, gid } = self else {
            return Ok(());
        };
        let path = path.canonicalize().doing(|| format!("find {}", path.display()))?;
        let closed = path.ancestors().filter(|above| above.is_dir()).find(|above| {
            above.metadata().is_ok_and(|above| {
                let search = match (above.uid() == *uid, above.gid() == *gid) {
                    (true, _) => 0o100,
                    (false, true) => 0o010,
                    (false, false) => 0o001,
                };
                above.mode() & search == 0
            })
        });
        match closed {
            Some(closed) => Err(Error::Unreachable {
                path: closed.to_owned(),
                account: name.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// The home directory by the list of users, for where `HOME` is not set.
pub(super) fn home_dir() -> Option<PathBuf> {
    User::from_uid(geteuid()).ok().flatten().map(|user| user.dir)
}

/// Whether we are root.
pub(super) fn is_root() -> bool {
    geteuid().is_root()
}
