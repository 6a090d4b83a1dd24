//! Brings a database to what this binary needs, and says how far it is.
//!
//! Shape (`migrations/`) by refinery, each file once; behaviour (`sql/`) again at every migrate, in one transaction.
//! All of it under one advisory lock, so that many nodes may start at once, and as `presence_owner`, which needs a
//! login with CREATEROLE and CREATE on the database and no superuser. A mapping in `presence_host` is never touched.
//!
//! # Failure
//! Killed midway, the next run completes: each step is a transaction of its own. A database that is newer than this
//! binary is refused before anything is changed. A lock that somebody else holds is waited for as long as was said.

pub mod catalog;
mod dry_run;
pub mod files;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, GenericClient, Transaction, error::SqlState};

use crate::{
    connect::Target,
    domain::{IdType, IdTypes},
};

pub use dry_run::{Plan, dry_run};

mod shape {
    refinery::embed_migrations!("migrations");
}

/// How long other migrations are waited for: anybody who can connect may hold their lock.
const OTHERS_MAX: Duration = Duration::from_secs(120);
/// The history of shape lives in our own schema.
const HISTORY: &str = "presence_private.migration";

/// The key of the advisory lock under which one migrates at a time.
const LOCK: &str = "hashtext('presence.migrate')";

const NEWER: &str = "this database was migrated by a newer pg-presence; use that version, or a later one";

/// How to migrate.
#[derive(Debug, Clone)]
pub struct MigrateOptions {
    /// The types of ids; none: as installed, or text at the first time. Another type than the installed is an error.
    pub id_types: Option<IdTypes>,
    /// How long one statement may wait for a lock before it gives up.
    pub lock_timeout: Duration,
}

impl Default for MigrateOptions {
    fn default() -> Self {
        Self {
            id_types: None,
            lock_timeout: Duration::from_secs(10),
        }
    }
}

/// How far a database is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Names of the shape migrations that are in the database, oldest first.
    pub applied: Vec<String>,
    /// Names of those that this binary has beyond them.
    pub pending: Vec<String>,
    /// Whether the functions and views are this binary's.
    pub behaviour_current: bool,
    /// Whether functions, views, tables or triggers were changed by hand since the last migrate.
    pub drifted: bool,
    /// Whether the database knows migrations that this binary does not.
    pub newer: bool,
}

impl Report {
    /// Nothing to do, nothing wrong.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.behaviour_current && !self.drifted && !self.newer
    }
}

/// Whose mapping a database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapping {
    /// As installed: everything is denied.
    AsInstalled,
    /// The reference application's.
    EventApp,
    /// Somebody's own.
    Own,
}

/// Brings the database to this binary's state. Idempotent.
pub async fn migrate(url: &str, options: &MigrateOptions) -> Result<Report> {
    let migrated = bring(url, options).await;
    migrated.map_err(|error| explain(error, options.lock_timeout))
}

async fn bring(url: &str, options: &MigrateOptions) -> Result<Report> {
    let mut client = connect(url).await?;
    let lock = format!(
        "set lock_timeout = '{}s'; select pg_advisory_lock({LOCK})",
        OTHERS_MAX.as_secs()
    );
    client
        .batch_execute(&lock)
        .await
        .context("waiting for another migrate")?;
    let before = report(&client).await?;
    if before.newer {
        bail!(NEWER);
    }
    become_owner(&client, options.lock_timeout).await?;
    set_id_types(&client, options.id_types, before.applied.is_empty()).await?;
    runner().run_async(&mut client).await.context("migrations")?;
    let transaction = client.transaction().await?;
    apply_behaviour(&transaction).await?;
    transaction.commit().await?;
    report(&client).await
}

/// How far the database is; changes nothing.
pub async fn status(url: &str) -> Result<Report> {
    report(&connect(url).await?).await
}

