//! A database for each test: cloned from a template that is made once a run for each id type.
//!
//! NOTIFY crosses schemas, so a schema is no isolation. Clones are made and dropped by the server's own thread, on
//! connections that outlive each test's runtime.

use std::collections::HashMap;

use anyhow::Context;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Client;

use pg_presence::{
    domain::{IdType, IdTypes},
    migrate::{self, MigrateOptions},
};

use super::{
    app::SERVICE_LOGIN,
    server::{connect, server},
};

/// How databases of tests are named, so that the remains of a run that was killed can be told by the next.
const PREFIX: &str = "presence_test_";

/// The class of the advisory locks by which a run shows that it lives; any number that nobody else uses.
const LOCK_CLASS: i32 = 0x7072_7465;

/// Makes an empty database into what every test begins with: migrated for this id type, with the reference
/// application. Its connections must be closed at the end: a template has none.
pub async fn prepare_template(url: &str, id_type: &str) -> anyhow::Result<()> {
    let id_type = IdType::parse(id_type).context("an id type")?;
    let id_types = IdTypes {
        user: id_type,
        room: id_type,
        event: id_type,
    };
    let options = MigrateOptions {
        id_types: Some(id_types),
        ..MigrateOptions::default()
    };
    migrate::migrate(url, &options).await?;
    migrate::load_event_app(url).await?;
    let client = connect(url).await?;
    client
        .batch_execute(&format!(
            "do $$ begin create role {SERVICE_LOGIN} login password '{SERVICE_LOGIN}';
               exception when duplicate_object or unique_violation then null; end $$;
             grant presence_service to {SERVICE_LOGIN};"
        ))
        .await?;
    Ok(())
}

/// A test's own database.
#[derive(Debug)]
pub struct TestDb {
    url: String,
    name: String,
    orders: mpsc::UnboundedSender<Order>,
}

impl TestDb {
    /// With text ids; nothing (and the test counted as skipped) without a Postgres.
    pub async fn new() -> Option<Self> {
        Self::with_ids("text").await
    }

    /// With ids of this type: `text`, `uuid` or `bigint`.
    pub async fn with_ids(id_type: &'static str) -> Option<Self> {
        Self::order(Some(id_type)).await
    }

    /// With nothing in it.
    pub async fn empty() -> Option<Self> {
        Self::order(None).await
    }

    async fn order(id_type: Option<&'static str>) -> Option<Self> {
        let databases = &server()?.databases;
        let (reply, made) = oneshot::channel();
        let orders = databases.orders.clone();
        orders
            .send(Order::Clone { id_type, reply })
            .expect("the server's thread lives as long as the process");
        let name = made
            .await
            .expect("each order is answered")
            .expect("a database is cloned");
        Some(Self {
            url: with_database(&databases.url, &name),
            name,
            orders,
        })
    }

    /// A superuser's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A superuser's connection, driven by the calling test's runtime.
    pub async fn admin(&self) -> Client {
        connect(&self.url).await.expect("the tests' Postgres answers")
    }

    /// The URL of a login with these rights, SQL in which `$login` is its name. Logins belong to the whole cluster, and
    /// stay: each test takes a name of its own, and names no other object in the rights that is not in this database.
    pub async fn login(&self, name: &str, rights: &str) -> String {
        let sql = format!(
            "do $$ begin create role $login login password '$login';
               exception when duplicate_object or unique_violation then null; end $$; {rights}"
        );
        self.admin()
            .await
            .batch_execute(&sql.replace("$login", name))
            .await
            .expect("a login is made");
        with_login(&self.url, name)
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        // At the end of the process nobody is left to do it: then the directory goes, or the next run sweeps.
        drop(self.orders.send(Order::Drop {
            name: self.name.clone(),
        }));
    }
}

/// How a test orders databases.
#[derive(Debug)]
pub(super) struct Databases {
    url: String,
    orders: mpsc::UnboundedSender<Order>,
}

#[derive(Debug)]
enum Order {
    Clone {
        /// None: an empty database.
        id_type: Option<&'static str>,
        reply: oneshot::Sender<anyhow::Result<String>>,
    },
    Drop {
        name: String,
    },
}

/// Makes databases, one at a time: a clone takes some 20 ms, and several at once are no faster.
#[derive(Debug)]
pub(super) struct Cloner {
    url: String,
    key: i32,
    admin: Client,
    orders: mpsc::UnboundedReceiver<Order>,
    templates: HashMap<&'static str, String>,
    count: usize,
}

