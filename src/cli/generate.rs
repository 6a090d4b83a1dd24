//! `pg-presence generate`: writes what an application needs and runs nothing.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::{
    adapter::{self, Catalog, DEFAULT_SCHEMA, Error, Half, Mapping, Part, Spec},
    config::{self, DatabaseArgs},
};

/// Write SQL for an application
#[derive(Args)]
pub struct GenerateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Adapter(Box<AdapterArgs>),
}

impl GenerateArgs {
    /// Writes it.
    pub async fn run(&self) -> Result<ExitCode> {
        match &self.what {
            What::Adapter(args) => args.run().await,
        }
    }
}

/// Write the SQL that says where an application's users, rooms and participants are
///
/// It goes to standard output, and nothing is changed anywhere: read it, then run it. It has two parts.
/// The grants are for whoever owns the tables; the functions and watches for whoever may become
/// presence_owner, as the login that migrated may. Where one login is both, run all of it.
///
/// Each table is said in one line, with a word and what stands behind it:
///
///   TABLE(WORD=COLUMN, WORD='text', WORD=expr:SQL) where SQL
///
///   users         user_id, name, avatar_url
///   rooms         room_id, event_id, name, kind, vendor_id
///   participants  room_id, user_id, role
///   events        event_id, name, coordinator_id
///   logins        user_id, expires
///
/// Users, rooms and participants are needed; of their words user_id and room_id are, and are columns.
/// A word alone is the column of its name. Names are written as they are in the database, in their own
/// case and without quotes (User, createdAt); "in quotes" where there is a blank or a sign in them.
/// SQL behind expr: or where is taken as it is; the columns that it names are granted too.
///
/// With a database its catalog is asked, and nothing else: whether tables and columns are there, keys
/// are of the types that presence was installed with, and row-level security is on.
///
/// The same words in a file, for --config:
///
///   [participants]
///   table = "RoomParticipant"
///   room_id = "roomId"
///   user_id = "userId"
///   role = "expr:case when admin then 'coordinator' else 'collaborator' end"
///   where = "left_at is null"
///
/// beside [users], [rooms], [events], [logins], and above them schema = "app", watch = false.
///
/// Examples:
///   pg-presence generate adapter --ask --database-url postgres://... > presence.sql
///   pg-presence generate adapter \
///       --users 'users(user_id=id, name, avatar_url)' \
///       --rooms 'rooms(room_id=id, name=title) where archived_at is null' \
///       --participants 'memberships(room_id, user_id, role)' | psql app
///   pg-presence generate adapter --config presence.toml --output presence.sql
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct AdapterArgs {
    /// Public profiles: user_id, name, avatar_url
    #[arg(long, value_name = "TABLE(...)", value_parser = line(Part::Users), help_heading = "Tables")]
    users: Option<Mapping>,

    /// Rooms: room_id, event_id, name, kind ('chat' where it is left out), vendor_id
    #[arg(long, value_name = "TABLE(...)", value_parser = line(Part::Rooms), help_heading = "Tables")]
    rooms: Option<Mapping>,

    /// Who takes part in which room: room_id, user_id, role ('collaborator' where it is left out)
    #[arg(long, value_name = "TABLE(...)", value_parser = line(Part::Participants), help_heading = "Tables")]
    participants: Option<Mapping>,

    /// Groups of rooms, where there are any: event_id, name, coordinator_id
    #[arg(long, value_name = "TABLE(...)", value_parser = line(Part::Events), help_heading = "Tables")]
    events: Option<Mapping>,

    /// Auth sessions, where presence is to end with them: user_id, expires
    #[arg(long, value_name = "TABLE(...)", value_parser = line(Part::Logins), help_heading = "Tables")]
    logins: Option<Mapping>,

    /// Where tables are that are named without a schema [default: public]
    #[arg(long, value_name = "NAME", help_heading = "Tables")]
    schema: Option<String>,

    /// Read the tables from a TOML file; flags that are given too win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Ask for the tables, with proposals where there is a database; so too if nothing was said, on a terminal
    #[arg(long, conflicts_with_all = ["config", "users", "rooms", "participants", "events", "logins"])]
    ask: bool,

    /// Write no watches: who loses access stays until their next heartbeat
    #[arg(long)]
    no_watch: bool,

    /// Write one part alone [default: both]
    #[arg(long, value_name = "PART", value_enum)]
    part: Option<Half>,

    /// Write to a file, and not to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Overwrite that file
    #[arg(long, requires = "output")]
    force: bool,

    #[command(flatten)]
    database: DatabaseArgs,
}

/// Reads the line of a part.
fn line(part: Part) -> impl Fn(&str) -> Result<Mapping, Error> + Clone {
    move |line| adapter::parse::mapping(part, line)
}

impl AdapterArgs {
    /// Writes the SQL.
    async fn run(&self) -> Result<ExitCode> {
        let catalog = match self.database.url() {
            Ok(url) => Some(Catalog::read(&url).await?),
            Err(config::Error::NotSet { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let spec = self.spec(catalog.as_ref())?;
        let written = adapter::write(&spec, catalog.as_ref(), self.part)?;
        for note in &written.notes {
            eprintln!("note: {note}");
        }
        self.put(&written.sql)?;
        Ok(ExitCode::SUCCESS)
    }

    /// What was said, in whichever way.
    fn spec(&self, catalog: Option<&Catalog>) -> Result<Spec> {
        let given = [
            &self.users,
            &self.rooms,
            &self.participants,
            &self.events,
            &self.logins,
        ];
        let schema = self.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
        let is_silent = self.config.is_none() && given.iter().all(|mapping| mapping.is_none());
        let mut spec = if self.ask || (is_silent && std::io::stdin().is_terminal()) {
            adapter::ask::ask(
                &mut std::io::stdin().lock(),
                &mut std::io::stderr(),
                catalog,
                schema,
            )?
        } else if let Some(path) = &self.config {
            adapter::file::read(path)?
        } else {
            Spec {
                mappings: vec![],
                schema: schema.to_owned(),
                watch: true,
            }
        };
        for mapping in given.into_iter().flatten() {
            spec.mappings.retain(|other| other.part != mapping.part);
            spec.mappings.push(mapping.clone());
        }
        if let Some(schema) = &self.schema {
            spec.schema.clone_from(schema);
        }
        spec.watch &= !self.no_watch;
        Ok(spec)
    }

    fn put(&self, sql: &str) -> Result<()> {
        let Some(path) = &self.output else {
            return super::print(sql);
        };
        let mut options = OpenOptions::new();
        options.write(true).truncate(self.force);
        match self.force {
            true => options.create(true),
            false => options.create_new(true),
        };
        let mut file = match options.open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::Exists { path: path.clone() }.into());
            }
            opened => opened.with_context(|| format!("writing {}", path.display()))?,
        };
        file.write_all(sql.as_bytes())
            .with_context(|| format!("writing {}", path.display()))
    }
}