/// The SQL that `migrate` would run on an empty database, for another migration tool.
pub fn print(id_types: IdTypes) -> String {
    let mut text =
        String::from("-- pg-presence: roles, shape and behaviour, as `pg-presence migrate` installs them.\n");
    let mut section = |name: &str, body: &str| text.push_str(&format!("\n-- {name}\n{}\n", body.trim_end()));
    section("sql/ops/roles.sql", files::ROLES);
    section(
        "from here on as the owner",
        "begin;\nset local role presence_owner;\nset local search_path = pg_catalog, pg_temp;",
    );
    section("id types", &id_type_settings(id_types));
    let mut history = history_table();
    for migration in runner().get_migrations() {
        let name = format!("migrations/{migration}.sql");
        section(&name, migration.sql().unwrap_or_default());
        history.push('\n');
        history.push_str(&history_row(migration));
    }
    section("what was applied", &history);
    for (path, body) in files::HOST.iter().chain(files::BEHAVIOUR) {
        section(path, body);
    }
    section("what was installed", &record_sql());
    section("done", "commit;");
    text
}

/// Whose mapping the database has.
pub async fn mapping(url: &str) -> Result<Mapping> {
    let client = connect(url).await?;
    let rows = client
        .query(
            "select prosrc from pg_proc where pronamespace = 'presence_host'::regnamespace",
            &[],
        )
        .await
        .context("reading the mapping")?;
    let bodies: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    Ok(
        if bodies
            .iter()
            .all(|body| body.contains("-- pg-presence: not mapped yet"))
        {
            Mapping::AsInstalled
        } else if bodies
            .iter()
            .all(|body| body.contains("-- pg-presence: the reference application"))
        {
            Mapping::EventApp
        } else {
            Mapping::Own
        },
    )
}

/// Loads the reference application, its mapping and its cast.
pub async fn load_event_app(url: &str) -> Result<()> {
    let client = connect(url).await?;
    let all = format!("begin; {} commit;", files::EVENT_APP);
    client
        .batch_execute(&all)
        .await
        .context("loading the reference application")
}

fn runner() -> refinery::Runner {
    let mut runner = shape::migrations::runner()
        .set_abort_missing(true)
        .set_abort_divergent(true);
    runner.set_migration_table_name(HISTORY);
    runner
}

async fn connect(url: &str) -> Result<Client> {
    let target = Target::parse(url, "pg-presence migrate").context("the database URL")?;
    let connecting = target.within(Duration::from_secs(10)).client().await;
    let (client, _) = connecting.context("connecting to the database")?;
    // A search path of the login's own would change how the catalogue prints names, and so its digest.
    client
        .batch_execute("set client_min_messages = warning; set search_path = pg_catalog, pg_temp")
        .await?;
    Ok(client)
}

/// Makes roles and schemas, and goes on as their owner.
async fn become_owner(client: &impl GenericClient, lock_timeout: Duration) -> Result<()> {
    let timeout = format!("set lock_timeout = {}", lock_timeout.as_millis());
    client.batch_execute(&timeout).await?;
    let roles = client.batch_execute(files::ROLES).await;
    roles.context("roles and schemas")?;
    Ok(client.batch_execute("set role presence_owner").await?)
}

/// Puts a sentence before the error of a lock that was not had in time.
fn explain(error: anyhow::Error, lock_timeout: Duration) -> anyhow::Error {
    let code = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<tokio_postgres::Error>()?.code().cloned()
    };
    match error.chain().find_map(code) {
        Some(SqlState::LOCK_NOT_AVAILABLE) => error.context(format!(
            "gave up after {} ms of waiting for a lock that somebody else holds; \
             the step that waited left nothing behind: run it again, or with a longer --lock-timeout",
            lock_timeout.as_millis()
        )),
        _ => error,
    }
}

/// As refinery makes it.
fn history_table() -> String {
    format!(
        "create table if not exists {HISTORY} \
         (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));"
    )
}

/// As refinery writes it.
fn history_row(migration: &refinery::Migration) -> String {
    format!(
        "insert into {HISTORY} values ({}, '{}', \
         to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '{}');",
        migration.version(),
        migration.name(),
        migration.checksum()
    )
}

fn id_type_settings(types: IdTypes) -> String {
    [("user", types.user), ("room", types.room), ("event", types.event)]
        .map(|(kind, id_type)| format!("set presence.{kind}_id_type = '{id_type}';"))
        .join("\n")
}

async fn set_id_types(client: &impl GenericClient, wanted: Option<IdTypes>, first_time: bool) -> Result<()> {
    if first_time {
        let settings = id_type_settings(wanted.unwrap_or_default());
        return Ok(client.batch_execute(&settings).await?);
    }
    let installed = installed_id_types(client).await?;
    match wanted {
        Some(wanted) if wanted != installed => bail!(
            "this database was installed with ids of type {} (user), {} (room), {} (event); that cannot be changed",
            installed.user,
            installed.room,
            installed.event
        ),
        _ => Ok(()),
    }
}

