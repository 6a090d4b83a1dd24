//! An application ends a user's logins and makes a new one, as where a password is changed: the old ones are over, and
//! nothing of the new one is.

use tokio_postgres::Client;
use uuid::Uuid;

use super::{QUEUED, evict, join, number};
use crate::support::{
    db::TestDb,
    sql::{code, list, run, text},
};

const LOGOUTS: &str = "select count(*) from presence_private.logout where user_id = 'alice'";
/// Sessions of alice that are here, or how they ended.
const SESSIONS: &str = "select room_id::text || ' ' || coalesce(ended_as, 'here') from presence_private.session \
                        where user_id = 'alice' order by joined_at";

/// Alice's logins are watched, and there is one.
async fn watched() -> Option<(TestDb, Client)> {
    let db = TestDb::new().await?;
    let admin = db.admin().await;
    let sql = "create table event_app.login (id int primary key, user_id text);
               insert into event_app.login values (1, 'alice');
               grant trigger on event_app.login to presence_owner;
               set role presence_owner;
               select presence.watch_table('event_app.login', user_column => 'user_id', logout => true);
               reset role;";
    run(&admin, sql).await;
    Some((db, admin))
}

async fn beat(sql: &Client, session: Uuid) -> Option<String> {
    let beat = format!("select presence.heartbeat('general', 'alice', '{session}')");
    code(sql, &beat).await
}

#[tokio::test]
async fn what_joins_with_the_new_login_stays_and_all_of_before_ends() {
    let Some((_db, admin)) = watched().await else {
        return;
    };
    let old = join(&admin, "general", "alice").await;

    run(
        &admin,
        "begin; delete from event_app.login; insert into event_app.login values (2, 'alice'); commit",
    )
    .await;
    let new = join(&admin, "general", "alice").await;
    assert_eq!(beat(&admin, old).await, None, "renewed before anybody evicts");

    assert_eq!(evict(&admin).await, 1);
    assert_eq!(
        list(&admin, SESSIONS).await,
        ["general logged_out", "general here"]
    );
    assert_eq!(beat(&admin, old).await.as_deref(), Some("PR410"));
    assert_eq!(beat(&admin, new).await, None);
    let before = "select (l.at < s.joined_at)::text from presence_private.logout l, presence_private.session s \
                  where s.ended_at is null";
    assert_eq!(text(&admin, before).await, "true");
}

/// Nobody has the new login before the commit.
#[tokio::test]
async fn what_joins_while_the_logout_is_not_committed_yet_ends() {
    let Some((db, admin)) = watched().await else {
        return;
    };
    let host = db.admin().await;
    run(&host, "begin; delete from event_app.login").await;
    let meanwhile = join(&admin, "general", "alice").await;
    run(&host, "insert into event_app.login values (2, 'alice'); commit").await;

    assert_eq!(evict(&admin).await, 1);
    assert_eq!(beat(&admin, meanwhile).await.as_deref(), Some("PR410"));
}

#[tokio::test]
async fn a_logout_that_waits_for_a_room_stays_as_old_as_it_is() {
    let Some((db, admin)) = watched().await else {
        return;
    };
    let stranger = db.admin().await;
    join(&admin, "general", "alice").await;
    run(
        &stranger,
        "begin; select from presence_private.room where room_id = 'general' for update",
    )
    .await;
    run(&admin, "delete from event_app.login").await;
    let moment = "select max(at)::text from presence.logged_out_at('{alice}')";
    let queued = text(&admin, moment).await;

    assert_eq!(evict(&admin).await, 0);
    join(&admin, "planning", "alice").await;
    assert_eq!(evict(&admin).await, 0);
    let noted = text(&admin, moment).await;
    run(&stranger, "rollback").await;

    assert_eq!(evict(&admin).await, 1);
    assert_eq!(
        list(&admin, SESSIONS).await,
        ["general logged_out", "planning here"]
    );
    assert_ne!(queued, "null", "known before anybody takes it from the queue");
    assert_eq!([noted, text(&admin, moment).await], [queued.clone(), queued]);
    assert_eq!(
        (number(&admin, LOGOUTS).await, number(&admin, QUEUED).await),
        (1, 0)
    );
}

#[tokio::test]
async fn only_the_last_logout_of_a_user_is_kept() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;

    for _ in 0..3 {
        run(&admin, "select presence.leave_everywhere('alice')").await;
    }

    assert_eq!(number(&admin, LOGOUTS).await, 1);
}
