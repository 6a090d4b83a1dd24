//! What is wrong with a database that presence lives in, and how to mend it.
//!
//! Each check has a stable name and says in one sentence what it found and in one how to mend it, with the exact SQL
//! or command. Nothing is ever written: every question is asked in a read-only transaction of its own, bounded in
//! time. The NOTIFY round trip alone rings, on a channel of its own.
//!
//! It works with any login. As one that may become `presence_owner` (as the login that migrates may) it sees all;
//! what a lesser login cannot see is reported as skipped, with the reason.
//!
//! # Failure
//! A database that cannot be reached is a finding like any other; one that goes away meanwhile makes the rest skipped.

mod ask;
mod blueprint;
mod installed;
mod look_ups;
mod mapping;
mod nodes;
pub mod notify;
mod plans;
pub mod pooler;
mod readable;
mod report;
mod rights;
mod rows;
mod server;
mod service;
mod shape;
mod tables;
mod transactions;

use std::time::Duration;

use serde::Serialize;

pub use report::{Style, render};

use ask::{Patient, Trouble};
use blueprint::Blueprint;

/// Whom to examine, and how patiently.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub url: String,
    /// The listener's own way to it, where the pool goes through a pooler.
    pub listen_url: Option<String>,
    /// How long one question may take before it is given up.
    pub patience: Duration,
    /// How long a transaction may be open before it is reported.
    pub held_max: Duration,
    /// How long past its end a lease may be unreaped, and how long an eviction may wait.
    pub overdue_max: Duration,
}

impl Options {
    /// As the command line does it.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            listen_url: None,
            patience: Duration::from_secs(5),
            held_max: Duration::from_secs(60),
            overdue_max: Duration::from_secs(5),
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// Could not be checked.
    Skipped,
    /// Works, but not as well or as safely as it should.
    Warning,
    /// Does not work, or lets in whom it should not.
    Error,
}

/// What a check belongs to; the first word of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Postgres itself.
    Server,
    /// What `migrate` installed.
    Installed,
    /// Whether presence runs.
    Service,
    /// How the application's own tables are read.
    Mapping,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it belongs to.
    pub group: Group,
    /// The stable name of the check, `group.check`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found: one sentence.
    pub says: String,
    /// How to mend it: one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// The SQL that mends it, to be run by a superuser, or by the owner of what it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// The command that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl Finding {
    fn new(check: &'static str, severity: Severity, says: impl Into<String>) -> Self {
        let group = match check.split('.').next() {
            Some("installed") => Group::Installed,
            Some("service") => Group::Service,
            Some("mapping") => Group::Mapping,
            _ => Group::Server,
        };
        Self {
            group,
            check,
            severity,
            says: says.into(),
            mend: None,
            sql: None,
            command: None,
            details: vec![],
        }
    }

    fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, says)
    }

    fn note(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Severity::Note, says)
    }

    fn skipped(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Severity::Skipped, says)
    }

    fn warning(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, says)
    }

    fn error(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Severity::Error, says)
    }

    fn mend(self, words: impl Into<String>) -> Self {
        Self {
            mend: Some(words.into()),
            ..self
        }
    }

    fn sql(self, sql: impl Into<String>) -> Self {
        Self {
            sql: Some(sql.into()),
            ..self
        }
    }

    fn command(self, command: impl Into<String>) -> Self {
        Self {
            command: Some(command.into()),
            ..self
        }
    }

    fn details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }
}

/// Whether anything is an error: what the exit code says.
pub fn has_error(findings: &[Finding]) -> bool {
    findings.iter().any(|found| found.severity == Severity::Error)
}

/// Everything, in the order of the groups.
pub async fn examine(options: &Options) -> Vec<Finding> {
    let patient = match Patient::meet(options).await {
        Ok(patient) => patient,
        Err(error) => {
            return vec![
                Finding::error(
                    "server.reachable",
                    format!("The database cannot be reached: {error}."),
                )
                .mend("Give its address with --database-url or DATABASE_URL, and see that the server runs."),
            ];
        }
    };
    let p = &patient;
    let mut found = vec![p.introduction()];
    found.extend(server::examine(p).await);
    if !p.is_installed {
        found.push(
            Finding::error(
                "installed.schemas",
                "pg-presence is not installed in this database.",
            )
            .mend(
                "Install it with a login that has CREATEROLE and CREATE on the database; where the keys of your tables are no \
                 texts, say it now with --id-type uuid or --id-type bigint: it cannot be changed later.",
            )
            .command("pg-presence migrate"),
        );
        return found;
    }
    let blueprint = Blueprint::of_this_version();
    let installed = installed::examine(p).await;
    let is_of_this_version = !has_error(&of_check(&installed, "installed.migrated"));
    found.extend(installed);
    if is_of_this_version {
        found.extend(rights::examine(p, &blueprint).await);
        found.extend(shape::examine(p, &blueprint).await);
    } else {
        let says = "Rights, tables and indexes are compared with a database of this version alone: migrate \
            first.";
        found.push(Finding::skipped("installed.rights", says));
    }
    found.extend(service::examine(p, &blueprint).await);
    found.extend(mapping::examine(p).await);
    found
}

fn of_check(findings: &[Finding], check: &str) -> Vec<Finding> {
    findings
        .iter()
        .filter(|found| found.check == check)
        .cloned()
        .collect()
}

/// A check's findings, or why there are none.
async fn checked(
    check: &'static str,
    findings: impl Future<Output = Result<Vec<Finding>, Trouble>>,
) -> Vec<Finding> {
    findings
        .await
        .unwrap_or_else(|trouble| vec![Finding::skipped(check, trouble.sentence())])
}

/// What there is at most of a list: nobody reads a thousand names.
const LISTED_MAX: usize = 10;

/// A list for people, cut where it is too long.
fn listed(names: &[String]) -> String {
    let mut text = names[..names.len().min(LISTED_MAX)].join(", ");
    if names.len() > LISTED_MAX {
        text.push_str(&format!(" and {} more", names.len() - LISTED_MAX));
    }
    text
}

/// A count with its noun, and what both do.
fn counted(count: i64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}