async fn installed_id_types(client: &impl GenericClient) -> Result<IdTypes> {
    let sql = "select format_type(t.typbasetype, null) from unnest(array['user_id', 'room_id', 'event_id']) \
               with ordinality as k(name, nth) join pg_type t on t.oid = ('presence.' || k.name)::regtype order by k.nth";
    let types: Vec<IdType> = client
        .query(sql, &[])
        .await?
        .iter()
        .map(|row| IdType::parse(row.get(0)).context("an id type that this version does not know"))
        .collect::<Result<_>>()?;
    match types[..] {
        [user, room, event] => Ok(IdTypes { user, room, event }),
        _ => bail!("the id domains are missing"),
    }
}

async fn apply_behaviour(transaction: &Transaction<'_>) -> Result<()> {
    for (path, body) in files::HOST {
        let function = path.trim_start_matches("sql/host/").trim_end_matches(".sql");
        let missing = "select to_regproc('presence_host.' || $1) is null";
        if transaction.query_one(missing, &[&function]).await?.get(0) {
            transaction.batch_execute(body).await.context(*path)?;
        }
    }
    for (path, body) in files::BEHAVIOUR {
        transaction.batch_execute(body).await.context(*path)?;
    }
    Ok(transaction.batch_execute(&record_sql()).await?)
}

fn record_sql() -> String {
    format!(
        "comment on table {HISTORY} is 'the migrations of shape that were applied';\n\
         insert into presence_private.installed (behaviour, catalog, version)\n\
         values ('{}', ({}), '{}')\n\
         on conflict (one) do update set behaviour = excluded.behaviour, catalog = excluded.catalog,\n\
         version = excluded.version, at = clock_timestamp();",
        behaviour_digest(),
        catalog::digest(),
        env!("CARGO_PKG_VERSION")
    )
}

fn behaviour_digest() -> String {
    let mut hash = Sha256::new();
    for (path, body) in files::BEHAVIOUR {
        hash.update(path);
        hash.update([0]);
        hash.update(body);
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn report(client: &impl GenericClient) -> Result<Report> {
    let known = runner().get_migrations().clone();
    let name = |migration: &refinery::Migration| format!("V{}__{}", migration.version(), migration.name());
    // By the catalog, which any login may read: without rights on the schema its names do not resolve.
    let exists = "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where n.nspname || '.' || c.relname = $1)";
    if !client.query_one(exists, &[&HISTORY]).await?.get::<_, bool>(0) {
        let pending = known.iter().map(name).collect();
        return Ok(Report {
            applied: vec![],
            pending,
            behaviour_current: false,
            drifted: false,
            newer: false,
        });
    }
    // Read with the owner's rights where the login may take them: it has none of its own on a private table.
    client
        .batch_execute("set role presence_owner")
        .await
        .context("this login may not become presence_owner; use the login that migrates, or a superuser")?;
    let history = format!("select version, name from {HISTORY} order by version");
    let applied: Vec<(i32, String)> = client
        .query(&history, &[])
        .await?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let digests = format!(
        "select behaviour, catalog, ({}) from presence_private.installed",
        catalog::digest()
    );
    let installed = match applied.is_empty() {
        true => None,
        false => client.query_opt(&digests, &[]).await?,
    };
    client.batch_execute("reset role").await?;
    let is_applied = |version: i64| applied.iter().any(|(done, _)| i64::from(*done) == version);
    let newest = known
        .iter()
        .map(|migration| i64::from(migration.version()))
        .max()
        .unwrap_or(0);
    Ok(Report {
        pending: known
            .iter()
            .filter(|m| !is_applied(i64::from(m.version())))
            .map(name)
            .collect(),
        newer: applied.iter().any(|(version, _)| i64::from(*version) > newest),
        applied: applied
            .iter()
            .map(|(version, name)| format!("V{version}__{name}"))
            .collect(),
        behaviour_current: installed
            .as_ref()
            .is_some_and(|row| row.get::<_, String>(0) == behaviour_digest()),
        drifted: installed
            .as_ref()
            .is_some_and(|row| row.get::<_, String>(1) != row.get::<_, String>(2)),
    })
}
