//! `pg-presence top` on a terminal: it takes the screen, goes with its size, and gives it back as it was.

use std::{
    fs::File,
    io::Read,
    os::fd::{AsFd, OwnedFd},
    process::{Child, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::{
    pty::{OpenptyResult, Winsize, openpty},
    sys::{
        signal::{Signal, kill},
        termios::{LocalFlags, Termios, tcgetattr},
    },
    unistd::{Pid, write},
};

use super::{PATIENCE, top::command};
use crate::support::db::TestDb;

const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

struct Terminal {
    child: Child,
    keyboard: OwnedFd,
    screen: mpsc::Receiver<Vec<u8>>,
    seen: String,
    before: Termios,
    line: OwnedFd,
}

impl Terminal {
    fn open(url: &str, columns: u16) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).expect("a pseudo-terminal");
        let before = tcgetattr(slave.as_fd()).expect("its settings");
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        let mut command = command(url, &["--interval", "500"]);
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("the binary runs");
        let (send, screen) = mpsc::channel();
        let mut reader = File::from(master.try_clone().expect("a descriptor"));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if send.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keyboard: master,
            screen,
            seen: String::new(),
            before,
            line: slave,
        }
    }

    fn until(&mut self, fits: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !fits(&self.seen) {
            assert!(Instant::now() < deadline, "it never shows: {:?}", self.seen);
            if let Ok(bytes) = self.screen.recv_timeout(Duration::from_millis(100)) {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// It ended well, the other screen is closed, and keys are shown again.
    fn comes_back_as_it_was(mut self) {
        self.until(|seen| seen.contains(CLOSE));
        let status = self.child.wait().expect("a child of ours");
        let after = tcgetattr(self.line.as_fd()).expect("its settings");

        assert!(status.success(), "{status}");
        assert_eq!(after.local_flags, self.before.local_flags);
        assert!(after.local_flags.contains(LocalFlags::ECHO));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, where all is well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn ctrl_c_and_q_give_the_terminal_back_as_it_was() {
    let Some(db) = TestDb::new().await else { return };

    for by_key in [false, true] {
        let mut terminal = Terminal::open(db.url(), 100);
        terminal.until(|seen| seen.starts_with(OPEN) && seen.contains("0 people"));
        let during = tcgetattr(terminal.line.as_fd()).expect("its settings");
        assert!(
            !during.local_flags.contains(LocalFlags::ECHO),
            "keys are not shown"
        );
        match by_key {
            true => _ = write(&terminal.keyboard, b"q").expect("a key"),
            false => {
                let pid = Pid::from_raw(terminal.child.id().cast_signed());
                kill(pid, Signal::SIGINT).expect("a signal");
            }
        }

        terminal.comes_back_as_it_was();
    }
}

#[tokio::test]
async fn a_narrow_terminal_gets_lines_that_fit_and_a_new_picture_in_place() {
    let Some(db) = TestDb::new().await else { return };
    let mut terminal = Terminal::open(db.url(), 30);
    terminal.until(|seen| seen.matches("\x1b[H").count() >= 3);

    let frames: Vec<&str> = terminal.seen.split("\x1b[H").skip(1).take(2).collect();

    for frame in frames {
        let lines: Vec<&str> = frame.split("\r\n").collect();
        assert!(lines.len() <= 24, "{frame:?}");
        for line in lines {
            let shown = line
                .replace(['\r'], "")
                .replace("\x1b[K", "")
                .replace("\x1b[J", "");
            let plain: String = shown
                .replace("\x1b[1m", "")
                .replace("\x1b[2m", "")
                .replace("\x1b[33m", "")
                .replace("\x1b[0m", "");
            assert!(plain.chars().count() <= 30 && !plain.contains('\x1b'), "{line:?}");
        }
    }
}
