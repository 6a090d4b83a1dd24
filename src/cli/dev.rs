//! `pg-presence dev`: everything on this machine, with an application to try it on.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::signals;
use crate::{
    app::App,
    auth::jwt,
    config::{DEV_BIND, ServiceArgs, Settings, lifetime},
    embedded::{Embedded, Options},
    http::Page,
    migrate::{self, Mapping, MigrateOptions},
};

mod banner;

/// Ports that are tried where the first one is taken.
const PORTS_TRIED: u16 = 50;
/// Where the operator's page is, or on the next free port: away from those that the page itself moves to.
const OPERATOR_PORT: u16 = 8190;

/// Try it: a Postgres, the service, an application and its page, all on this machine
///
/// Needs nothing but this program. Starts the Postgres that is installed here (or fetches one, or runs
/// one in Docker) in a data directory of its own, migrates, loads a small application with a cast
/// (alice, bob, carol, vera, victor, dave), serves on loopback, and prints what to try. Ctrl-C stops
/// all of it; the data is there at the next start.
///
/// DATABASE_URL is ignored, so that it never touches your own database by accident. With
/// --database-url it does everything but start Postgres, and never replaces a mapping of your own.
///
/// Examples:
///   pg-presence dev
///   pg-presence dev --port 9000 --data-dir /tmp/presence
///   pg-presence dev --database-url postgres://postgres:...@localhost/scratch
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct DevArgs {
    /// The port to serve on; otherwise 8080, or the next free one
    #[arg(long, value_name = "PORT", help_heading = "On this machine")]
    port: Option<u16>,

    /// Use this database instead of starting a Postgres; the login must be able to migrate it
    #[arg(long, value_name = "URL", help_heading = "On this machine")]
    database_url: Option<String>,

    /// Where the data is kept [default: /var/lib/pg-presence as root, $XDG_DATA_HOME/pg-presence otherwise]
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "database_url",
        help_heading = "On this machine"
    )]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    service: ServiceArgs,
}

impl DevArgs {
    /// Runs until a signal, or until a part fails.
    pub async fn run(&self) -> Result<ExitCode> {
        // What is wrong with the settings is said before anything is started.
        let placeholder = "postgres://localhost".to_owned();
        let checked =
            self.service
                .settings(self.database_url.clone().unwrap_or(placeholder), None, DEV_BIND)?;
        super::serve::raise_open_files();
        let stop = signals::stop()?;
        let listener = self.listen(checked.bind).await?;
        let (url, embedded) = match &self.database_url {
            Some(url) => (url.clone(), None),
            None => {
                eprintln!("Starting Postgres ...");
                let options = Options {
                    data_dir: self.data_dir.clone(),
                    ..Options::default()
                };
                let embedded = tokio::select! {
                    started = Embedded::start(options) => started?,
                    // What was begun ends with this process.
                    () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
                };
                // It speaks no TLS, whatever PGSSLMODE says of other servers.
                let url = format!("{}?sslmode=disable", embedded.url("postgres"));
                (url, Some(embedded))
            }
        };
        let settings = Settings {
            database_url: url,
            jwt_secret: checked.jwt_secret.clone().or_else(|| Some(made_up_secret())),
            ..checked
        };
        let served = match embedded {
            None => serve(settings, listener, "your database", stop).await,
            Some(mut embedded) => {
                let name = embedded.describe();
                let served = tokio::select! {
                    served = serve(settings, listener, &name, stop) => served,
                    reason = embedded.ended() => Err(anyhow::anyhow!("Postgres ended by itself: {reason}")),
                };
                embedded.stop().await;
                served
            }
        };
        served.map(|()| ExitCode::SUCCESS)
    }

    /// On loopback, on the port that was asked for, or on the next free one.
    async fn listen(&self, wanted: SocketAddr) -> Result<TcpListener> {
        let ip = if wanted.ip().is_loopback() {
            wanted.ip()
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        };
        if ip != wanted.ip() {
            eprintln!(
                "dev serves on loopback only, since its page makes tokens for anybody: not on {}.",
                wanted.ip()
            );
        }
        if let Some(port) = self.port {
            let address = SocketAddr::new(ip, port);
            return TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address}"));
        }
        let first = wanted.port();
        for port in first..=first.saturating_add(PORTS_TRIED) {
            match free(SocketAddr::new(ip, port)).await {
                Ok(listener) => {
                    if port != first {
                        eprintln!(
                            "Port {first} is taken: serving on {port} instead (--port chooses another)."
                        );
                    }
                    return Ok(listener);
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error).with_context(|| format!("cannot listen on {ip}:{port}")),
            }
        }
        bail!("the ports from {first} on are taken: choose one with --port")
    }
}

