//! Who somebody is: tokens by keys that a provider publishes, and what becomes of them (FAULTS 50 to 52, 56).

mod presets;
mod rotation;
mod streams;
mod tickets;
mod tokens;

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
    provider::Provider,
};

/// How often keys are read again, where that is not to happen during a test.
const SELDOM: Duration = Duration::from_secs(3600);

/// Between two reads of the keys that requests ask for.
const COOL_DOWN_S: u64 = 30;

/// A node that goes by this provider's keys alone.
async fn app(db: &TestDb, provider: &Provider, refresh: Duration) -> TestApp {
    TestApp::start_with(&service_url(db.url()), |settings| {
        settings.jwt_secret = None;
        settings.jwks = Some(provider.jwks());
        settings.jwks_refresh = refresh;
    })
    .await
}

/// Seconds since 1970.
fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

/// Of a token that ends in so many seconds.
fn claims(user: &str, left_s: i64) -> Value {
    json!({"sub": user, "exp": now_s().saturating_add_signed(left_s)})
}

/// What a call with this token is answered.
async fn status(app: &TestApp, token: &str) -> StatusCode {
    client(app, token).get("/v1/rooms").await.0
}

fn client(app: &TestApp, token: &str) -> Client {
    Client::with_token(app.url(), token.to_owned())
}
