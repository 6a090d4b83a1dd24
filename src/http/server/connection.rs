//! A connection that knows whether a request is awaited, arriving or being answered.
//!
//! ```text
//! accepted ──► head arriving ──(head complete)──► answering ──(answer sent)──► idle ──(first byte)──► head arriving
//! ```
//!
//! hyper has one time-out for "idle" and "head arriving"; here the latter has its own, so that one byte a second holds
//! nothing for long while a proxy may keep a connection open between two requests.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};
use tokio_io_timeout::TimeoutStream;

use super::Patience;

/// Whether a request of this connection is being answered. Shared by the connection and its service.
#[derive(Clone, Default)]
pub struct Answering(Arc<AtomicBool>);

impl Answering {
    /// The head is complete.
    pub fn begin(&self) -> Answered {
        self.0.store(true, Ordering::Relaxed);
        Answered(self.clone())
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Being answered for as long as this lives.
pub struct Answered(Answering);

impl Answered {
    /// Hands it to the answer's body, which ends when the last byte was taken from it.
    pub fn with(self, body: Body) -> AnswerBody {
        AnswerBody {
            body,
            _answered: self,
        }
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// The body of an answer.
pub struct AnswerBody {
    body: Body,
    _answered: Answered,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The bytes of a connection, with a time-out for heads and one for stalled writes.
pub struct Connection {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    answering: Answering,
    head_max: Duration,
    /// When the head that is arriving must be complete; none: no byte of it is there.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// A connection that was just accepted.
    pub fn new(stream: TcpStream, answering: Answering, patience: Patience) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(patience.write));
        let deadline = Some(after(patience.head));
        Self {
            stream: Box::pin(stream),
            answering,
            head_max: patience.head,
            deadline,
        }
    }
}

fn after(wait: Duration) -> Pin<Box<Sleep>> {
    Box::pin(sleep_until(Instant::now() + wait))
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.answering.is() {
            self.deadline = None;
            return self.stream.as_mut().poll_read(context, buffer);
        }
        let before = buffer.filled().len();
        match self.stream.as_mut().poll_read(context, buffer) {
            Poll::Ready(read) => {
                if buffer.filled().len() > before {
                    let head_max = self.head_max;
                    self.deadline.get_or_insert_with(|| after(head_max));
                }
                Poll::Ready(read)
            }
            Poll::Pending => {
                if let Some(deadline) = &mut self.deadline {
                    ready!(deadline.as_mut().poll(context));
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
