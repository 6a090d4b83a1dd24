//! Callers who hold a room or a session for long: what waits, what does not, and what comes of it (FAULTS 67).

use futures_util::future::join;
use serde_json::json;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use crate::support::{
    db::TestDb,
    ear::Ear,
    scene::{Scene, Tab},
};

/// What the service calls, on a connection that may wait for no lock: outcomes in the order of the tabs.
struct Batcher(Client);

impl Batcher {
    async fn on(db: &TestDb) -> Self {
        let sql = db.admin().await;
        sql.batch_execute("set lock_timeout = '100 ms'")
            .await
            .expect("a setting");
        Self(sql)
    }

    async fn beat(&self, tabs: &[&Tab]) -> Vec<String> {
        self.outcomes("heartbeat_batch", tabs).await
    }

    async fn leave(&self, tabs: &[&Tab]) -> Vec<String> {
        self.outcomes("leave_batch", tabs).await
    }

    async fn outcomes(&self, function: &str, tabs: &[&Tab]) -> Vec<String> {
        let rooms: Vec<&str> = tabs.iter().map(|tab| tab.room).collect();
        let users: Vec<&str> = tabs.iter().map(|tab| tab.user).collect();
        let ids: Vec<Uuid> = tabs.iter().map(|tab| tab.id).collect();
        let sql = format!(
            "select outcome from presence.{function}($1::text[]::presence.room_id[], \
             $2::text[]::presence.user_id[], $3::uuid[]) order by item"
        );
        let rows = self.0.query(&sql, &[&rooms, &users, &ids]).await;
        rows.expect("it waits for nobody")
            .iter()
            .map(|row| row.get(0))
            .collect()
    }
}

async fn beat(sql: &Client, tab: &Tab) -> Result<(), Error> {
    let heartbeat = format!(
        "select presence.heartbeat('{}', '{}', '{}')",
        tab.room, tab.user, tab.id
    );
    sql.batch_execute(&heartbeat).await
}

async fn run(sql: &Client, statements: &str) {
    sql.batch_execute(statements).await.expect(statements);
}

#[tokio::test]
async fn a_stranger_who_begins_the_epoch_makes_all_busy_and_holds_up_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let (batcher, stranger) = (Batcher::on(&db).await, db.admin().await);
    let (bobs, alices) = (Tab::new("planning", "bob"), Tab::new("general", "alice"));
    run(&stranger, "delete from presence_private.epoch").await;
    run(&stranger, "begin").await;
    beat(&stranger, &bobs).await.expect("allowed");

    assert_eq!(batcher.beat(&[&alices]).await, ["busy"]);
    let reaped = batcher.0.query_one("select presence.reap()", &[]).await;
    run(&stranger, "commit").await;

    assert_eq!(reaped.expect("it waits for nobody").get::<_, i32>(0), -1);
    assert_eq!(batcher.beat(&[&alices]).await, ["ok"]);
}

#[tokio::test]
async fn items_of_a_held_room_are_busy_and_the_others_are_done() {
    let Some(db) = TestDb::new().await else { return };
    let (batcher, stranger) = (Batcher::on(&db).await, db.admin().await);
    let (bob, carol) = (Tab::new("general", "bob"), Tab::new("general", "carol"));
    let (held, elsewhere) = (Tab::new("general", "alice"), Tab::new("planning", "bob"));
    batcher.beat(&[&bob]).await;
    run(&stranger, "begin").await;
    beat(&stranger, &held).await.expect("a join");

    let beats = batcher.beat(&[&carol, &elsewhere, &bob]).await;
    let leaves = batcher.leave(&[&bob, &elsewhere]).await;
    run(&stranger, "commit").await;
    let later = batcher.beat(&[&carol]).await;

    assert_eq!(beats, ["busy", "ok", "ok"], "a plain renewal needs no room");
    assert_eq!(leaves, ["busy", "left"]);
    assert_eq!(later, ["ok"]);
}

