//! Views join with the application's tables on their own key types with their own indexes, a filter on room or user
//! reaches ours, and a viewer's read touches the rooms that it may see.

use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{list, run, viewer},
};

/// A type of ids: its name, how number `n` is written in SQL, and number 7.
struct Ids {
    name: &'static str,
    number: &'static str,
    seven: &'static str,
}

const TEXT: Ids = Ids {
    name: "text",
    number: "(''k'' || n)::text",
    seven: "'k7'",
};

const UUID: Ids = Ids {
    name: "uuid",
    number: "(''00000000-0000-4000-8000-'' || lpad(n::text, 12, ''0''))::uuid",
    seven: "'00000000-0000-4000-8000-000000000007'",
};

const BIGINT: Ids = Ids {
    name: "bigint",
    number: "n",
    seven: "7",
};

/// 20,000 sessions of 4,000 users in 1,000 rooms, in an application of 20,000 users, and their history.
fn load(ids: &Ids) -> String {
    format!(
        "create function pg_temp.k(n bigint) returns {} language sql immutable as 'select {}';
         insert into event_app.users (id, name) select pg_temp.k(n), 'Name' from generate_series(1, 20000) n;
         insert into event_app.rooms (id, name) select pg_temp.k(n), 'Name' from generate_series(1, 6000) n;
         create temp table here as
         select pg_temp.k(n % 1000 + 1) as room_id, pg_temp.k(n % 4000 + 1 + n / 4000) as user_id, n from generate_series(0, 19999) n;
         insert into event_app.room_participants (room_id, user_id) select room_id, user_id from here on conflict do nothing;
         insert into presence_private.session (session_id, joined_at, beat_at, expires_at, room_id, user_id)
         select gen_random_uuid(), now(), now(), now() + interval '1 h', room_id, user_id from here;
         insert into presence_private.member (joined_at, sessions, room_id, user_id, status)
         select now(), 1, room_id, user_id, 'active' from here on conflict do nothing;
         insert into presence_private.room (room_id) select distinct room_id from here;
         insert into presence_private.last_seen (last_seen_at, since, room_id, user_id)
         select now(), now(), room_id, user_id from here on conflict do nothing;
         insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
         select now() - interval '2 h', now() - n * interval '1 ms', room_id, user_id, 'left' from here on conflict do nothing;
         grant usage on schema event_app to presence_test_plans_app, presence_test_plans_eye;
         grant select on all tables in schema event_app to presence_test_plans_app, presence_test_plans_eye",
        ids.name, ids.number
    )
}

/// A large database, with connections of a superuser, a backend and a viewer, and what is large in it.
struct Large {
    _db: TestDb,
    admin: Client,
    app: Client,
    eye: Client,
    tables: Vec<String>,
    ids: Ids,
}

impl Large {
    async fn open(ids: Ids) -> Option<Self> {
        let db = TestDb::with_ids(ids.name).await?;
        let app = db
            .login("presence_test_plans_app", "grant presence_app to $login")
            .await;
        let eye = viewer(&db, "presence_test_plans_eye", ids.seven.trim_matches('\'')).await;
        let admin = db.admin().await;
        run(&admin, &load(&ids)).await;
        run(&admin, "vacuum analyze").await;
        let tables = "select relname::text from pg_class where relkind = 'r' and reltuples > 900 \
                      and relnamespace in ('presence_private'::regnamespace, 'event_app'::regnamespace)";
        let tables = list(&admin, tables).await;
        let (app, eye) = (
            connect(&app).await.expect("a backend"),
            connect(&eye).await.expect("a viewer"),
        );
        Some(Self {
            _db: db,
            admin,
            app,
            eye,
            tables,
            ids,
        })
    }

    fn with_seven(&self, query: &str) -> String {
        query
            .replace("$7", self.ids.seven)
            .replace("$type", self.ids.name)
    }

    /// No table with many rows is read as a whole.
    fn assert_by_index(&self, plan: &str, query: &str) {
        let read = plan
            .split("Seq Scan on ")
            .skip(1)
            .filter_map(|rest| rest.split_whitespace().next());
        let whole: Vec<&str> = read
            .filter(|table| self.tables.iter().any(|large| large == table))
            .collect();
        assert_eq!(whole, [""; 0], "{query}\n{plan}");
    }

    async fn assert_filters_reach_our_indexes(&self) {
        assert!(self.tables.len() > 7, "{:?}", self.tables);
        for view in ["members", "sessions", "last_seen", "activity_24h"] {
            for filter in FILTERS {
                let query = self.with_seven(&format!("select * from presence.{view} where {filter}"));
                let plan = plan(&self.app, &query).await;
                self.assert_by_index(&plan, &query);
                assert!(plan.contains("Index"), "{query}\n{plan}");
            }
        }
        let query = self.with_seven("select * from presence.rooms where room_id = $7");
        self.assert_by_index(&plan(&self.app, &query).await, &query);
    }

