//! Bodies, bounded in bytes and time, with a clear word for what is wrong with them.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use serde::de::DeserializeOwned;

use crate::{
    domain::limits::{BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX},
    error::{Error, Result},
};

/// How long a body may take to arrive.
const READ_MAX: Duration = Duration::from_secs(10);
/// What a refused request's body is read on to, so that the client reads the answer and not a reset.
const REST_BYTES_MAX: usize = 1024 * 1024;
/// How long that may take.
const REST_READ_MAX: Duration = Duration::from_secs(2);
/// Characters of a parser's complaint that are passed on.
const WHY_CHARS_MAX: usize = 200;

/// A JSON body of at most 16 KiB.
pub struct JsonBody<T>(pub T);
/// A JSON body of at most 1 MiB.
pub struct BatchBody<T>(pub T);
/// Any body of at most 64 KiB: beacons come as `text/plain`.
pub struct TextBody(pub Bytes);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        json(request, BODY_BYTES_MAX).await.map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for BatchBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        json(request, BATCH_BODY_BYTES_MAX).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for TextBody {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        read(request.into_body(), 4 * BODY_BYTES_MAX).await.map(Self)
    }
}

async fn json<T: DeserializeOwned>(request: Request, bytes_max: usize) -> Result<T> {
    let (parts, body) = request.into_parts();
    let bytes = read(body, bytes_max).await?;
    check_media_type(&parts.headers)?;
    parse(&bytes)
}

/// A JSON object that is all of the body.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // Every body of ours is an object; serde would take an array as well, field by field.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Error::Invalid("the body must be a JSON object".to_owned()));
    }
    serde_json::from_slice(bytes)
        .map_err(|why| Error::Invalid(format!("the body: {}", short(&why.to_string()))))
}

/// A field's name may be as long as a body; what is wrong with it fits in a line.
pub(super) fn short(why: &str) -> &str {
    let end = why
        .char_indices()
        .nth(WHY_CHARS_MAX)
        .map_or(why.len(), |(end, _)| end);
    &why[..end]
}

fn check_media_type(headers: &HeaderMap) -> Result<()> {
    let unsupported = Error::UnsupportedMediaType("application/json");
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(Error::UnsupportedMediaType("uncompressed application/json"));
    }
    let Some(media_type) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return Err(unsupported);
    };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(unsupported),
    }
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes> {
    tokio::time::timeout(READ_MAX, collect(body, bytes_max))
        .await
        .map_err(|_| Error::TimedOut)?
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Error::TooLarge(bytes_max));
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::Invalid("the body was cut off".to_owned()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(Error::TooLarge(bytes_max));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// Keeps hold of a body: what nobody read of it (refused, too large, an unknown path) is read before the answer goes out,
/// since a connection that is closed with unread bytes is reset, and its client never sees why. None: there is no body.
pub fn keep_rest(request: Request) -> (Request, Option<Rest>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let waits_to_be_asked = request.headers().contains_key(header::EXPECT);
    let (parts, body) = request.into_parts();
    let kept = KeptBody(Arc::new(Mutex::new(Kept {
        body,
        is_touched: false,
    })));
    let request = Request::from_parts(parts, Body::new(kept.clone()));
    let rest = Rest {
        kept,
        waits_to_be_asked,
    };
    (request, Some(rest))
}

/// What may be left of a body.
pub struct Rest {
    kept: KeptBody,
    /// Its client sends nothing before it is asked to.
    waits_to_be_asked: bool,
}

impl Rest {
    /// Reads it, for a while.
    pub async fn read(self) {
        if self.kept.lock().is_touched || !self.waits_to_be_asked {
            // Late or broken: then the connection is closed with the answer, as it would have been.
            let _ = tokio::time::timeout(REST_READ_MAX, self.kept.read_rest()).await;
        }
    }
}

/// A body that is still there when its reader has gone.
#[derive(Clone)]
struct KeptBody(Arc<Mutex<Kept>>);

/// Guarded by the mutex: read by the handler first, then by the layer, never by both.
struct Kept {
    body: Body,
    /// Reading it asks a client that sent `Expect: 100-continue` for all of it.
    is_touched: bool,
}

impl KeptBody {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A panic while reading leaves a body that fails or goes on; both are fine.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_rest(mut self) {
        let mut read = 0;
        while read <= REST_BYTES_MAX {
            match self.frame().await {
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) | None => return,
            }
        }
    }
}

impl HttpBody for KeptBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, axum::Error>>> {
        let mut kept = self.lock();
        kept.is_touched = true;
        Pin::new(&mut kept.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().body.size_hint()
    }
}
