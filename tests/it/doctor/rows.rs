//! What the mapping gives: missing ids, rows twice, ids that fit nothing, words that never match, addresses as names.

use pg_presence::doctor::Severity::{Error, Note, Warning};

use super::{examine, mends, of, run, the};
use crate::support::db::TestDb;

/// The application's tables, without what keeps them clean.
const LOOSE: &str = "\
alter table event_app.room_participants drop constraint room_participants_pkey;
alter table event_app.room_participants drop constraint room_participants_room_id_fkey;
alter table event_app.room_participants drop constraint room_participants_user_id_fkey;
alter table event_app.room_participants drop constraint room_participants_role;
alter table event_app.room_participants alter room_id drop not null, alter user_id drop not null;
alter table event_app.rooms drop constraint rooms_kind;
create index on event_app.room_participants (room_id, user_id);
";

#[tokio::test]
async fn rows_without_ids_are_left_out() {
    let Some(db) = TestDb::new().await else { return };
    let broken = format!(
        "{LOOSE} insert into event_app.room_participants values ('general', null, 'vendor'), \
            (null, 'bob', 'vendor');"
    );

    let found = mends(&db, &broken, "mapping.nulls", Warning).await;

    assert_eq!(
        found.says,
        "presence_host.participants() gives 2 rows without room_id or user_id."
    );
    // What was put around it is as good as what it was.
    let findings = examine(db.url()).await;
    for check in [
        "mapping.signature",
        "mapping.inlined",
        "mapping.indexes",
        "mapping.watched",
    ] {
        assert!(of(&findings, check).is_empty(), "{check}: {findings:#?}");
    }
}

#[tokio::test]
async fn rows_that_are_there_twice_are_listed() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;

    run(
        &sql,
        &format!("{LOOSE}insert into event_app.room_participants values ('general', 'bob', 'collaborator');"),
    )
    .await;
    let same = the(&examine(db.url()).await, "mapping.duplicates").clone();
    run(
        &sql,
        "insert into event_app.room_participants values ('general', 'bob', 'vendor');",
    )
    .await;
    let several = the(&examine(db.url()).await, "mapping.duplicates").clone();
    let listed = sql
        .query(several.sql.as_deref().expect("SQL"), &[])
        .await
        .expect("it runs");
    let remove = "\
delete from event_app.room_participants a using event_app.room_participants b
 where a.ctid > b.ctid and a.room_id = b.room_id and a.user_id = b.user_id;
create unique index on event_app.room_participants (room_id, user_id);";
    run(&sql, remove).await;
    let removed = examine(db.url()).await;
    run(
        &sql,
        "alter table event_app.users drop constraint users_pkey cascade;\ninsert into \
        event_app.users (id, name) values ('bob', 'Another Bob');",
    )
    .await;
    let user = the(&examine(db.url()).await, "mapping.duplicates").clone();

    assert!(
        same.severity == Note && same.says.ends_with("the same row more than once: general / bob."),
        "{same:?}"
    );
    assert!(
        several.severity == Warning && several.says.contains("several roles"),
        "{several:?}"
    );
    assert!(
        several
            .mend
            .as_deref()
            .is_some_and(|mend| mend.contains("event_app.room_participants")),
        "{several:?}"
    );
    assert_eq!(listed.len(), 1);
    assert!(of(&removed, "mapping.duplicates").is_empty());
    assert!(
        user.severity == Warning
            && user
                .says
                .contains("presence_host.users() gives several rows for one id"),
        "{user:?}"
    );
}

