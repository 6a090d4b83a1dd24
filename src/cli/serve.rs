//! `pg-presence serve`: one node of the service.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use tokio::net::TcpListener;

use super::signals;
use crate::{
    app::App,
    config::{self, DatabaseArgs, ListenArgs, SERVE_BIND, ServiceArgs},
    descriptors::Limit,
    http::Page,
    migrate::{self, Mapping},
};

/// Run one node of the service until it is told to stop
///
/// Any number of nodes may run against one database. Needs a database that was migrated, a login that
/// is a member of presence_service, and a key of your application's tokens, or the URL of its keys.
///
/// SIGTERM or Ctrl-C: not ready any more, streams say bye, what is under way is answered, exit within
/// 10 s; nobody leaves because a node does. A second signal ends it at once.
///
/// Example:
///   export DATABASE_URL=postgres://presence_node:...@db/app
///   export PRESENCE_JWT_SECRET_FILE=/run/secrets/jwt
///   pg-presence serve --cors-origins https://app.example.com
///
/// `pg-presence config check` says whether it would start so far; `doctor` looks at the database.
///
/// With the keys of a provider in place of a secret:
///   export PRESENCE_AUTH_PRESET=better-auth PRESENCE_JWT_ISSUER=https://app.example.com
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct ServeArgs {
    #[command(flatten)]
    database: DatabaseArgs,

    #[command(flatten)]
    listen: ListenArgs,

    #[command(flatten)]
    service: ServiceArgs,
}

/// A stream is a file; what a shell or a unit gives softly is often 1024.
pub fn raise_open_files() {
    match Limit::raise() {
        Some(limit) if limit.is_small() => tracing::warn!(
            limit = limit.soft,
            "this process may have few files open, and a stream is one: raise the hard limit (LimitNOFILE= of systemd, \
             ulimit -Hn)"
        ),
        Some(limit) => tracing::info!(limit = limit.soft, "open files: a stream is one"),
        None => {}
    }
}

impl ServeArgs {
    /// Serves until a signal.
    pub async fn run(&self) -> Result<ExitCode> {
        let settings = self
            .service
            .settings(self.database.url()?, self.listen.url()?, SERVE_BIND)?;
        if settings.jwt_secret.is_none() && settings.jwks.is_none() {
            return Err(config::Error::NoKey.into());
        }
        for unknown in config::unknown::in_environment() {
            tracing::warn!("{unknown}");
        }
        raise_open_files();
        let stop = signals::stop()?;
        let bind = settings.bind;
        let database_url = settings.database_url.clone();
        let listener = TcpListener::bind(bind)
            .await
            .with_context(|| format!("cannot listen on {bind} (--bind, PRESENCE_BIND)"))?;
        let app = tokio::select! {
            app = App::start(settings, Page::Off, stop.clone()) => app?,
            () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
        };
        // Nothing is wrong with the node, and yet every room is empty.
        if let Ok(Mapping::AsInstalled) = migrate::mapping(&database_url).await {
            tracing::warn!(
                "no table of yours is mapped, so every room is denied to everybody: `pg-presence generate adapter` writes the SQL"
            );
        }
        tracing::info!(address = %listener.local_addr()?, version = env!("CARGO_PKG_VERSION"), "serving");
        app.serve(listener).await?;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}
