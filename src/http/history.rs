//! What was, as far as the caller may see its room: `GET /v1/rooms/{room}/visits`, `GET /v1/rooms/{room}/activity` and
//! `GET /v1/events/{event}/activity`.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    path::{self, EventPath, Fields, RoomPath},
};
use crate::{
    auth::Caller,
    domain::{
        EventId, IdTypes, RoomId, Stamp, UserId,
        history::{ActivePerson, ActiveRoom, Peak, Point, Visit, VisitsQuestion},
    },
    error::{Error, Result},
};

/// Visits of a page, at most.
const VISITS_MAX: u32 = 1000;
/// Visits of a page where the caller names no number.
const VISITS: u32 = 100;
/// How far back activity goes where the caller does not say.
const HOURS: u32 = 24;

/// The query of visits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct VisitsQuery {
    /// Of this user alone.
    #[param(nullable = false)]
    user: Option<String>,
    /// Those that ended after this moment; without it as far back as visits are kept.
    #[param(format = DateTime, nullable = false)]
    since: Option<String>,
    /// Those that began by this moment; without it by now.
    #[param(format = DateTime, nullable = false)]
    until: Option<String>,
    /// Who was here at this moment; in place of `since` and `until`.
    #[param(format = DateTime, nullable = false)]
    at: Option<String>,
    /// A page of so many; 100 without it.
    #[param(minimum = 1, maximum = 1000, nullable = false)]
    limit: Option<u32>,
    /// The page after this one: `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// A page of visits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Visits {
    /// Which room.
    room_id: RoomId,
    /// The latest beginning first.
    visits: Vec<Visit>,
    /// What to say as `after` for the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

/// Reads who was in a room
///
/// Visits that overlap a time, the latest beginning first. One that begins meanwhile shows on no later page.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/visits", operation_id = "readVisits", tag = "History",
    params(VisitsQuery),
    responses((
        status = 200, description = "A page of visits.", body = Visits,
        example = json!({"room_id": "general", "visits": [{"user_id": "alice", "name": "Alice Adams", "avatar_url": null,
            "began_at": "2026-11-25T01:07:29.659Z", "ended_at": null, "reason": null}], "next": null})
    )),
    extensions(("x-problems" = json!(["room-not-found", "database"])))
)]
pub async fn visits(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room_id): RoomPath,
    Fields(query): Fields<VisitsQuery>,
) -> Result<Json<Visits>> {
    let limit = query.limit.unwrap_or(VISITS);
    let mut question = question(query, edge.ids)?;
    if !(1..=VISITS_MAX).contains(&limit) {
        return Err(Error::Invalid(format!("limit must be 1 to {VISITS_MAX}")));
    }
    question.limit = limit as i32 + 1; // one more says that there is a next page
    let found = edge.db.visits(&caller.user_id, &room_id, &question).await?;
    let mut visits = found.ok_or(Error::RoomNotFound)?;
    let is_last = visits.len() <= limit as usize;
    visits.truncate(limit as usize);
    let next = visits.last().filter(|_| !is_last).map(cursor);
    Ok(Json(Visits {
        room_id,
        visits,
        next,
    }))
}

fn question(query: VisitsQuery, ids: IdTypes) -> Result<VisitsQuestion> {
    if query.at.is_some() && (query.since.is_some() || query.until.is_some()) {
        return Err(Error::Invalid("at goes without since and until".to_owned()));
    }
    let (since, until) = match moment(query.at.as_deref(), "at")? {
        Some(at) => (Some(at), Some(at)),
        None => (
            moment(query.since.as_deref(), "since")?,
            moment(query.until.as_deref(), "until")?,
        ),
    };
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(Error::Invalid("since must not be after until".to_owned()));
    }
    Ok(VisitsQuestion {
        user: query.user.map(|user| path::user(&user, ids)).transpose()?,
        since,
        until,
        after: query.after.map(|after| parse_cursor(&after, ids)).transpose()?,
        limit: 0,
    })
}

fn moment(text: Option<&str>, field: &str) -> Result<Option<Stamp>> {
    let parsed = text.map(|text| OffsetDateTime::parse(text, &Rfc3339).map(Stamp));
    parsed
        .transpose()
        .map_err(|_| Error::Invalid(format!("{field} must be a time as 2026-11-25T01:07:29Z")))
}

/// `<microseconds>.<user>`: to the exact moment, which the answer itself rounds.
fn cursor(visit: &Visit) -> String {
    let micros = visit.began_at.0.unix_timestamp_nanos() / 1000;
    format!("{micros}.{}", visit.user_id.as_str())
}

fn parse_cursor(text: &str, ids: IdTypes) -> Result<(Stamp, UserId)> {
    let parsed = text.split_once('.').and_then(|(micros, user)| {
        let nanos = i128::from(micros.parse::<u64>().ok()?) * 1000; // before 1970 nobody was there
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        Some((Stamp(at), path::user(user, ids).ok()?))
    });
    parsed.ok_or_else(|| Error::Invalid("after must be next of a page before".to_owned()))
}

