//! `pg-presence top`: rooms, members, nodes and rates in a terminal, from the database alone.

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use super::signals;
use crate::{
    config::{DatabaseArgs, millis},
    connect::Target,
    db::Db,
    domain::{IdType, RoomId},
};

mod draw;
mod picture;
mod screen;
mod table;

use draw::{Frame, Style};
use picture::Picture;
use screen::{Key, Screen};

/// Rooms and members that are read; a terminal shows as many as it has lines for.
const ROWS_MAX: i32 = 200;
/// A look may take a twentieth of the time: it scans leases and members.
const SHARE: u32 = 20;
/// Columns where nobody says how many there are.
const WIDTH: usize = 100;

/// Show rooms, members, nodes and rates, live, from the database alone
///
/// Needs a login that is a member of presence_app, or one of your monitor's that may execute what
/// docs/operations.md lists; with pg_read_all_stats it also says for how long transactions are open. No
/// node need run. Writes nothing.
///
/// q or Ctrl-C ends it. Into a pipe it prints a picture after the other.
///
/// Examples:
///   pg-presence top
///   pg-presence top --room general --interval 5000
///   pg-presence top --once --json | jq .presence.people
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct TopArgs {
    /// Print one picture and end
    #[arg(long)]
    once: bool,

    /// Print each picture as JSON, one a line
    #[arg(long)]
    json: bool,

    /// How often to look, in ms, 500 to 600000
    #[arg(long, value_name = "MS", default_value = "2000", value_parser = millis(500, 600_000))]
    interval: Duration,

    /// List the members of this room alone
    #[arg(long, value_name = "ID")]
    room: Option<String>,

    #[command(flatten)]
    database: DatabaseArgs,
}

impl TopArgs {
    /// Looks, once or until it is told to stop.
    pub async fn run(&self) -> Result<ExitCode> {
        let url = self.database.url()?;
        let id_type = check(&url).await?;
        let db = Db::new(&url, 1)?;
        let room = self.room.as_deref().map(|room| RoomId::parse(room, id_type));
        let room = room.transpose().context("--room")?;
        let picture = Picture::look(&db, room.as_ref(), ROWS_MAX).await;
        let picture = picture.context("looking at presence")?;
        let is_terminal = std::io::stdout().is_terminal();
        if self.once {
            self.print(&picture, Style::of(is_terminal))?;
            return Ok(ExitCode::SUCCESS);
        }
        let watch = Watch {
            db,
            room,
            interval: self.interval,
        };
        match is_terminal && !self.json {
            true => watch.on(Screen::open()?, picture).await?,
            false => self.page(&watch, picture).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// One picture after the other, for a pipe.
    async fn page(&self, watch: &Watch, first: Picture) -> Result<()> {
        let stop = signals::stop()?;
        let mut picture = Some(first);
        let mut next_at = Instant::now() + watch.interval;
        loop {
            if let Some(picture) = &picture {
                self.print(picture, Style::of(false))?;
                if !self.json {
                    super::print("\n")?;
                }
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                looked = watch.look_at(next_at) => looked,
            };
            (picture, next_at) = match looked {
                (Ok(picture), next_at) => (Some(picture), next_at),
                // The database may be back at the next turn.
                (Err(error), next_at) => {
                    tracing::error!(%error, "there is no picture");
                    (None, next_at)
                }
            };
        }
    }

    fn print(&self, picture: &Picture, style: Style) -> Result<()> {
        super::print(&match self.json {
            true => format!("{}\n", serde_json::to_string(picture)?),
            false => {
                let frame = Frame {
                    width: screen::size().map_or(WIDTH, |(width, _)| width),
                    height: None,
                    trouble: None,
                };
                draw::lines(picture, &frame, style).join("\n") + "\n"
            }
        })
    }
}

/// Looks again and again.
struct Watch {
    db: Db,
    room: Option<RoomId>,
    interval: Duration,
}

impl Watch {
    /// Looks then; says when to look next.
    async fn look_at(&self, then: Instant) -> (crate::error::Result<Picture>, Instant) {
        tokio::time::sleep_until(then).await;
        let begin = Instant::now();
        let looked = Picture::look(&self.db, self.room.as_ref(), ROWS_MAX).await;
        (looked, begin + self.interval.max(begin.elapsed() * SHARE))
    }

    /// On a terminal, until a key or a signal; drawn anew at once where its size changes.
    async fn on(&self, mut screen: Screen, mut picture: Picture) -> Result<()> {
        let stop = signals::stop()?;
        let mut resized = signal(SignalKind::window_change()).context("listening for SIGWINCH")?;
        let mut keys = screen::keys();
        let mut is_typed = true;
        let style = Style::of(true);
        let mut trouble: Option<String> = None;
        let mut next_at = Instant::now() + self.interval;
        loop {
            let (width, height) = screen::size().unwrap_or((WIDTH, 24));
            let frame = Frame {
                width,
                height: Some(height),
                trouble: trouble.as_deref(),
            };
            screen.show(&draw::lines(&picture, &frame, style))?;
            let looked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = resized.recv() => continue,
                key = keys.recv(), if is_typed => match key {
                    Some(Key::Quit) => return Ok(()),
                    Some(Key::Other) => {
                        next_at = Instant::now();
                        continue;
                    }
                    None => {
                        is_typed = false; // nobody can type: signals end it
                        continue;
                    }
                },
                looked = self.look_at(next_at) => looked,
            };
            next_at = looked.1;
            match looked.0 {
                Ok(looked) => (picture, trouble) = (looked, None),
                Err(error) => trouble = Some(format!("{error}; trying again")),
            }
        }
    }
}

/// One look in the driver's own words, before a pool says no more than that the database is away.
/// What rooms are called by.
async fn check(url: &str) -> Result<IdType> {
    let target = Target::parse(url, "pg-presence top").context("DATABASE_URL")?;
    let connecting = target.within(Duration::from_secs(10)).client().await;
    let (client, driver) = connecting.context("connecting to the database (DATABASE_URL)")?;
    let look = "select to_regnamespace('presence') is not null,
                       (select has_function_privilege(p.oid, 'execute') and has_schema_privilege(p.pronamespace, 'usage')
                          from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                         where n.nspname = 'presence' and p.proname = 'overview'),
                       session_user::text,
                       (select format_type(t.typbasetype, null) from pg_type t join pg_namespace n on n.oid = t.typnamespace
                         where n.nspname = 'presence' and t.typname = 'room_id')";
    let rows = client
        .query_typed(look, &[])
        .await
        .context("looking at the database")?;
    driver.abort();
    let row = rows.first().context("looking at the database")?;
    match (row.get::<_, bool>(0), row.get::<_, Option<bool>>(1)) {
        (false, _) => bail!("this database has no pg-presence: run `pg-presence migrate` first"),
        (true, None) => bail!(
            "this database was migrated by an earlier version, which has nothing for top: run `pg-presence migrate`"
        ),
        (true, Some(false)) => bail!(
            "the login {login} may not look: let an administrator run `grant presence_app to {login}`, or grant it what \
             docs/operations.md lists for monitors, which may read alone",
            login = row.get::<_, String>(2)
        ),
        (true, Some(true)) => {
            let name: Option<&str> = row.get(3);
            name.and_then(IdType::parse)
                .context("an id type that this version does not know")
        }
    }
}
