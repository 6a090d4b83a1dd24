//! Installed by a login with CREATEROLE and CREATE alone: all that is new works, and belongs to presence_owner.

use pg_presence::migrate::{self, MigrateOptions, files};

use crate::support::{
    db::TestDb,
    server::connect,
    sql::{code, list, run},
};

/// An application of that login's own, and its mapping.
const APPLICATION: &str = "\
create schema office;
create table office.person (id text primary key, name text);
create table office.desk (id text primary key, name text);
create table office.seat (desk text references office.desk, person text references office.person, primary key (desk, person));
insert into office.person values ('ann', 'Ann'), ('ben', 'Ben'), ('cy', 'Cy');
insert into office.desk values ('north', 'North'), ('south', 'South');
insert into office.seat values ('north', 'ann'), ('north', 'ben'), ('south', 'cy');
grant usage on schema office to presence_owner;
grant select on all tables in schema office to presence_owner;
grant trigger on office.seat to presence_owner;
begin;
set local role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable as 'select id, name, null from office.person';
create or replace function presence_host.rooms() returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id)
    language sql stable as 'select id, null, name, ''chat'', null from office.desk';
create or replace function presence_host.participants() returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable as 'select desk, person, ''mate'' from office.seat';
select presence.watch_table('office.seat', room_column => 'desk', user_column => 'person');
select presence.map_login('presence_test_few_ann', 'ann');
select presence.map_gateway('presence_test_few_gateway');
commit;";

/// Everything of ours that belongs to anybody else, or a partition that somebody was granted.
const STRAYS: &str = "\
select 'relation ' || c.oid::regclass || ' of ' || c.relowner::regrole from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname like 'presence%' and (c.relowner <> 'presence_owner'::regrole or (n.nspname = 'presence_private' and c.relacl::text like '%,%'))
 union all
select 'function ' || p.oid::regprocedure || ' of ' || p.proowner::regrole from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where n.nspname like 'presence%' and p.proowner <> 'presence_owner'::regrole
 union all
select 'type ' || t.oid::regtype || ' of ' || t.typowner::regrole from pg_type t join pg_namespace n on n.oid = t.typnamespace
 where n.nspname like 'presence%' and t.typowner <> 'presence_owner'::regrole
 union all
select 'schema ' || n.nspname || ' of ' || n.nspowner::regrole from pg_namespace n
 where n.nspname like 'presence%' and n.nspowner <> 'presence_owner'::regrole";

/// A login as a managed Postgres gives it to people: no superuser, but it may make roles, and things in its database.
async fn landlord(db: &TestDb) -> String {
    // Other tests' databases are in the same cluster, so the roles may be there, and be somebody else's.
    run(&db.admin().await, files::ROLES).await;
    run(
        &db.admin().await,
        "drop schema presence, presence_private, presence_host",
    )
    .await;
    let rights = format!(
        "alter role $login createrole; grant create on database {} to $login;
         do $$ begin
             if current_setting('server_version_num')::integer >= 160000 then
                 execute 'grant presence_owner to $login with admin option, inherit true, set true';
             end if;
         end $$",
        db.name()
    );
    db.login("presence_test_landlord", &rights).await
}

#[tokio::test]
async fn a_login_without_superuser_installs_all_that_viewers_need() {
    let Some(db) = TestDb::empty().await else { return };
    let url = landlord(&db).await;
    migrate::migrate(&url, &MigrateOptions::default())
        .await
        .expect("CREATEROLE and CREATE are enough");
    let ann = db
        .login("presence_test_few_ann", "grant presence_viewer to $login")
        .await;
    let gateway = db
        .login("presence_test_few_gateway", "grant presence_viewer to $login")
        .await;
    let app = db
        .login("presence_test_few_app", "grant presence_app to $login")
        .await;
    let landlord = connect(&url).await.expect("the landlord");

    run(&landlord, APPLICATION).await;
    let app = connect(&app).await.expect("a backend");
    for (room, user) in [("north", "ann"), ("north", "ben"), ("south", "cy")] {
        run(
            &app,
            &format!("select presence.heartbeat('{room}', '{user}', gen_random_uuid())"),
        )
        .await;
    }

    let here = "select room_id || ' ' || name || ' ' || role from presence.visible_members order by 1";
    let ann = connect(&ann).await.expect("ann's login");
    assert_eq!(list(&ann, here).await, ["north Ann mate", "north Ben mate"]);
    let gateway = connect(&gateway).await.expect("a gateway");
    assert_eq!(list(&gateway, here).await, [""; 0]);
    run(&gateway, "set request.jwt.claims = '{\"sub\": \"cy\"}'").await;
    assert_eq!(list(&gateway, here).await, ["south Cy mate"]);
    run(&landlord, "delete from office.seat where person = 'ben'; alter table office.person alter column name type varchar").await;
    assert_eq!(list(&app, "select presence.evict()::text").await, ["1"]);
    assert_eq!(list(&ann, here).await, ["north Ann mate"]);
    assert_eq!(
        code(&ann, "select * from office.person").await.as_deref(),
        Some("42501")
    );
}

/// Partitions come at a later time, made by whoever reaps.
#[tokio::test]
async fn what_is_made_later_belongs_to_the_owner_too() {
    let Some(db) = TestDb::empty().await else { return };
    let url = landlord(&db).await;
    migrate::migrate(&url, &MigrateOptions::default())
        .await
        .expect("it migrates");
    let admin = db.admin().await;
    let days = "select relname::text from pg_class where relname ~ '^visit_[0-9]{8}$' order by 1";
    let made = list(&admin, days).await;
    assert_eq!(made.len(), 8, "{made:?}");
    for day in &made[3..] {
        run(&admin, &format!("drop table presence_private.{day}")).await;
    }
    run(
        &admin,
        "update presence_private.alive set keep_at = '-infinity', alive_at = '-infinity'",
    )
    .await;
    let service = db
        .login("presence_test_few_service", "grant presence_service to $login")
        .await;
    let service = connect(&service).await.expect("a service");

    run(&service, "select presence.reap()").await;

    assert_eq!(list(&admin, days).await, made, "made by the reaper");
    assert_eq!(list(&admin, STRAYS).await, [""; 0]);
    let day = made.last().expect("eight");
    assert_eq!(
        code(&service, &format!("select from presence_private.{day}"))
            .await
            .as_deref(),
        Some("42501")
    );
}