#[tokio::test]
async fn a_room_that_a_stranger_is_making_is_busy() {
    let Some(db) = TestDb::new().await else { return };
    let (batcher, stranger) = (Batcher::on(&db).await, db.admin().await);
    let (bob, elsewhere) = (Tab::new("general", "bob"), Tab::new("planning", "bob"));
    batcher.beat(&[&Tab::new("expo-floor", "carol")]).await;
    run(&stranger, "begin").await;
    beat(&stranger, &Tab::new("general", "alice"))
        .await
        .expect("a join");

    let meanwhile = batcher.beat(&[&bob, &elsewhere]).await;
    run(&stranger, "rollback").await;
    let later = batcher.beat(&[&bob]).await;

    assert_eq!(meanwhile, ["busy", "ok"]);
    assert_eq!(later, ["ok"]);
}

#[tokio::test]
async fn a_session_that_a_stranger_renews_is_busy_and_its_room_is_not() {
    let Some(db) = TestDb::new().await else { return };
    let (batcher, stranger) = (Batcher::on(&db).await, db.admin().await);
    let (held, second) = (Tab::new("general", "alice"), Tab::new("general", "alice"));
    let bob = Tab::new("general", "bob");
    batcher.beat(&[&held]).await;
    run(&stranger, "begin").await;
    beat(&stranger, &held).await.expect("a renewal");

    let beats = batcher.beat(&[&held, &second, &bob]).await;
    let leaves = batcher.leave(&[&held, &bob]).await;
    run(&stranger, "commit").await;

    assert_eq!(beats, ["busy", "ok", "ok"]);
    assert_eq!(leaves, ["busy", "left"]);
    assert_eq!(batcher.leave(&[&held, &second]).await, ["left", "left"]);
}

#[tokio::test]
async fn the_reaper_passes_over_what_is_held() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, stranger) = (Scene::open(&db).await, db.admin().await);
    run(scene.sql(), "set lock_timeout = '100 ms'").await;
    let (room, renewed) = (Tab::new("general", "alice"), Tab::new("planning", "bob"));
    let free = Tab::new("expo-floor", "carol");
    for tab in [&room, &renewed, &free] {
        scene.beat(0.0, tab, json!({})).await;
    }
    run(
        &stranger,
        "begin; select from presence_private.room where room_id = 'general' for no key update; \
         select from presence_private.session where room_id = 'planning' for no key update",
    )
    .await;

    assert_eq!(scene.reap(80.0).await, 1);
    assert_eq!(scene.reap(81.0).await, 0);
    run(&stranger, "rollback").await;
    assert_eq!(scene.reap(82.0).await, 2);

    assert!(scene.shown(&free).await.is_null());
}

#[tokio::test]
async fn a_callers_rollback_leaves_no_trace() {
    let Some(db) = TestDb::new().await else { return };
    let (sql, mut ear) = (db.admin().await, Ear::open(db.url()).await);
    let here = Tab::new("planning", "alice");
    beat(&sql, &here).await.expect("a join");
    let before = everything(&sql).await;
    ear.heard().await;

    run(&sql, "begin").await;
    beat(&sql, &Tab::new("general", "alice")).await.expect("a join");
    beat(&sql, &here).await.expect("a renewal");
    run(
        &sql,
        "select presence.leave_everywhere('alice'); select presence.remove_room('general')",
    )
    .await;
    run(&sql, "rollback").await;

    assert_eq!(everything(&sql).await, before);
    assert_eq!(ear.heard().await, [""; 0]);
}

#[tokio::test]
async fn an_old_snapshot_is_told_so_and_never_shows_a_false_leave() {
    let Some(db) = TestDb::new().await else { return };
    let (old, new) = (db.admin().await, db.admin().await);
    let (first, second) = (Tab::new("general", "alice"), Tab::new("general", "alice"));
    let leave = format!("select presence.leave('general', 'alice', '{}')", first.id);
    let logout = "select presence.leave_everywhere('alice')";
    for isolation in ["repeatable read", "serializable"] {
        for mine in [leave.as_str(), logout] {
            run(&new, "select presence.remove_room('general')").await;
            beat(&new, &first).await.expect("a join");
            let begin = format!("begin isolation level {isolation}; select from presence_private.setting");
            run(&old, &begin).await;
            beat(&new, &second).await.expect("a second tab");

            let code = refusal(&old, mine).await;
            run(&old, "rollback").await;

            assert_eq!(code.as_deref(), Some("40001"), "{isolation}: {mine}");
            let here = new
                .query_one(
                    "select sessions from presence.members where room_id = 'general'",
                    &[],
                )
                .await;
            assert_eq!(here.expect("one member").get::<_, i32>(0), 2);
            let second_goes = format!("select presence.leave('general', 'alice', '{}')", second.id);
            run(&new, &second_goes).await;
        }
    }
}

