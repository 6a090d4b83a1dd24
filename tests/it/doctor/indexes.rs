//! Look-ups in the host's tables that no index serves, and keys that are cast.

use pg_presence::doctor::{
    Finding,
    Severity::{Note, Warning},
};

use super::{examine, mends, of, run, the};
use crate::support::db::TestDb;

const MANY: &str = "\
insert into event_app.users (id, name) select 'u' || n, 'U' from generate_series(1, 2000) n;
insert into event_app.room_participants (room_id, user_id) select 'general', 'u' || n from generate_series(1, 2000) n;
analyze event_app.users;
analyze event_app.room_participants;";

#[tokio::test]
async fn a_missing_index_is_named_and_made() {
    let Some(db) = TestDb::new().await else { return };
    run(&db.admin().await, MANY).await;

    for (broken, what, index) in [
        (
            "drop index event_app.room_participants_user_id;",
            "Looking up the rooms of a user reads all of event_app.room_participants (20",
            "create index concurrently on event_app.room_participants (user_id);",
        ),
        (
            "alter table event_app.room_participants drop constraint room_participants_pkey;
             drop index event_app.room_participants_user_id_idx;",
            "Looking up whether a user may enter a room",
            "create index concurrently on event_app.room_participants (room_id, user_id);",
        ),
        (
            "alter table event_app.users drop constraint users_pkey cascade;",
            "Looking up a user by their id reads all of event_app.users (20",
            "create index concurrently on event_app.users (id);",
        ),
    ] {
        let sql = db.admin().await;
        run(&sql, broken).await;
        let findings = examine(db.url()).await;
        let found: Vec<&Finding> = of(&findings, "mapping.indexes");
        let one = found
            .iter()
            .find(|one| one.says.starts_with(what))
            .unwrap_or_else(|| panic!("{what}: {found:?}"));
        for found in &found {
            run(&sql, found.sql.as_deref().expect("SQL")).await;
        }
        let left = examine(db.url()).await;

        assert_eq!(one.severity, Warning);
        assert_eq!(one.sql.as_deref(), Some(index));
        assert!(of(&left, "mapping.indexes").is_empty(), "{left:#?}");
    }
}

#[tokio::test]
async fn a_short_table_without_an_index_is_a_note() {
    let Some(db) = TestDb::new().await else { return };

    let found = mends(
        &db,
        "drop index event_app.rooms_event_id;",
        "mapping.indexes",
        Note,
    )
    .await;

    assert!(found.says.contains("which is short as yet"), "{}", found.says);
}

/// A key of another type than the id's is cast at each look-up, and its own index does not serve.
#[tokio::test]
async fn a_cast_around_a_key_is_told_from_a_missing_index() {
    let Some(db) = TestDb::with_ids("bigint").await else {
        return;
    };
    let broken = "\
create table event_app.people (id integer primary key, name text);
insert into event_app.people select n, 'U' from generate_series(1, 5000) n;
analyze event_app.people;
grant select on event_app.people to presence_owner;
set role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable as $$ select p.id, p.name, null::text from event_app.people p $$;
reset role;";

    let found = mends(&db, broken, "mapping.casts", Warning).await;

    assert_eq!(
        found.says,
        "Looking up a user by their id reads all of event_app.people (5000 rows), since the \
            column id is integer and is cast to the type of the id."
    );
    assert_eq!(
        found.sql.as_deref(),
        Some("create index concurrently on event_app.people (((id)::bigint));")
    );
}

#[tokio::test]
async fn a_body_that_hides_its_key_is_told() {
    let Some(db) = TestDb::new().await else { return };
    run(&db.admin().await, MANY).await;
    let hidden = "\
set role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable as $$ select u.id, u.name, u.avatar_url from event_app.users u limit 100000 $$;
reset role;";
    run(&db.admin().await, hidden).await;

    let findings = examine(db.url()).await;

    let found = the(&findings, "mapping.indexes");
    assert!(
        found.severity == Warning
            && found
                .says
                .contains("a user by their id reads all of event_app.users"),
        "{found:?}"
    );
    assert!(
        found.mend.as_deref().is_some_and(|mend| mend.contains("LIMIT")),
        "{found:?}"
    );
}

/// Of a union each table is looked at; conditions of one's own are no keys.
#[tokio::test]
async fn several_tables_and_conditions_of_ones_own_are_understood() {
    let Some(db) = TestDb::new().await else { return };
    let broken = "\
create table event_app.guests (\"guestId\" text, name text, deleted_at timestamptz);
grant select on event_app.guests to presence_owner;
set role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable as $$ select u.id, u.name, u.avatar_url from event_app.users u
    union all select g.\"guestId\", g.name, null from event_app.guests g where g.deleted_at is null $$;
reset role;";

    let found = mends(&db, broken, "mapping.indexes", Note).await;

    assert_eq!(
        found.sql.as_deref(),
        Some("create index concurrently on event_app.guests (\"guestId\");")
    );
}

/// A varchar is a text to an index.
#[tokio::test]
async fn a_varchar_key_needs_no_index_on_a_cast() {
    let Some(db) = TestDb::new().await else { return };
    let broken = "\
create table event_app.people (id varchar(20), name text);
insert into event_app.people select n::text, 'U' from generate_series(1, 5000) n;
analyze event_app.people;
grant select on event_app.people to presence_owner;
set role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable as $$ select p.id, p.name, null::text from event_app.people p $$;
reset role;";

    let found = mends(&db, broken, "mapping.indexes", Warning).await;

    assert_eq!(
        found.sql.as_deref(),
        Some("create index concurrently on event_app.people (id);")
    );
}
