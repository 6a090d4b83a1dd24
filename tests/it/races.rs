//! Races that have one outcome, whoever is faster (FAULTS 36, 39, 41).

use std::{collections::HashMap, time::Instant};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tokio::time::Duration;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    stream::Stream,
};

/// First and last tabs, half of them each.
const RACES: usize = 10_000;
/// Pairs of connections that race side by side.
const DUELS: usize = 2;
/// Rooms that a pair races through without a pause.
const ROOMS: usize = 10;
/// Rounds of two races in each room through two nodes: 10,000 in all.
const NODE_ROUNDS: usize = 250;
/// Rooms that are raced in at once.
const NODE_ROOMS: usize = 20;

async fn run(sql: &Client, statements: &str) {
    sql.batch_execute(statements).await.expect(statements);
}

/// Two tabs of alice, each on a connection of its own, that race through rooms.
struct Duel {
    rooms: Vec<String>,
    sides: [Side; 2],
    look: Statement,
}

struct Side {
    sql: Client,
    beat: Statement,
    leave: Statement,
    tab: Uuid,
}

/// A room after a race: its revision, what the log says of the last two, the member's sessions and the live ones, how
/// the member was last seen.
type Look = (i64, Vec<String>, Option<i32>, i64, Option<String>);

const LOOK: &str = "\
select r.revision,
       array(select concat_ws(' ', c.what, c.reason) from presence_private.change c
              where c.room_id = r.room_id and c.revision > r.revision - 2 order by c.revision),
       (select m.sessions from presence_private.member m where m.room_id = r.room_id),
       (select count(*) from presence_private.session s
         where s.room_id = r.room_id and s.user_id = 'alice' and s.ended_at is null),
       (select l.reason from presence_private.last_seen l where l.room_id = r.room_id)
  from presence_private.room r where r.room_id = any ($1::text[]::presence.room_id[])";

impl Side {
    async fn open(db: &TestDb) -> Self {
        let sql = db.admin().await;
        let beat = "select presence.heartbeat($1::text::presence.room_id, 'alice', $2)";
        let leave = "select presence.leave($1::text::presence.room_id, 'alice', $2)";
        Self {
            beat: sql.prepare(beat).await.expect("a statement"),
            leave: sql.prepare(leave).await.expect("a statement"),
            tab: Uuid::new_v4(),
            sql,
        }
    }

    /// Joins or renews; several rooms one right after the other.
    async fn beats(&self, rooms: &[impl AsRef<str>]) {
        join_all(rooms.iter().map(async |room| {
            let joined = self.sql.execute(&self.beat, &[&room.as_ref(), &self.tab]).await;
            assert_eq!(joined.expect("a lease"), 1);
        }))
        .await;
    }

    async fn leaves(&self, rooms: &[impl AsRef<str>]) {
        join_all(rooms.iter().map(async |room| {
            let left = self
                .sql
                .query_one(&self.leave, &[&room.as_ref(), &self.tab])
                .await;
            assert!(left.expect("a leave").get::<_, bool>(0));
        }))
        .await;
    }
}

impl Duel {
    /// With rooms that only this pair uses.
    async fn open(db: &TestDb, nth: usize) -> Self {
        let sides = [Side::open(db).await, Side::open(db).await];
        let rooms: Vec<String> = (0..ROOMS).map(|room| format!("race {nth}.{room}")).collect();
        let load = "with made as (insert into event_app.rooms (id, name) select r, 'R' from unnest($1::text[]) r returning id)
                    insert into event_app.room_participants (room_id, user_id) select id, 'alice' from made";
        sides[0].sql.execute(load, &[&rooms]).await.expect("rooms");
        let look = sides[0].sql.prepare(LOOK).await.expect("a statement");
        Self { rooms, sides, look }
    }

    async fn expect(&self, expected: Look) {
        let rows = self.sides[0].sql.query(&self.look, &[&self.rooms]).await;
        let rows = rows.expect("rooms");
        assert_eq!(rows.len(), ROOMS);
        for row in rows {
            assert_eq!(
                (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)),
                expected
            );
        }
    }

    /// In each room one race of first tabs, one of last tabs; all revisions are 2 * `nth` before it.
    async fn fight(&self, nth: i64) {
        let [one, two] = &self.sides;
        let log = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        join(one.beats(&self.rooms), two.beats(&self.rooms)).await;
        let joined: &[&str] = if nth == 0 {
            &["join"]
        } else {
            &["leave left", "join"]
        };
        self.expect((2 * nth + 1, log(joined), Some(2), 2, None)).await;
        join(two.leaves(&self.rooms), one.leaves(&self.rooms)).await;
        let left = log(&["join", "leave left"]);
        self.expect((2 * nth + 2, left, None, 0, Some("left".to_owned())))
            .await;
    }
}