#[tokio::test]
async fn an_old_snapshot_never_joins_or_stays_over_what_it_cannot_see() {
    let Some(db) = TestDb::new().await else { return };
    let (old, new) = (db.admin().await, db.admin().await);
    let (first, second) = (Tab::new("general", "alice"), Tab::new("general", "alice"));
    let begin = "begin isolation level repeatable read; select from presence_private.setting";

    run(&old, begin).await;
    beat(&new, &first).await.expect("a join, in a room that is new");
    let joins = refusal(
        &old,
        &format!("select presence.heartbeat('general', 'alice', '{}')", second.id),
    )
    .await;
    run(&old, "rollback").await;
    beat(&new, &second).await.expect("a second tab");
    run(&old, begin).await;
    let second_goes = format!("select presence.leave('general', 'alice', '{}')", second.id);
    run(&new, &second_goes).await;
    let leaves = refusal(
        &old,
        &format!("select presence.leave('general', 'alice', '{}')", first.id),
    )
    .await;
    run(&old, "rollback").await;

    assert_eq!(
        (joins.as_deref(), leaves.as_deref()),
        (Some("40001"), Some("40001"))
    );
    let rows = new
        .query(
            "select sessions from presence.members where room_id = 'general'",
            &[],
        )
        .await;
    assert_eq!(rows.expect("members are read")[0].get::<_, i32>(0), 1);
}

#[tokio::test]
async fn of_callers_in_opposite_order_one_fails() {
    let Some(db) = TestDb::new().await else { return };
    let (one, two) = (db.admin().await, db.admin().await);
    run(&one, "select presence.reap(); set deadlock_timeout = '50 ms'").await;
    run(&two, "set deadlock_timeout = '50 ms'").await;
    for rooms in ["are new", "exist"] {
        let tabs = ["alice", "bob"].map(|user| [Tab::new("general", user), Tab::new("planning", user)]);
        run(&one, "begin").await;
        run(&two, "begin").await;
        beat(&one, &tabs[0][0]).await.expect("the first room of one");
        beat(&two, &tabs[1][1])
            .await
            .expect("the first room of the other");

        let (crossed, back) = join(beat(&one, &tabs[0][1]), beat(&two, &tabs[1][0])).await;
        run(&one, "commit").await;
        run(&two, "commit").await;

        let failed: Vec<String> = [crossed.err(), back.err()]
            .into_iter()
            .flatten()
            .map(|error| error.code().expect("an error of Postgres").code().to_owned())
            .collect();
        assert_eq!(failed, ["40P01"], "where the rooms {rooms}");
        let rows = one
            .query("select room_id from presence.members", &[])
            .await
            .expect("members are read");
        assert_eq!(rows.len(), 2, "the other's two, where the rooms {rooms}");
        run(
            &one,
            "select presence.remove_room('general'); select presence.remove_room('planning')",
        )
        .await;
    }
}

async fn refusal(sql: &Client, statement: &str) -> Option<String> {
    let error = sql.batch_execute(statement).await.err()?;
    Some(error.code().expect("an error of Postgres").code().to_owned())
}

/// All that presence keeps, as text.
async fn everything(sql: &Client) -> Vec<String> {
    let all = ["session", "member", "room", "change", "last_seen", "epoch"]
        .map(|table| format!("select '{table} ' || t::text from presence_private.{table} t"))
        .join(" union all ");
    let rows = sql
        .query(&format!("{all} order by 1"), &[])
        .await
        .expect("all is read");
    rows.iter().map(|row| row.get(0)).collect()
}
