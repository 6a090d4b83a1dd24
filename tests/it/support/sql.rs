//! Small questions in SQL, and connections that hear what the server says beside its answers. Never assertions.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use tokio_postgres::{AsyncMessage, Client, NoTls};

use super::db::TestDb;

/// The SQLSTATE with which statements fail; none: they do not.
pub async fn code(sql: &Client, statements: &str) -> Option<String> {
    let error = sql.batch_execute(statements).await.err()?;
    Some(error.code().expect(statements).code().to_owned())
}

/// Statements that succeed.
pub async fn run(sql: &Client, statements: &str) {
    sql.batch_execute(statements).await.expect(statements);
}

/// The first column, of type text and never null.
pub async fn list(sql: &Client, query: &str) -> Vec<String> {
    let rows = sql.query(query, &[]).await.expect(query);
    rows.iter().map(|row| row.get(0)).collect()
}

/// The one text that a query returns; null is the word `null`.
pub async fn text(sql: &Client, query: &str) -> String {
    let row = sql.query_one(query, &[]).await.expect(query);
    row.get::<_, Option<String>>(0)
        .unwrap_or_else(|| "null".to_owned())
}

/// What may be done as the owner of presence alone; for arranging, by a superuser.
pub async fn as_owner(admin: &Client, statements: &str) {
    run(
        admin,
        &format!("begin; set local role presence_owner; {statements}; commit;"),
    )
    .await;
}

/// An id as an SQL literal.
pub fn literal(id: &str) -> String {
    format!("'{}'", id.replace('\'', "''"))
}

/// A connection, and all that the server says on it beside its answers: notices, with their details and contexts.
pub async fn connect_aloud(url: &str) -> (Client, Arc<Mutex<String>>) {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls)
        .await
        .expect("the tests' Postgres answers");
    let said = Arc::new(Mutex::new(String::new()));
    let heard = said.clone();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = message {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                let parts = [
                    Some(notice.message()),
                    notice.detail(),
                    notice.hint(),
                    notice.where_(),
                ];
                for part in parts.into_iter().flatten() {
                    heard.push_str(part);
                    heard.push('\n');
                }
            }
        }
    });
    (client, said)
}

/// A login of an end user, mapped to this user of the application.
pub async fn viewer(db: &TestDb, login: &str, user: &str) -> String {
    let url = db.login(login, "grant presence_viewer to $login").await;
    let map = format!("select presence.map_login('{login}', {})", literal(user));
    as_owner(&db.admin().await, &map).await;
    url
}
