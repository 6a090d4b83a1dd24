//! A provider of tokens: publishes keys, counts who asks, and may be down, slow or somewhere else.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pg_presence::config::KeySource;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::keys;

/// What it answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These keys.
    Keys(Vec<Value>),
    /// An error.
    Down,
    /// Nothing, ever.
    Silence,
    /// Go elsewhere.
    Moved(String),
}

/// On loopback.
#[derive(Debug)]
pub struct Provider {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    strayed: AtomicUsize,
}

impl Provider {
    /// That publishes these keys.
    pub async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer::Keys(keys.to_vec())),
            asked: AtomicUsize::new(0),
            strayed: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/jwks", get(publish))
            // Of the providers that there are presets for.
            .route("/api/auth/jwks", get(publish))
            .route("/.well-known/jwks.json", get(publish))
            .route("/auth/v1/.well-known/jwks.json", get(publish))
            .fallback(|State(shared): State<Arc<Shared>>| async move {
                shared.strayed.fetch_add(1, Ordering::SeqCst);
                StatusCode::NOT_FOUND
            })
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Any URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Where its keys are.
    pub fn jwks(&self) -> KeySource {
        KeySource::Url(self.url("/jwks").parse().expect("a URL"))
    }

    /// From now on.
    pub fn set(&self, answer: Answer) {
        *self.shared.answer.lock().expect("not poisoned") = answer;
    }

    /// How often somebody asked for the keys.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// How often somebody asked for anything else.
    pub fn strayed(&self) -> usize {
        self.shared.strayed.load(Ordering::SeqCst)
    }
}

async fn publish(State(shared): State<Arc<Shared>>) -> Response {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let answer = shared.answer.lock().expect("not poisoned").clone();
    match answer {
        Answer::Keys(keys) => axum::Json(json!({"keys": keys})).into_response(),
        Answer::Down => StatusCode::BAD_GATEWAY.into_response(),
        Answer::Silence => std::future::pending().await,
        Answer::Moved(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
    }
}

/// A key pair.
#[derive(Debug, Clone, Copy)]
pub enum Pair {
    Rsa,
    Rsa2,
    Ec,
    Ed,
    Ed2,
}

impl Pair {
    /// As it is published, by this name.
    pub fn published(self, kid: &str) -> Value {
        let rsa =
            |n: &str| json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "use": "sig", "kid": kid});
        let ed = |x: &str| json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "EdDSA", "kid": kid});
        match self {
            Self::Rsa => rsa(keys::RSA_N),
            Self::Rsa2 => rsa(keys::RSA2_N),
            Self::Ec => {
                json!({"kty": "EC", "crv": "P-256", "x": keys::EC_X, "y": keys::EC_Y, "alg": "ES256", "kid": kid})
            }
            Self::Ed => ed(keys::ED_X),
            Self::Ed2 => ed(keys::ED2_X),
        }
    }

    /// What it signs with, and the algorithm.
    fn signing(self) -> (EncodingKey, Algorithm) {
        let der = |text: &str| STANDARD.decode(text).expect("base64");
        match self {
            Self::Rsa => (EncodingKey::from_rsa_der(&der(keys::RSA)), Algorithm::RS256),
            Self::Rsa2 => (EncodingKey::from_rsa_der(&der(keys::RSA2)), Algorithm::RS256),
            Self::Ec => (EncodingKey::from_ec_der(&der(keys::EC)), Algorithm::ES256),
            Self::Ed => (EncodingKey::from_ed_der(&der(keys::ED)), Algorithm::EdDSA),
            Self::Ed2 => (EncodingKey::from_ed_der(&der(keys::ED2)), Algorithm::EdDSA),
        }
    }

    /// A token of these claims by the key of this name.
    pub fn sign(self, kid: Option<&str>, claims: &Value) -> String {
        self.sign_with(|header| header.kid = kid.map(str::to_owned), claims)
    }

    /// With any header.
    pub fn sign_with(self, change: impl FnOnce(&mut Header), claims: &Value) -> String {
        let (key, algorithm) = self.signing();
        let mut header = Header::new(algorithm);
        change(&mut header);
        jsonwebtoken::encode(&header, claims, &key).expect("a key and plain claims")
    }
}
