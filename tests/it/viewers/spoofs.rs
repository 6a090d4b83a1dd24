//! A viewer who tries to be somebody else: settings, roles, names, and objects of his own in the way (FAULTS 62, 64).

use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{as_owner, code, connect_aloud, list, run, text, viewer},
};

/// What bob may see: general and planning; not vera-catering and expo-floor.
const ROOMS: &str = "select room_id || ' ' || online_count from presence.visible_rooms order by 1";

const BOBS_ROOMS: [&str; 2] = ["general 2", "planning 1"];

/// Everything that a viewer can read, as lines.
const ALL: &str = "\
select v::text from presence.visible_members v union all select v::text from presence.visible_rooms v
 union all select v::text from presence.visible_events v union all select v::text from presence.visible_last_seen v
 union all select v::text from presence.visible_members('general') v
 union all select v::text from presence.visible_members('expo-floor') v
 union all select v::text from presence.visible_rooms('general') v
 union all select v::text from presence.visible_events('gala') v
 union all select v::text from presence.visible_events('expo') v
 union all select v::text from presence.visible_last_seen('general') v
 union all select 'I am ' || presence.whoami() where presence.whoami() is not null
 order by 1";

async fn people_in_rooms(admin: &Client) {
    for (room, user) in [
        ("general", "alice"),
        ("general", "carol"),
        ("planning", "alice"),
        ("vera-catering", "vera"),
        ("expo-floor", "carol"),
    ] {
        let beat = format!(
            "select presence.heartbeat('{room}', '{user}', gen_random_uuid(), message => 'in {room}')"
        );
        run(admin, &beat).await;
    }
}

/// Claims and names that no gateway vouches for.
const SPOOFS: [&str; 16] = [
    "set request.jwt.claims = '{\"sub\": \"carol\", \"role\": \"presence_owner\"}'",
    "set request.jwt.claim.sub = 'carol'",
    "set jwt.claims.user_id = 'carol'",
    "set presence.user_id = 'carol'",
    "set presence.whoami = 'carol'",
    "set presence.viewer = 'carol'",
    "set application_name = 'carol'",
    "set role none",
    "reset role",
    "set session authorization default",
    "reset session authorization",
    "set search_path = pg_temp, presence_private, event_app, presence",
    "set row_security = on",
    "set plan_cache_mode = force_custom_plan; set jit = on",
    "set quote_all_identifiers = off; set standard_conforming_strings = off; set transform_null_equals = on",
    "set role presence_viewer",
];

/// FAULTS 62: nothing that a viewer can set says who he is.
#[tokio::test]
async fn settings_of_his_own_make_nobody_somebody_else() {
    let Some(db) = TestDb::new().await else { return };
    people_in_rooms(&db.admin().await).await;
    let url = viewer(&db, "presence_test_bob", "bob").await;
    let bob = connect(&url).await.expect("bob's login");
    let honest = list(&bob, ALL).await;

    for spoof in SPOOFS {
        run(&bob, spoof).await;
        assert_eq!(list(&bob, ALL).await, honest, "{spoof}");
        let local = spoof
            .strip_prefix("set ")
            .map(|spoof| format!("set local {spoof}"));
        run(&bob, &format!("begin; {}", local.as_deref().unwrap_or(spoof))).await;
        assert_eq!(list(&bob, ALL).await, honest, "{local:?}");
        run(&bob, "rollback").await;
    }

    assert_eq!(list(&bob, ROOMS).await, BOBS_ROOMS);
    assert_eq!(
        honest.iter().filter(|line| line.contains("expo")).count(),
        0,
        "{honest:?}"
    );
    assert!(
        honest.len() > 12 && honest.contains(&"I am bob".to_owned()),
        "{honest:?}"
    );
}

