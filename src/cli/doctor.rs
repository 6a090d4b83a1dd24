//! `pg-presence doctor`: what is wrong with a database, and how to mend it.

use std::{io::IsTerminal, process::ExitCode};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::{
    config::{self, DatabaseArgs, ListenArgs},
    doctor::{self, Options, Style},
};

/// Say what is wrong with the database, the installation, the service and the mapping, and how to mend it
///
/// Writes nothing; SQL and commands that mend are for you to run. With the login that migrates it sees
/// all; with a lesser one it says what it could not look at. Each check has a stable name:
/// docs/troubleshooting.md explains them.
///
/// Exit code 0 where nothing is an error, 1 where something is, 2 for a wrong command line.
///
/// Examples:
///   pg-presence doctor
///   pg-presence doctor --json | jq '.findings[] | select(.severity == "error")'
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct DoctorArgs {
    /// Print {"findings": [...]}
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    database: DatabaseArgs,

    #[command(flatten)]
    listen: ListenArgs,
}

impl DoctorArgs {
    /// Examines, prints, and fails where something is an error.
    pub async fn run(&self) -> Result<ExitCode> {
        let options = Options {
            listen_url: self.listen.url()?,
            ..Options::new(self.database.url()?)
        };
        let findings = doctor::examine(&options).await;
        let text = match self.json {
            true => format!("{}\n", json!({"findings": findings})),
            false => {
                let is_coloured = config::is_colour_wanted(std::io::stdout().is_terminal());
                doctor::render(&findings, Style { is_coloured })
            }
        };
        super::print(&text)?;
        Ok(match doctor::has_error(&findings) {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }
}
