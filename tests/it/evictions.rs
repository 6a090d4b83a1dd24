//! The application's own tables say who may be here: presence ends where they change.

mod logins;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{
    app::{TEST_SLACK, TestApp},
    db::TestDb,
};

/// Promised to users: from the commit to the last stream.
const WITHIN: Duration = Duration::from_secs(1);

async fn join(admin: &Client, room: &str, user: &str) -> Uuid {
    let session = Uuid::new_v4();
    let sql = "select from presence.heartbeat($1::text, $2::text, $3)";
    admin
        .execute(sql, &[&room, &user, &session])
        .await
        .expect("allowed");
    session
}

async fn number(admin: &Client, sql: &str) -> i64 {
    admin.query_one(sql, &[]).await.expect("a number").get(0)
}

async fn evict(admin: &Client) -> i32 {
    admin
        .query_one("select presence.evict()", &[])
        .await
        .expect("evicts")
        .get(0)
}

const QUEUED: &str = "select count(*) from presence_private.eviction";

/// Users and how their last presence ended, where it did.
async fn ended(admin: &Client, room: &str) -> Vec<(String, String)> {
    let sql = "select user_id::text, reason from presence.last_seen where room_id = $1::text and reason is not null order by 1";
    let rows = admin.query(sql, &[&room]).await.expect("last seen");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn revoked(user: &str) -> (String, String) {
    (user.to_owned(), "revoked".to_owned())
}

#[tokio::test]
async fn a_participant_who_is_taken_out_leaves_within_a_second_of_the_commit() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    app.client("bob").beat("general", Uuid::new_v4(), json!({})).await;
    let (mut alices, mut bobs) = (
        app.client("alice").stream(&["general"]).await,
        app.client("bob").stream(&["general"]).await,
    );
    assert!(
        alices
            .until("general", WITHIN * TEST_SLACK, |room| room
                .members
                .contains_key("bob"))
            .await
    );

    let sql = "delete from event_app.room_participants where room_id = 'general' and user_id = 'bob'";
    admin.execute(sql, &[]).await.expect("deleted");
    let committed = Instant::now();
    let left = alices.next_of("diff").await;
    let took = committed.elapsed();

    assert_eq!(left.data["left"][0]["user_id"], "bob");
    assert_eq!(left.data["left"][0]["reason"], "revoked");
    println!("seen after {took:?}");
    assert!(took <= WITHIN * TEST_SLACK, "{took:?}");
    assert_eq!(bobs.next_of("revoked").await.data, json!({"room_id": "general"}));
}

/// A new role, a new name, a participant who was deleted and made again: those who stay read differently.
#[tokio::test]
async fn who_stays_and_reads_differently_is_told_as_an_update_within_a_second() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let watch = "grant trigger on event_app.users to presence_owner;
                 set role presence_owner;
                 select presence.watch_table('event_app.users', user_column => 'id', also => '{name,avatar_url}');
                 reset role";
    admin.batch_execute(watch).await.expect("watched");
    join(&admin, "general", "bob").await;
    join(&admin, "planning", "bob").await;
    let mut stream = app.client("alice").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    for (change, field, value) in [
        (
            "update event_app.room_participants set role = 'coordinator' where room_id = 'general' and user_id = 'bob'",
            "role",
            "coordinator",
        ),
        (
            "update event_app.users set name = 'Bobby' where id = 'bob'",
            "name",
            "Bobby",
        ),
        (
            "delete from event_app.room_participants where room_id = 'general' and user_id = 'bob';
             insert into event_app.room_participants values ('general', 'bob', 'vendor')",
            "role",
            "vendor",
        ),
    ] {
        admin.batch_execute(change).await.expect(change);
        let committed = Instant::now();
        let diff = stream.next_of("diff").await;
        assert!(committed.elapsed() <= WITHIN * TEST_SLACK, "{change}");
        assert_eq!(diff.data["updated"][0][field], value, "{change}");
        assert_eq!(
            (&diff.data["joined"], &diff.data["left"]),
            (&json!([]), &json!([]))
        );
    }
    let revisions = "select count(*) = max(revision) and count(*) = 4 from presence_private.change where room_id = 'general'";
    let row = admin.query_one(revisions, &[]).await.expect("the log");
    assert!(row.get::<_, bool>(0), "one revision a change");
}