/// FAULTS 62: roles that are not his, and settings that only a superuser has.
#[tokio::test]
async fn a_viewer_becomes_nobody_else() {
    let Some(db) = TestDb::new().await else { return };
    people_in_rooms(&db.admin().await).await;
    let url = viewer(&db, "presence_test_bob", "bob").await;
    viewer(&db, "presence_test_carol", "carol").await;
    let bob = connect(&url).await.expect("bob's login");

    for (denied, sqlstate) in [
        ("set role presence_test_carol", "42501"),
        ("set role presence_owner", "42501"),
        ("set role presence_app", "42501"),
        ("set role postgres", "42501"),
        ("set session authorization presence_test_carol", "42501"),
        ("set session authorization postgres", "42501"),
        ("set local session authorization presence_test_carol", "42501"),
        (
            "select set_config('session_authorization', 'presence_test_carol', false)",
            "42501",
        ),
        ("select set_config('role', 'presence_owner', false)", "42501"),
        ("set session_replication_role = replica", "42501"),
        ("select presence.map_login('presence_test_bob', 'carol')", "42501"),
        ("select presence.map_gateway('presence_test_bob')", "42501"),
        (
            "insert into presence_private.login values ('presence_test_bob', 'carol')",
            "42501",
        ),
        ("grant presence_test_carol to presence_test_bob", "42501"),
        (
            "alter role presence_test_carol rename to presence_test_bobs",
            "42501",
        ),
        (
            "alter role presence_test_carol set role = 'presence_test_bob'",
            "42501",
        ),
        ("select presence.snapshot('carol', 'expo-floor')", "42501"),
        ("select presence.where_now('carol', 'carol')", "42501"),
        ("select presence.why('carol', 'expo-floor')", "42501"),
    ] {
        assert_eq!(code(&bob, denied).await.as_deref(), Some(sqlstate), "{denied}");
        assert_eq!(list(&bob, ROOMS).await, BOBS_ROOMS, "{denied}");
    }
}

/// FAULTS 62: what a mapping that is taken back, or a login that is dropped and made again, leaves behind: nothing.
#[tokio::test]
async fn who_is_mapped_no_more_sees_nothing_and_a_name_is_no_person() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    people_in_rooms(&admin).await;
    let url = viewer(&db, "presence_test_fleeting", "bob").await;
    let login = connect(&url).await.expect("bob's login");
    assert_eq!(list(&login, ROOMS).await, BOBS_ROOMS);

    as_owner(
        &admin,
        "select presence.map_login('presence_test_fleeting', null)",
    )
    .await;
    assert_eq!(list(&login, ALL).await, [""; 0], "not mapped any more");
    as_owner(
        &admin,
        "select presence.map_login('presence_test_fleeting', 'alice')",
    )
    .await;
    assert_eq!(
        list(&login, "select 'I am ' || presence.whoami()").await,
        ["I am alice"],
        "mapped anew"
    );

    run(&admin, "drop role presence_test_fleeting").await;
    assert_eq!(
        code(&login, ROOMS).await.as_deref(),
        Some("42501"),
        "a connection of a login that is gone"
    );
    drop(login);
    let url = db
        .login("presence_test_fleeting", "grant presence_viewer to $login")
        .await;
    let namesake = connect(&url).await.expect("another login of this name");
    assert_eq!(
        list(&namesake, ALL).await,
        [""; 0],
        "somebody else of the same name"
    );
}

/// FAULTS 62: nor does a login take over whom another one was by taking its name.
#[tokio::test]
async fn the_name_of_a_login_that_was_renamed_is_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    people_in_rooms(&admin).await;
    run(
        &admin,
        "drop role if exists presence_test_married; drop role if exists presence_test_maiden",
    )
    .await;
    viewer(&db, "presence_test_maiden", "bob").await;

    run(
        &admin,
        "alter role presence_test_maiden rename to presence_test_married",
    )
    .await;
    let namesake = db
        .login("presence_test_maiden", "grant presence_viewer to $login")
        .await;
    let namesake = connect(&namesake).await.expect("another login");

    assert_eq!(list(&namesake, ALL).await, [""; 0]);
    as_owner(
        &admin,
        "select presence.map_login('presence_test_maiden', 'alice')",
    )
    .await;
    assert_eq!(list(&namesake, "select presence.whoami()::text").await, ["alice"]);
}

/// Functions, operators and casts that would be taken for the built-in ones, if anybody looked where the viewer can write.
const PLANTS: &str = "\
create function mine.caught(what text) returns text language plpgsql as
  $$ begin raise notice 'CAUGHT % as %', what, current_user; return what; end $$;
