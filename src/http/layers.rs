//! What every request passes, from the outside in: measuring, request id, rests of bodies, safe headers; CORS, panics;
//! unknown paths and methods. The first ones are one service and one future, since every heartbeat passes them.

use std::{
    any::Any,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use tokio::time::Instant;
use tower::{Service, ServiceBuilder};
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

/// All layers around a table.
pub fn around<S>(routes: Router<S>, cors_origins: &[String], observer: Observer) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let passing = observer.clone();
    let layers = ServiceBuilder::new()
        .layer_fn(move |inner| Pass {
            inner,
            observer: passing.clone(),
        })
        .layer(cors(cors_origins))
        .layer(CatchPanicLayer::custom(move |panic: Box<dyn Any + Send>| {
            panicked(&observer, &*panic)
        }));
    routes
        .fallback(|| async { Error::PathNotFound })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(layers)
}

/// What is done before and after all else.
#[derive(Clone)]
struct Pass<S> {
    inner: S,
    observer: Observer,
}

impl<S> Service<Request> for Pass<S>
where
    S: Service<Request, Response: IntoResponse, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let begin = Instant::now();
        let observer = self.observer.clone();
        let method = metrics::known(request.method());
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let id = request_id(&request);
        let span = {
            let route = matched.as_ref().map_or("none", MatchedPath::as_str);
            observer.spans().request(method, route, &id, request.headers())
        };
        let (request, rest) = body::keep_rest(request);
        // Made within the scope: what answers at once has the id as well.
        let answering = CURRENT_REQUEST_ID.sync_scope(id.clone(), || self.inner.call(request));
        Box::pin(async move {
            let answering = CURRENT_REQUEST_ID.scope(id.clone(), answering);
            let answering = async {
                let Ok(response) = answering.await;
                response.into_response()
            };
            let answered = span.answered(answering, |response| response.status().as_u16());
            let mut response = answered.await;
            if let Some(rest) = rest {
                rest.read().await;
            }
            make_safe(&mut response);
            let value = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"));
            response.headers_mut().insert(REQUEST_ID, value);
            let route = matched.as_ref().map_or("none", MatchedPath::as_str);
            let figures = observer.figures();
            figures.answered(method, route, response.status().as_u16(), begin.elapsed());
            Ok(response)
        })
    }
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

fn make_safe(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Whatever a token decided is nobody else's to keep.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Taken from the caller where it is a sane one, made otherwise; in the answer and in every problem.
fn request_id(request: &Request) -> Arc<str> {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_sane(id));
    given.map_or_else(|| uuid::Uuid::new_v4().to_string().into(), Arc::from)
}

fn is_sane(id: &str) -> bool {
    (8..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests;
