//! `pg-presence generate adapter` without a database: what it writes works where it is run, and what cannot work is
//! refused with what to write instead.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use super::host::{Host, run};
use crate::support::{db::TestDb, server::connect};

/// Runs it with these arguments and nothing in the environment.
pub fn generate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pg-presence"))
        .args(["generate", "adapter"])
        .args(arguments)
        .env_remove("DATABASE_URL")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the program runs")
}

/// Its SQL, where it succeeds.
pub fn sql(arguments: &[&str]) -> String {
    let output = generate(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What it says, where it is refused as a wrong command line.
pub fn refusal(arguments: &[&str]) -> String {
    let output = generate(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    said
}

/// A file that no other test has.
fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&folder).expect("a folder");
    folder.join(name)
}

const USERS: &str =
    "users(user_id=id, name=expr:first || ' ' || last, avatar_url='none') where not \"isBanned\"";
const ROOMS: &str = "rooms(room_id=id, event_id, name, kind, vendor_id) where closed_at is null";
const PARTICIPANTS: &str =
    "seats(room_id, user_id, role=expr:case when lead then 'coordinator' else 'vendor' end)";
const FLAGS: &[&str] = &[
    "--users",
    USERS,
    "--rooms",
    ROOMS,
    "--participants",
    PARTICIPANTS,
    "--events",
    "events(event_id=id, name)",
    "--schema",
    "app",
];

const FILE: &str = r#"
schema = "app"

[users]
table = "users"
user_id = "id"
name = "expr:first || ' ' || last"
avatar_url = "'none'"
where = 'not "isBanned"'

[rooms]
table = "rooms"
room_id = "id"
event_id = "event_id"
name = "name"
kind = "kind"
vendor_id = "vendor_id"
where = "closed_at is null"

[participants]
table = "seats"
room_id = "room_id"
user_id = "user_id"
role = "expr:case when lead then 'coordinator' else 'vendor' end"

[events]
table = "events"
event_id = "id"
name = "name"
"#;

/// Row-level security is on and forced, and nobody else is shown anything.
const APP: &str = r#"
create schema app;
create table app.users (id text primary key, first text, last text, secret text, "isBanned" boolean not null default false);
create table app.events (id text primary key, name text);
create table app.rooms (id text primary key, event_id text, name text, kind text, vendor_id text, closed_at timestamptz);
create table app.seats (room_id text, user_id text, lead boolean not null, primary key (room_id, user_id));
insert into app.users values ('ann', 'Ann', 'Archer', 's', false), ('ben', 'Ben', 'Bell', 's', false), ('eve', 'E', 'E', 's', true);
insert into app.events values ('gala', 'Gala');
insert into app.rooms values ('lobby', 'gala', 'Lobby', 'chat', null, null), ('food', 'gala', 'Food', 'vendor', 'ben', null),
                             ('old', 'gala', 'Old', 'chat', null, now());
insert into app.seats values ('lobby', 'ann', true), ('lobby', 'ben', false), ('food', 'ann', true), ('food', 'ben', false),
                             ('old', 'ann', true);
alter table app.users enable row level security;
alter table app.rooms enable row level security;
alter table app.seats enable row level security;
alter table app.seats force row level security;
create policy none on app.seats for select to public using (current_user like '%rls%');"#;

/// FAULTS 62, a host with row-level security.
#[tokio::test]
async fn flags_become_sql_that_works_for_an_owner_without_superuser_and_with_row_level_security() {
    let Some(host) = Host::open("presence_test_rls_host", "", APP).await else {
        return;
    };
    super::doc::migrate("pg-presence migrate --id-type text\n", &host.url);
    let grants = sql(&[FLAGS, &["--part", "grants"]].concat());
    let mapping = sql(&[FLAGS, &["--part", "mapping"]].concat());
    let all = sql(FLAGS);

    run(&host.owner, &grants).await;
    run(&host.owner, &mapping).await;
    run(&host.owner, &all).await;

    assert_eq!(host.beat("lobby", "ann").await, None);
    assert_eq!(host.beat("lobby", "ben").await, None);
    assert_eq!(host.beat("food", "ben").await, None);
    assert_eq!(host.beat("old", "ann").await.as_deref(), Some("PR404"));
    assert_eq!(host.beat("lobby", "eve").await.as_deref(), Some("PR404"));
    assert_eq!(
        host.members("ann", "lobby").await,
        "Ann Archer coordinator, Ben Bell vendor"
    );
    let granted = "select string_agg(c.table_name || '.' || c.column_name, ' ' order by 1)
                     from information_schema.column_privileges c where c.grantee = 'presence_owner'
                      and c.table_schema = 'app' and c.table_name in ('users', 'rooms') and c.privilege_type = 'SELECT'";
    let granted = host
        .text(&granted.replace("order by 1", "order by c.table_name, c.column_name"))
        .await;
    assert_eq!(
        granted.as_deref(),
        Some(
            "rooms.closed_at rooms.event_id rooms.id rooms.kind rooms.name rooms.vendor_id users.first users.id users.isBanned users.last"
        )
    );
    let event = "select string_agg(distinct s.event_name || s.room_id || s.kind, ' ') from presence.event_snapshot('ann', 'gala') s";
    assert_eq!(
        host.text(event).await.as_deref(),
        Some("Galafoodvendor Galalobbychat")
    );
    // what decides on access is watched: the vendor, the room's end, the role
    for (change, room, ended) in [
        (
            "update app.rooms set vendor_id = 'ann' where id = 'food'",
            "food",
            1,
        ),
        (
            "update app.seats set lead = true where room_id = 'lobby'",
            "lobby",
            0,
        ),
        (
            "update app.rooms set name = 'The lobby' where id = 'lobby'",
            "lobby",
            0,
        ),
        (
            "update app.rooms set closed_at = now() where id = 'lobby'",
            "lobby",
            2,
        ),
    ] {
        run(&host.owner, change).await;
        assert_eq!(host.evict().await, ended, "{change}");
        let gone = host.reason(room, "ben").await;
        assert_eq!(gone.as_deref(), (ended > 0).then_some("revoked"), "{change}");
    }
}

#[test]
fn a_file_says_the_same_as_flags_and_flags_win() {
    let path = scratch("presence.toml");
    std::fs::write(&path, FILE).expect("a file");
    let file = path.to_str().expect("UTF-8");

    let from_file = sql(&["--config", file]);
    let with_flag = sql(&[
        "--config",
        file,
        "--users",
        "people(user_id)",
        "--schema",
        "other",
        "--no-watch",
    ]);

    assert_eq!(from_file, sql(FLAGS));
    assert!(with_flag.contains("from other.people t") && with_flag.contains("from other.rooms t"));
    assert!(
        !with_flag.contains("app.")
            && !with_flag.contains("watch_table")
            && !with_flag.contains("grant trigger")
    );
}

#[test]
fn what_is_said_wrongly_is_refused_with_what_to_write() {
    let with = |users: &'static str| ["--users", users];
    for (arguments, said) in [
        (
            &[][..],
            "--users is missing: without it everybody is denied everything",
        ),
        (
            &["--users", "u(user_id=id)", "--rooms", "r(room_id=id)"],
            "--participants is missing",
        ),
        (&with("u"), "the columns are missing"),
        (
            &with("u(user_id=lower(id))"),
            "an expression is written user_id=expr:SQL",
        ),
        (
            &with("u(user_id=expr:lower(id))"),
            "`user_id` must be a plain column",
        ),
        (&with("u(user_id, mail)"), "users has no `mail`"),
        (
            &with("u(user_id) where a; drop table u"),
            "`;` may stand in no expression",
        ),
        (&["--config", "no/such/file.toml"], "no/such/file.toml: "),
        (&["--ask", "--users", "u(user_id)"], "cannot be used with"),
        (&["--force"], "--output"),
    ] {
        let refused = refusal(arguments);
        assert!(refused.contains(said), "{arguments:?}: {refused}");
    }
}

#[test]
fn a_file_is_overwritten_only_if_that_is_said() {
    let path = scratch("presence.sql");
    let output = ["--output", path.to_str().expect("UTF-8")];
    let read = || std::fs::read_to_string(&path).expect("a file");

    assert_eq!(sql(&[FLAGS, &output].concat()), "");
    assert_eq!(read(), sql(FLAGS));
    std::fs::write(&path, "mine, and longer than nothing").expect("a file");
    let refused = refusal(&[FLAGS, &output].concat());
    let kept = read();
    sql(&[FLAGS, &output, &["--force"]].concat());

    assert!(
        refused.contains("presence.sql exists: --force overwrites it"),
        "{refused}"
    );
    assert_eq!(kept, "mine, and longer than nothing");
    assert_eq!(read(), sql(FLAGS));
}

#[tokio::test]
async fn names_and_texts_that_look_like_sql_stay_names_and_texts() {
    let app = r#"
create schema "sch.ema $$";
create table "sch.ema $$"."select" ("we""ird" text primary key, "$body1$" text, "Name'; drop table x; --" text);
create table "sch.ema $$"."ro,om(" ("from" text primary key, "a=b" text);
create table "sch.ema $$"."wh ere" ("order" text, "user" text, "ro le" text);
insert into "sch.ema $$"."select" values ('ann', '$$', 'Ann');
insert into "sch.ema $$"."ro,om(" values ('lobby', 'x');
insert into "sch.ema $$"."wh ere" values ('lobby', 'ann', 'boss');"#;
    let Some(host) = Host::open("presence_test_odd_names", "", app).await else {
        return;
    };
    super::doc::migrate("pg-presence migrate --id-type text\n", &host.url);
    let arguments = [
        "--users",
        r#""sch.ema $$".select(user_id="we""ird", name="Name'; drop table x; --", avatar_url=expr:"$body1$" || ' -- ''; /*')"#,
        "--rooms",
        r#""sch.ema $$"."ro,om("(room_id=from, name='\''; drop table x; -- $$ $body1$', kind="a=b")"#,
        "--participants",
        r#""sch.ema $$"."wh ere"(room_id=order, user_id=user, role="ro le")"#,
    ];

    // without a database, and with one that knows the names
    for known in [&[][..], &["--database-url", &host.url]] {
        run(&host.owner, &sql(&[&arguments[..], known].concat())).await;

        let profile = host
            .text("select u.user_id || u.name || u.avatar_url from presence_host.users() u")
            .await;
        assert_eq!(profile.as_deref(), Some("annAnn$$ -- '; /*"));
        let room = host
            .text("select r.room_id || r.name || r.kind from presence_host.rooms() r")
            .await;
        assert_eq!(room.as_deref(), Some(r"lobby\'; drop table x; -- $$ $body1$x"));
    }
    assert_eq!(host.beat("lobby", "ann").await, None);
    assert_eq!(host.members("ann", "lobby").await, "Ann boss");
    run(&host.owner, r#"delete from "sch.ema $$"."wh ere""#).await;
    assert_eq!(host.evict().await, 1);
}

#[tokio::test]
async fn every_word_that_postgres_reserves_is_quoted() {
    let Some(db) = TestDb::empty().await else { return };
    let admin = connect(db.url()).await.expect("the tests' Postgres answers");
    let words = "select word from pg_get_keywords() where catcode in ('R', 'T')";
    let words: Vec<String> = admin
        .query(words, &[])
        .await
        .expect("its words")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(words.len() > 80);

    for word in words {
        let users = format!("{word}(user_id={word})");
        let written = sql(&[
            "--users",
            &users,
            "--rooms",
            "r(room_id)",
            "--participants",
            "p(room_id, user_id)",
        ]);
        assert!(written.contains(&format!("select t.\"{word}\", ")), "{word}");
        assert!(written.contains(&format!("from public.\"{word}\" t")), "{word}");
    }
}

#[tokio::test]
async fn who_is_in_a_room_may_stand_in_the_rooms_own_row() {
    let app = "create table talk (id text primary key, who text, topic text, closed boolean not null default false);
               create table person (id text primary key);
               insert into person values ('ann'); insert into talk values ('t', 'ann');";
    let Some(host) = Host::open("presence_test_one_table", "", app).await else {
        return;
    };
    super::doc::migrate("pg-presence migrate --id-type text\n", &host.url);
    let arguments = [
        "--users",
        "person(user_id=id)",
        "--rooms",
        "talk(room_id=id, name=topic) where not closed",
        "--participants",
        "talk(room_id=id, user_id=who)",
    ];
    run(&host.owner, &sql(&arguments)).await;
    assert_eq!(host.beat("t", "ann").await, None);

    run(&host.owner, "update talk set closed = true").await;

    assert_eq!(host.evict().await, 1);
    let refused = refusal(&[&arguments[..], &["--logins", "talk(user_id=who)"]].concat());
    assert!(
        refused.contains("logins: public.talk is the table of participants too"),
        "{refused}"
    );
}
