//! `pg-presence openapi`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::http::openapi;

/// Print the contract of HTTP as OpenAPI 3.1, as /openapi.json serves it
///
/// Examples:
///   pg-presence openapi > openapi.json
///   pg-presence openapi | jq '.paths | keys'
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct OpenapiArgs {}

impl OpenapiArgs {
    /// Prints it.
    pub fn run(&self) -> Result<ExitCode> {
        super::print(openapi::text())?;
        Ok(ExitCode::SUCCESS)
    }
}
