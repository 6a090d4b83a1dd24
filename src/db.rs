//! The way to Postgres: one pool, one async function a SQL function, rows to domain types, SQLSTATEs to errors.
//!
//! No rule of presence is here. Every call is bounded in time, and safe to run twice: what fails of a passing cause
//! (a connection that was closed, a deadlock, a plan that a migration made invalid) is tried once more, unseen.
//!
//! # Failure
//! Postgres away, read-only or out of room: `Unavailable`. Too busy, a lock too long: `Overloaded`. A broken mapping or
//! a database that is not migrated: `Unavailable` as well, since it heals by the operator's hand and not by ours.

mod beats;
pub mod demo;
mod history;
mod leases;
mod node;
mod overview;
mod rooms;
mod rows;
mod statuses;
mod views;
mod watches;
mod webhooks;

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, QueueMode, RecyclingMethod, Runtime,
};
use tokio_postgres::{Config, Row, error::SqlState, types::ToSql};

pub use leases::Hold;
pub use node::{Installed, NodeSettings, Secrets};
pub use webhooks::{Answered, Claim, Filters};

use crate::{
    connect::Target,
    error::{Error, RETRY_AFTER, Result},
};

/// A call that took so long is given up, also where the network swallows it; the server gives up before.
const CALL_MAX: Duration = Duration::from_secs(3);
/// How long a call waits for a connection of the pool before it is `Overloaded`.
const POOL_WAIT_MAX: Duration = Duration::from_millis(500);
/// What every pooled connection goes by: time-outs of statements, locks and forgotten transactions.
const SESSION: &str = "set statement_timeout = '2s'; set lock_timeout = '400ms'; \
                       set idle_in_transaction_session_timeout = '10s'; set timezone = 'UTC'";

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Arc<Pool>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool.status()).finish()
    }
}

impl Db {
    /// A pool that connects when it is first used. `pool_max`: connections at most.
    pub fn new(url: &str, pool_max: usize) -> Result<Self> {
        let target = Target::parse(url, "pg-presence").map_err(|why| Error::Invalid(why.to_string()))?;
        let create_max = target.patience();
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_connect(Config::new(), target, recycling);
        let pool = Pool::builder(manager)
            .max_size(pool_max)
            // The one that was used last has its plans and catalogs in the processor's caches.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT_MAX))
            .create_timeout(Some(create_max))
            .recycle_timeout(Some(Duration::from_secs(1)))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(Error::bug)?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Connections of the pool, those that nobody uses, and calls that wait for one.
    pub fn pool_figures(&self) -> [usize; 3] {
        let status = self.pool.status();
        [status.size, status.available, status.waiting]
    }

    /// Runs one prepared statement, bounded in time, once more where the cause was passing.
    async fn query(&self, sql: &'static str, arguments: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let mut tries = 0;
        loop {
            tries += 1;
            let client = self.pool.get().await.map_err(from_pool)?;
            let call = async {
                let statement = client.prepare_cached(sql).await?;
                client.query(&statement, arguments).await
            };
            match tokio::time::timeout(CALL_MAX, call).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(error)) if tries == 1 && is_passing(&error, &client) => continue,
                Ok(Err(error)) => return Err(from_postgres(error)),
                Err(_) => {
                    // Nobody knows what this connection will still say: never back into the pool.
                    drop(Object::take(client));
                    return Err(Error::Unavailable(RETRY_AFTER));
                }
            }
        }
    }

    /// As [`Db::query`], of a function that answers with one row.
    async fn query_one(&self, sql: &'static str, arguments: &[&(dyn ToSql + Sync)]) -> Result<Row> {
        let mut rows = self.query(sql, arguments).await?;
        rows.pop().ok_or_else(|| Error::bug("a function without a row"))
    }
}

fn is_passing(error: &tokio_postgres::Error, client: &Object) -> bool {
    match error.code() {
        None => client.is_closed() || error.is_closed(),
        Some(code) => [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::FEATURE_NOT_SUPPORTED, // "cached plan must not change result type"
            SqlState::INVALID_SQL_STATEMENT_NAME,
        ]
        .contains(code),
    }
}

fn from_pool(error: PoolError) -> Error {
    match error {
        PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => Error::Overloaded(RETRY_AFTER),
        PoolError::Timeout(_) | PoolError::Closed => Error::Unavailable(RETRY_AFTER),
        PoolError::Backend(error) => from_postgres(error),
        PoolError::PostCreateHook(_) => Error::Unavailable(RETRY_AFTER),
        PoolError::NoRuntimeSpecified => Error::bug(error),
    }
}

/// By SQLSTATE, never by text. Without one the connection itself failed.
fn from_postgres(error: tokio_postgres::Error) -> Error {
    let Some(code) = error.code() else {
        return Error::Unavailable(RETRY_AFTER);
    };
    let unavailable = match code.code() {
        // 26000, 42P05: a pooler that mixes up prepared statements.
        "25006" | "26000" | "42P01" | "42P05" | "42883" | "42703" | "42501" | "54000" | "3D000" | "3F000" => {
            true
        }
        code => ["08", "53", "57P", "58", "28"]
            .iter()
            .any(|class| code.starts_with(class)),
    };
    if unavailable {
        let cause = error.as_db_error().map(|error| error.message());
        tracing::warn!(code = code.code(), cause, "the database cannot serve");
        return Error::Unavailable(RETRY_AFTER);
    }
    match code.code() {
        // Our own words, about a setting that is out of bounds.
        "PR400" => Error::Invalid(
            error
                .as_db_error()
                .map(|error| error.message().to_owned())
                .unwrap_or_default(),
        ),
        // Of what a node calls these are a watch's words alone: heartbeats and leaves come in batches, by their outcomes.
        "PR404" => Error::UserNotFound,
        "PR429" => Error::TooManyWatches,
        "55P03" | "57014" | "40001" | "40P01" => Error::Overloaded(RETRY_AFTER),
        _ => Error::bug(error),
    }
}
