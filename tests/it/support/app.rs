//! A node in this process, on a port of its own, as a login that may execute the API and nothing else.

use std::{net::SocketAddr, time::Duration};

use pg_presence::{app::App, config::Settings, http::Page, observe::Observer};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    client::Client,
    db::{TestDb, with_login},
};

/// What signs the tests' tokens.
pub const SECRET: &[u8] = b"a secret for tests, of 32 bytes!";

/// The login that the tests' nodes use; made with the template.
pub const SERVICE_LOGIN: &str = "presence_test_service";

/// Deadlines that are promised to users are asserted times this, since machines of tests are slow and shared.
pub const TEST_SLACK: u32 = 3;

/// A running node.
pub struct TestApp {
    url: String,
    admin: Option<SocketAddr>,
    observer: Observer,
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl TestApp {
    /// On this database, with short intervals.
    pub async fn start(db: &TestDb) -> Self {
        Self::start_with(&service_url(db.url()), |_| {}).await
    }

    /// On any database URL, with some settings changed.
    pub async fn start_with(url: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(url);
        change(&mut settings);
        let shutdown = CancellationToken::new();
        let app = App::start(settings, Page::Dev, shutdown.clone())
            .await
            .expect("the node starts");
        let observer = app.observer().clone();
        let admin = app.admin_address();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let task = tokio::spawn(app.serve(listener));
        Self {
            url,
            admin,
            observer,
            shutdown,
            task,
        }
    }

    /// Why a node does not start on this URL.
    pub async fn refusal(url: &str) -> String {
        Self::refusal_with(url, |_| {}).await
    }

    /// As [`TestApp::refusal`], with some settings changed.
    pub async fn refusal_with(url: &str, change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = settings(url);
        change(&mut settings);
        match App::start(settings, Page::Off, CancellationToken::new()).await {
            Ok(_) => "it starts".to_owned(),
            Err(why) => format!("{why:#}"),
        }
    }

    /// Where it serves operators, where an address was set for them.
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.admin.expect("an address for operators"))
    }

    /// Where it serves.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What happens in it.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// A client with a token of this user.
    pub fn client(&self, user: &str) -> Client {
        Client::new(&self.url, user)
    }

    /// Begins a stop, as SIGTERM does.
    pub fn terminate(&self) {
        self.shutdown.cancel();
    }

    /// Waits for the end of a stop.
    pub async fn ended(self) -> anyhow::Result<()> {
        self.task.await?
    }
}

/// Defaults, but for short intervals.
fn settings(url: &str) -> Settings {
    Settings {
        database_url: url.to_owned(),
        listen_database_url: None,
        bind: ([127, 0, 0, 1], 0).into(),
        admin_bind: None,
        admin_hosts: vec![],
        otlp: None,
        jwt_secret: Some(SECRET.to_vec()),
        jwks: None,
        jwks_refresh: Duration::from_secs(600),
        jwt_issuer: None,
        jwt_audience: None,
        user_claim: "sub".to_owned(),
        cors_origins: vec!["https://app.example.com".to_owned()],
        heartbeat: None,
        ttl: None,
        typing: None,
        reap: Duration::from_millis(200),
        sweep: Duration::from_millis(500),
        ping: Duration::from_secs(1),
        canary: Duration::from_millis(300),
        merge: Duration::from_millis(20),
        grace: Duration::from_secs(1),
        silence_max: Duration::from_secs(150),
        room_detail_max: 500,
        pool_max: 4,
        rate_per_s: 0,
        rate_burst: 50,
        webhook_networks: vec![],
        webhook_timeout: Duration::from_secs(15),
    }
}

/// The same database as the service's login.
pub fn service_url(superuser_url: &str) -> String {
    with_login(superuser_url, SERVICE_LOGIN)
}
