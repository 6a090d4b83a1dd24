//! No role but the owner writes, truncates, creates or triggers anything of ours (FAULTS 63, 64).

use tokio_postgres::Client;

use crate::support::{
    app::service_url,
    db::TestDb,
    server::connect,
    sql::{as_owner, code, list, run},
};

const RELATIONS: &str = "\
select c.oid::regclass::text, c.relkind::text, \
       (select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum = 1) \
  from pg_class c join pg_namespace n on n.oid = c.relnamespace \
 where n.nspname in ('presence', 'presence_private', 'presence_host') and c.relkind in ('r', 'p', 'v', 'm', 'S')";

/// A login of each role, and one without any; each may make schemas and temporary tables.
async fn logins(db: &TestDb) -> Vec<(&'static str, Client)> {
    let mut logins = vec![(
        "presence_service",
        connect(&service_url(db.url())).await.expect("the service"),
    )];
    for (role, login) in [
        ("presence_app", "presence_test_app"),
        ("presence_viewer", "presence_test_viewer"),
        ("no role", "presence_test_stranger"),
    ] {
        let grant = if role == "no role" {
            String::new()
        } else {
            format!("grant {role} to $login")
        };
        let url = db.login(login, &grant).await;
        logins.push((role, connect(&url).await.expect("a login")));
    }
    logins
}

/// What nobody may do to a table or view; `$r` is it, `$c` its first column.
const TO_RELATIONS: [&str; 15] = [
    "insert into $r default values",
    "update $r set $c = $c",
    "delete from $r",
    "truncate $r",
    "create trigger mine after insert on $r for each statement execute function pg_catalog.suppress_redundant_updates_trigger()",
    "create rule mine as on insert to $r do instead nothing",
    "create index on $r ($c)",
    "alter $k $r rename to mine",
    "alter table $r disable trigger all",
    "alter table $r owner to current_user",
    "drop $k $r cascade",
    "comment on $k $r is 'mine'",
    "do 'begin lock table $r in access exclusive mode; end'",
    "create policy mine on $r using (true)",
    "copy $r from stdin",
];

/// FAULTS 63: by trying, on every table and view.
#[tokio::test]
async fn nobody_writes_to_a_table_or_view_of_ours() {
    let Some(db) = TestDb::new().await else { return };
    let relations = db
        .admin()
        .await
        .query(RELATIONS, &[])
        .await
        .expect("the catalogue");
    assert!(relations.len() > 20, "it sees them");

    for (role, login) in logins(&db).await {
        for row in &relations {
            let (name, kind, column): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
            let is_view = kind == "v";
            for way in TO_RELATIONS {
                let statement = way
                    .replace("$r", name)
                    .replace("$c", column)
                    .replace("$k", if is_view { "view" } else { "table" });
                let refused = code(&login, &statement).await;
                // Where it is no table, that may be said first; views that cannot be written to say so.
                let fits = match refused.as_deref() {
                    Some("42501") => true,
                    Some("42809" | "55000" | "42P17" | "0A000") => is_view,
                    Some("428C9") => is_view, // a column that is computed
                    _ => false,
                };
                assert!(fits, "{role}: {statement}: {refused:?}");
            }
            if name.starts_with("presence_private.") || role == "presence_service" || role == "no role" {
                let read = format!("select from {name}");
                assert_eq!(
                    code(&login, &read).await.as_deref(),
                    Some("42501"),
                    "{role}: {read}"
                );
            }
        }
    }
}

/// FAULTS 63: a grant by somebody who has nothing to grant is a warning at most, and nothing is granted.
#[tokio::test]
async fn nobody_grants_what_is_ours() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let rights = "select coalesce(string_agg(concat(c.relname, c.relacl), ',' order by c.oid), '') from pg_class c \
                   where c.relnamespace in (select oid from pg_namespace where nspname like 'presence%') \
                   union all select string_agg(concat(p.proname, p.proacl), ',' order by p.oid) from pg_proc p \
                   where p.pronamespace in (select oid from pg_namespace where nspname like 'presence%') \
                   union all select string_agg(concat(n.nspname, n.nspacl), ',' order by n.oid) from pg_namespace n where n.nspname like 'presence%'";
    let before = list(&admin, rights).await;

    for (role, login) in logins(&db).await {
        for schema in ["presence", "presence_private", "presence_host"] {
            for what in [
                format!("schema {schema}"),
                format!("all tables in schema {schema}"),
                format!("all functions in schema {schema}"),
            ] {
                code(&login, &format!("grant all on {what} to public")).await;
                code(
                    &login,
                    &format!("grant all on {what} to current_user with grant option"),
                )
                .await;
                assert_eq!(list(&admin, rights).await, before, "{role}: {what}");
            }
        }
    }
}

