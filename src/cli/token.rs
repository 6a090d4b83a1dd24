//! `pg-presence token`: a JWT for the configured secret.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use time::OffsetDateTime;

use crate::{
    auth::jwt,
    config::{AuthArgs, lifetime},
    domain::Stamp,
};

/// Print a token (JWT, HS256) for the configured secret
///
/// Issuer, audience and the user's claim are those that serve would check. Nothing is asked of the
/// database: whether the user exists is found out when the token is used.
///
/// Examples:
///   pg-presence token --user alice
///   pg-presence token --user backend --scope presence:write --ttl 30d
///   curl -H "Authorization: Bearer $(pg-presence token --user alice)" localhost:8080/v1/rooms
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct TokenArgs {
    /// Whose: the user's id
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    user: String,

    /// How long it is good for: a number with s, m, h or d behind it, 1s to 366d
    #[arg(long, value_name = "LIFE", default_value = "1h", value_parser = lifetime)]
    ttl: Duration,

    /// What it allows beside being that user, such as presence:write; repeatable
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    /// Print {"token": ..., "expires_at": ...}
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    auth: AuthArgs,
}

impl TokenArgs {
    /// Prints it.
    pub fn run(&self) -> Result<ExitCode> {
        let now = OffsetDateTime::now_utc();
        let rules = self.auth.rules()?;
        let claims = jwt::Claims {
            user: &self.user,
            user_claim: &rules.user_claim,
            scope: &self.scope.join(" "),
            issuer: rules.issuer.as_deref(),
            audience: rules.audience.as_deref(),
            ttl: self.ttl,
        };
        let token = jwt::mint(&self.auth.required_secret()?, &claims, now)?;
        let text = match self.json {
            true => json!({"token": token, "expires_at": Stamp(now + self.ttl)}).to_string(),
            false => token,
        };
        super::print(&format!("{text}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
