//! Row-level security that hides rows from presence, and tables whose changes nobody hears of.

use pg_presence::doctor::Severity::{Error, Note, Skipped, Warning};

use super::{examine, mends, of, run, the};
use crate::support::db::TestDb;

const ENABLE: &str = "alter table event_app.room_participants enable row level security;\n";

#[tokio::test]
async fn row_level_security_that_hides_all_or_some_is_seen() {
    let Some(db) = TestDb::new().await else { return };

    let all = mends(&db, ENABLE, "mapping.row_security", Error).await;
    let some = "\
drop policy presence_reads on event_app.room_participants;
create policy few on event_app.room_participants using (user_id <> 'bob');
alter table event_app.room_participants force row level security;";
    let some = mends(&db, some, "mapping.row_security", Warning).await;

    assert_eq!(
        all.says,
        "Row-level security hides all 10 rows of event_app.room_participants from presence_owner."
    );
    assert!(some.says.ends_with("it sees 8 of 10."), "{}", some.says);
}

/// Without a superuser it compares with the table's owner where the login may become that, and knows its limits.
#[tokio::test]
async fn a_login_that_is_no_superuser_compares_with_the_tables_owner() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let member = "do $$ declare role text; begin
             foreach role in array array['presence_owner', $roles] loop
                 execute format('grant %I to $login', role) || case when current_setting('server_version_num')::integer >= 160000
                     then ' with inherit true, set true' else '' end;
             end loop;
         end $$";
    run(
        &sql,
        "do $$ begin create role presence_test_doctor_host; exception when duplicate_object or \
        unique_violation then null; end $$;",
    )
    .await;
    let owner = db
        .login(
            "presence_test_doctor_rls",
            &member.replace("$roles", "'presence_test_doctor_host'"),
        )
        .await;
    let other = db
        .login("presence_test_doctor_no_rls", &member.replace(", $roles", ""))
        .await;
    run(
        &sql,
        &format!(
            "{ENABLE}alter table event_app.room_participants owner to presence_test_doctor_host;
        grant usage on schema event_app to presence_test_doctor_host;"
        ),
    )
    .await;

    let compared = the(&examine(&owner).await, "mapping.row_security").clone();
    let no_policy = the(&examine(&other).await, "mapping.row_security").clone();
    run(
        &sql,
        "create policy few on event_app.room_participants using (user_id <> 'bob');",
    )
    .await;
    let unsure = the(&examine(&other).await, "mapping.row_security").clone();
    let some = the(&examine(&owner).await, "mapping.row_security").clone();
    run(&sql, compared.sql.as_deref().expect("SQL")).await;
    let mended = examine(&owner).await;

    assert!(
        compared.severity == Error && compared.says.contains("hides all 10 rows"),
        "{compared:?}"
    );
    assert!(
        no_policy.severity == Error && no_policy.says.contains("there is no policy"),
        "{no_policy:?}"
    );
    assert!(
        unsure.severity == Skipped && unsure.says.contains("presence_test_doctor_host"),
        "{unsure:?}"
    );
    assert!(
        some.severity == Warning && some.says.contains("8 of 10"),
        "{some:?}"
    );
    assert!(of(&mended, "mapping.row_security").is_empty());
}

#[tokio::test]
async fn tables_that_are_not_watched_are_noted_with_the_call_that_watches_them() {
    let Some(db) = TestDb::new().await else { return };
    let participants = "\
drop trigger presence_gone on event_app.room_participants;
revoke trigger on event_app.room_participants from presence_owner;";
    let rooms = "drop trigger presence_changed on event_app.rooms;";

    let participants = mends(&db, participants, "mapping.watched", Note).await;
    let rooms = mends(&db, rooms, "mapping.watched", Note).await;

    assert!(
        participants
            .says
            .contains("event_app.room_participants is not watched"),
        "{}",
        participants.says
    );
    assert_eq!(
        participants.sql.as_deref(),
        Some(
            "grant trigger on event_app.room_participants to presence_owner;\nbegin;\nset local role presence_owner;\n\
             select presence.watch_table('event_app.room_participants', room_column => 'room_id', user_column => 'user_id', also => '{role}');\n\
             commit;"
        )
    );
    assert!(
        rooms.sql.as_deref().is_some_and(
            |sql| sql.contains("('event_app.rooms', room_column => 'id', also => '{kind,vendor_id}')")
        ),
        "{rooms:?}"
    );
}

#[tokio::test]
async fn a_disabled_trigger_on_a_watched_table_is_a_warning() {
    let Some(db) = TestDb::new().await else { return };
    let broken = "alter table event_app.rooms disable trigger presence_gone;";

    let found = mends(&db, broken, "mapping.watched", Warning).await;

    assert_eq!(
        found.sql.as_deref(),
        Some("alter table event_app.rooms enable trigger presence_gone;")
    );
}