/// FAULTS 63: nothing can be put among ours, taken away, or be had by becoming somebody.
#[tokio::test]
async fn nobody_creates_alters_or_drops_anything_of_ours() {
    let Some(db) = TestDb::new().await else { return };
    let functions = "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                     where n.nspname like 'presence%' and p.prorettype <> 'trigger'::regtype";
    let functions = list(&db.admin().await, functions).await;

    for (role, login) in logins(&db).await {
        let mut tries = vec![
            "set role presence_owner".to_owned(),
            "alter default privileges for role presence_owner grant all on tables to public".to_owned(),
            "alter role presence_owner login password 'x'".to_owned(),
            "alter role presence_owner set search_path = pg_temp".to_owned(),
            "grant presence_owner to current_user".to_owned(),
            "grant presence_app to current_user".to_owned(),
            "reassign owned by presence_owner to current_user".to_owned(),
            "drop owned by presence_owner".to_owned(),
            "alter domain presence.user_id add constraint mine check (false)".to_owned(),
            "drop domain presence.room_id cascade".to_owned(),
            "drop type presence.lease cascade".to_owned(),
        ];
        for schema in ["presence", "presence_private", "presence_host"] {
            tries.extend([
                format!("create table {schema}.mine (x integer)"),
                format!("create view {schema}.mine as select 1"),
                format!("create function {schema}.mine() returns integer language sql as 'select 1'"),
                format!("create type {schema}.mine as (x integer)"),
                format!("create sequence {schema}.mine"),
                format!("create operator {schema}.=== (function = texteq, leftarg = text, rightarg = text)"),
                format!("alter schema {schema} rename to mine"),
                format!("drop schema {schema} cascade"),
            ]);
        }
        for function in &functions {
            tries.push(format!("alter function {function} security invoker"));
            tries.push(format!("alter function {function} reset search_path"));
            tries.push(format!("drop function {function}"));
        }
        for statement in tries {
            let refused = code(&login, &statement).await;
            assert!(
                matches!(refused.as_deref(), Some("42501" | "0LP01")),
                "{role}: {statement}: {refused:?}"
            );
        }
    }
}

/// FAULTS 64: on a table of his own a developer may make triggers, but not with our functions, which append to our queue
/// what the trigger's arguments say.
#[tokio::test]
async fn a_developer_plants_no_trigger_with_our_functions() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let triggers = "select p.oid::regproc::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                    where n.nspname like 'presence%' and p.prorettype = 'trigger'::regtype order by 1";
    let triggers = list(&admin, triggers).await;
    assert!(
        triggers.contains(&"presence_private.note_gone".to_owned()) && triggers.len() >= 4,
        "{triggers:?}"
    );

    for (role, login) in logins(&db).await {
        run(&login, "create temp table own (room_id text, user_id text)").await;
        for function in &triggers {
            for event in [
                "delete on own referencing old table as gone for each statement",
                "update on own for each row",
                "truncate on own for each statement",
            ] {
                let plant = format!(
                    "create trigger mine after {event} execute function {function}('room_id', 'user_id', 'true', '')"
                );
                assert_eq!(
                    code(&login, &plant).await.as_deref(),
                    Some("42501"),
                    "{role}: {plant}"
                );
            }
            let call = format!("select {function}()");
            assert_eq!(
                code(&login, &call).await.as_deref(),
                Some("42501"),
                "{role}: {call}"
            );
        }
    }
    as_owner(&admin, "create temp table own (room_id text, user_id text); create trigger mine after update on own \
                      for each row execute function presence_private.note_changed('room_id', 'user_id', 'true', '')").await;
}
