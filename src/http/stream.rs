//! `GET /v1/stream`: rooms as server-sent events.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::Stream;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::{
    Edge,
    path::{self, Pairs},
};
use crate::{
    auth::{Caller, jwt},
    domain::{Cursor, RoomId, Stamp, UserId, limits},
    error::{Error, Result},
    hub::{StreamId, frame, queue::Queue},
    observe::Observation,
    relay::Opening,
};

/// Clients come back spread over this, so that a restart is no storm.
const RETRY_MS: std::ops::Range<u64> = 200..2_200;

/// Opens a stream; 404 where none of its rooms may be seen.
pub async fn get(
    State(edge): State<Edge>,
    caller: Caller,
    Pairs(pairs): Pairs,
    headers: HeaderMap,
) -> Result<Response> {
    let rooms = topics(&edge, &caller, &pairs, &headers).await?;
    let seat = edge.seats.take(&caller.user_id)?;
    let queue = Arc::new(Queue::default());
    queue.push(frame::ready(
        &edge.node,
        edge.ping.as_millis() as u64,
        Stamp(OffsetDateTime::now_utc()),
    ));
    let stream = edge.seats.next_stream();
    let guard = Guard {
        edge: edge.clone(),
        stream,
        _seat: seat,
    };
    edge.observer.note(Observation::StreamOpened);
    let opening = Opening {
        stream,
        viewer: caller.user_id.clone(),
        rooms,
        queue: queue.clone(),
    };
    if edge.relay.open(opening).await? == 0 {
        return Err(Error::RoomNotFound);
    }
    let open = Open {
        queue,
        ping_at: Instant::now() + edge.ping.mul_f64(spread(stream)),
        ends_at: ends_at(&caller, OffsetDateTime::now_utc()),
        done: false,
        guard,
    };
    let mut response = Body::from_stream(events(open)).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// `room=<id>[@<epoch>.<revision>]`, repeatable; with one room `Last-Event-ID` is its cursor.
async fn topics(
    edge: &Edge,
    caller: &Caller,
    pairs: &[(String, String)],
    headers: &HeaderMap,
) -> Result<Vec<(RoomId, Option<Cursor>)>> {
    if pairs.is_empty() || pairs.len() > limits::TOPICS_MAX {
        return Err(Error::Invalid(format!(
            "a stream needs 1 to {} topics: room=<id>",
            limits::TOPICS_MAX
        )));
    }
    let mut rooms: HashMap<RoomId, Option<Cursor>> = HashMap::new();
    for (name, value) in pairs {
        if name != "room" {
            return Err(Error::Invalid(format!(
                "the query has no field {name:?}; topics are room=<id>"
            )));
        }
        let (room, cursor) = topic(edge, caller, value).await?;
        rooms.insert(room, cursor);
    }
    if rooms.len() == 1 {
        let last = headers
            .get("last-event-id")
            .and_then(|value| value.to_str().ok())
            .and_then(Cursor::parse);
        rooms.values_mut().for_each(|cursor| *cursor = cursor.or(last));
    }
    Ok(rooms.into_iter().collect())
}

/// A suffix that is no cursor is part of the id where there is such a room for the caller; otherwise it is a bad
/// cursor, and a bad cursor is answered with a snapshot.
async fn topic(edge: &Edge, caller: &Caller, value: &str) -> Result<(RoomId, Option<Cursor>)> {
    let Some((id, suffix)) = value.rsplit_once('@') else {
        return Ok((path::room(value, edge.ids)?, None));
    };
    if let Some(cursor) = Cursor::parse(suffix) {
        return Ok((path::room(id, edge.ids)?, Some(cursor)));
    }
    if let Ok(whole) = path::room(value, edge.ids)
        && !edge
            .db
            .room_counts(&caller.user_id, Some(std::slice::from_ref(&whole)))
            .await?
            .is_empty()
    {
        return Ok((whole, None));
    }
    Ok((path::room(id, edge.ids)?, None))
}

/// When the caller's token ends. Beyond a year no stream lives, and a clock might overflow.
fn ends_at(caller: &Caller, now: OffsetDateTime) -> Option<Instant> {
    let left = Duration::try_from(caller.expires_at - now).unwrap_or_default();
    (left < Duration::from_secs(366 * 24 * 3600)).then(|| Instant::now() + left + jwt::LEEWAY)
}

/// Where in its interval a stream's pings fall: spread, not in step.
fn spread(stream: StreamId) -> f64 {
    0.5 + (stream.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / (1u64 << 25) as f64
}

struct Open {
    queue: Arc<Queue>,
    ping_at: Instant,
    ends_at: Option<Instant>,
    done: bool,
    guard: Guard,
}

/// The body: whole events, until the client goes, the token ends or the process does.
fn events(open: Open) -> impl Stream<Item = std::result::Result<Bytes, Infallible>> {
    futures_util::stream::unfold(open, |mut open| async move {
        if open.done {
            return None;
        }
        let edge = open.guard.edge.clone();
        let bytes = tokio::select! {
            biased;
            () = edge.shutdown.cancelled() => open.last("shutdown", open.guard.stream),
            () = sleep_until(open.ends_at) => open.last("token-expired", open.guard.stream),
            taken = open.queue.take() => {
                if taken.caught_up {
                    edge.relay.caught_up(open.guard.stream);
                }
                taken.bytes
            }
            () = tokio::time::sleep_until(open.ping_at) => {
                open.ping_at = Instant::now() + edge.ping;
                frame::bare("ping")
            }
        };
        Some((Ok(bytes), open))
    })
}

impl Open {
    /// What waits, then `bye`.
    fn last(&mut self, reason: &str, stream: StreamId) -> Bytes {
        self.done = true;
        let mut bytes = vec![];
        while let Some(taken) = self.queue.try_take() {
            bytes.extend_from_slice(&taken.bytes);
        }
        let span = RETRY_MS.end - RETRY_MS.start;
        let retry_ms = RETRY_MS.start + (spread(stream) * span as f64) as u64 % span;
        bytes.extend_from_slice(&frame::bye(reason, retry_ms));
        bytes.into()
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Closes the stream in the relay however it ends.
struct Guard {
    edge: Edge,
    stream: StreamId,
    _seat: Seat,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.edge.relay.close(self.stream);
        self.edge.observer.note(Observation::StreamClosed);
    }
}

/// How many streams each user has on this node, and the next stream's number.
#[derive(Debug, Default)]
pub struct Seats {
    /// Guards the counts alone; held for a look-up.
    taken: Mutex<HashMap<UserId, usize>>,
    streams: std::sync::atomic::AtomicU64,
}

impl Seats {
    fn next_stream(&self) -> StreamId {
        self.streams.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }

    fn take(self: &Arc<Self>, user: &UserId) -> Result<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(user.clone()).or_default();
        if *count >= limits::STREAMS_PER_USER_MAX {
            return Err(Error::TooManyStreams);
        }
        *count += 1;
        Ok(Seat {
            seats: self.clone(),
            user: user.clone(),
        })
    }
}

struct Seat {
    seats: Arc<Seats>,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}