    async fn assert_joins_use_the_application_s_indexes(&self) {
        for (join, index) in JOINS {
            let query = self.with_seven(&format!("select v.* from {join}"));
            let plan = plan(&self.app, &query).await;
            self.assert_by_index(&plan, &query);
            assert!(plan.contains(index), "{query}\n{plan}");
        }
        let choose = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off";
        run(&self.eye, choose).await;
        for (join, index) in VISIBLE_JOINS {
            let query = self.with_seven(&format!("select v.* from {join}"));
            let plan = plan(&self.eye, &query).await;
            assert!(
                plan.contains(index) && plan.contains("Index Cond"),
                "{query}\n{plan}"
            );
        }
        run(&self.eye, "reset all").await;
    }

    async fn assert_reads_touch_what_may_be_seen(&self) {
        for (table, from) in READS {
            let statement = self.with_seven(&format!("select * from presence.{from}"));
            let (rows, read) = self.rows_read(table, &statement).await;
            assert!(
                read <= 2000,
                "{statement} reads {read} rows of {table} for {rows}"
            );
        }
    }

    /// How many rows a viewer's statement returns, and how many of one of our tables it reads, planning apart.
    async fn rows_read(&self, table: &str, statement: &str) -> (usize, i64) {
        let oid = format!("select 'presence_private.{table}'::regclass::oid");
        let oid: u32 = self.admin.query_one(&oid, &[]).await.expect("a table").get(0);
        let read = async || -> i64 {
            let rows = "select pg_stat_get_xact_tuples_returned($1) + pg_stat_get_xact_tuples_fetched($1)";
            self.eye
                .query_one(rows, &[&oid])
                .await
                .expect("statistics")
                .get(0)
        };
        run(&self.eye, statement).await;
        run(&self.eye, "begin").await;
        let before = read().await;
        let rows = self.eye.query(statement, &[]).await.expect(statement).len();
        let read = read().await - before;
        run(&self.eye, "rollback").await;
        (rows, read)
    }
}

const FILTERS: [&str; 5] = [
    "room_id = $7",
    "user_id = $7",
    "room_id = $7 and user_id = $7",
    "room_id in ($7, $7)",
    "room_id = any (array[$7]::$type[])",
];

/// A join, and the index of the application that it is to use; `$7` is number 7.
const JOINS: [(&str, &str); 7] = [
    (
        "presence.members v join event_app.users u on u.id = v.user_id where v.room_id = $7",
        "users_pkey",
    ),
    (
        "presence.sessions v join event_app.rooms r on r.id = v.room_id where v.user_id = $7",
        "rooms_pkey",
    ),
    (
        "presence.last_seen v join event_app.users u on u.id = v.user_id where v.room_id = $7",
        "users_pkey",
    ),
    (
        "presence.activity_24h v join event_app.users u on u.id = v.user_id where v.room_id = $7",
        "users_pkey",
    ),
    (
        "presence.rooms v join event_app.rooms r on r.id = v.room_id where r.id = $7",
        "rooms_pkey",
    ),
    (
        "presence.members v join event_app.rooms r on r.id = v.room_id where r.id = $7",
        "rooms_pkey",
    ),
    (
        "presence.sessions v join event_app.room_participants p on p.room_id = v.room_id and p.user_id = v.user_id where p.user_id = $7",
        "room_participants_",
    ),
];

/// Of these nobody knows beforehand how many rows they return, so whether an index is worth it; that it can be used is a
/// matter of types.
const VISIBLE_JOINS: [(&str, &str); 5] = [
    (
        "presence.visible_members($7) v join event_app.users u on u.id = v.user_id",
        "users_pkey",
    ),
    (
        "presence.visible_members v join event_app.users u on u.id = v.user_id",
        "users_pkey",
    ),
    (
        "presence.visible_last_seen($7) v join event_app.users u on u.id = v.user_id",
        "users_pkey",
    ),
    (
        "presence.visible_rooms v join event_app.rooms r on r.id = v.room_id",
        "rooms_pkey",
    ),
    (
        "presence.visible_rooms v join event_app.room_participants p on p.room_id = v.room_id",
        "room_participants_",
    ),
];

/// What a viewer reads, and which of our tables that must not read as a whole. Number 7 is in 5 rooms of 20.
const READS: [(&str, &str); 8] = [
    ("session", "visible_members($7)"),
    ("session", "visible_members"),
    ("session", "visible_rooms"),
    ("session", "visible_events"),
    ("session", "visible_last_seen"),
    ("last_seen", "visible_last_seen($7)"),
    ("last_seen", "visible_last_seen"),
    ("member", "visible_members"),
];

async fn plan(sql: &Client, query: &str) -> String {
    list(sql, &format!("explain (costs off) {query}"))
        .await
        .join("\n")
}

async fn assert_indexes(ids: Ids) {
    let Some(large) = Large::open(ids).await else {
        return;
    };
    large.assert_filters_reach_our_indexes().await;
    large.assert_joins_use_the_application_s_indexes().await;
    large.assert_reads_touch_what_may_be_seen().await;
}

#[tokio::test]
async fn text_ids_reach_the_indexes_on_both_sides() {
    assert_indexes(TEXT).await;
}

#[tokio::test]
async fn uuids_reach_the_indexes_on_both_sides() {
    assert_indexes(UUID).await;
}

#[tokio::test]
async fn numbers_reach_the_indexes_on_both_sides() {
    assert_indexes(BIGINT).await;
}
