//! What people use: Socket.IO with its Postgres adapter, from npm. `bench/socketio/server.mjs` says what it does, and what
//! it does not.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{cluster::Cluster, token::SECRET};

const PACKAGE: &str = include_str!("../../../socketio/package.json");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("socketio")
}

/// Installs the packages of the lock file where they are not installed yet; an error where there is no Node.
pub fn install() -> Result<()> {
    let node = Command::new("node")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    ensure!(node.context("there is no Node here")?.success(), "node fails");
    let changed = |name: &str| std::fs::metadata(folder().join(name)).and_then(|file| file.modified());
    let installed = changed("node_modules/.package-lock.json");
    if installed.is_ok_and(|at| changed("package-lock.json").is_ok_and(|lock| lock <= at)) {
        return Ok(());
    }
    let npm = Command::new("npm")
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
        .current_dir(folder())
        .stdout(Stdio::null())
        .status();
    ensure!(npm.context("there is no npm here")?.success(), "npm ci fails");
    Ok(())
}

/// A server, at this port, on the database of the Postgres at that one.
pub fn command(port: u16, postgres: u16) -> Command {
    let mut command = Command::new("node");
    command
        .arg(folder().join("server.mjs"))
        .env_remove("NODE_OPTIONS")
        .env("NODE_ENV", "production")
        .env("PORT", port.to_string())
        .env("DATABASE_URL", Cluster::url("postgres", postgres))
        .env("JWT_SECRET", SECRET);
    command
}

/// The packages that are used, with their versions.
pub fn versions() -> String {
    let package: Value = serde_json::from_str(PACKAGE).unwrap_or_default();
    let all = package["dependencies"].as_object().into_iter().flatten();
    let all: Vec<String> = all
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()))
        .collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_exact() {
        let said = versions();
        assert!(said.contains("socket.io 4."), "{said}");
        assert!(!said.contains(['^', '~', '*', '<', '>']), "{said}");
    }

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock = include_str!("../../../socketio/package-lock.json");
        assert!(lock.contains("integrity") && !lock.contains("\"resolved\""));
    }
}