create function mine.quote_ident(text) returns text language sql as $$ select mine.caught('quote_ident') $$;
create function mine.statement_timestamp() returns timestamptz language sql as
  $$ select mine.caught('statement_timestamp'); select pg_catalog.now() $$;
create function mine.current_setting(text, boolean) returns text language sql as
  $$ select mine.caught('current_setting'); select 'carol'::text $$;
create function mine.text_is(text, text) returns boolean language sql as $$ select mine.caught('=') is not null $$;
create function mine.name_is(name, name) returns boolean language sql as $$ select mine.caught('= of names') is not null $$;
create function mine.later(timestamptz, timestamptz) returns boolean language sql as $$ select mine.caught('>') is not null $$;
create function mine.joined(text, text) returns text language sql as $$ select mine.caught('||') $$;
create function mine.dig(jsonb, text) returns text language sql as $$ select mine.caught('->>') $$;
create operator mine.= (function = mine.text_is, leftarg = text, rightarg = text);
create operator mine.= (function = mine.name_is, leftarg = name, rightarg = name);
create operator mine.> (function = mine.later, leftarg = timestamptz, rightarg = timestamptz);
create operator mine.|| (function = mine.joined, leftarg = text, rightarg = text);
create operator mine.->> (function = mine.dig, leftarg = jsonb, rightarg = text);
create type mine.key as (word text);
create function mine.to_room(mine.key) returns text language sql as $$ select mine.caught('cast') $$;
create cast (mine.key as text) with function mine.to_room(mine.key) as implicit;
create function pg_temp.whoami() returns text language sql as $$ select 'carol' $$;
create function pg_temp.room_access() returns table (room_id text, user_id text, role text) language sql as
  $$ select 'expo-floor', 'bob', 'coordinator' $$;
create temp table login as select session_user as login, 'carol'::text as user_id;
create temp table gateway as select session_user as login, 'x.y'::text as setting, null::text as claim;
create temp table pg_roles as select 'carol'::name as rolname, 0::oid as oid;
grant all on login, gateway, pg_roles to public;
set search_path = mine, pg_temp, pg_catalog;";

/// FAULTS 64: what runs as the owner finds nothing that a viewer put in its way.
#[tokio::test]
async fn nothing_that_a_viewer_plants_is_used_by_our_functions() {
    let Some(db) = TestDb::new().await else { return };
    people_in_rooms(&db.admin().await).await;
    let url = viewer(&db, "presence_test_gardener", "bob").await;
    let rights = format!("grant create on database {} to $login", db.name());
    db.login("presence_test_gardener", &rights).await;
    let (bob, said) = connect_aloud(&url).await;
    let honest = list(&bob, ALL).await;
    // Names in a schema that a role may not use are not found by it, and our functions run as presence_owner.
    run(&bob, "create schema mine; grant usage on schema mine to public").await;
    run(&bob, PLANTS).await;
    let is_planted = text(&bob, "select current_setting('x.y', true)").await;

    let reads = "\
select v::pg_catalog.text from presence.visible_members v union all select v::pg_catalog.text from presence.visible_rooms v
 union all select v::pg_catalog.text from presence.visible_events v union all select v::pg_catalog.text from presence.visible_last_seen v
 union all select presence.whoami()::pg_catalog.text";
    said.lock().expect("no panic").clear();
    let planted = list(&bob, reads).await;

    assert_eq!(is_planted, "carol", "the plants are found by who looks there");
    assert_eq!(
        planted
            .iter()
            .filter(|row| !honest.contains(row) && *row != "bob")
            .count(),
        0,
        "{planted:?}"
    );
    assert!(planted.len() > 8, "{planted:?}");
    assert_eq!(
        *said.lock().expect("no panic"),
        "",
        "nothing of his own was called"
    );
    // A cast of his own runs before the call, as himself.
    list(&bob, "select v::pg_catalog.text from presence.visible_members(row('general')::mine.key::pg_catalog.text) v").await;
    let said = said.lock().expect("no panic").clone();
    assert!(said.contains("CAUGHT cast as presence_test_gardener"), "{said}");
    assert!(!said.contains("presence_owner"), "{said}");
}
