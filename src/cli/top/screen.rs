//! The terminal: taken over while `top` runs, and given back as it was, however it ends.
//!
//! Drawn over in place, in one write, so that nothing flickers; lines are never wrapped.

use std::{
    io::{Read, Write, stdin},
    os::fd::AsFd,
};

use anyhow::{Context, Result};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// The other screen, no cursor, no wrapping of lines; and back.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What somebody typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// q.
    Quit,
    /// Anything else: look again.
    Other,
}

/// A terminal that is ours.
pub struct Screen {
    /// As its input was; none where it is no terminal.
    before: Option<Termios>,
}

impl Screen {
    /// Takes it.
    pub fn open() -> Result<Self> {
        let before = tcgetattr(stdin().as_fd()).ok();
        if let Some(before) = &before {
            // Keys come at once and are not shown; Ctrl-C stays what it is.
            let mut ours = before.clone();
            ours.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON);
            tcsetattr(stdin().as_fd(), SetArg::TCSANOW, &ours).context("the terminal")?;
        }
        let screen = Self { before };
        super::super::print(OPEN)?;
        Ok(screen)
    }

    /// Draws over what is there.
    pub fn show(&mut self, lines: &[String]) -> Result<()> {
        let text = lines.join("\x1b[K\r\n");
        super::super::print(&format!("\x1b[H{text}\x1b[K\x1b[J"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone wants nothing back.
        let mut out = std::io::stdout().lock();
        drop(out.write_all(CLOSE.as_bytes()));
        drop(out.flush());
        if let Some(before) = &self.before {
            _ = tcsetattr(stdin().as_fd(), SetArg::TCSADRAIN, before);
        }
    }
}

/// Columns and lines of the terminal; none where there is none, or where it says nonsense.
pub fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size()?;
    (width.0 > 0 && height.0 > 0).then(|| (usize::from(width.0), usize::from(height.0)))
}

/// What is typed from now on, read by a thread of its own, which ends with the process.
pub fn keys() -> mpsc::UnboundedReceiver<Key> {
    let (typed, keys) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for byte in stdin().lock().bytes().map_while(std::io::Result::ok) {
            let key = match byte {
                b'q' | b'Q' => Key::Quit,
                _ => Key::Other,
            };
            if typed.send(key).is_err() {
                return;
            }
        }
    });
    keys
}
