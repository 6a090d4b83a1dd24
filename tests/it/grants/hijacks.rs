//! What runs with the owner's rights finds nothing that its caller put in the way: temporary tables, types, functions and
//! operators (FAULTS 64). For viewers see also `viewers::spoofs`.

use std::sync::{Arc, Mutex};

use tokio_postgres::Client;

use super::{BACKENDS, BEAT, ERASE, SERVICE_ONLY, VIEWERS, WHOAMI};
use crate::support::{
    app::service_url,
    db::TestDb,
    server::connect,
    sql::{code, connect_aloud, list, run, viewer},
};

/// Tables of the catalogue that our functions read, and views of ours.
const OTHERS: [&str; 13] = [
    "pg_type",
    "pg_database",
    "pg_roles",
    "pg_class",
    "pg_inherits",
    "pg_attribute",
    "pg_namespace",
    "members",
    "last_seen_view",
    "stay",
    "rooms",
    "events",
    "visible_members",
];

/// Puts a table of each name in the way, with rows in none of them; returns the names.
async fn in_the_way(login: &Client, admin: &Client) -> Vec<String> {
    let names = "select distinct c.relname::text from pg_class c where c.relkind in ('r', 'p', 'v') \
                 and c.relnamespace in ('presence_private'::regnamespace, 'event_app'::regnamespace)";
    let mut names = list(admin, names).await;
    names.extend(OTHERS.map(str::to_owned));
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let mine = format!(
            "create temp table {name} (one boolean, room_id text, user_id text, event_id text, login name, setting text, claim text, \
             ttl interval, key bytea, kind text, oid oid, rolname name, alive_at timestamptz); grant all on {name} to public"
        );
        run(login, &mine).await;
    }
    run(
        login,
        "create type pg_temp.beat as (outcome text); create type pg_temp.touch as (x text); create type pg_temp.said as (x text);
         create domain pg_temp.uuid as text; create domain pg_temp.presence_user_id as text",
    )
    .await;
    names
}

async fn assert_untouched(login: &Client, names: &[String]) {
    for name in names {
        let rows = list(login, &format!("select 'a row' from pg_temp.{name}")).await;
        assert_eq!(rows, [""; 0], "{name}");
    }
}

/// Functions and operators that our bodies call by their plain names.
const PLANTS: &str = "\
create schema mine; grant usage on schema mine to public;
create function mine.caught(what text) returns text language plpgsql as
  $$ begin raise notice 'CAUGHT % as %', what, current_user; return what; end $$;
create function mine.quote_ident(text) returns text language sql as $$ select mine.caught('quote_ident') $$;
create function mine.statement_timestamp() returns timestamptz language sql as $$ select mine.caught('clock'); select pg_catalog.now() $$;
create function mine.clock_timestamp() returns timestamptz language sql as $$ select mine.caught('clock'); select pg_catalog.now() $$;
create function mine.gen_random_uuid() returns pg_catalog.uuid language sql as $$ select mine.caught('uuid'); select pg_catalog.gen_random_uuid() $$;
create function mine.set_config(text, text, boolean) returns text language sql as $$ select mine.caught('set_config') $$;
create function mine.current_setting(text, boolean) returns text language sql as $$ select mine.caught('current_setting') $$;
create function mine.pg_notify(text, text) returns void language sql as $$ select mine.caught('pg_notify') $$;
create function mine.format(text, variadic text[]) returns text language sql as $$ select mine.caught('format') $$;
create function mine.char_length(text) returns integer language sql as $$ select pg_catalog.length(mine.caught('char_length')) $$;
create function mine.unnest(anyarray) returns setof anyelement language sql as $$ select mine.caught('unnest'); select pg_catalog.unnest($1) $$;
create function mine.text_is(text, text) returns boolean language sql as $$ select mine.caught('=') is not null $$;
create function mine.later(timestamptz, timestamptz) returns boolean language sql as $$ select mine.caught('>') is not null $$;
create function mine.joined(text, text) returns text language sql as $$ select mine.caught('||') $$;
create operator mine.= (function = mine.text_is, leftarg = text, rightarg = text);
create operator mine.> (function = mine.later, leftarg = timestamptz, rightarg = timestamptz);
create operator mine.|| (function = mine.joined, leftarg = text, rightarg = text);
set search_path = mine, pg_temp, presence_private, pg_catalog;";

async fn planted(url: &str) -> (Client, Arc<Mutex<String>>) {
    let (login, said) = connect_aloud(url).await;
    run(&login, PLANTS).await;
    (login, said)
}

/// The calls, by names that a search path cannot mistake.
fn qualified(calls: &[&str]) -> Vec<String> {
    let qualify = |call: &&str| {
        call.replace("gen_random_uuid", "pg_catalog.gen_random_uuid")
            .replace("::uuid", "::pg_catalog.uuid")
    };
    calls.iter().map(qualify).collect()
}

async fn hijack(db: &TestDb, url: &str, calls: &[&str]) -> Vec<String> {
    let admin = db.admin().await;
    run(&admin, "drop schema if exists mine cascade").await;
    let (login, said) = planted(url).await;
    let names = in_the_way(&login, &admin).await;
    said.lock().expect("no panic").clear();

    for call in qualified(calls) {
        assert_eq!(code(&login, &call).await, None, "{call}");
    }

    let said = said.lock().expect("no panic").clone();
    assert!(!said.contains("CAUGHT"), "{said}");
    assert_untouched(&login, &names).await;
    let here = "select room_id || ' ' || user_id || ' ' || sessions from presence.members order by 1";
    list(&admin, here).await
}

