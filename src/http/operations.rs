//! `/livez` and `/readyz`: for whoever runs this.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Edge;
use crate::error::Error;

/// The process answers.
pub async fn livez() -> Json<serde_json::Value> {
    Json(json!({"status": "alive"}))
}

/// Whether to send traffic here; 503 names the causes.
pub async fn readyz(State(edge): State<Edge>) -> Response {
    let causes = edge.health.causes();
    if causes.is_empty() {
        return Json(json!({"status": "ready", "node": &*edge.node})).into_response();
    }
    Error::NotReady(causes.join("; ")).into_response()
}
