//! How the doctor asks: one question at a time, read-only, bounded, as the login or as another role that it may become.
//! No judgement is here.

use std::{sync::Mutex, time::Duration};

use tokio_postgres::{
    Client, Row,
    error::SqlState,
    types::{ToSql, Type},
};

use super::{Finding, Options};
use crate::connect::{Link, Target, Trust};

const FACTS: &str = "\
select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
       session_user::text as login, current_database()::text as database,
       current_setting('is_superuser') = 'on' as is_superuser,
       to_regnamespace('presence') is not null and to_regnamespace('presence_private') is not null
           and to_regnamespace('presence_host') is not null and to_regrole('presence_owner') is not null
           and exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                        where n.nspname = 'presence_private' and c.relname = 'installed') as is_installed,
       case when to_regrole('presence_owner') is null then false
            else pg_has_role(session_user, 'presence_owner',
                             case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end)
       end as may_own";

/// The database under examination, and what is known of it from the start.
pub struct Patient {
    client: Client,
    /// How the doctor was called.
    pub options: Options,
    /// As 150018.
    pub version: i32,
    /// The login that asks.
    pub login: String,
    /// The database's name.
    pub database: String,
    /// Whether that login is a superuser.
    pub is_superuser: bool,
    /// Whether the schemas and the owner are there.
    pub is_installed: bool,
    /// Whether the login may become `presence_owner`.
    pub may_own: bool,
    /// Whether what is asked and answered is encrypted on its way.
    pub is_encrypted: bool,
    /// Of whose certificate, where it is.
    pub trust: Trust,
    version_text: String,
    /// Why every further question fails; said once in full.
    gone: Mutex<Option<String>>,
}

/// As whom to ask.
#[derive(Debug, Clone, Copy)]
pub enum As<'a> {
    /// The login itself.
    Login,
    /// `presence_owner`.
    Owner,
    /// Another role that the login may become.
    Role(&'a str),
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The login may not become `presence_owner`.
    NoOwner {
        /// The login's name.
        login: String,
    },
    /// It took longer than the doctor waits.
    TookTooLong,
    /// Postgres refused: SQLSTATE and message.
    Refused {
        /// The SQLSTATE.
        code: String,
        /// In Postgres's words.
        message: String,
    },
    /// The connection is gone.
    Gone(String),
}

impl Trouble {
    /// For a finding that was skipped.
    pub fn sentence(&self) -> String {
        match self {
            Self::NoOwner { login } => format!(
                "The login {login} may not become presence_owner, so this was not looked at; ask again \
                    with the login that migrates."
            ),
            Self::TookTooLong => "This took too long and was given up.".to_owned(),
            Self::Refused { code, message } => format!("Postgres would not say: {message} ({code})."),
            Self::Gone(cause) => format!("The connection was lost: {cause}."),
        }
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal)
                if [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(refusal.code()) =>
            {
                Self::TookTooLong
            }
            Some(refusal) if refusal.code().code().starts_with("57P") => {
                Self::Gone(refusal.message().to_owned())
            }
            Some(refusal) => Self::Refused {
                code: refusal.code().code().to_owned(),
                message: refusal.message().to_owned(),
            },
            None => Self::Gone(root_cause(&error)),
        }
    }
}

/// The innermost cause: "Connection refused" rather than "error connecting to server".
pub fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    text.trim_start_matches("FATAL: ")
        .trim_start_matches("ERROR: ")
        .to_owned()
}

/// A connection of the doctor's, without anything asked yet; the error is in words.
pub async fn link(url: &str) -> Result<Link, String> {
    let target = Target::parse(url, "pg-presence doctor").map_err(|why| why.to_string())?;
    let link = target.within(Duration::from_secs(10)).connect().await;
    link.map_err(|why| why.to_string())
}

impl Patient {
    /// Connects and asks the first questions; the error is in words.
    pub async fn meet(options: &Options) -> Result<Self, String> {
        let Link {
            client,
            connection,
            is_encrypted,
            trust,
        } = link(&options.url).await?;
        // The connection ends with the client; what it fails of, the client's next call reports.
        tokio::spawn(connection);
        let row = client
            .query_typed(FACTS, &[])
            .await
            .map_err(|error| root_cause(&error))?
            .pop()
            .ok_or("no answer")?;
        Ok(Self {
            options: options.clone(),
            version: row.get("number"),
            login: row.get("login"),
            database: row.get("database"),
            is_superuser: row.get("is_superuser"),
            is_installed: row.get("is_installed"),
            may_own: row.get("may_own"),
            is_encrypted,
            trust,
            version_text: row.get("version"),
            gone: Mutex::new(None),
            client,
        })
    }