/// FAULTS 41: exactly one join of two first tabs, one leave of two last ones, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_and_last_tabs_are_decided_once() {
    let Some(db) = TestDb::new().await else { return };
    run(&db.admin().await, "select presence.reap()").await;
    let duels: Vec<Duel> = join_all((0..DUELS).map(|nth| Duel::open(&db, nth))).await;
    let began = Instant::now();

    let fights = duels.into_iter().map(|duel| {
        tokio::spawn(async move {
            for nth in 0..RACES / 2 / DUELS / ROOMS {
                duel.fight(nth as i64).await;
            }
        })
    });
    let ended = join_all(fights).await;

    println!("{RACES} races of two tabs took {:?}", began.elapsed());
    assert!(ended.iter().all(Result::is_ok));
}

/// The same through two nodes, in many rooms at once, with a watching stream on each node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_show_one_join_and_one_leave() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let rooms: Vec<String> = (0..NODE_ROOMS).map(|n| format!("duel-{n}")).collect();
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    for room in &names {
        let made = format!(
            "insert into event_app.rooms (id, name) values ('{room}', 'Duel');
             insert into event_app.room_participants (room_id, user_id)
             select '{room}', u from unnest('{{alice,bob,carol}}'::text[]) u"
        );
        run(&sql, &made).await;
    }
    let url = service_url(db.url());
    let merge_at_once = |settings: &mut pg_presence::config::Settings| settings.merge = Duration::ZERO;
    let nodes = [
        TestApp::start_with(&url, merge_at_once).await,
        TestApp::start_with(&url, merge_at_once).await,
    ];
    let alice = [nodes[0].client("alice"), nodes[1].client("alice")];
    let tabs = [Uuid::new_v4(), Uuid::new_v4()];
    let mut streams = [
        nodes[0].client("bob").stream(&names).await,
        nodes[1].client("carol").stream(&names).await,
    ];
    let mut told = [Told::new(), Told::new()];
    let began = Instant::now();

    for _ in 0..NODE_ROUNDS {
        let both = |n: usize| names.iter().map(move |room| (n, *room));
        let calls = || both(0).chain(both(1));
        let joins = calls().map(|(n, room)| alice[n].beat(room, tabs[n], json!({})));
        for (status, body) in join_all(joins).await {
            assert_eq!(status.as_u16(), 200, "{body}");
        }
        follow(&mut streams, &mut told, &names, true).await;
        for status in join_all(calls().map(|(n, room)| alice[n].leave(room, tabs[n]))).await {
            assert_eq!(status.as_u16(), 204);
        }
        follow(&mut streams, &mut told, &names, false).await;
    }

    println!(
        "{} races through two nodes took {:?}",
        2 * NODE_ROUNDS * NODE_ROOMS,
        began.elapsed()
    );
    let expected: Vec<&str> = ["join", "leave left"].repeat(NODE_ROUNDS);
    for (stream, told) in streams.iter().zip(&told) {
        assert_eq!(stream.wrongs(), [""; 0]);
        assert!(names.iter().all(|room| told[*room] == expected));
    }
    for room in names {
        agrees(&sql, room, &expected, &streams).await;
    }
}

/// What a stream told of each room, in order.
type Told = HashMap<String, Vec<String>>;

/// The log's end, the room and the streams' pictures of it are at the last of these changes.
async fn agrees(sql: &Client, room: &str, expected: &[&str], streams: &[Stream; 2]) {
    let log = "select concat_ws(' ', what, reason), revision from presence_private.change \
               where room_id = $1::text order by revision desc limit 100";
    let rows = sql.query(log, &[&room]).await.expect("the log");
    assert!(!rows.is_empty());
    for (back, row) in rows.iter().enumerate() {
        let nth = expected.len() - back;
        assert_eq!(
            (row.get::<_, &str>(0), row.get::<_, i64>(1)),
            (expected[nth - 1], nth as i64)
        );
    }
    let head = "select epoch || '.' || revision from presence_private.epoch, presence_private.room \
                where room_id = $1::text and online_count = 0 and not exists (select from presence_private.member)";
    let cursor: String = sql.query_one(head, &[&room]).await.expect("an empty room").get(0);
    assert!(cursor.ends_with(&format!(".{}", expected.len())), "{cursor}");
    assert!(streams.iter().all(|stream| stream.picture(room).cursor == cursor));
}

/// Reads each stream until alice is in all rooms, or in none, and takes down what it told on the way.
async fn follow(streams: &mut [Stream; 2], told: &mut [Told; 2], rooms: &[&str], here: bool) {
    for (stream, told) in streams.iter_mut().zip(told) {
        let mut left = rooms.to_vec();
        left.retain(|room| stream.picture(room).members.contains_key("alice") != here);
        while !left.is_empty() {
            let event = stream.next().await;
            let room = event.data["room_id"].as_str().unwrap_or_default().to_owned();
            let list = |name: &str| event.data[name].as_array().cloned().unwrap_or_default();
            let told = told.entry(room.clone()).or_default();
            told.extend(list("joined").iter().map(|_| "join".to_owned()));
            told.extend(list("updated").iter().map(|_| "update".to_owned()));
            let reason = |left: &Value| format!("leave {}", left["reason"].as_str().unwrap_or("?"));
            told.extend(list("left").iter().map(reason));
            let is_there = stream.picture(&room).members.contains_key("alice") == here;
            left.retain(|waiting| *waiting != room || !is_there);
        }
    }
}

