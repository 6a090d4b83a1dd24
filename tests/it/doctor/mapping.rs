//! The mapping's functions: in another form than they must have, or without the rights that they need.

use pg_presence::doctor::Severity::{Error, Warning};

use super::{examine, mends, of, run, the};
use crate::support::db::TestDb;

/// A function of the mapping by its attributes and body.
fn users(attributes: &str, body: &str) -> String {
    format!(
        "set role presence_owner;
         drop function presence_host.users();
         create function presence_host.users()
             returns table (user_id presence.user_id, name text, avatar_url text) {attributes} {body};
         reset role;"
    )
}

const PLAIN: &str = "as $$ select u.id, u.name, u.avatar_url from event_app.users u $$";

#[tokio::test]
async fn each_deviation_in_form_is_named_and_mended() {
    let Some(db) = TestDb::new().await else { return };
    let atomic = "begin atomic select u.id, u.name, u.avatar_url from event_app.users u; end";
    let renamed = "set role presence_owner; drop function presence_host.users();
        create function presence_host.users() returns table (id presence.user_id, name text, avatar_url text) language sql stable
        as $$ select u.id, u.name, u.avatar_url from event_app.users u $$; reset role;";

    for (broken, words) in [
        (users("language sql volatile", PLAIN), "is VOLATILE"),
        (users("language sql immutable", PLAIN), "is IMMUTABLE"),
        (
            users("language sql stable security definer", PLAIN),
            "is SECURITY DEFINER",
        ),
        (users("language sql stable strict", PLAIN), "is STRICT"),
        (
            users("language sql stable set search_path = event_app", PLAIN),
            "has SET clauses",
        ),
        (users("language sql stable", atomic), "parsed body"),
        (
            "alter function presence_host.users owner to session_user;".to_owned(),
            "is owned by",
        ),
        (
            renamed.to_owned(),
            "returns (id presence.user_id, name text, avatar_url text)",
        ),
    ] {
        let found = mends(&db, &broken, "mapping.signature", Error).await;

        assert!(
            found
                .says
                .starts_with("presence_host.users() is not as it must be: it "),
            "{}",
            found.says
        );
        assert!(found.says.contains(words), "{broken}: {}", found.says);
        let findings = examine(db.url()).await;
        assert!(
            of(&findings, "mapping.runs").is_empty() && of(&findings, "mapping.inlined").is_empty(),
            "{broken}"
        );
    }
}

#[tokio::test]
async fn a_function_in_plpgsql_is_to_be_written_anew() {
    let Some(db) = TestDb::new().await else { return };
    let body = "as $$ begin return query select u.id::presence.user_id, u.name, u.avatar_url from \
        event_app.users u; end $$";
    run(
        &db.admin().await,
        &users("language plpgsql stable", body).replace("; end", "\n; end"),
    )
    .await;

    let findings = examine(db.url()).await;

    let form = the(&findings, "mapping.signature");
    assert!(
        form.says.contains("written in plpgsql and not in sql"),
        "{}",
        form.says
    );
    assert!(
        form.mend
            .as_deref()
            .is_some_and(|mend| mend.contains("generate adapter"))
    );
    let inlined = the(&findings, "mapping.inlined");
    assert!(
        inlined.severity == Error && inlined.says.contains("plpgsql"),
        "{}",
        inlined.says
    );
}

#[tokio::test]
async fn what_is_not_inlined_says_why() {
    let Some(db) = TestDb::new().await else { return };

    let volatile = mends(
        &db,
        &users("language sql volatile", PLAIN),
        "mapping.inlined",
        Error,
    )
    .await;
    let two = users(
        "language sql stable",
        "as $$ select 1; select u.id, u.name, u.avatar_url from event_app.users u $$",
    );
    db.admin()
        .await
        .batch_execute(&two)
        .await
        .expect("two statements");
    let findings = examine(db.url()).await;

    assert!(volatile.says.contains("it is VOLATILE"), "{}", volatile.says);
    let body = the(&findings, "mapping.inlined");
    assert!(body.says.contains("not one plain SELECT"), "{}", body.says);
}

#[tokio::test]
async fn a_function_that_is_gone_comes_back_by_migrating() {
    let Some(db) = TestDb::new().await else { return };
    run(&db.admin().await, "drop function presence_host.events();").await;

    let missing = the(&examine(db.url()).await, "mapping.signature").clone();
    pg_presence::migrate::migrate(db.url(), &pg_presence::migrate::MigrateOptions::default())
        .await
        .expect("as it says");

    assert_eq!(missing.says, "presence_host.events() is missing.");
    assert!(of(&examine(db.url()).await, "mapping.signature").is_empty());
}