#[tokio::test]
async fn a_room_that_becomes_a_vendors_keeps_its_other_vendors_out() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    join(&admin, "expo-floor", "victor").await;
    join(&admin, "expo-floor", "carol").await;
    join(&admin, "vera-catering", "vera").await;

    let sql = "update event_app.rooms set kind = 'vendor', vendor_id = 'vera' where id = 'expo-floor';
               update event_app.rooms set vendor_id = 'victor' where id = 'vera-catering';";
    admin.batch_execute(sql).await.expect("updated");
    evict(&admin).await;

    assert_eq!(ended(&admin, "expo-floor").await, [revoked("victor")]);
    assert_eq!(ended(&admin, "vera-catering").await, [revoked("vera")]);
}

#[tokio::test]
async fn a_deleted_room_or_user_and_a_truncate_end_what_they_must() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    for (room, user) in [
        ("planning", "bob"),
        ("general", "bob"),
        ("general", "carol"),
        ("expo-floor", "carol"),
    ] {
        join(&admin, room, user).await;
    }

    let sql =
        "delete from event_app.rooms where id = 'planning'; delete from event_app.users where id = 'bob'";
    admin.batch_execute(sql).await.expect("deleted");
    evict(&admin).await;
    let after_deletes = ended(&admin, "general").await;
    admin
        .batch_execute("truncate event_app.room_participants")
        .await
        .expect("truncated");
    evict(&admin).await;

    assert_eq!(ended(&admin, "planning").await, [revoked("bob")]);
    assert_eq!(after_deletes, [revoked("bob")]);
    assert_eq!(ended(&admin, "expo-floor").await, [revoked("carol")]);
    assert_eq!(number(&admin, "select count(*) from presence.members").await, 0);
}

#[tokio::test]
async fn what_is_rolled_back_or_of_no_interest_queues_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    join(&admin, "general", "bob").await;

    let sql = "begin; delete from event_app.room_participants; rollback;
               update event_app.rooms set name = upper(name);
               update event_app.room_participants set role = role;";
    admin.batch_execute(sql).await.expect("done");

    assert_eq!(number(&admin, QUEUED).await, 0);
    assert_eq!(evict(&admin).await, 0);
}

#[tokio::test]
async fn who_was_taken_out_and_let_in_again_may_come_back_at_once() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let beat =
        "select from presence.heartbeat('general', 'bob', '00000000-0000-4000-8000-000000000001', seq => $1)";
    admin.execute(beat, &[&1_i64]).await.expect("joins");
    admin
        .batch_execute("delete from event_app.room_participants where user_id = 'bob'")
        .await
        .expect("deleted");
    evict(&admin).await;
    let out = admin.execute(beat, &[&2_i64]).await.expect_err("out");

    admin
        .batch_execute("insert into event_app.room_participants values ('general', 'bob', 'collaborator')")
        .await
        .expect("inserted");
    admin.execute(beat, &[&3_i64]).await.expect("in again");

    assert_eq!(out.code().map(|code| code.code()), Some("PR404"));
}

#[tokio::test]
async fn a_room_that_somebody_holds_is_evicted_later() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, stranger) = (db.admin().await, db.admin().await);
    join(&admin, "general", "bob").await;
    stranger
        .batch_execute("begin; select from presence_private.room where room_id = 'general' for update")
        .await
        .expect("held");
    admin
        .batch_execute("delete from event_app.room_participants where user_id = 'bob'")
        .await
        .expect("deleted");

    assert_eq!(evict(&admin).await, 0);
    stranger.batch_execute("rollback").await.expect("let go");
    assert_eq!(evict(&admin).await, 1);
    assert_eq!(number(&admin, QUEUED).await, 0);
}

#[tokio::test]
async fn an_ended_login_ends_all_sessions_for_good() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let sql = "create table event_app.login (id int primary key, user_id text, expires_at timestamptz);
               insert into event_app.login values (1, 'alice', now() + interval '1 day'), (2, 'bob', now());
               grant usage on schema event_app to presence_owner;
               grant trigger on event_app.login to presence_owner;
               set role presence_owner;
               select presence.watch_table('event_app.login', user_column => 'user_id', logout => true, expires_column => 'expires_at');
               reset role;";
    admin.batch_execute(sql).await.expect("watched");
    let session = join(&admin, "general", "alice").await;
    join(&admin, "planning", "alice").await;
    join(&admin, "general", "bob").await;

    admin
        .batch_execute("delete from event_app.login where id = 1")
        .await
        .expect("deleted");

    assert_eq!(evict(&admin).await, 2);
    assert_eq!(
        ended(&admin, "general").await,
        [("alice".to_owned(), "logged_out".to_owned())]
    );
    let again = "select from presence.heartbeat('general', 'alice', $1)";
    let refused = admin.execute(again, &[&session]).await.expect_err("logged out");
    assert_eq!(refused.code().map(|code| code.code()), Some("PR410"));
}

