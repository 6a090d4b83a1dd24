//! `POST /v1/tickets`: what opens one stream where no header can be sent.

use axum::{Json, extract::State};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Edge;
use crate::{
    auth::{
        Caller,
        ticket::{self, Ticket},
    },
    error::{Error, Result},
};

/// Good once, for a short time.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketBody {
    /// For the query of one stream, within 30 s.
    ticket: String,
}

/// Makes a ticket
///
/// For the browser's own `EventSource`, which can send no header: it stands for the token in the URL of one stream.
#[utoipa::path(
    post, path = "/v1/tickets", operation_id = "makeTicket", tag = "Streams",
    responses((
        status = 200, description = "Good once, for 30 s.", body = TicketBody,
        example = json!({"ticket": "AAAAAGsHhlERERER..."})
    ))
)]
pub async fn post(State(edge): State<Edge>, caller: Caller) -> Json<TicketBody> {
    let installed = edge.installed.borrow();
    let newest = installed.secrets.leave.first();
    let newest = newest.map(Vec::as_slice).unwrap_or_default();
    Json(TicketBody {
        ticket: ticket::mint(&caller, Uuid::new_v4(), newest, OffsetDateTime::now_utc()),
    })
}

/// Whose ticket it is, and it is used up. What was not made by us, or has ended, is refused before any SQL.
pub async fn redeem(edge: &Edge, ticket: &str) -> Result<Caller> {
    let keys = edge.installed.borrow().secrets.leave.clone();
    let now = OffsetDateTime::now_utc();
    let Ticket { id, caller } = ticket::verify(ticket, &keys, now).ok_or(Error::Unauthenticated)?;
    // Another node may know a key that is new here.
    if caller.has_ended(now) || !edge.auth.trusts(caller.key).await || !edge.db.spend_ticket(id).await? {
        return Err(Error::Unauthenticated);
    }
    Ok(caller)
}
