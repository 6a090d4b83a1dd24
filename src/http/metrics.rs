//! `GET /metrics`: figures for Prometheus. Who asks and what is told name nobody: see `observe::figures`.

use axum::{
    extract::State,
    http::{Method, header},
    response::{IntoResponse, Response},
};

use super::Edge;
use crate::{
    descriptors::Limit,
    error::{Error, Result},
    observe::Moment,
};

/// OpenMetrics, which Prometheus asks for and understands.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Reads figures, for Prometheus
///
/// In the text format of OpenMetrics. With `PRESENCE_ADMIN_BIND` they are served there alone, and here is 404. Asked by a
/// name it answers to names of the machine and its network alone, and those of `PRESENCE_ADMIN_HOSTS`.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "Operations", security(()),
    responses((
        status = 200, description = "All of them.", body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
        example = json!("# TYPE presence_streams gauge\npresence_streams 3\n# EOF\n")
    )),
    extensions(("x-problems" = json!(["wrong-host", "not-found"])))
)]
pub async fn get(State(edge): State<Edge>) -> Result<Response> {
    let [connections, idle, waiting] = edge.db.pool_figures();
    let moment = Moment {
        connections,
        idle,
        waiting,
        leases: edge.leases.count(),
        files_max: Limit::now().map_or(0, |limit| limit.soft),
        checks: edge.health.checks().to_vec(),
    };
    let text = edge.observer.figures().text(&moment).map_err(Error::bug)?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// A method is the client's word: an unknown one is no label of ours.
pub fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
    }
}
