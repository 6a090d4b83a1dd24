//! Who may do what in SQL, by logins of their own and never by SET ROLE from a superuser (FAULTS 63, 64).

use tokio_postgres::Client;

use crate::support::{app::service_url, db::TestDb, server::connect};

const BEAT: &str = "select presence.heartbeat('general', 'alice', '00000000-0000-0000-0000-000000000001')";

/// What the service calls, beside what trusted backends may call too.
const SERVICE_ONLY: &[&str] = &[
    "select presence.heartbeat_batch('{general}', '{alice}', array[gen_random_uuid()])",
    "select presence.leave_batch('{general}', '{alice}', array[gen_random_uuid()])",
    "select presence.read_rooms('{general}', array[null::uuid], array[null::bigint], '{general}', '{alice}')",
    "select presence.node_settings()",
    "select presence.node_secrets()",
    "select presence.configure()",
];

const EVERYBODY: &[&str] = &[
    BEAT,
    "select presence.snapshot('alice', 'general')",
    "select presence.event_snapshot('alice', 'gala')",
    "select presence.where_now('alice', 'bob')",
    "select presence.room_counts('alice')",
    "select presence.absent_members('alice', 'general')",
    "select presence.why('alice', 'general')",
    "select presence.leave('general', 'alice', '00000000-0000-0000-0000-000000000001')",
    "select presence.remove_member('general', 'alice')",
    "select presence.remove_room('general')",
    "select presence.leave_everywhere('alice')",
    "select presence.evict()",
    "select presence.reap()",
];

const RELATIONS: &str = "\
select c.oid::regclass::text, c.relkind::text, \
       (select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum = 1) \
  from pg_class c join pg_namespace n on n.oid = c.relnamespace \
 where n.nspname in ('presence', 'presence_private', 'presence_host', 'event_app') and c.relkind in ('r', 'p', 'v', 'm', 'S')";

async fn code(sql: &Client, statement: &str) -> Option<String> {
    let error = sql.batch_execute(statement).await.err()?;
    Some(error.code().expect(statement).code().to_owned())
}

async fn list(sql: &Client, query: &str) -> Vec<String> {
    let rows = sql.query(query, &[]).await.expect(query);
    rows.iter().map(|row| row.get(0)).collect()
}

/// Tries everything on every table, and asks for every right on every relation.
async fn assert_no_right_on_any_relation(login: &Client, admin: &Client) {
    let relations = admin.query(RELATIONS, &[]).await.expect("the catalogue");
    assert!(relations.len() > 15, "it sees them");
    for row in &relations {
        let (name, kind, column): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        let mut tries = vec![format!("select from {name}")];
        if kind == "r" {
            tries.extend([
                format!("insert into {name} default values"),
                format!("update {name} set {column} = {column}"),
                format!("delete from {name}"),
                format!("truncate {name}"),
            ]);
        }
        for statement in tries {
            assert_eq!(
                code(login, &statement).await.as_deref(),
                Some("42501"),
                "{statement}"
            );
        }
    }
    let whoami: String = login
        .query_one("select current_user::text", &[])
        .await
        .expect("a name")
        .get(0);
    let rights = format!(
        "select r.name || ' ' || p.name from ({RELATIONS}) as r(name, kind, first), \
                unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as p(name) \
          where r.kind <> 'S' and has_table_privilege('{whoami}', r.name, p.name)"
    );
    assert_eq!(list(admin, &rights).await, [""; 0]);
}

#[tokio::test]
async fn the_service_calls_the_api_and_touches_no_table() {
    let Some(db) = TestDb::new().await else { return };
    let service = connect(&service_url(db.url()))
        .await
        .expect("the service's login");

    for call in EVERYBODY.iter().chain(SERVICE_ONLY) {
        assert_eq!(code(&service, call).await, None, "{call}");
    }

    assert_no_right_on_any_relation(&service, &db.admin().await).await;
    let superuser = "select 'a superuser' where current_setting('is_superuser') = 'on'";
    assert_eq!(list(&service, superuser).await, [""; 0]);
}

#[tokio::test]
async fn a_trusted_backend_reads_the_views_and_calls_the_writes() {
    let Some(db) = TestDb::new().await else { return };
    let url = db
        .login("presence_test_app", "grant presence_app to $login")
        .await;
    let backend = connect(&url).await.expect("a backend's login");

    for call in EVERYBODY {
        assert_eq!(code(&backend, call).await, None, "{call}");
    }
    for call in SERVICE_ONLY {
        assert_eq!(code(&backend, call).await.as_deref(), Some("42501"), "{call}");
    }

    let views = "select c.oid::regclass::text from pg_class c \
                 where c.relnamespace = 'presence'::regnamespace and c.relkind = 'v'";
    let mut views = list(&db.admin().await, views).await;
    views.sort_unstable();
    for view in &views {
        assert_eq!(
            code(&backend, &format!("select * from {view}")).await,
            None,
            "{view}"
        );
        let write = format!("delete from {view}");
        assert!(code(&backend, &write).await.is_some(), "{write}");
    }
    assert!(views.len() >= 4, "{views:?}");
    for private in [
        "presence_private.session",
        "presence_private.secret",
        "presence_private.member",
    ] {
        let read = format!("select from {private}");
        assert_eq!(code(&backend, &read).await.as_deref(), Some("42501"), "{read}");
    }
}

