//! `pg-presence generate adapter` with a database: what its catalog contradicts is refused before anything is written.

use super::{
    generator,
    host::{Host, run},
};

const APP: &str = r#"
create table "User" (id uuid primary key, name varchar(80), mail text);
create table room (id bigint primary key, name text);
create table seat (room_id bigint, user_id uuid, until date, primary key (room_id, user_id));
create view people as select id, name from "User";
alter table room enable row level security;"#;

const FLAGS: &[&str] = &[
    "--users",
    "User(user_id=id, name)",
    "--rooms",
    "room(room_id=id, name)",
    "--participants",
    "seat(room_id, user_id) where until is null",
];

#[tokio::test]
async fn what_the_catalog_contradicts_is_refused_and_named() {
    let Some(host) = Host::open("presence_test_catalog", "", APP).await else {
        return;
    };
    super::doc::migrate(
        "pg-presence migrate --id-type uuid --room-id-type bigint\n",
        &host.url,
    );
    let url = ["--database-url", host.url.as_str()];

    for (change, said) in [
        (
            ["--users", "user(user_id=id)"],
            "users: there is no table public.\"user\"; there is public.User",
        ),
        (
            ["--users", "app.users(user_id=id)"],
            "users: there is no table app.users",
        ),
        (
            ["--users", "User(user_id=id, name=fullName)"],
            "public.\"User\" has no column \"fullName\"; it has id, name, mail",
        ),
        (
            ["--users", "User(user_id=name)"],
            "public.\"User\".name is character varying, and presence.user_id was installed as uuid; \
             migrate with --user-id-type text",
        ),
        (
            ["--participants", "seat(room_id=user_id, user_id)"],
            "public.seat.user_id is uuid, and presence.room_id was installed as bigint; migrate with --room-id-type uuid",
        ),
        (
            ["--participants", "seat(room_id=until, user_id)"],
            "keys are text, uuid or bigint",
        ),
    ] {
        let kept = FLAGS
            .chunks(2)
            .filter(|flag| flag[0] != change[0])
            .flatten()
            .copied();
        let arguments: Vec<&str> = kept.chain(change).chain(url).collect();
        let refused = generator::refusal(&arguments);
        assert!(refused.contains(said), "{change:?}: {refused}");
    }
}

#[tokio::test]
async fn what_the_catalog_knows_is_written_plainly() {
    let Some(host) = Host::open("presence_test_catalog_knows", "", APP).await else {
        return;
    };
    super::doc::migrate(
        "pg-presence migrate --id-type uuid --room-id-type bigint\n",
        &host.url,
    );

    let written = generator::sql(&[FLAGS, &["--database-url", &host.url]].concat());

    for said in [
        "-- Grants: to be run by presence_test_catalog_knows, who owns the tables.",
        "grant select (room_id, user_id, until) on public.seat to presence_owner;",
        "create policy presence_reads on public.room for select",
        "user_column => 'user_id', also => array['until']);",
    ] {
        assert!(written.contains(said), "{said}\n{written}");
    }
    assert!(
        !written.contains("do $$") && !written.contains("presence_reads on public.seat"),
        "{written}"
    );
    run(&host.owner, &written).await;
}

#[tokio::test]
async fn what_should_be_known_is_noted() {
    let Some(host) = Host::open("presence_test_catalog_notes", "", APP).await else {
        return;
    };
    run(
        &host.owner,
        "create view seats as select * from seat; create policy few on room as restrictive using (id > 7)",
    )
    .await;
    let arguments = [
        "--users",
        "people(user_id=id, name)",
        "--rooms",
        "room(room_id=id)",
        "--participants",
        "seats(room_id, user_id)",
        "--database-url",
        &host.url,
    ];

    let before = generator::generate(&arguments);
    super::doc::migrate(
        "pg-presence migrate --id-type uuid --room-id-type bigint\n",
        &host.url,
    );
    let after = generator::generate(&arguments);

    let said = String::from_utf8_lossy(&before.stderr);
    assert!(
        said.contains("first run pg-presence migrate --user-id-type uuid --room-id-type bigint"),
        "{said}"
    );
    let said = String::from_utf8_lossy(&after.stderr);
    assert!(!said.contains("migrate"), "{said}");
    assert!(
        said.contains("a restrictive policy of public.room holds for every role"),
        "{said}"
    );
    assert!(
        said.contains("public.seats is no table and cannot be watched"),
        "{said}"
    );
    let written = String::from_utf8_lossy(&after.stdout);
    assert!(!written.contains("watch_table('public.seats'"), "{written}");
    run(&host.owner, &written).await;
}
