//! `/livez` and `/readyz`: for whoever runs this.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Edge;
use crate::error::Error;

/// How a node is.
#[derive(Serialize, ToSchema)]
pub struct Condition {
    /// `alive` or `ready`.
    status: &'static str,
    /// Which process this is; of `/readyz`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    node: Option<String>,
}

/// Tells that the process answers
///
/// For restarts: also 200 where the database is away, since a restart would cut the streams.
#[utoipa::path(
    get, path = "/livez", operation_id = "livez", tag = "Operations", security(()),
    responses((status = 200, description = "It does.", body = Condition, example = json!({"status": "alive"})))
)]
pub async fn livez() -> Json<Condition> {
    Json(Condition {
        status: "alive",
        node: None,
    })
}

/// Tells whether to send traffic here
///
/// For load balancers: 503 names the causes.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "Operations", security(()),
    responses((status = 200, description = "Send it.", body = Condition,
        example = json!({"status": "ready", "node": "91fc77b2"}))),
    extensions(("x-problems" = json!(["not-ready"])))
)]
pub async fn readyz(State(edge): State<Edge>) -> Response {
    let causes = edge.health.causes();
    if causes.is_empty() {
        return Json(Condition {
            status: "ready",
            node: Some(edge.node.to_string()),
        })
        .into_response();
    }
    Error::NotReady(causes.join("; ")).into_response()
}
