//! What happened, as JSON lines in a file: every call, answer, frame, fault and look at SQL, with its moment.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::clock::now;

/// The file.
#[derive(Debug)]
pub struct History {
    dir: PathBuf,
    /// Guards the file, for one line each.
    file: Mutex<BufWriter<File>>,
}

impl History {
    /// In this directory.
    pub fn begin(dir: &Path) -> Result<Self> {
        let path = dir.join("history.jsonl");
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            dir: dir.to_owned(),
            file: Mutex::new(BufWriter::new(file)),
        })
    }

    /// The directory that holds it, and the logs of Postgres and the nodes.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// One line.
    pub fn note(&self, kind: &str, what: Value) {
        let line = json!({"at": now(), "kind": kind, "what": what});
        let mut file = self.file.lock().expect("nobody panics with it");
        // A disk that is full costs the history, and not the run.
        let _ = writeln!(file, "{line}");
    }

    /// So that whoever reads it finds all of it.
    pub fn flush(&self) {
        let _ = self.file.lock().expect("nobody panics with it").flush();
    }
}
