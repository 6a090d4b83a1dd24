//! The operator's page and what stands behind it, on the admin listener; and `top`, from the database alone.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
};

mod access;
mod changes;
mod nodes;
mod terminal;
mod top;

/// Longer than anything here takes: a node tells of itself every 5 s, and is forgotten after 5 min.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node with an address for operators.
struct Scene {
    app: TestApp,
    url: String,
}

impl Scene {
    async fn start(db: &TestDb) -> Self {
        let app = TestApp::start_with(&service_url(db.url()), |settings| {
            settings.admin_bind = Some(([127, 0, 0, 1], 0).into());
            settings.admin_hosts = vec!["ops.example.com".to_owned()];
        })
        .await;
        let url = app.admin_url();
        Self { app, url }
    }

    /// Whoever reaches the port, and has a token of this user.
    fn client(&self, user: &str) -> Client {
        Client::new(&self.url, user)
    }

    /// With a token that allows all of it.
    fn operator(&self) -> Client {
        self.client("ops")
            .with_claims(json!({"sub": "ops", "scope": "presence:admin"}))
    }

    /// Without any token.
    async fn seen_by_anybody(&self) -> Value {
        let answer = self
            .client("nobody")
            .bare(Method::GET, "/operator/overview")
            .send()
            .await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    }

    async fn seen_by_operator(&self) -> Value {
        let (status, seen) = self.operator().get("/operator/overview").await;
        assert_eq!(status, StatusCode::OK, "{seen}");
        seen
    }

    /// Looks until it fits: a look is kept for a second.
    async fn until(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen_by_operator().await;
            if fits(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "it never fits: {seen:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Somebody joins.
    async fn enter(&self, user: &str, room: &str, state: Value) {
        let (status, body) = self.app.client(user).beat(room, Uuid::new_v4(), state).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
}
