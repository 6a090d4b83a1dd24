//! A host: an application's database, whose owner is no superuser and migrates presence too.

use pg_presence::migrate::files;
use tokio_postgres::Client;

use crate::support::{db::TestDb, server::connect};

/// An application's database.
pub struct Host {
    /// Kept for as long as the database is needed.
    _db: TestDb,
    /// The owner's URL.
    pub url: String,
    /// The owner's connection.
    pub owner: Client,
}

impl Host {
    /// With this schema, loaded as its owner, a login of this name; nothing without a Postgres.
    pub async fn open(login: &str, platform: &str, schema: &str) -> Option<Self> {
        let db = TestDb::empty().await?;
        let admin = db.admin().await;
        // Other tests' databases are in the same cluster, so the roles may be there, and be somebody else's.
        run(&admin, files::ROLES).await;
        run(&admin, "drop schema presence, presence_private, presence_host").await;
        let rights = format!(
            "alter role $login createrole;
             alter database {} owner to $login;
             do $$ begin
                 if current_setting('server_version_num')::integer >= 160000 then
                     execute 'grant presence_owner to $login with admin option, inherit true, set true';
                 else
                     grant presence_owner to $login;
                 end if;
             end $$",
            db.name()
        );
        let url = db.login(login, &rights).await;
        run(&admin, &platform.replace("$owner", login)).await;
        let owner = connect(&url).await.expect("the owner");
        run(&owner, schema).await;
        Some(Self { _db: db, url, owner })
    }

    /// The plan of a query, as presence_owner sees the tables.
    pub async fn plan(&self, query: &str) -> String {
        run(&self.owner, "begin; set local role presence_owner").await;
        let rows = self
            .owner
            .query(&format!("explain (costs off) {query}"), &[])
            .await;
        run(&self.owner, "rollback").await;
        let rows = rows.expect(query);
        rows.iter().map(|row| row.get::<_, String>(0) + "\n").collect()
    }

    /// One text.
    pub async fn text(&self, query: &str) -> Option<String> {
        text(&self.owner, query).await
    }

    /// The SQLSTATE that a statement is refused with.
    pub async fn refusal(&self, statement: &str) -> Option<String> {
        let error = self.owner.batch_execute(statement).await.err()?;
        Some(error.code().expect(statement).code().to_owned())
    }

    /// A heartbeat of this user in this room, in a tab of their own.
    pub async fn beat(&self, room: &str, user: &str) -> Option<String> {
        self.refusal(&format!(
            "select presence.heartbeat('{room}', '{user}', md5('{room}{user}')::uuid)"
        ))
        .await
    }

    /// Who is in the room, as one of them sees it: name and role.
    pub async fn members(&self, viewer: &str, room: &str) -> String {
        let members =
            "select coalesce(string_agg(coalesce(s.name, '?') || ' ' || s.role, ', ' order by s.name), '')";
        let query =
            format!("{members} from presence.snapshot('{viewer}', '{room}') s where s.user_id is not null");
        self.text(&query).await.unwrap_or_default()
    }

    /// Why the last presence of this user in this room ended.
    pub async fn reason(&self, room: &str, user: &str) -> Option<String> {
        let query =
            format!("select reason from presence.last_seen where room_id = '{room}' and user_id = '{user}'");
        self.text(&query).await
    }

    /// Ends what the tables no longer allow; how many sessions ended.
    pub async fn evict(&self) -> i32 {
        let row = self.owner.query_one("select presence.evict()", &[]).await;
        row.expect("evicts").get(0)
    }
}

/// Runs statements.
pub async fn run(sql: &Client, statements: &str) {
    if let Err(error) = sql.batch_execute(statements).await {
        panic!("{error:?}\n{statements}");
    }
}

/// One text.
pub async fn text(sql: &Client, query: &str) -> Option<String> {
    sql.query_one(query, &[]).await.expect(query).get(0)
}
