//! HTTP as cheap as a load generator needs it: requests that are bytes already, answers that are looked at no more than
//! they must be. Never a client for anything else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that is kept.
pub struct Wire {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// A request with a body of JSON, as bytes.
pub fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Wire {
    /// Connects.
    pub async fn open(port: u16) -> Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(1024),
        })
    }

    /// Sends and reads the whole answer; its status.
    pub async fn call(&mut self, request: &[u8]) -> Result<u16> {
        self.socket.write_all(request).await?;
        let status = self.head().await?;
        let (end, length) = match status {
            204 => (head_end(&self.buffer).context("a head")?, 0),
            _ => self.frame().context("an answer without a length")?,
        };
        while self.buffer.len() < end + length {
            self.fill().await?;
        }
        self.buffer.drain(..end + length);
        Ok(status)
    }

    /// Sends, and reads the head of a stream that follows; its status.
    pub async fn begin(mut self, request: &[u8]) -> Result<(u16, Events)> {
        self.socket.write_all(request).await?;
        let status = self.head().await?;
        let end = head_end(&self.buffer).context("a head")?;
        self.buffer.drain(..end);
        let events = Events {
            socket: self.socket,
            raw: self.buffer,
            text: vec![],
        };
        Ok((status, events))
    }

    /// Reads until a head is there; its status.
    async fn head(&mut self) -> Result<u16> {
        while head_end(&self.buffer).is_none() {
            self.fill().await?;
        }
        let status = self
            .buffer
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        status.and_then(|digits| digits.parse().ok()).context("no status")
    }

    /// Where the head ends, and how long the body is.
    fn frame(&self) -> Option<(usize, usize)> {
        let end = head_end(&self.buffer)?;
        let head = self.buffer.get(..end)?;
        let at = memchr::memmem::find_iter(head, b"ontent-").find(|&at| {
            head.get(at + 7..at + 14)
                .is_some_and(|name| name.eq_ignore_ascii_case(b"length:"))
        })?;
        let digits = head[at + 14..].iter().skip_while(|byte| **byte == b' ');
        let length = digits
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        Some((end, length))
    }

    async fn fill(&mut self) -> Result<()> {
        let read = timeout(PATIENCE, self.socket.read_buf(&mut self.buffer)).await;
        ensure!(
            read.context("no answer in time")?? > 0,
            "closed by the other side"
        );
        Ok(())
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

/// A stream of events, in chunks.
pub struct Events {
    socket: TcpStream,
    raw: Vec<u8>,
    text: Vec<u8>,
}

impl Events {
    /// The next event as it was written, without the empty line, and the moment at which it was whole. May be dropped and
    /// called again.
    pub async fn next(&mut self) -> Result<(Vec<u8>, Instant)> {
        loop {
            self.unchunk()?;
            if let Some(end) = memchr::memmem::find(&self.text, b"\n\n") {
                let mut event: Vec<u8> = self.text.drain(..end + 2).collect();
                event.truncate(end);
                return Ok((event, Instant::now()));
            }
            ensure!(self.socket.read_buf(&mut self.raw).await? > 0, "the stream ended");
        }
    }

    /// The next event of this name.
    pub async fn named(&mut self, name: &str) -> Result<(Vec<u8>, Instant)> {
        let wanted = async {
            loop {
                let (event, at) = self.next().await?;
                if name_of(&event) == name {
                    return anyhow::Ok((event, at));
                }
            }
        };
        timeout(PATIENCE, wanted)
            .await
            .with_context(|| format!("no `{name}`"))?
    }

    /// Moves whole chunks from what was read to the text.
    fn unchunk(&mut self) -> Result<()> {
        let mut from = 0;
        while let Some(line) = memchr::memmem::find(&self.raw[from..], b"\r\n") {
            let digits = std::str::from_utf8(&self.raw[from..from + line])?;
            let Ok(size) = usize::from_str_radix(digits, 16) else {
                bail!("no chunk: {digits:?}");
            };
            ensure!(size > 0, "the stream ended");
            let begin = from + line + 2;
            if self.raw.len() < begin + size + 2 {
                break;
            }
            self.text.extend_from_slice(&self.raw[begin..begin + size]);
            from = begin + size + 2;
        }
        self.raw.drain(..from);
        Ok(())
    }
}

/// The name of an event.
pub fn name_of(event: &[u8]) -> &str {
    let line = field(event, b"event: ").unwrap_or(b"message");
    std::str::from_utf8(line).unwrap_or_default()
}

/// The data of an event.
pub fn data_of(event: &[u8]) -> &[u8] {
    field(event, b"data: ").unwrap_or_default()
}

fn field<'event>(event: &'event [u8], name: &[u8]) -> Option<&'event [u8]> {
    event
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_taken_apart() {
        let event = b"event: diff\nid: a.1\ndata: {}";
        assert_eq!((name_of(event), data_of(event)), ("diff", b"{}".as_slice()));
    }
}