/// FAULTS 64.
#[tokio::test]
async fn nothing_in_the_service_s_way_is_used() {
    let Some(db) = TestDb::new().await else { return };
    let rights = format!(
        "grant presence_service to $login; grant create on database {} to $login",
        db.name()
    );
    let url = db.login("presence_test_hijacking_service", &rights).await;
    let until_the_end = BACKENDS.len() - 6; // then they leave

    let here = hijack(&db, &url, &[&BACKENDS[..until_the_end], SERVICE_ONLY].concat()).await;
    assert_eq!(here, ["general alice 3"]);

    assert_eq!(hijack(&db, &url, BACKENDS).await, [""; 0]);
}

/// FAULTS 64.
#[tokio::test]
async fn nothing_in_a_backend_s_way_is_used() {
    let Some(db) = TestDb::new().await else { return };
    let rights = format!(
        "grant presence_app to $login; grant create on database {} to $login",
        db.name()
    );
    let url = db.login("presence_test_hijacking_app", &rights).await;
    let until_the_end = BACKENDS.len() - 6;

    let here = hijack(
        &db,
        &url,
        &[&BACKENDS[..until_the_end], &[WHOAMI, ERASE]].concat(),
    )
    .await;
    assert_eq!(here, ["general alice 1"]);

    assert_eq!(hijack(&db, &url, BACKENDS).await, [""; 0]);
}

/// FAULTS 64: the views too, which a backend reads with our names qualified.
#[tokio::test]
async fn nothing_in_a_viewer_s_way_is_used() {
    let Some(db) = TestDb::new().await else { return };
    run(&db.admin().await, BEAT).await;
    let url = viewer(&db, "presence_test_hijacking_viewer", "bob").await;
    db.login(
        "presence_test_hijacking_viewer",
        &format!("grant create on database {} to $login", db.name()),
    )
    .await;

    let views = [
        "select * from presence.visible_members",
        "select * from presence.visible_rooms",
        "select * from presence.visible_events",
        "select * from presence.visible_last_seen",
    ];
    let here = hijack(&db, &url, &[VIEWERS, &[WHOAMI], &views].concat()).await;
    assert_eq!(here, ["general alice 1"]);

    let bob = connect(&url).await.expect("the same login");
    let seen = "select user_id::text from presence.visible_members";
    assert_eq!(list(&bob, seen).await, ["alice"]);
}

/// FAULTS 64: our triggers run for whoever writes the application's tables, and for the owner.
#[tokio::test]
async fn nothing_in_the_way_of_our_triggers_is_used() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    run(&admin, BEAT).await;
    let rights = format!(
        "grant usage on schema event_app to $login; grant select, delete, update, truncate on all tables in schema event_app to $login;
         grant create on database {} to $login",
        db.name()
    );
    let url = db.login("presence_test_developer", &rights).await;
    let (developer, said) = planted(&url).await;
    let names = in_the_way(&developer, &admin).await;
    said.lock().expect("no panic").clear();

    for write in [
        "delete from event_app.room_participants where user_id operator(pg_catalog.=) 'alice' and room_id operator(pg_catalog.=) 'general'",
        "update event_app.room_participants set role operator(pg_catalog.=) 'vendor'",
        "truncate event_app.room_participants",
    ] {
        let write = write.replace("set role operator(pg_catalog.=)", "set role =");
        assert_eq!(code(&developer, &write).await, None, "{write}");
    }

    assert!(
        !said.lock().expect("no panic").contains("CAUGHT"),
        "nothing was called"
    );
    assert_untouched(&developer, &names).await;
    let queued = "select coalesce(room_id, 'all') || ' ' || coalesce(user_id, 'all') from presence_private.eviction order by ctid limit 2";
    assert_eq!(list(&admin, queued).await[0], "general alice");
    let epoch = "select epoch::text from presence_private.epoch";
    let before = list(&admin, epoch).await;
    run(&admin, "create temp table epoch (one boolean, system_identifier bigint, database_oid oid); create temp table alive (lost_at timestamptz); \
                 set role presence_owner; truncate presence_private.session; reset role").await;
    assert_ne!(list(&admin, epoch).await, before);
    assert_eq!(list(&admin, "select 'a row' from pg_temp.epoch").await, [""; 0]);
}

/// Anybody who can connect may take an advisory lock and keep it; nothing of ours waits for one that has a known name.
#[tokio::test]
async fn a_stranger_s_advisory_locks_hold_up_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let stranger = connect(&db.login("presence_test_stranger", "").await)
        .await
        .expect("a login");
    run(
        &stranger,
        "select pg_advisory_lock(hashtext('presence.reap')), pg_advisory_lock(hashtext('presence.epoch'))",
    )
    .await;
    let service = connect(&service_url(db.url()))
        .await
        .expect("the service's login");
    run(&service, "set statement_timeout = '20 s'").await;

    run(
        &admin,
        "truncate presence_private.session, presence_private.epoch",
    )
    .await;
    run(&admin, "delete from presence_private.epoch").await;
    assert_eq!(
        code(&service, BEAT).await,
        None,
        "the first heartbeat after a loss"
    );
    assert_eq!(list(&service, "select presence.reap()::text").await, ["0"]);

    // Two of our own still take turns.
    run(&admin, "begin; select presence.reap()").await;
    assert_eq!(list(&service, "select presence.reap()::text").await, ["-1"]);
    run(&admin, "commit").await;
}
