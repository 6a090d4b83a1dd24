//! Whether a way to Postgres keeps prepared statements, as the pool needs it.
//!
//! A pooler in transaction mode hands each transaction to whichever backend is free. One that does not know of prepared
//! statements (PgBouncer before 1.21, or with `max_prepared_statements = 0`) leaves them on the backend where they were
//! prepared: the next transaction does not find them, or finds a stranger's of the same name.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, error::SqlState};

use super::{
    Finding,
    ask::{Patient, link, root_cause},
};
use crate::connect::Link;

/// All tries together; where a pooler has one backend only, two clients wait for each other.
const PATIENCE: Duration = Duration::from_secs(5);
/// A pooler that others use as well may hand out another backend than the one that is looked for.
const TRIES: usize = 3;

const CHECK: &str = "server.statements";

/// The pool's way.
pub async fn examine(p: &Patient) -> Finding {
    match keeps_statements(&p.options.url).await {
        Ok(true) => Finding::ok(CHECK, "Prepared statements are found again.".to_owned()),
        Ok(false) => Finding::error(
            CHECK,
            "Prepared statements are mixed up on the way, as through PgBouncer before 1.21 in transaction mode.",
        )
        .mend(
            "Let PgBouncer be 1.21 or newer with max_prepared_statements above 0, or in session mode; or go to Postgres itself.",
        ),
        Err(cause) => Finding::error(CHECK, format!("There is no second connection to be had: {cause}."))
            .mend("Let the login connect twice more than it does."),
    }
}

/// Whether named statements are found again. True as well where it cannot be told. An error where it is no way at all.
pub async fn keeps_statements(url: &str) -> Result<bool, String> {
    let look = async {
        let (one, other) = (connect(url).await?, connect(url).await?);
        match look(&one, &other).await {
            Ok(()) => Ok(true),
            Err(error) if is_lost(&error) => Ok(false),
            Err(error) => Err(root_cause(&error)),
        }
    };
    timeout(PATIENCE, look).await.unwrap_or(Ok(true))
}

/// One connection prepares a statement; another one takes a backend for a transaction, the same where it can be had; and
/// the first one calls its statement.
async fn look(one: &Client, other: &Client) -> Result<(), tokio_postgres::Error> {
    for _ in 0..TRIES {
        let statement = one.prepare("select 1").await?;
        other.batch_execute("begin; select 1").await?;
        let found = one.query(&statement, &[]).await;
        other.batch_execute("rollback").await?;
        found?;
    }
    Ok(())
}

/// There is no such statement, or already one of a stranger's.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    let codes = [
        SqlState::INVALID_SQL_STATEMENT_NAME,
        SqlState::DUPLICATE_PSTATEMENT,
    ];
    error.code().is_some_and(|code| codes.contains(code))
}

async fn connect(url: &str) -> Result<Client, String> {
    let Link {
        client, connection, ..
    } = link(url).await?;
    tokio::spawn(connection);
    Ok(client)
}