#[tokio::test]
async fn a_viewer_and_a_stranger_can_do_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let logins = [
        db.login("presence_test_viewer", "grant presence_viewer to $login")
            .await,
        db.login("presence_test_stranger", "").await,
    ];

    for url in &logins {
        let login = connect(url).await.expect("a login");
        for call in EVERYBODY.iter().chain(SERVICE_ONLY) {
            assert_eq!(code(&login, call).await.as_deref(), Some("42501"), "{call}");
        }
        assert_no_right_on_any_relation(&login, &db.admin().await).await;
    }
}

#[tokio::test]
async fn only_the_roles_of_presence_execute_anything() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let grants = |condition: &str| {
        format!(
            "select p.oid::regprocedure::text || ' by ' || case a.grantee when 0 then 'public' else a.grantee::regrole::text end \
               from pg_proc p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a \
              where p.pronamespace in ('presence'::regnamespace, 'presence_private'::regnamespace) and {condition}"
        )
    };

    let public = list(&admin, &grants("a.grantee = 0")).await;
    let private = list(
        &admin,
        &grants("a.grantee <> p.proowner and p.pronamespace = 'presence_private'::regnamespace"),
    )
    .await;
    let others = list(
        &admin,
        &grants("a.grantee not in (p.proowner, 'presence_service'::regrole, 'presence_app'::regrole)"),
    )
    .await;

    assert_eq!([public, private, others], [const { Vec::<String>::new() }; 3]);
    let schemas = "select n.nspname || ' ' || a.privilege_type from pg_namespace n \
                   cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a \
                   where n.nspname like 'presence%' and a.grantee <> n.nspowner \
                     and (n.nspname <> 'presence' or a.privilege_type <> 'USAGE' or a.grantee = 0)";
    assert_eq!(list(&admin, schemas).await, [""; 0]);
}

#[tokio::test]
async fn definers_pin_their_search_path_and_are_no_superusers() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let loose = "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                 where n.nspname like 'presence%' and p.prosecdef \
                   and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)";
    let definers = "select p.oid::regprocedure::text from pg_proc p \
                    where p.pronamespace = 'presence'::regnamespace and p.prosecdef";
    let owners = "select distinct r.rolname::text || ' ' || r.rolsuper || ' ' || r.rolcanlogin from pg_roles r where r.oid in \
                  (select p.proowner from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname like 'presence%' \
                   union all select c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname like 'presence%' \
                   union all select t.typowner from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname like 'presence%' \
                   union all select n.nspowner from pg_namespace n where n.nspname like 'presence%')";

    assert_eq!(list(&admin, loose).await, [""; 0]);
    assert!(list(&admin, definers).await.len() > 15);
    assert_eq!(list(&admin, owners).await, ["presence_owner false false"]);
}

/// FAULTS 64: temporary tables named as ours, and as the catalogue's.
#[tokio::test]
async fn temporary_tables_hijack_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let (service, admin) = (
        connect(&service_url(db.url()))
            .await
            .expect("the service's login"),
        db.admin().await,
    );
    let names = "select c.relname::text from pg_class c where c.relkind = 'r' \
                 and c.relnamespace in ('presence_private'::regnamespace, 'event_app'::regnamespace)";
    let mut names = list(&admin, names).await;
    names.extend(["pg_type", "pg_database", "pg_roles", "members"].map(str::to_owned));
    for name in &names {
        let mine = format!(
            "create temp table {name} (one boolean, room_id text, user_id text, ttl interval, key bytea)"
        );
        assert_eq!(code(&service, &mine).await, None, "{mine}");
    }
    let types = "create type pg_temp.beat as (outcome text); create domain pg_temp.uuid as text; set search_path = pg_temp, presence_private";
    assert_eq!(code(&service, types).await, None);

    for call in EVERYBODY.iter().take(7).chain(SERVICE_ONLY) {
        let qualified = call.replace("gen_random_uuid", "pg_catalog.gen_random_uuid");
        let qualified = qualified.replace("::uuid", "::pg_catalog.uuid");
        assert_eq!(code(&service, &qualified).await, None, "{call}");
    }

    for name in &names {
        assert_eq!(
            list(&service, &format!("select 'a row' from pg_temp.{name}")).await,
            [""; 0],
            "{name}"
        );
    }
    let here = "select user_id::text || ' ' || sessions from presence.members";
    assert_eq!(list(&admin, here).await, ["alice 2"]);
}