#[tokio::test]
async fn what_is_not_mapped_is_named() {
    let Some(db) = TestDb::new().await else { return };
    let empty = "set role presence_owner; drop function presence_host.rooms(); reset role;";
    run(&db.admin().await, empty).await;
    pg_presence::migrate::migrate(db.url(), &pg_presence::migrate::MigrateOptions::default())
        .await
        .expect("an empty one is made");

    let findings = examine(db.url()).await;

    let found = the(&findings, "mapping.mapped");
    assert_eq!(found.severity, Warning);
    assert_eq!(
        found.says,
        "presence_host.rooms() is as installed, which is empty."
    );
    // The others are looked at all the same.
    assert!(findings.iter().any(|one| one.check == "mapping.indexes"));
}

#[tokio::test]
async fn a_missing_right_is_named_with_its_columns() {
    let Some(db) = TestDb::new().await else { return };

    for (broken, table, sql) in [
        (
            "revoke select (name) on event_app.users from presence_owner;",
            "event_app.users",
            "grant select (name) on event_app.users to presence_owner;",
        ),
        (
            "revoke select (room_id, user_id, role) on event_app.room_participants from presence_owner;",
            "event_app.room_participants",
            "grant select (room_id, user_id, role) on event_app.room_participants to presence_owner;",
        ),
    ] {
        let found = mends(&db, broken, "mapping.runs", Error).await;

        assert!(
            found.says.contains(&format!("may not read {table}")),
            "{}",
            found.says
        );
        assert_eq!(found.sql.as_deref(), Some(sql));
    }
}

#[tokio::test]
async fn a_missing_right_on_the_schema_and_on_quoted_names_is_named_too() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let quoted = r#"
create schema "My App";
create table "My App"."User" ("userId" text primary key, "fullName" text, "order" text, email text);
insert into "My App"."User" values ('ann', 'Ann', null, 'ann@example.com');
grant usage on schema "My App" to presence_owner;
grant select on "My App"."User" to presence_owner;
set role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text) language sql stable
    as $$ select u."userId", u."fullName", u."order" from "My App"."User" u $$;
reset role;
revoke all on schema "My App" from presence_owner;
revoke all on "My App"."User" from presence_owner;"#;

    let found = mends(&db, quoted, "mapping.runs", Error).await;

    let grants = found.sql.expect("SQL");
    assert_eq!(
        grants,
        "grant usage on schema \"My App\" to presence_owner;\n\
         grant select (\"userId\", \"fullName\", \"order\") on \"My App\".\"User\" to presence_owner;"
    );
    let may_mail = "select has_column_privilege('presence_owner', '\"My App\".\"User\"', 'email', 'select')";
    assert!(
        !sql.query_one(may_mail, &[])
            .await
            .expect("a right")
            .get::<_, bool>(0)
    );
}

#[tokio::test]
async fn a_table_that_moved_and_a_column_that_changed_are_said_in_postgress_words() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;

    run(&sql, "alter table event_app.users rename to people;").await;
    let moved = the(&examine(db.url()).await, "mapping.runs").clone();
    run(
        &sql,
        "alter table event_app.people rename to users;\nalter table event_app.users rename name \
        to full_name;",
    )
    .await;
    let renamed = the(&examine(db.url()).await, "mapping.runs").clone();
    let Some(uuids) = TestDb::with_ids("uuid").await else {
        return;
    };
    let retype = "\
drop trigger presence_changed on event_app.rooms;
alter table event_app.rooms drop constraint rooms_vendor_id_fkey;
alter table event_app.rooms alter vendor_id type text;";
    run(&uuids.admin().await, retype).await;
    let retyped = the(&examine(uuids.url()).await, "mapping.runs").clone();

    assert!(
        moved.says.contains("relation \"event_app.users\" does not exist"),
        "{}",
        moved.says
    );
    assert!(
        renamed.says.contains("column u.name does not exist"),
        "{}",
        renamed.says
    );
    assert!(retyped.says.contains("return type mismatch"), "{}", retyped.says);
    for found in [moved, renamed, retyped] {
        assert!(found.severity == Error && found.mend.is_some(), "{found:?}");
    }
}

#[tokio::test]
async fn names_without_their_schema_are_found_out() {
    let Some(db) = TestDb::new().await else { return };
    let sql = format!(
        "alter database {} set search_path = event_app, public;
         set search_path = event_app, public;
         set role presence_owner;
         create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text)
             language sql stable as $$ select u.id, u.name, u.avatar_url from users u $$;",
        db.name()
    );
    db.admin()
        .await
        .batch_execute(&sql)
        .await
        .expect("it can be made, and called by psql");

    let findings = examine(db.url()).await;

    let found = the(&findings, "mapping.runs");
    assert!(
        found.says.contains("relation \"users\" does not exist"),
        "{}",
        found.says
    );
    assert_eq!(
        found.mend.as_deref(),
        Some("Map the table where it is now, with its schema before its name.")
    );
}