    /// Who was asked, as whom.
    pub fn introduction(&self) -> Finding {
        let version = self.version_text.split(' ').next().unwrap_or_default();
        let Self { database, login, .. } = self;
        Finding::ok(
            "server.reachable",
            format!("The database {database} answers, on Postgres {version}, to the login {login}."),
        )
    }

    /// All rows of a question; `$1` and so on are texts.
    ///
    /// Never a named statement: a pooler in transaction mode would lose it, and the settings with it, if they were not
    /// those of the transaction.
    pub async fn ask(&self, whom: As<'_>, sql: &str, arguments: &[&str]) -> Result<Vec<Row>, Trouble> {
        let arguments: Vec<(&(dyn ToSql + Sync), Type)> = arguments
            .iter()
            .map(|text| (text as &(dyn ToSql + Sync), Type::TEXT))
            .collect();
        self.answer(whom, "", async || self.client.query_typed(sql, &arguments).await)
            .await
    }

    /// What a call says within a transaction that is read-only, bounded, and as this role.
    async fn answer<T>(
        &self,
        whom: As<'_>,
        settings: &str,
        call: impl AsyncFnOnce() -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Trouble> {
        if let Some(cause) = self.gone.lock().expect("nobody panics with it").clone() {
            return Err(Trouble::Gone(cause));
        }
        let role = match whom {
            As::Login => String::new(),
            As::Owner if !self.may_own => {
                return Err(Trouble::NoOwner {
                    login: self.login.clone(),
                });
            }
            As::Owner => "set local role presence_owner;".to_owned(),
            As::Role(name) => format!("set local role {};", identifier(name)),
        };
        let patience = self.options.patience.as_millis();
        let begin = format!(
            "begin read only; set local statement_timeout = {patience}; set local lock_timeout = {patience};
             set local search_path = pg_catalog, pg_temp; set local jit = off; set local timezone = 'UTC';
             {settings} {role}"
        );
        let answer = async {
            self.client.batch_execute(&begin).await?;
            call().await
        };
        let answer = match tokio::time::timeout(self.options.patience * 2, answer).await {
            Ok(answer) => answer.map_err(Trouble::from),
            Err(_) => Err(Trouble::Gone("it does not answer any more".to_owned())),
        };
        match &answer {
            Err(Trouble::Gone(cause)) => {
                *self.gone.lock().expect("nobody panics with it") = Some(cause.clone());
            }
            _ => self.client.batch_execute("rollback").await?,
        }
        answer
    }

    /// The plan of a query as presence_owner, as JSON, with these settings.
    pub async fn plan(&self, settings: &str, query: &str) -> Result<serde_json::Value, Trouble> {
        let sql = format!("explain (verbose, format json) {query}");
        let rows = self
            .answer(As::Owner, settings, async || self.client.simple_query(&sql).await)
            .await?;
        let text = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let plan: Option<serde_json::Value> = text.and_then(|text| serde_json::from_str(text).ok());
        plan.and_then(|mut plan| plan.get_mut(0).map(|first| first["Plan"].take()))
            .ok_or_else(|| Trouble::Gone("it answers EXPLAIN with no plan".to_owned()))
    }

    /// The one row of a question that has one.
    pub async fn ask_one(&self, whom: As<'_>, sql: &str, arguments: &[&str]) -> Result<Row, Trouble> {
        self.ask(whom, sql, arguments)
            .await?
            .pop()
            .ok_or_else(|| Trouble::Refused {
                code: "P0002".to_owned(),
                message: "no row".to_owned(),
            })
    }

    /// The first column of all rows.
    pub async fn list(&self, whom: As<'_>, sql: &str, arguments: &[&str]) -> Result<Vec<String>, Trouble> {
        let rows = self.ask(whom, sql, arguments).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

/// A name as SQL writes it: quoted where it must be.
pub fn identifier(name: &str) -> String {
    let is_plain = name
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit())
        && !name.is_empty()
        && !RESERVED.contains(&name);
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A table's name for SQL.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// Reserved words that tables and columns of applications are named by.
const RESERVED: &[&str] = &[
    "all",
    "user",
    "order",
    "group",
    "table",
    "end",
    "default",
    "check",
    "column",
    "primary",
    "references",
    "select",
    "from",
    "to",
    "when",
    "case",
    "limit",
    "offset",
    "desc",
    "asc",
    "as",
    "and",
    "or",
    "not",
    "null",
    "true",
    "false",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (name, written) in [
            ("membership", "membership"),
            ("room_2", "room_2"),
            ("userId", "\"userId\""),
            ("user", "\"user\""),
            ("2nd", "\"2nd\""),
            ("a\"b", "\"a\"\"b\""),
        ] {
            assert_eq!(identifier(name), written);
        }
    }
}
