//! What rings, what does not, and what a ring says.

use sha2::{Digest, Sha256};
use tokio::time::{Duration, Instant, sleep};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{db::TestDb, ear::Ear};

async fn run(sql: &Client, statements: &str) {
    sql.batch_execute(statements).await.expect(statements);
}

fn beat(tab: Uuid, fields: &str) -> String {
    format!("select presence.heartbeat('general', 'alice', '{tab}'{fields})")
}

/// What a ring calls this room.
async fn ring_name(sql: &Client, room: &str) -> String {
    let newest = "select key from presence_private.secret where kind = 'ring' order by made_at desc limit 1";
    let key: Vec<u8> = sql.query_one(newest, &[]).await.expect("a key").get(0);
    let digest = Sha256::new().chain_update(key).chain_update(room).finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_change_rings_once_and_names_its_room_to_the_initiated() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(&sql, "select presence.reap()").await;
    let (mut ear, name) = (Ear::open(db.url()).await, ring_name(&sql, "general").await);
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());

    let changes = [
        beat(first, ""),
        beat(first, ", 'busy'"),
        beat(first, ", 'typing'"),
        beat(first, ", message => 'hi'"),
        beat(second, ", 'away', message => 'last word'"),
        format!("select presence.leave('general', 'alice', '{second}')"),
        beat(first, ", 'invisible'"),
        beat(first, ""),
        "select presence.remove_member('general', 'alice')".to_owned(),
    ];
    for change in &changes {
        run(&sql, change).await;
        assert_eq!(ear.heard().await, [name.as_str()], "{change}");
    }

    assert_eq!(name.len(), 16);
    assert!(name.bytes().all(|digit| digit.is_ascii_hexdigit()));
}

#[tokio::test]
async fn what_nobody_sees_rings_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let (sql, mut ear) = (db.admin().await, Ear::open(db.url()).await);
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    run(&sql, &beat(first, ", 'typing', message => 'hi'")).await;
    ear.heard().await;

    let silent = [
        ("a plain renewal", beat(first, "")),
        ("a sign of more typing", beat(first, ", 'typing'")),
        ("the same words", beat(first, ", 'typing', message => 'hi'")),
        ("a second tab", beat(second, "")),
        ("its weaker status", beat(second, ", 'away'")),
        (
            "its leave",
            format!("select presence.leave('general', 'alice', '{second}')"),
        ),
        (
            "a leave of nobody",
            format!("select presence.leave('general', 'alice', '{second}')"),
        ),
        ("a reaper that finds nothing", "select presence.reap()".to_owned()),
        ("an invisible stranger", beat(Uuid::new_v4(), ", 'invisible'")),
        (
            "a kick of nobody",
            "select presence.remove_member('general', 'bob')".to_owned(),
        ),
    ];
    for (what, statement) in &silent {
        run(&sql, statement).await;
        assert_eq!(ear.heard().await, [""; 0], "{what}");
    }
    let denied = sql
        .batch_execute("select presence.heartbeat('general', 'dave', gen_random_uuid())")
        .await;

    assert!(denied.is_err());
    assert_eq!(ear.heard().await, [""; 0]);
}

#[tokio::test]
async fn a_batch_rings_its_rooms_together() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(
        &sql,
        "select presence.reap();
         insert into event_app.rooms (id, name) select 'r' || n, 'R' from generate_series(1, 1000) n;
         insert into event_app.room_participants (room_id, user_id) select 'r' || n, 'dave' from generate_series(1, 1000) n",
    )
    .await;
    let mut ear = Ear::open(db.url()).await;

    run(
        &sql,
        "select presence.heartbeat_batch(array_agg('r' || n)::presence.room_id[],
                array_agg('dave'::text)::presence.user_id[], array_agg(gen_random_uuid())) from generate_series(1, 1000) n",
    )
    .await;

    let heard = ear.heard().await;
    let mut names: Vec<&str> = heard.iter().flat_map(|payload| payload.split(',')).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((heard.len(), names.len()), (3, 1000), "400 fit one payload");
    assert!(names.contains(&ring_name(&sql, "r1000").await.as_str()));
}

#[tokio::test]
async fn a_new_key_is_told_to_all_nodes() {
    let Some(db) = TestDb::new().await else { return };
    let (sql, mut ear) = (db.admin().await, Ear::open(db.url()).await);
    run(&sql, "select presence.reap()").await;
    ear.heard().await;

    let old = ring_name(&sql, "general").await;
    run(&sql, "select presence_private.rotate_secrets()").await;
    run(&sql, &beat(Uuid::new_v4(), "")).await;

    let new = ring_name(&sql, "general").await;
    assert_ne!(old, new);
    assert_eq!(ear.heard().await, ["*", new.as_str()]);
}

#[tokio::test]
async fn a_plain_renewal_is_a_hot_update_that_rings_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let batch = |which: &str| {
        format!(
            "select count(*) from presence.heartbeat_batch(
                 (select array_agg('general'::text order by n)::presence.room_id[] from generate_series(1, 2000) n where {which}),
                 (select array_agg('u' || n order by n)::presence.user_id[] from generate_series(1, 2000) n where {which}),
                 (select array_agg(lpad(n::text, 32, '0')::uuid order by n) from generate_series(1, 2000) n where {which}))
              where outcome = 'ok'"
        )
    };
    run(
        &sql,
        "insert into event_app.users (id, name) select 'u' || n, 'U' from generate_series(1, 2000) n;
         insert into event_app.room_participants (room_id, user_id) select 'general', 'u' || n from generate_series(1, 2000) n",
    )
    .await;
    run(&sql, &batch("true")).await;
    let mut ear = Ear::open(db.url()).await;

    // Whoever is just connecting to this server, and an ANALYZE in this database, hold up pruning for a moment, and the
    // other tests do both all the time: a round that they disturbed does not count.
    let mut shares = vec![];
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline && shares.iter().all(|share| *share < 97) {
        let (updates, hot) = updates(&sql, 0).await;
        for nth in 0..20 {
            let ok = sql.query_one(&batch(&format!("n % 20 = {nth}")), &[]).await;
            assert_eq!(ok.expect("a batch").get::<_, i64>(0), 100);
        }
        let (updates_after, hot_after) = self::updates(&sql, updates + 2000).await;
        assert_eq!(updates_after - updates, 2000);
        shares.push((hot_after - hot) * 100 / 2000);
    }

    assert_eq!(ear.heard().await, [""; 0]);
    println!("{shares:?} % of 2000 renewals were HOT");
    assert!(shares.iter().any(|share| *share >= 97), "{shares:?} %");
}

/// Updates and HOT updates of sessions so far, once there are `at_least` so many: figures come late.
async fn updates(sql: &Client, at_least: i64) -> (i64, i64) {
    let figures = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables \
                   where schemaname = 'presence_private' and relname = 'session'";
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        run(sql, "select pg_stat_force_next_flush()").await;
        run(sql, "select pg_stat_clear_snapshot()").await;
        let row = sql.query_one(figures, &[]).await.expect("figures of a table");
        if row.get::<_, i64>(0) >= at_least {
            return (row.get(0), row.get(1));
        }
        assert!(Instant::now() < deadline, "the figures never come");
        sleep(Duration::from_millis(20)).await;
    }
}