#[tokio::test]
async fn participants_of_what_is_not_mapped_are_told() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;

    run(
        &sql,
        &format!("{LOOSE}insert into event_app.room_participants values ('attic', 'bob', 'vendor');"),
    )
    .await;
    let some = the(&examine(db.url()).await, "mapping.orphans").clone();
    run(
        &sql,
        "update event_app.room_participants set room_id = 'x-' || room_id;",
    )
    .await;
    let all = the(&examine(db.url()).await, "mapping.orphans").clone();
    run(
        &sql,
        "update event_app.room_participants set room_id = substr(room_id, 3);\ninsert into \
        event_app.rooms (id, name) values ('attic', 'The attic');",
    )
    .await;
    let mended = examine(db.url()).await;
    run(
        &sql,
        "insert into event_app.room_participants values ('attic', 'nobody', 'vendor');",
    )
    .await;
    let user = the(&examine(db.url()).await, "mapping.orphans").clone();

    assert!(
        some.severity == Note && some.says.ends_with("so that nobody may enter them: attic."),
        "{some:?}"
    );
    assert!(
        all.severity == Error && all.says.starts_with("No participant's room_id is that of a room"),
        "{all:?}"
    );
    assert!(of(&mended, "mapping.orphans").is_empty());
    assert!(
        user.severity == Note && user.says.ends_with("so that they have no name: nobody."),
        "{user:?}"
    );
}

#[tokio::test]
async fn words_that_never_match_are_seen_since_the_rule_for_vendors_hangs_on_them() {
    let Some(db) = TestDb::new().await else { return };
    run(&db.admin().await, LOOSE).await;

    let kind = mends(
        &db,
        "update event_app.rooms set kind = 'Vendor ' where kind = 'vendor';",
        "mapping.words",
        Error,
    )
    .await;
    let role = mends(
        &db,
        "update event_app.room_participants set role = 'VENDOR' where user_id = 'victor';",
        "mapping.words",
        Error,
    )
    .await;
    let shown = "set role presence_owner; create or replace function presence_host.participants()
        returns table (room_id presence.room_id, user_id presence.user_id, role text) language sql stable
        as $$ select p.room_id, p.user_id, initcap(p.role) from event_app.room_participants p where p.role = 'coordinator' $$;
        reset role;";
    let shown = mends(&db, shown, "mapping.words", Warning).await;

    assert!(
        kind.says
            .starts_with("presence_host.rooms() says 'Vendor ' as kind"),
        "{}",
        kind.says
    );
    assert!(
        role.says
            .starts_with("presence_host.participants() says 'VENDOR' as role"),
        "{}",
        role.says
    );
    assert!(shown.says.contains("'Coordinator'"), "{}", shown.says);
    let rule = "select count(*) from presence_private.room_access() a where a.room_id = 'vera-catering' and a.user_id = 'victor'";
    let may: i64 = db
        .admin()
        .await
        .query_one(rule, &[])
        .await
        .expect("the rule")
        .get(0);
    assert_eq!(may, 0, "the rule holds again");
}

#[tokio::test]
async fn a_vendor_room_without_its_vendor_is_seen() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;

    run(
        &sql,
        "update event_app.rooms set vendor_id = null where id = 'vera-catering';",
    )
    .await;
    let found = the(&examine(db.url()).await, "mapping.vendors").clone();
    let listed = sql
        .query(found.sql.as_deref().expect("SQL"), &[])
        .await
        .expect("it runs");
    run(
        &sql,
        "update event_app.rooms set vendor_id = 'vera' where id = 'vera-catering';",
    )
    .await;

    assert!(
        found.severity == Warning && found.says.ends_with("vera-catering."),
        "{found:?}"
    );
    assert_eq!(listed.len(), 1);
    assert!(of(&examine(db.url()).await, "mapping.vendors").is_empty());
}

#[tokio::test]
async fn e_mail_addresses_as_names_are_seen() {
    let Some(db) = TestDb::new().await else { return };
    let broken = "update event_app.users set name = email where id <> 'dave';";

    let found = mends(&db, broken, "mapping.profile", Warning).await;

    assert!(
        found.says.contains("(5 of 6)") && found.says.contains("public profile"),
        "{}",
        found.says
    );
    let name = "select name from presence_host.users() where user_id = 'alice'";
    let name: String = db.admin().await.query_one(name, &[]).await.expect("alice").get(0);
    assert_eq!(name, "alice");
}
