//! `/v1/me/notifications`: what the caller was told, and what of it is read.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Edge, body::JsonBody, path::Fields};
use crate::{
    auth::Caller,
    domain::{
        limits::{NOTIFICATIONS_DEFAULT, NOTIFICATIONS_MAX},
        notice::Notification,
    },
    error::{Error, Result},
};

/// The query of a page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NotificationsQuery {
    /// Those alone that are not read.
    #[param(nullable = false)]
    unread: Option<bool>,
    /// So many at most; without it 50.
    #[param(minimum = 1, maximum = 500, nullable = false)]
    limit: Option<usize>,
    /// The page after this id: `next` of the page before.
    #[param(nullable = false, pattern = "^[1-9][0-9]{0,17}$")]
    after: Option<String>,
}

/// A page, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notifications {
    /// As far as the caller may still know of it.
    notifications: Vec<Notification>,
    /// All that are not read, on whatever page.
    unread_count: i64,
    /// The `after` of the next page; none: this was the last.
    #[schema(required)]
    next: Option<String>,
}

/// Reads notifications
///
/// The latest first, of the last 30 days; only what the caller may still know of.
#[utoipa::path(
    get, path = "/v1/me/notifications", operation_id = "readNotifications", tag = "Watches",
    params(NotificationsQuery),
    responses((
        status = 200, description = "A page of them.", body = Notifications,
        example = json!({"notifications": [{"id": "7", "kind": "online", "user_id": "bob", "name": "Bob Brandt",
            "avatar_url": null, "room_id": "general", "event_id": "gala", "at": "2026-11-25T01:07:29.659Z",
            "read_at": null}], "unread_count": 1, "next": null})
    )),
    extensions(("x-problems" = json!(["database"])))
)]
pub async fn list(
    State(edge): State<Edge>,
    caller: Caller,
    Fields(query): Fields<NotificationsQuery>,
) -> Result<Json<Notifications>> {
    let limit = query.limit.unwrap_or(NOTIFICATIONS_DEFAULT);
    if !(1..=NOTIFICATIONS_MAX).contains(&limit) {
        return Err(Error::Invalid(format!("limit must be 1 to {NOTIFICATIONS_MAX}")));
    }
    let before = query
        .after
        .as_deref()
        .map(|after| id("after", after))
        .transpose()?;
    let user = &caller.user_id;
    let (rows, unread) = (limit as i32 + 1, query.unread.unwrap_or(false));
    let mut notifications = edge.db.notifications(user, rows, before, unread).await?;
    let has_more = notifications.len() > limit;
    notifications.truncate(limit);
    let last = notifications.last().map(|last| last.id.clone());
    Ok(Json(Notifications {
        notifications,
        unread_count: edge.db.unread_notifications(user).await?,
        next: last.filter(|_| has_more),
    }))
}

/// A positive decimal number of 18 digits at most: the database will not count further.
fn id(field: &str, raw: &str) -> Result<i64> {
    let is_plain = raw.bytes().all(|byte| byte.is_ascii_digit()) && !raw.starts_with('0') && raw.len() <= 18;
    let id = raw.parse().ok().filter(|_| is_plain);
    id.ok_or_else(|| Error::Invalid(format!("{field} is no id of a notification")))
}

/// Which notifications are read: `ids`, or `all`, and not both.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NotificationsRead)]
#[serde(deny_unknown_fields)]
pub struct ReadBody {
    /// These. Ids of others, and such as there are none, are passed over.
    #[serde(default)]
    #[schema(max_items = 500)]
    ids: Option<Vec<String>>,
    /// All that there are now.
    #[serde(default)]
    all: Option<bool>,
}

/// What is still unread.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unread {
    /// How many.
    unread_count: i64,
}

/// Marks notifications as read
///
/// Those named by `ids`, or all up to now. What is read stays in the list.
#[utoipa::path(
    post, path = "/v1/me/notifications/read", operation_id = "markNotificationsRead", tag = "Watches",
    request_body = ReadBody,
    responses((
        status = 200, description = "It is committed.", body = Unread,
        example = json!({"unread_count": 0})
    )),
    extensions(("x-problems" = json!(["rate-limited", "database"])))
)]
pub async fn read(
    State(edge): State<Edge>,
    caller: Caller,
    JsonBody(body): JsonBody<ReadBody>,
) -> Result<Json<Unread>> {
    let ids = match (body.ids, body.all) {
        (Some(ids), None) if ids.len() <= NOTIFICATIONS_MAX => {
            let ids: Result<Vec<i64>> = ids.iter().map(|raw| id("ids", raw)).collect();
            Some(ids?)
        }
        (Some(_), None) => {
            return Err(Error::Invalid(format!(
                "at most {NOTIFICATIONS_MAX} ids at a time"
            )));
        }
        (None, Some(true)) => None,
        _ => {
            return Err(Error::Invalid(
                "either ids or \"all\": true must be given".to_owned(),
            ));
        }
    };
    edge.rates.check(&caller)?;
    let unread_count = edge
        .db
        .read_notifications(&caller.user_id, ids.as_deref())
        .await?;
    Ok(Json(Unread { unread_count }))
}
