//! `GET /v1/stream`: topics as server-sent events, and leases that last as long as the stream does.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::Stream;
use time::OffsetDateTime;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Edge, path::Pairs, sessions, tickets, topics::Topics};
use crate::{
    auth::{Caller, Pass},
    domain::{Beat, BeatKey, Outcome, Stamp, State, Status, UserId, limits},
    error::{Error, Result, Subject},
    hub::{StreamId, Topic, frame, notices::Told, queue::Queue},
    observe::Observation,
    relay::Opening,
};

/// Clients come back spread over this, so that a restart is no storm.
const RETRY_MS: std::ops::Range<u64> = 200..2_200;

/// Opens a stream
///
/// Server-sent events of 1 to 100 topics, in any mix: `room`, `count`, `event`, `user`. Each topic is told at once, and
/// then where it changed; what may not be seen is told as `revoked`, and where nothing may be seen the answer is 404.
/// With `session` the stream is the presence itself: it joins, and closing it is a leave.
#[utoipa::path(
    get, path = "/v1/stream", operation_id = "stream", tag = "Streams",
    params(
        ("room" = Option<Vec<String>>, Query, nullable = false, description =
            "`<id>`, or `<id>@<cursor>` to go on from the `id` of the last event: who is in a room, and what they say."),
        ("count" = Option<Vec<String>>, Query, nullable = false, description = "How many are in a room, and nothing else."),
        ("event" = Option<Vec<String>>, Query, nullable = false, description = "The dashboard of an event."),
        ("user" = Option<Vec<String>>, Query, nullable = false, description = "A person."),
        ("session" = Option<Vec<String>>, Query, nullable = false, description =
            "`<uuid>`: joins, and is held in every `room` of the stream; `<uuid>@<room>`: in that one."),
        ("ticket" = Option<String>, Query, nullable = false, description =
            "In place of the token, where no header can be sent."),
        ("Last-Event-ID" = Option<String>, Header, nullable = false, description =
            "With one `room` topic: the cursor to go on from."),
    ),
    responses((
        status = 200, description = "Events, until the client goes, the token ends or the node does.", body = String,
        content_type = "text/event-stream",
        headers(("X-Accel-Buffering" = String, description = "`no`: a proxy passes each event on at once.")),
        example = json!("event: count\ndata: {\"room_id\":\"planning\",\"online_count\":3}\n\n")
    )),
    extensions(("x-problems" = json!(["room-not-found", "event-not-found", "user-not-found", "session-ended",
        "too-many-sessions", "too-many-streams", "database"])))
)]
pub async fn get(
    extract::State(edge): extract::State<Edge>,
    Pairs(mut pairs): Pairs,
    headers: HeaderMap,
) -> Result<Response> {
    let caller = caller(&edge, &headers, &mut pairs).await?;
    let topics = Topics::parse(&edge, &caller, &pairs, &headers).await?;
    let seat = edge.seats.take(&caller.user_id)?;
    let queue = Arc::new(Queue::default());
    queue.push(frame::ready(
        &edge.node,
        edge.ping.as_millis() as u64,
        Stamp(OffsetDateTime::now_utc()),
    ));
    let stream = edge.seats.next_stream();
    let watched = (topics.rooms.len() + topics.views.len()) as i64;
    edge.observer.figures().topics.inc_by(watched);
    let guard = Guard {
        edge: edge.clone(),
        stream,
        watched,
        _seat: seat,
    };
    edge.observer.note(Observation::StreamOpened);
    let mut older = vec![];
    if !topics.holds.is_empty() {
        // In a task of its own: what was joined is given up also where the client goes before it is answered.
        let joining = tokio::spawn(join(edge.clone(), topics.holds));
        older = joining.await.map_err(Error::bug)??.hold(stream);
    }
    let opening = Opening {
        stream,
        viewer: caller.user_id.clone(),
        rooms: topics.rooms,
        views: topics.views.clone(),
        queue: queue.clone(),
    };
    if let Err(refused) = open(&edge, opening).await {
        edge.leases.leave_alone(stream, &older);
        return Err(refused);
    }
    let told = edge.notices.open(&caller.user_id, stream, queue.clone());
    let open = Open {
        queue,
        _told: told,
        ping: Box::pin(sleep_until(together(
            Instant::now() + edge.ping.mul_f64(spread(stream)),
            edge.ping,
        ))),
        over: Box::pin(over(edge.clone(), edge.auth.pass(&caller))),
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

/// By the ticket in the query where there is one, which is then no topic any more; otherwise by the bearer token.
async fn caller(edge: &Edge, headers: &HeaderMap, pairs: &mut Vec<(String, String)>) -> Result<Caller> {
    let ticket = pairs.iter().position(|(name, _)| name == "ticket");
    match ticket.map(|at| pairs.remove(at)) {
        Some((_, ticket)) => tickets::redeem(edge, &ticket).await,
        None => edge.auth.caller(headers).await,
    }
}

/// Waits until the stream holds what it is to hold, and is told what it asks for.
async fn open(edge: &Edge, opening: Opening) -> Result<()> {
    let refused = match opening.views.first() {
        Some(Topic::Event(_)) if opening.rooms.is_empty() => Error::EventNotFound,
        Some(Topic::User(_)) if opening.rooms.is_empty() => Error::UserNotFound,
        _ => Error::RoomNotFound,
    };
    edge.leases.taken(opening.stream).await?;
    match edge.relay.open(opening).await? {
        0 => Err(refused),
        _ => Ok(()),
    }
}

/// Joins in every room that is to be held, as a heartbeat `{}` does. What may not be entered is told by `revoked`.
async fn join(edge: Edge, holds: Vec<BeatKey>) -> Result<Joined> {
    let beat = |key: &BeatKey| Beat {
        key: key.clone(),
        state: State::default(),
    };
    let outcomes = edge.beats.submit_all(holds.iter().map(beat).collect()).await;
    let ttl = edge.installed.borrow().settings.ttl;
    let mut joined = Joined {
        edge,
        keys: vec![],
        older: vec![],
        hidden: vec![],
    };
    let mut refused = None;
    for (key, outcome) in holds.into_iter().zip(outcomes) {
        let is_hidden = matches!(&outcome, Ok(Outcome::Ok(lease)) if lease.status == Status::Invisible);
        if matches!(&outcome, Ok(Outcome::Ok(lease)) if lease.lasts_from_before(ttl)) {
            joined.older.push(key.clone());
        }
        match outcome.and_then(|outcome| sessions::answer(&joined.edge, &key, outcome)) {
            Ok(_) if is_hidden => joined.hidden.push(key),
            Ok(_) => joined.keys.push(key),
            Err(Error::RoomNotFound) => {}
            Err(error) => {
                let subject = Subject::Session {
                    session_id: key.session.to_string(),
                    room_id: Some(key.room.as_str().to_owned()),
                };
                refused = refused.or(Some(error.about(subject)));
            }
        }
    }
    match refused {
        None => Ok(joined),
        Some(error) => {
            let Joined { keys, older, .. } = &mut joined;
            keys.retain(|key| !older.contains(key));
            Err(error)
        }
    }
}

/// What was joined and no stream holds yet; given up where none comes to.
struct Joined {
    edge: Edge,
    keys: Vec<BeatKey>,
    /// Those of them that were there before: a stream that is refused takes nothing from them.
    older: Vec<BeatKey>,
    /// Nothing was joined: their user is invisible in all rooms.
    hidden: Vec<BeatKey>,
}

impl Joined {
    /// Those that were there before.
    fn hold(mut self, stream: StreamId) -> Vec<BeatKey> {
        let keys = std::mem::take(&mut self.keys);
        self.edge.leases.hold(stream, keys);
        let hidden = std::mem::take(&mut self.hidden);
        self.edge.leases.wait_for(stream, hidden);
        std::mem::take(&mut self.older)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if !self.keys.is_empty() && !self.edge.shutdown.is_cancelled() {
            self.edge.leases.give_up(std::mem::take(&mut self.keys));
        }
    }
}

/// Where in its interval a stream's pings fall: spread over its second half, not in step.
fn spread(stream: StreamId) -> f64 {
    0.5 + (stream.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / (1u64 << 25) as f64
}

/// The next moment from `at` on at which this node sends pings, a 64th of their interval later at most: each moment wakes
/// a thread, and thousands of streams would wake one at thousands of moments.
fn together(at: Instant, interval: Duration) -> Instant {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let step = (interval / 64).as_nanos().max(1);
    let since = at.duration_since(*BEGAN).as_nanos();
    at + Duration::from_nanos((since.next_multiple_of(step) - since) as u64)
}

struct Open {
    queue: Arc<Queue>,
    _told: Told,
    /// What is waited for stays the same from one event to the next: a timer and a place in a list of waiters for each event
    /// cost more than the event.
    ping: Pin<Box<Sleep>>,
    over: Pin<Box<dyn Future<Output = &'static str> + Send>>,
    done: bool,
    guard: Guard,
}

/// Returns why, once nothing may follow.
async fn over(edge: Edge, mut pass: Pass) -> &'static str {
    tokio::select! {
        biased;
        () = edge.shutdown.cancelled() => "shutdown",
        () = pass.ended() => "token-expired",
    }
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
            reason = &mut open.over => open.last(reason, open.guard.stream),
            taken = open.queue.take() => {
                if taken.caught_up {
                    edge.relay.caught_up(open.guard.stream);
                }
                match taken.ended {
                    Some(reason) => open.ended(reason),
                    None => taken.bytes,
                }
            }
            () = &mut open.ping => {
                open.ping.as_mut().reset(together(Instant::now() + edge.ping, edge.ping));
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
        let span = (RETRY_MS.end - RETRY_MS.start) as f64;
        let retry_ms = RETRY_MS.start + ((spread(stream) - 0.5) * 2.0 * span) as u64;
        bytes.extend_from_slice(&frame::bye(reason, Some(retry_ms)));
        bytes.into()
    }

    /// `bye` for good.
    fn ended(&mut self, reason: &str) -> Bytes {
        self.done = true;
        frame::bye(reason, None)
    }
}

/// Closes the stream in the relay however it ends, and gives its leases back; not where the node stops: its clients go on
/// elsewhere.
struct Guard {
    edge: Edge,
    stream: StreamId,
    /// Topics.
    watched: i64,
    _seat: Seat,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.edge.relay.close(self.stream);
        if !self.edge.shutdown.is_cancelled() {
            self.edge.leases.release(self.stream);
        }
        self.edge.observer.figures().topics.dec_by(self.watched);
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
