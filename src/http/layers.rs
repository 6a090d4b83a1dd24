//! What every request passes, from the outside in: request id, safe headers, CORS, panics, rests of bodies,
//! unknown paths and methods.

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer};

use super::{body, metrics};
use crate::{
    error::Error,
    observe::{Observation, Observer},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    /// The id of the request that this task answers.
    static CURRENT_REQUEST_ID: Arc<str>;
}

/// The id of the request that is being answered.
pub fn current_request_id() -> Option<String> {
    CURRENT_REQUEST_ID.try_with(|id| id.to_string()).ok()
}

/// All layers, innermost first.
pub fn around<S>(routes: Router<S>, cors_origins: &[String], observer: Observer) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let measure = middleware::from_fn_with_state(observer.clone(), metrics::measure);
    let tracing = observer.clone();
    routes
        .fallback(|| async { Error::PathNotFound })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(middleware::from_fn(body::read_rest))
        .layer(CatchPanicLayer::custom(move |panic: Box<dyn Any + Send>| {
            panicked(&observer, &*panic)
        }))
        .layer(cors(cors_origins))
        .layer(middleware::from_fn(safe_headers))
        .layer(middleware::from_fn_with_state(tracing, with_request_id))
        .layer(measure)
}

/// Listed origins only; credentials are never allowed, since tokens travel in a header.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok());
    let exposed = [
        "etag",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "x-request-id",
    ]
    .map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::PUT, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            HeaderName::from_static("last-event-id"),
            REQUEST_ID,
        ])
        .expose_headers(exposed)
        .max_age(std::time::Duration::from_secs(7200))
}

/// That request alone fails.
fn panicked(observer: &Observer, panic: &(dyn Any + Send)) -> Response {
    observer.note(Observation::Panicked);
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Error::bug(format!("panic: {text}")).into_response()
}

async fn safe_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Whatever a token decided is nobody else's to keep.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Taken from the caller where it is a sane one, made otherwise; in the answer and in every problem.
async fn with_request_id(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_sane(id));
    let id: Arc<str> = given.map_or_else(|| uuid::Uuid::new_v4().to_string().into(), Arc::from);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let method = metrics::known(request.method());
    let span = observer.spans().request(method, route, &id, request.headers());
    let answering = CURRENT_REQUEST_ID.scope(id.clone(), next.run(request));
    let mut response = span
        .answered(answering, |response| response.status().as_u16())
        .await;
    let value = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"));
    response.headers_mut().insert(REQUEST_ID, value);
    response
}

fn is_sane(id: &str) -> bool {
    (8..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests;