/// The query of activity.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HoursQuery {
    /// The last so many hours; 24 without it. No more than the time for which visits are kept.
    #[param(minimum = 1, maximum = 168, nullable = false)]
    hours: Option<u32>,
}

impl HoursQuery {
    /// Postgres knows how many there may be.
    fn hours(&self) -> i32 {
        i32::try_from(self.hours.unwrap_or(HOURS)).unwrap_or(i32::MAX)
    }
}

/// What became of a room.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomActivity {
    /// Which room.
    room_id: RoomId,
    /// The last so many hours.
    hours: i32,
    /// How many people were there.
    active_users: i64,
    /// Who: those who are here first, then the latest; 1000 at most.
    people: Vec<ActivePerson>,
    /// The most at once.
    peak: Peak,
    /// People over the time.
    average: f64,
    /// How many were there at moments with the same time between them, the last one now: one an hour, and 24 to 48 of them.
    occupancy: Vec<Point>,
}

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventActivity {
    /// Which event.
    event_id: EventId,
    /// The last so many hours.
    hours: i32,
    /// How many people were in any of the rooms, each counted once.
    active_users: i64,
    /// Who: those who are here first, then the latest; 1000 at most.
    people: Vec<ActivePerson>,
    /// The most at once, in all of the rooms.
    peak: Peak,
    /// People over the time.
    average: f64,
    /// How many were there at moments with the same time between them, the last one now: one an hour, and 24 to 48 of them.
    occupancy: Vec<Point>,
    /// The rooms that the caller may see, by name.
    rooms: Vec<ActiveRoom>,
}

/// Reads what became of a room
///
/// Who was active in the last hours, how many at most and on average, and a curve.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/activity", operation_id = "readRoomActivity", tag = "History",
    params(HoursQuery),
    responses((
        status = 200, description = "The room in the last hours.", body = RoomActivity,
        example = json!({"room_id": "general", "hours": 24, "active_users": 1, "people": [{"user_id": "alice",
            "name": "Alice Adams", "avatar_url": null, "last_seen_at": "2026-11-25T01:07:29.659Z", "online": true}],
            "peak": {"online_count": 1, "at": "2026-11-25T01:07:29.659Z"}, "average": 0.25,
            "occupancy": [{"at": "2026-11-25T01:10:00.000Z", "online_count": 1}]})
    )),
    extensions(("x-problems" = json!(["room-not-found", "rate-limited", "database"])))
)]
pub async fn room_activity(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room_id): RoomPath,
    Fields(query): Fields<HoursQuery>,
) -> Result<Json<RoomActivity>> {
    let hours = query.hours();
    edge.rates.check(&caller)?;
    let (db, viewer, room) = (edge.db.clone(), caller.user_id.clone(), room_id.clone());
    let found = async move { db.room_activity(&viewer, &room, hours).await };
    let found = edge.rates.in_turn(&caller, found).await?;
    let found = found.ok_or(Error::RoomNotFound)?;
    Ok(Json(RoomActivity {
        room_id,
        hours,
        active_users: found.active_users,
        people: found.people,
        peak: found.peak,
        average: found.average,
        occupancy: found.occupancy,
    }))
}

/// Reads what became of an event
///
/// Over the rooms that the caller may see: who was active in the last hours, how many at most and on average, a curve,
/// and room by room.
#[utoipa::path(
    get, path = "/v1/events/{event}/activity", operation_id = "readEventActivity", tag = "History",
    params(HoursQuery),
    responses((
        status = 200, description = "The event in the last hours.", body = EventActivity,
        example = json!({"event_id": "gala", "hours": 24, "active_users": 1, "people": [{"user_id": "alice",
            "name": "Alice Adams", "avatar_url": null, "last_seen_at": "2026-11-25T01:07:29.659Z", "online": true}],
            "peak": {"online_count": 1, "at": "2026-11-25T01:07:29.659Z"}, "average": 0.25,
            "occupancy": [{"at": "2026-11-25T01:10:00.000Z", "online_count": 1}],
            "rooms": [{"room_id": "general", "name": "General", "active_users": 1,
                "peak": {"online_count": 1, "at": "2026-11-25T01:07:29.659Z"}, "average": 0.25}]})
    )),
    extensions(("x-problems" = json!(["event-not-found", "rate-limited", "database"])))
)]
pub async fn event_activity(
    State(edge): State<Edge>,
    caller: Caller,
    EventPath(event_id): EventPath,
    Fields(query): Fields<HoursQuery>,
) -> Result<Json<EventActivity>> {
    let hours = query.hours();
    edge.rates.check(&caller)?;
    let (db, viewer, event) = (edge.db.clone(), caller.user_id.clone(), event_id.clone());
    let found = async move { db.event_activity(&viewer, &event, hours).await };
    let found = edge.rates.in_turn(&caller, found).await?;
    let found = found.ok_or(Error::EventNotFound)?;
    Ok(Json(EventActivity {
        event_id,
        hours,
        active_users: found.active_users,
        people: found.people,
        peak: found.peak,
        average: found.average,
        occupancy: found.occupancy,
        rooms: found.rooms,
    }))
}
