//! An HTTP client of one user.

use std::time::SystemTime;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{app::SECRET, stream::Stream};

/// Speaks HTTP as one user.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// With a good token of this user.
    pub fn new(url: &str, user: &str) -> Self {
        Self::with_token(url, token(json!({"sub": user})))
    }

    /// With any token.
    pub fn with_token(url: &str, token: String) -> Self {
        // An error means that it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: reqwest::Client::new(),
            url: url.to_owned(),
            token,
        }
    }

    /// The same HTTP client with another user's token.
    pub fn of(&self, user: &str) -> Self {
        self.with_claims(json!({"sub": user}))
    }

    /// The same HTTP client with a good token of these claims.
    pub fn with_claims(&self, claims: Value) -> Self {
        Self {
            token: token(claims),
            ..self.clone()
        }
    }

    /// A request with this client's token, to be completed by the test.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    /// A request without any token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// One call; a body is JSON.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.expect("the node answers")
    }

    /// One call, with the status and the body as JSON (null where there is none).
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status();
        let bytes = response.bytes().await.expect("the whole body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, None).await
    }

    /// A heartbeat.
    pub async fn beat(&self, room: &str, session: Uuid, body: Value) -> (StatusCode, Value) {
        self.call(
            Method::PUT,
            &format!("/v1/rooms/{room}/sessions/{session}"),
            Some(&body),
        )
        .await
    }

    /// A leave.
    pub async fn leave(&self, room: &str, session: Uuid) -> StatusCode {
        self.call(
            Method::DELETE,
            &format!("/v1/rooms/{room}/sessions/{session}"),
            None,
        )
        .await
        .0
    }

    /// A stream of these rooms, `room` or `room@cursor` each.
    pub async fn stream(&self, rooms: &[&str]) -> Stream {
        self.try_stream(rooms).await.expect("the stream opens")
    }

    /// A stream, or the status that refuses it.
    pub async fn try_stream(&self, rooms: &[&str]) -> Result<Stream, StatusCode> {
        let query: Vec<String> = rooms.iter().map(|room| format!("room={room}")).collect();
        let response = self
            .send(Method::GET, &format!("/v1/stream?{}", query.join("&")), None)
            .await;
        match response.status() {
            StatusCode::OK => Ok(Stream::new(response)),
            status => Err(status),
        }
    }
}

/// A token that ends in an hour, with these claims.
pub fn token(mut claims: Value) -> String {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    if claims.get("exp").is_none() {
        claims["exp"] = json!(now + 3600);
    }
    let key = EncodingKey::from_secret(SECRET);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("plain claims")
}
