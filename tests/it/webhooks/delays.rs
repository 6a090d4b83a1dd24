//! How long what was refused waits, and what waits behind it: successes of others neither use up its attempts nor does it
//! hold them up for ever.

use tokio_postgres::Client;

use super::{happen, happens, node, receiver, until};
use crate::support::{
    db::TestDb,
    receiver::{Receiver, Reply},
    sql::{run, text},
};

const FIRST: &str = "select min(delivery_id) from presence_private.delivery";

/// The first delivery was refused so often; in how many seconds it is tried again, once no try is under way.
async fn refused(sql: &Client, attempts: i32) -> f64 {
    let state = format!(
        "select state || ' ' || attempts from presence_private.delivery where delivery_id = ({FIRST})"
    );
    until(sql, &state, &format!("waiting {attempts}")).await;
    let wait = format!(
        "select extract(epoch from due_at - now())::text from presence_private.delivery where delivery_id = ({FIRST})"
    );
    text(sql, &wait).await.parse().expect("a number")
}

/// The endpoint takes some of other rooms, one after the other.
async fn others_are_taken(sql: &Client, receiver: &Receiver, count: usize) {
    for _ in 0..count {
        let before = receiver.so_far().len();
        happen(sql, 1).await;
        receiver.told(before + 1).await;
        let waiting = "select count(*)::text from presence_private.delivery where room_id = 'room 0' and ended_at is null";
        until(sql, waiting, "0").await;
    }
}

#[tokio::test]
async fn what_is_refused_while_others_are_taken_keeps_its_delays_until_it_is_given_up() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    receiver.answer_of("general", Reply::Status(500));
    let _node = node(&db).await;
    happens(&sql, &[("room.empty", "general", "")]).await;
    let first = refused(&sql, 1).await;
    assert!(first < 6.1, "{first}");

    // The endpoint may have been away: once it is tried at once.
    others_are_taken(&sql, &receiver, 1).await;
    let delays = [300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0];
    for (attempts, delay) in (2..).zip(delays) {
        refused(&sql, attempts).await;
        others_are_taken(&sql, &receiver, 1).await;
        let waits = refused(&sql, attempts).await;
        assert!(
            (delay * 0.8 - 60.0..delay * 1.2 + 1.0).contains(&waits),
            "after {attempts} attempts it waits for {waits} s, not {delay}"
        );
        let comes =
            format!("update presence_private.delivery set due_at = now() where delivery_id = ({FIRST})");
        run(&sql, &comes).await;
    }

    let state = format!(
        "select state || ' ' || attempts from presence_private.delivery where delivery_id = ({FIRST})"
    );
    until(&sql, &state, "failed 10").await;
}

#[tokio::test]
async fn whoever_asks_for_one_room_to_wait_is_not_told_of_it_since_it_takes_others() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    receiver.answer_of("general", Reply::Later(429, 3600));
    let _node = node(&db).await;
    happens(&sql, &[("room.empty", "general", "")]).await;
    refused(&sql, 1).await;

    others_are_taken(&sql, &receiver, 3).await;

    let waits = refused(&sql, 1).await;
    assert!((3300.0..3601.0).contains(&waits), "{waits}");
}

#[tokio::test]
async fn what_happens_in_a_room_whose_earlier_news_was_refused_four_times_is_told_at_once_and_in_order() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    receiver(&sql).await;
    let due = "select string_agg(type, ' ' order by delivery_id) from presence_private.delivery where due_at <= now()";
    happens(&sql, &[("room.occupied", "general", "")]).await;
    let refused = "update presence_private.delivery set attempts = 4, due_at = now() + interval '2 hours'; \
                   update presence_private.webhook set delivered_at = now() - interval '1 hour'";
    run(&sql, refused).await;

    happens(&sql, &[("room.empty", "general", "")]).await;
    assert_eq!(
        text(&sql, due).await,
        "null",
        "the endpoint has taken nothing since"
    );

    let taken = "update presence_private.webhook set delivered_at = now(); \
                 delete from presence_private.delivery where type = 'room.empty'";
    run(&sql, taken).await;
    happens(
        &sql,
        &[("room.empty", "general", ""), ("room.occupied", "general", "")],
    )
    .await;
    happens(&sql, &[("room.empty", "general", "")]).await;

    assert_eq!(text(&sql, due).await, "room.empty");
}

/// So many deliveries of the first webhook, each in a lane of its own.
async fn backlog(sql: &Client, count: u32, columns: &str, values: &str) {
    let many = format!(
        "insert into presence_private.delivery (webhook_id, at, type, lane, payload, {columns})
         select 1, now(), 'room.empty', 'room ' || n, '{{}}', {values} from generate_series(1, {count}) n"
    );
    run(sql, &many).await;
}

#[tokio::test]
async fn an_endpoint_that_is_back_is_told_a_thousand_more_with_each_that_it_takes() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    receiver(&sql).await;
    backlog(
        &sql,
        1500,
        "attempts, due_at, hurry_at",
        "3, now() + interval '30 min', now()",
    )
    .await;
    run(
        &sql,
        "update presence_private.webhook set failing_since = now() - interval '50 hours'",
    )
    .await;
    let state = "select count(*) filter (where due_at <= now()) || ' ' || (select failing_since > now() - interval '1 min' from presence_private.webhook)
                   from presence_private.delivery where ended_at is null and room_id is null";

    for expected in ["1000 true", "null"] {
        happen(&sql, 1).await;
        run(
            &sql,
            "select from presence.settle_deliveries((select array_agg(delivery_id) from presence_private.delivery \
             where room_id is not null and ended_at is null), array[0], array[204], array[null], array[null::integer])",
        )
        .await;
        assert_eq!(text(&sql, state).await, expected);
    }

    let due = "select count(*)::text from presence_private.delivery where due_at <= now()";
    assert_eq!(text(&sql, due).await, "1500");
}

#[tokio::test]
async fn enabling_and_sending_again_are_bounded_and_go_on_with_the_next_call() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    receiver(&sql).await;
    backlog(&sql, 10_050, "state, ended_at, attempts", "'failed', now(), 10").await;
    let again = "select presence.redeliver_webhook(1)::text";

    assert_eq!(text(&sql, again).await, "10000");
    assert_eq!(text(&sql, again).await, "50");
    assert_eq!(text(&sql, again).await, "0");

    run(
        &sql,
        "update presence_private.delivery set attempts = 9, due_at = now() + interval '24 hours', hurry_at = 'infinity'",
    )
    .await;
    let due = "select count(*)::text from presence_private.delivery where due_at <= now() and attempts = 0";
    for expected in ["10000", "10050"] {
        run(&sql, "select presence.enable_webhook(1)").await;
        assert_eq!(text(&sql, due).await, expected);
    }
}
