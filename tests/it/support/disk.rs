//! A disk of its own, so small that it can be filled. For root, where it may mount; nothing of it outlives this process.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::unistd::Uid;

use super::server::{Lacking, skip, temporary_dir};

/// A file system in memory; unmounted when dropped, or when this process is gone.
#[derive(Debug)]
pub struct Disk {
    dir: PathBuf,
    guard: Child,
}

impl Disk {
    /// Of so many megabytes, in the hands of whoever owns `owned_as`. Nothing (and the test counted as skipped) where
    /// nothing can be mounted.
    pub fn of_megabytes(size: u32, owned_as: &Path) -> Option<Self> {
        let dir = temporary_dir();
        fs::create_dir(&dir).expect("a new directory");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}m,mode=0700"), "tmpfs"])
            .arg(&dir)
            .stderr(Stdio::null())
            .status();
        if !Uid::effective().is_root() || !mount.is_ok_and(|status| status.success()) {
            drop(fs::remove_dir(&dir));
            skip(Lacking::Privileges);
            return None;
        }
        let owner = owned_as.metadata().expect("it is there");
        chown(&dir, Some(owner.uid()), Some(owner.gid())).expect("root may");
        // It ends with the pipe that it reads, and thus with this process, however that ends.
        let guard = Command::new("sh")
            .args([
                "-c",
                "trap '' HUP INT TERM; read -r _; umount -l \"$0\"; rmdir \"$0\"",
            ])
            .arg(&dir)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        Some(Self { dir, guard })
    }

    /// Where it is mounted.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes all that is left of it.
    pub fn fill(&self) {
        let mut file = File::create(self.filler()).expect("a file");
        let block = [0; 4096];
        while file.write_all(&block).is_ok() {}
    }

    /// Gives that back.
    pub fn clear(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}