/// Races of a heartbeat with the reaper.
const LOST_RACES: usize = 10_000;
/// Leases that end at the same moment, one a room: as many races at once.
const ENDING: usize = 50;

/// Leases that one call of the reaper ends.
const REAPED: usize = 25;

/// FAULTS 39: whoever renews a lease that ends at this very moment is here afterwards. The reaper takes a few at a time,
/// in its order; the heartbeats come in another one each time, of a seed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_is_never_lost_to_the_reaper() {
    let Some(db) = TestDb::new().await else { return };
    let (side, reaper) = (Side::open(&db).await, db.admin().await);
    // So that leases end also right after the server's start.
    let short = "select presence.configure(heartbeat => '100 ms'); select presence.reap()";
    run(&reaper, short).await;
    let mut rooms: Vec<String> = (0..ENDING).map(|n| format!("ending-{n}")).collect();
    let load = "with made as (insert into event_app.rooms (id, name) select r, 'R' from unnest($1::text[]) r returning id)
                insert into event_app.room_participants (room_id, user_id) select id, 'alice' from made";
    reaper.execute(load, &[&rooms]).await.expect("rooms");
    let due = "update presence_private.session set expires_at = clock_timestamp() where ended_at is null";
    let wrong = "select format('%s: %s sessions, which end %s', r.id, m.sessions, s.expires_at)
                   from event_app.rooms r
                   left join presence_private.member m on m.room_id = r.id
                   left join presence_private.session s on s.room_id = r.id and s.ended_at is null
                  where r.id like 'ending-%'
                    and (m.sessions = 1 and s.expires_at > clock_timestamp() + interval '1 minute') is not true";
    let (due, wrong) = (
        reaper.prepare(due).await.expect("a statement"),
        reaper.prepare(wrong).await.expect("a statement"),
    );
    let reap = reaper
        .prepare(&format!("select presence.reap({REAPED})"))
        .await
        .expect("a statement");
    let (begin, mut ended, mut seed) = (Instant::now(), 0, 39_u64);
    side.beats(&rooms).await;

    for nth in 0..LOST_RACES / ENDING {
        for place in (1..rooms.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            rooms.swap(place, (seed >> 33) as usize % (place + 1));
        }
        reaper.execute(&due, &[]).await.expect("leases at their end");
        let reaping = join_all((0..ENDING / REAPED).map(|_| reaper.query_one(&reap, &[])));
        let reaped = match nth % 2 {
            0 => join(side.beats(&rooms), reaping).await.1,
            _ => join(reaping, side.beats(&rooms)).await.0,
        };
        for row in reaped {
            ended += row.expect("the reaper answers").get::<_, i32>(0).max(0);
        }
        let wrong = reaper.query(&wrong, &[]).await.expect("a look");
        let wrong: Vec<String> = wrong.iter().map(|row| row.get(0)).collect();
        assert_eq!(wrong, [""; 0], "round {nth}");
    }

    println!(
        "the reaper was first in {ended} of {LOST_RACES} races, in {:?}",
        begin.elapsed()
    );
    assert!(ended > 0, "it never was first: no race");
}

/// Fifteen tabs against the limit of ten: exactly ten, and the rest are told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_sessions_holds_from_two_sides() {
    let Some(db) = TestDb::new().await else { return };
    let (one, two) = (Side::open(&db).await, Side::open(&db).await);
    let many = async |side: &Side, count: usize| {
        let beats = (0..count).map(async |_| {
            let beat = side.sql.execute(&side.beat, &[&"general", &Uuid::new_v4()]).await;
            match beat {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.code().expect("an error of Postgres").code().to_owned(),
            }
        });
        join_all(beats).await
    };

    for nth in 0..40 {
        let (mut outcomes, more) = join(many(&one, 7), many(&two, 8)).await;
        outcomes.extend(more);
        outcomes.sort_unstable();
        assert_eq!(outcomes[..5], ["PR429"; 5], "race {nth}");
        assert_eq!(outcomes[5..], ["ok"; 10], "race {nth}");
        let live = one
            .sql
            .query_one(
                "select sessions from presence.members where user_id = 'alice'",
                &[],
            )
            .await;
        assert_eq!(live.expect("one member").get::<_, i32>(0), 10, "race {nth}");
        run(&one.sql, "select presence.remove_room('general')").await;
    }
}