/// Logins that slide, that are cut short, that ended by themselves and are swept, and all of them at once.
#[tokio::test]
async fn a_login_ends_where_its_end_is_moved_into_the_past_and_not_where_it_is_prolonged() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    for kind in ["timestamptz", "timestamp(3)"] {
        let sql = format!(
            "drop table if exists event_app.login;
             create table event_app.login (id int primary key, user_id text, expires_at {kind});
             set timezone = 'Pacific/Auckland';
             insert into event_app.login select 1, 'alice', (now() + interval '1 hour') at time zone 'UTC';
             insert into event_app.login select 2, 'bob', (now() - interval '1 hour') at time zone 'UTC';
             grant trigger on event_app.login to presence_owner;
             set role presence_owner;
             select presence.watch_table('event_app.login', user_column => 'user_id', logout => true, expires_column => 'expires_at');
             reset role;"
        );
        let sql = match kind {
            "timestamptz" => sql.replace(" at time zone 'UTC'", ""),
            _ => sql,
        };
        admin.batch_execute(&sql).await.expect("watched");
        join(&admin, "general", "alice").await;
        join(&admin, "general", "bob").await;
        let mut ended = vec![];
        for change in [
            "update event_app.login set expires_at = expires_at + interval '7 days' where id = 1",
            "delete from event_app.login where id = 2",
            "update event_app.login set expires_at = expires_at - interval '8 days' where id = 1",
            "truncate event_app.login",
        ] {
            admin.batch_execute(change).await.expect(change);
            ended.push(evict(&admin).await);
        }
        assert_eq!(ended, [0, 0, 1, 1], "{kind}");
    }
    let wrong = "select presence.watch_table('event_app.login', user_column => 'user_id', logout => true, expires_column => 'id')";
    let refused = admin.batch_execute(wrong).await.expect_err("no moment");
    assert_eq!(refused.code().map(|code| code.code()), Some("PR400"));
}

/// Whatever the application does to a table that is watched, and whatever is in it, nothing of ours is in its way.
#[tokio::test]
async fn a_watched_table_may_be_altered_in_any_way() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let sql = "create table event_app.seat (room varchar(40), person varchar(40), role text, note json, area point, spare int);
               insert into event_app.seat values ('general', 'alice', 'x', '\"\\u0000\"', '(1,2)'), ('general', 'bob', 'x', '1', '(1,2)');
               grant trigger on event_app.seat to presence_owner;
               set role presence_owner;
               select presence.watch_table('event_app.seat', 'room', 'person', also => '{role}');
               reset role;";
    admin.batch_execute(sql).await.expect("watched");

    for (change, noted) in [
        (
            "update event_app.seat set note = '2', spare = 1 where person = 'bob'",
            0,
        ),
        ("update event_app.seat set role = 'y' where person = 'bob'", 1),
        ("update event_app.seat set role = 'y' where person = 'alice'", 1), // neither row can be read: not noted
        (
            "alter table event_app.seat alter column room type text, alter column person type text",
            1,
        ),
        (
            "alter table event_app.seat drop column role, drop column spare",
            1,
        ),
        (
            "update event_app.seat set person = 'carol' where person = 'bob'",
            2,
        ),
        ("delete from event_app.seat", 3), // everything is looked at again
        ("alter table event_app.seat rename column person to who", 3),
        (
            "insert into event_app.seat (room, who) values ('general', 'dave')",
            3,
        ),
        ("update event_app.seat set who = 'erin'", 3),
        ("delete from event_app.seat", 3),
        ("drop table event_app.seat", 3),
    ] {
        admin.batch_execute(change).await.expect(change);
        assert_eq!(number(&admin, QUEUED).await, noted, "{change}");
    }
}

#[tokio::test]
async fn why_tells_which_reason_holds() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    join(&admin, "general", "bob").await;

    let sql =
        "select string_agg(case when holds then 'x' else '-' end, '') from presence.why($1::text, $2::text)";
    let mut answers = vec![];
    for (user, room) in [
        ("bob", "general"),
        ("alice", "general"),
        ("victor", "vera-catering"),
        ("dave", "nowhere"),
    ] {
        let row = admin.query_one(sql, &[&user, &room]).await.expect("reasons");
        answers.push(row.get::<_, String>(0));
    }

    // exists, takes part, may enter, is visible, has a session, is shown, was seen
    assert_eq!(answers, ["xxxxxxx", "xxxx---", "xx-x---", "---x---"]);
}
