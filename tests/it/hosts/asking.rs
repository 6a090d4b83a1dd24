//! `pg-presence generate adapter --ask`, through a pipe.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use super::{
    generator,
    host::{Host, run},
};

/// Answers, line by line.
fn ask(arguments: &[&str], answers: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pg-presence"))
        .args(["generate", "adapter", "--ask"])
        .args(arguments)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut input = child.stdin.take().expect("a pipe");
    // Where it is gone before it has read all, its exit code says so.
    drop(input.write_all(answers.as_bytes()));
    drop(input);
    child.wait_with_output().expect("the program ends")
}

#[test]
fn answers_say_the_same_as_flags_and_the_flags_are_told() {
    let answers = "users\nid\nname\n-\n\n\
                   chat.Room\nid\n\ntitle\n'chat'\n\nclosed_at is null\n\
                   seats\nroom\nuser\nexpr:case when lead then 'coordinator' end\n\n\
                   \n\
                   sessions\nuser_id\nends_at\n\n";
    let flags = [
        "--users",
        "users(user_id=id, name)",
        "--rooms",
        "chat.Room(room_id=id, name=title, kind='chat') where closed_at is null",
        "--participants",
        "seats(room_id=room, user_id=user, role=expr:case when lead then 'coordinator' end)",
        "--logins",
        "sessions(user_id, expires=ends_at)",
    ];

    let asked = ask(&[], answers);

    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&asked.stdout), generator::sql(&flags));
    assert!(said.contains("--users 'users(user_id=id, name)'"), "{said}");
    assert!(
        said.contains(r"kind='\''chat'\'') where closed_at is null'"),
        "{said}"
    );
}

#[test]
fn an_answer_that_cannot_be_used_is_asked_for_again() {
    let answers = "\na.b.c\nusers\n\nlower(id)\n'x'\nid\n\n\n\n\
                   rooms\nid\n\n\n\n\na; b\n\n\
                   seats\nroom_id\nuser_id\n\n\n\
                   -\n-\n";

    let asked = ask(&[], answers);

    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{said}");
    for why in [
        "users are needed",
        "write schema.table",
        "user_id is needed",
        "an expression is written expr:lower(id)",
        "`user_id` must be a plain column",
        "`;` may stand in no expression",
    ] {
        assert!(said.contains(why), "{why}: {said}");
    }
    assert!(String::from_utf8_lossy(&asked.stdout).contains("from public.users t"));
}

#[test]
fn answers_that_end_too_early_write_nothing() {
    let asked = ask(&[], "users\nid\n");

    assert_eq!(asked.status.code(), Some(2));
    assert!(asked.stdout.is_empty());
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(said.contains("the answers ended before all was asked"), "{said}");
}

#[tokio::test]
async fn with_a_database_enter_takes_what_is_proposed() {
    let schema = include_str!("../../hosts/prisma.sql");
    let Some(host) = Host::open("presence_test_asked", "", schema).await else {
        return;
    };
    super::doc::migrate("pg-presence migrate --id-type text\n", &host.url);

    let asked = ask(&["--database-url", &host.url], &"\n".repeat(40));
    let other = ask(
        &["--database-url", &host.url],
        &format!("persons\nuser\nuserid\n{}", "\n".repeat(40)),
    );

    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{said}");
    for proposed in [
        "The table of users [public.user]",
        "user_id (the key) [id]",
        "[image]",
        "[public.RoomParticipant]",
        "[roomId]",
        "[expiresAt]",
    ] {
        assert!(said.contains(proposed), "{proposed}: {said}");
    }
    run(&host.owner, &String::from_utf8_lossy(&asked.stdout)).await;
    run(
        &host.owner,
        r#"insert into "user" (id, name, email, "emailVerified", "updatedAt") values ('ann', 'Ann', '', true, now());
           insert into "Room" (id, title) values ('lobby', 'Lobby');
           insert into "RoomParticipant" ("roomId", "userId", role) values ('lobby', 'ann', 'vendor');"#,
    )
    .await;
    assert_eq!(host.beat("lobby", "ann").await, None);
    assert_eq!(host.members("ann", "lobby").await, "Ann vendor");
    let said = String::from_utf8_lossy(&other.stderr);
    assert!(other.status.success(), "{said}");
    assert!(said.contains("users: there is no table public.persons"), "{said}");
    assert!(
        said.contains("there is no column userid; there are id, name"),
        "{said}"
    );
}
