//! What is tried by people who mean no good, over HTTP: who learns what, what is read before it is refused, what the
//! database ever sees of it, and where secrets could come out.

mod bodies;
mod floods;
mod hidden;
mod origins;
mod rule;
mod secrets;
mod statements;

use std::time::{Duration, Instant};

use pg_presence::config::Settings;
use tokio_postgres::Client;

use crate::support::{
    app::{SERVICE_LOGIN, TestApp, service_url},
    server::{TestCluster, connect},
};

/// What each entry of the log begins with; no text of ours does.
const ENTRY: &str = "ENTRY>";

/// A node whose database writes down every statement that it gets.
struct Watched {
    app: TestApp,
    admin: Client,
    _cluster: TestCluster,
}

impl Watched {
    /// Nothing (and the test counted as skipped) without server binaries.
    async fn start(change: impl FnOnce(&mut Settings)) -> Option<Self> {
        let prefix = format!("{ENTRY}%u ");
        let cluster = TestCluster::start(&[
            ("log_statement", "all"),
            ("log_parameter_max_length", "0"),
            ("log_line_prefix", &prefix),
            ("logging_collector", "on"),
            ("log_directory", "log"),
            ("log_filename", "all"),
            ("log_rotation_age", "0"),
            ("log_rotation_size", "0"),
        ])
        .await?;
        let url = cluster.database("watched", "text").await;
        let app = TestApp::start_with(&service_url(&url), change).await;
        let admin = connect(&url).await.expect("the cluster answers");
        Some(Self {
            app,
            admin,
            _cluster: cluster,
        })
    }

    /// Where the log is now: behind everything that was asked before this.
    async fn mark(&self) -> usize {
        let mark = format!("select 'mark {}'", uuid::Uuid::new_v4());
        self.admin.batch_execute(&mark).await.expect("a mark");
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            // Backends write into one pipe, so what was before it in there is before it in the file.
            if let Some(at) = self.log().await.find(&mark) {
                return at;
            }
            assert!(Instant::now() < patience, "the log is never written");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Statements of the node from a mark on, each on one line.
    async fn statements(&self, mark: usize) -> Vec<String> {
        statements(&self.log().await[mark..])
    }

    async fn log(&self) -> String {
        let row = self
            .admin
            .query_one("select pg_read_binary_file('log/all')", &[])
            .await;
        String::from_utf8_lossy(row.expect("the log is read").get(0)).into_owned()
    }
}

fn statements(log: &str) -> Vec<String> {
    let ours = format!("{SERVICE_LOGIN} ");
    let entries = log.split(ENTRY).filter_map(|entry| entry.strip_prefix(&ours));
    let statements = entries.filter_map(|entry| {
        let said = entry.strip_prefix("LOG:  ")?;
        let sql = said.strip_prefix("statement: ").or_else(|| {
            said.strip_prefix("execute ")?
                .split_once(": ")
                .map(|(_, sql)| sql)
        })?;
        Some(sql.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    statements.collect()
}
