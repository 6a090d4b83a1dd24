//! How the statements of writes are planned: once, from key to key, so that a single heartbeat costs no planning; and that
//! such a plan, made while tables were empty, holds for thousands.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::Client;

use crate::support::{app::TEST_SLACK, db::TestDb};

/// What a node gives a call.
const CALL_MAX: Duration = Duration::from_secs(2);

/// 50 rooms with 100 people each.
const PEOPLE: &str = "
insert into event_app.users (id, name) select 'u' || n, 'U' from generate_series(0, 4999) n;
insert into event_app.rooms (id, name) select 'r' || n, 'R' from generate_series(0, 49) n;
insert into event_app.room_participants (room_id, user_id) select 'r' || n % 50, 'u' || n from generate_series(0, 4999) n";

/// What is called: `$` is where rooms, users and sessions of these go.
const CALLS: [(&str, &str); 5] = [
    ("join", "presence.heartbeat_batch($)"),
    ("renew", "presence.heartbeat_batch($)"),
    (
        "hold",
        "presence.hold_batch($, array_fill('00000000-0000-4000-8000-000000000000'::uuid, array[items]), \
                                  array_fill(true, array[items]), '10 minutes')",
    ),
    (
        "release",
        "presence.release_batch($, array_fill('00000000-0000-4000-8000-000000000000'::uuid, array[items]), \
                                        array_fill('0'::interval, array[items]), '8 seconds')",
    ),
    ("leave", "presence.leave_batch($)"),
];

async fn run(sql: &Client, statements: &str) {
    sql.batch_execute(statements).await.expect(statements);
}

/// How many of `items` people from the `first` on were done.
async fn call(sql: &Client, call: &str, first: usize, items: usize) -> usize {
    let people = "(select array_agg('r' || n % 50 order by n)::presence.room_id[] from someone), \
                  (select array_agg('u' || n order by n)::presence.user_id[] from someone), \
                  (select array_agg(lpad(n::text, 32, '0')::uuid order by n) from someone)";
    let call = call.replace('$', people).replace("items", &items.to_string());
    let statement = format!(
        "with someone as (select n from generate_series({first}, {first} + {items} - 1) n) \
         select count(*) from {call} where outcome in ('ok', 'held', 'released', 'left')"
    );
    let row = sql.query_one(&statement, &[]).await.expect(&statement);
    usize::try_from(row.get::<_, i64>(0)).expect("a count")
}

/// Rows of all tables of presence and of the application that were read so far, once nobody adds to them.
async fn rows_read(sql: &Client) -> i64 {
    let figures = "select ((select sum(seq_tup_read) from pg_stat_user_tables) \
                         + (select sum(idx_tup_read) from pg_stat_user_indexes))::bigint";
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut before = -1;
    loop {
        run(sql, "select pg_stat_force_next_flush()").await;
        sleep(Duration::from_millis(20)).await;
        run(sql, "select pg_stat_clear_snapshot()").await;
        let row = sql.query_one(figures, &[]).await.expect("figures of tables");
        let read = row.get(0);
        if read == before {
            return read;
        }
        assert!(Instant::now() < deadline, "the figures never come");
        before = read;
    }
}

#[tokio::test]
async fn plans_that_were_made_on_empty_tables_hold_for_thousands() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    // Nobody looks at the tables meanwhile, which would make plans anew.
    run(
        &sql,
        &format!("set statement_timeout = {}", (CALL_MAX * TEST_SLACK).as_millis()),
    )
    .await;
    run(
        &sql,
        "do $$ declare t regclass; begin
                 for t in select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                           where n.nspname in ('presence_private', 'event_app') and c.relkind = 'r'
                 loop execute format('alter table %s set (autovacuum_enabled = off)', t); end loop;
               end $$",
    )
    .await;
    for (_, what) in CALLS {
        call(&sql, what, 0, 1).await;
    }
    run(&sql, PEOPLE).await;

    let parts = [
        (0, 1000),
        (1000, 1000),
        (2000, 1000),
        (3000, 1000),
        (4000, 949),
        (4949, 50),
        (4999, 1),
    ];
    for (name, what) in CALLS {
        for (first, items) in parts {
            let before = rows_read(&sql).await;
            assert_eq!(call(&sql, what, first, items).await, items, "{name}");
            let read = usize::try_from(rows_read(&sql).await - before).expect("it grows");
            assert!(
                read < 50 * items + 200,
                "{name}: {read} rows were read for {items} from {first} on"
            );
        }
    }
}

/// The rule of access, for one second.
const SLOW_ACCESS: &str = "
set role presence_owner;
create or replace function presence_host.participants()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable
as $$
    select p.room_id, p.user_id, p.role from event_app.room_participants p where (select pg_sleep(1)) is not null
$$;
reset role";

#[tokio::test]
async fn a_session_that_another_node_renews_meanwhile_is_renewed_all_the_same_and_older_words_are_ignored() {
    let Some(db) = TestDb::new().await else { return };
    let (one, other) = (db.admin().await, db.admin().await);
    let beat = |status: &str, seq: u8| {
        format!(
            "select outcome from presence.heartbeat_batch('{{general}}', '{{alice}}', \
             array['11111111-1111-4111-8111-111111111111'::uuid], array['{status}'], seqs => array[{seq}])"
        )
    };
    let state = "select extract(epoch from s.expires_at)::float8, r.revision, s.status, s.seq \
                   from presence_private.session s join presence_private.room r on r.room_id = s.room_id";
    let write = |seq: u8, status: &str| {
        format!(
            "update presence_private.session \
                set seq = {seq}, status = '{status}', beat_at = clock_timestamp(), expires_at = now() + interval '1 minute'"
        )
    };
    run(&one, &beat("active", 4)).await;
    run(&one, SLOW_ACCESS).await;
    // Of the first word the statement that renews decides, of the second one that which changes.
    for word in ["active", "away"] {
        run(&other, &write(4, "active")).await;
        let before = one.query_one(state, &[]).await.expect("a session");

        // What is looked at was true when the statement began; the lock is taken a second later.
        let renewed = async {
            sleep(Duration::from_millis(400)).await;
            run(&other, &write(6, "busy")).await;
        };
        let (answer, ()) = futures_util::future::join(one.query_one(&beat(word, 5), &[]), renewed).await;

        let after = one.query_one(state, &[]).await.expect("a session");
        assert_eq!(answer.expect("an outcome").get::<_, &str>(0), "ok");
        assert!(
            after.get::<_, f64>(0) > before.get::<_, f64>(0) + 10.0,
            "a whole TTL"
        );
        assert_eq!((after.get(2), after.get(3)), ("busy", 6_i64), "{word}");
        if word == "active" {
            assert_eq!(after.get::<_, i64>(1), before.get::<_, i64>(1), "nobody is told");
        }
    }
}

#[tokio::test]
async fn whatever_changes_sessions_says_how_it_is_planned() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let unsaid = "
        select distinct a.proname::text
          from pg_proc a
          join pg_proc b on a.prosrc ~ ('presence_private\\.' || b.proname || '\\(')
         where a.pronamespace = 'presence'::regnamespace and b.pronamespace = 'presence_private'::regnamespace
           and b.proname in ('apply_beats', 'end_sessions', 'end_all', 'lock_rooms', 'settle', 'reap_sessions', 'evict_queued',
                             'set_own_status', 'apply_own_status')
           and (a.proconfig is null or not exists (select from unnest(a.proconfig) c where c like 'plan_cache_mode=%'))";

    let rows = sql.query(unsaid, &[]).await.expect("the catalog");

    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, [""; 0], "a plan for few items would be taken for many");
}
