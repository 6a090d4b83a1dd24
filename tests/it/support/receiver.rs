//! Somebody who is told by webhooks: remembers what came, and answers as the test says. On loopback.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::LOCATION},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;

/// Longer than anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// This status, and to be left alone for so many seconds.
    Later(u16, u32),
    /// Nothing, ever.
    Silence,
    /// Go elsewhere.
    Moved(String),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Told {
    /// With its query.
    pub path: String,
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: String,
    /// `webhook-signature`.
    pub signature: String,
    /// As it came.
    pub body: Bytes,
}

impl Told {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The `type`.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    /// Whether one of the signatures is by this secret, as whoever receives it checks that.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = secret.strip_prefix("whsec_").expect("a secret of a webhook");
        let key = STANDARD.decode(key).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
        mac.update(&self.body);
        let mine = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signature.split(' ').any(|one| one == mine)
    }
}

/// A service that is told.
#[derive(Debug)]
pub struct Receiver {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    reply: Mutex<Reply>,
    of_rooms: Mutex<HashMap<String, Reply>>,
    told: Mutex<Vec<Told>>,
}

impl Receiver {
    /// That takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::on(listener)
    }

    /// On a socket that the test has bound.
    pub fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("bound").to_string();
        let shared = Arc::new(Shared {
            reply: Mutex::new(Reply::Status(204)),
            of_rooms: Mutex::default(),
            told: Mutex::default(),
        });
        let router = Router::new().fallback(take).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// A URL of it.
    pub fn url(&self) -> String {
        format!("http://{}/hooks?from=presence", self.address)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        let port = self.address.rsplit(':').next().expect("a port");
        port.parse().expect("a number")
    }

    /// What it answers from now on.
    pub fn answer(&self, reply: Reply) {
        *lock(&self.shared.reply) = reply;
    }

    /// What it answers to all that it is told of a room from now on, whatever it answers to the rest.
    pub fn answer_of(&self, room: &str, reply: Reply) {
        lock(&self.shared.of_rooms).insert(room.to_owned(), reply);
    }

    /// What came so far, in the order in which it came.
    pub fn so_far(&self) -> Vec<Told> {
        lock(&self.shared.told).clone()
    }

    /// What came, once it is so many.
    pub async fn told(&self, count: usize) -> Vec<Told> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.so_far();
            if told.len() >= count {
                return told;
            }
            assert!(
                Instant::now() < deadline,
                "{} of {count} came: {told:?}",
                told.len()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| {
        let value = headers.get(name).map(|value| value.to_str().expect("ASCII"));
        value.unwrap_or_default().to_owned()
    };
    let told = Told {
        path: uri.to_string(),
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        body,
    };
    let room = serde_json::from_slice::<Value>(&told.body).unwrap_or_default();
    let room = room["data"]["room_id"].as_str().unwrap_or_default();
    let reply = lock(&shared.of_rooms).get(room).cloned();
    let reply = reply.unwrap_or_else(|| lock(&shared.reply).clone());
    lock(&shared.told).push(told);
    let status = |status: u16| StatusCode::from_u16(status).expect("a status");
    match reply {
        Reply::Status(code) => status(code).into_response(),
        Reply::Later(code, seconds) => (status(code), [("retry-after", seconds.to_string())]).into_response(),
        Reply::Silence => std::future::pending().await,
        Reply::Moved(url) => (StatusCode::FOUND, [(LOCATION, url)]).into_response(),
    }
}