/// Begins with a server; one that others use too (`is_ours` is false) is rid of what dead runs left there.
pub(super) async fn open(url: &str, is_ours: bool) -> anyhow::Result<(Databases, Cloner)> {
    let admin = connect(url).await.context("TEST_DATABASE_URL does not answer")?;
    let superuser = admin
        .query_one("select current_setting('is_superuser') = 'on'", &[])
        .await?;
    anyhow::ensure!(
        superuser.get::<_, bool>(0),
        "TEST_DATABASE_URL must be a superuser's"
    );
    let key = i32::from_be_bytes(uuid::Uuid::new_v4().as_bytes()[..4].try_into()?);
    admin
        .execute("select pg_advisory_lock($1, $2)", &[&LOCK_CLASS, &key])
        .await?;
    if !is_ours {
        sweep(&admin).await.context("the databases of an earlier run")?;
    }
    let (send, orders) = mpsc::unbounded_channel();
    let cloner = Cloner {
        url: url.to_owned(),
        key,
        admin,
        orders,
        templates: HashMap::new(),
        count: 0,
    };
    Ok((
        Databases {
            url: url.to_owned(),
            orders: send,
        },
        cloner,
    ))
}

/// Drops the databases of runs that no longer hold their lock.
async fn sweep(admin: &Client) -> anyhow::Result<()> {
    let named = "select datname::text from pg_database where starts_with(datname::text, $1)";
    for row in admin.query(named, &[&PREFIX]).await? {
        let name: String = row.get(0);
        let key = name[PREFIX.len()..]
            .split('_')
            .next()
            .and_then(|key| u32::from_str_radix(key, 16).ok());
        let Some(key) = key.map(u32::cast_signed) else {
            continue;
        };
        let dead = admin
            .query_one("select pg_try_advisory_lock($1, $2)", &[&LOCK_CLASS, &key])
            .await?;
        if dead.get(0) {
            admin
                .batch_execute(&format!("drop database if exists {name} with (force)"))
                .await?;
            admin
                .execute("select pg_advisory_unlock($1, $2)", &[&LOCK_CLASS, &key])
                .await?;
        }
    }
    Ok(())
}

impl Cloner {
    /// Serves orders for as long as the process lives.
    pub(super) async fn run(mut self) {
        let dropper = connect(&self.url)
            .await
            .expect("the server that answered a moment ago");
        let (send, mut names) = mpsc::unbounded_channel::<String>();
        // Beside the clones: with its backends to be ended first, a drop takes five times as long.
        tokio::spawn(async move {
            while let Some(name) = names.recv().await {
                // By force: pools of a finished test may not have closed yet. A failure costs space alone.
                drop(
                    dropper
                        .batch_execute(&format!("drop database {name} with (force)"))
                        .await,
                );
            }
        });
        while let Some(order) = self.orders.recv().await {
            match order {
                Order::Clone { id_type, reply } => drop(reply.send(self.clone_template(id_type).await)),
                Order::Drop { name } => send.send(name).expect("the dropper lives as long as this thread"),
            }
        }
    }

    async fn clone_template(&mut self, id_type: Option<&'static str>) -> anyhow::Result<String> {
        let template = match id_type.map(|id_type| (id_type, self.templates.get(id_type))) {
            None => "template1".to_owned(),
            Some((_, Some(template))) => template.clone(),
            Some((id_type, None)) => self
                .make_template(id_type)
                .await
                .with_context(|| format!("the template for {id_type} ids"))?,
        };
        self.count += 1;
        let name = self.name(&self.count.to_string());
        self.admin
            .batch_execute(&format!("create database {name} template {template}"))
            .await?;
        Ok(name)
    }

    async fn make_template(&mut self, id_type: &'static str) -> anyhow::Result<String> {
        let name = self.name(&format!("template_{id_type}"));
        // A template that could not be finished is made anew.
        self.admin
            .batch_execute(&format!("drop database if exists {name} with (force)"))
            .await?;
        self.admin
            .batch_execute(&format!("create database {name}"))
            .await?;
        prepare_template(&with_database(&self.url, &name), id_type).await?;
        self.templates.insert(id_type, name.clone());
        Ok(name)
    }

    fn name(&self, end: &str) -> String {
        format!("{PREFIX}{:08x}_{end}", self.key)
    }
}

/// The URL with another database in it.
pub fn with_database(url: &str, database: &str) -> String {
    let (base, parameters) = match url.split_once('?') {
        Some((base, parameters)) => (base, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let authority = base.find("://").map_or(0, |colon| colon + 3);
    let end = base[authority..]
        .find('/')
        .map_or(base.len(), |slash| authority + slash);
    format!("{}/{database}{parameters}", &base[..end])
}

/// The URL with another login in it, whose password is its name.
pub fn with_login(url: &str, login: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{login}:{login}@{host}")
}