/// A listener on a port that `localhost` does not lead elsewhere: browsers try ::1 first.
async fn free(address: SocketAddr) -> std::io::Result<TcpListener> {
    if address.is_ipv4() && address.port() != 0 {
        match TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
            // Free, or no IPv6 here: either way nobody else answers.
            _ => {}
        }
    }
    TcpListener::bind(address).await
}

/// On loopback too, since its page signs in whoever is at this machine.
async fn operators_listener(ip: IpAddr) -> std::io::Result<TcpListener> {
    for port in OPERATOR_PORT..=OPERATOR_PORT + PORTS_TRIED {
        match free(SocketAddr::new(ip, port)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            listener => return listener,
        }
    }
    TcpListener::bind((ip, 0)).await
}

/// Migrates, loads the reference application where that takes nothing from anybody, serves.
async fn serve(
    settings: Settings,
    listener: TcpListener,
    postgres: &str,
    stop: CancellationToken,
) -> Result<()> {
    let started = start(&settings, stop.clone());
    let (app, mapping) = tokio::select! {
        started = started => started?,
        () = stop.cancelled() => return Ok(()),
    };
    let token = match mapping {
        Mapping::Own => None,
        Mapping::AsInstalled | Mapping::EventApp => Some(token(&settings, "alice")?),
    };
    let address = listener.local_addr()?;
    let app = match operators_listener(address.ip()).await {
        Ok(admin) => app.with_admin(admin),
        Err(error) => {
            tracing::warn!(%error, "there is no port for the operator's page");
            app
        }
    };
    let page = banner::Banner {
        postgres,
        port: address.port(),
        operators: app.admin_address(),
        database_url: &settings.database_url,
        token: token.as_deref(),
    };
    if let Err(error) = page.print() {
        tracing::warn!(%error, "nobody reads what to try");
    }
    let served = app.serve(listener).await;
    eprintln!("Stopped.");
    served
}

async fn start(settings: &Settings, stop: CancellationToken) -> Result<(App, Mapping)> {
    let url = &settings.database_url;
    migrate::migrate(url, &MigrateOptions::default())
        .await
        .context("migrating")?;
    let mapping = migrate::mapping(url).await?;
    if mapping != Mapping::Own {
        migrate::load_event_app(url).await?;
    }
    Ok((App::start(settings.clone(), Page::Dev, stop).await?, mapping))
}

/// For the ready-made call: long enough for an afternoon of trying.
fn token(settings: &Settings, user: &str) -> Result<String> {
    let secret = settings
        .jwt_secret
        .as_deref()
        .context("dev always has a secret")?;
    let claims = jwt::Claims {
        user,
        user_claim: &settings.user_claim,
        scope: "",
        issuer: settings.jwt_issuer.as_deref(),
        audience: settings.jwt_audience.as_deref(),
        ttl: lifetime("12h").map_err(anyhow::Error::msg)?,
    };
    Ok(jwt::mint(secret, &claims, OffsetDateTime::now_utc())?)
}

/// 366 random bits; each run has its own.
fn made_up_secret() -> Vec<u8> {
    [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()]
        .iter()
        .flat_map(|part| *part.as_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: DevArgs,
    }

    fn args(flags: &[&str]) -> DevArgs {
        let command = Command::try_parse_from(["dev"].iter().chain(flags));
        command
            .map_err(|error| error.to_string())
            .expect("good flags")
            .args
    }

    #[tokio::test]
    async fn a_taken_port_moves_it_to_the_next_free_one_unless_it_was_asked_for() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = taken.local_addr().expect("bound");

        let moved = args(&[]).listen(address).await.expect("another one");
        let asked = args(&["--port", &address.port().to_string()])
            .listen(address)
            .await;

        assert_ne!(moved.local_addr().expect("bound").port(), address.port());
        assert!(asked.is_err());
    }

    #[tokio::test]
    async fn it_serves_on_loopback_whatever_the_environment_says() {
        let everywhere = "0.0.0.0:0".parse().expect("an address");

        let listener = args(&[]).listen(everywhere).await.expect("a free port");

        assert!(listener.local_addr().expect("bound").ip().is_loopback());
    }

    #[test]
    fn a_made_up_secret_is_long_and_new() {
        assert!(made_up_secret().len() >= 32);
        assert_ne!(made_up_secret(), made_up_secret());
    }
}
