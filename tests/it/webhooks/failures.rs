//! Whoever does not take it is told again, and is not told for ever.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::net::TcpListener;

use super::{add, deliveries, happen, happens, node, node_within, receiver, time_passes, tried, until};
use crate::support::{
    app::service_url,
    db::TestDb,
    node::{Node, Plan},
    receiver::{Receiver, Reply},
    sql::{run, text},
};

#[tokio::test]
async fn what_fails_is_tried_again_later_each_time_with_the_same_id() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let down = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = down.local_addr().expect("bound");
    drop(down);
    let (webhook, secret) = add(&sql, &format!("http://{address}/"), "").await;
    let _node = node_within(&db, Duration::from_millis(500)).await;
    happens(&sql, &[("member.joined", "general", "alice")]).await;

    tried(&sql, 1).await;
    let refused = deliveries(&sql).await;
    let receiver = Receiver::on(TcpListener::bind(address).await.expect("it was free"));
    receiver.answer(Reply::Status(500));
    time_passes(&sql).await;
    tried(&sql, 2).await;
    let answered = deliveries(&sql).await;
    receiver.answer(Reply::Silence);
    time_passes(&sql).await;
    tried(&sql, 3).await;
    let silent = deliveries(&sql).await;
    let failing = text(
        &sql,
        "select (failing_since is not null)::text from presence.webhooks()",
    )
    .await;
    receiver.answer(Reply::Status(202));
    time_passes(&sql).await;
    until(&sql, "select state from presence_private.delivery", "delivered").await;

    assert!(
        refused[0].contains("waiting 1 ") && refused[0].contains("refused"),
        "{refused:?}"
    );
    assert!(
        answered[0].ends_with("waiting 2 it answered 500 Internal Server Error"),
        "{answered:?}"
    );
    assert!(
        silent[0].ends_with("waiting 3 no whole answer within 0.5 s"),
        "{silent:?}"
    );
    assert_eq!(failing, "true");
    let well = "select (failing_since is null and delivered_at is not null)::text from presence.webhooks()";
    assert_eq!(text(&sql, well).await, "true");
    let told = receiver.so_far();
    assert_eq!(told.len(), 3);
    assert!(
        told.iter()
            .all(|one| one.id == told[0].id && one.body == told[0].body && one.is_signed_by(&secret))
    );
    assert_eq!(webhook, 1);
}

#[tokio::test]
async fn delays_grow_over_three_days_and_are_never_the_same() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let delays = "select string_agg(holds::text, ' ' order by n) from (
        select n, bool_and(d between want * 0.8 and want * 1.2) and count(distinct d) > 90 as holds
          from unnest(array['5 s', '5 min', '30 min', '2 h', '5 h', '10 h', '14 h', '20 h', '24 h']::interval[])
               with ordinality w(want, n),
               lateral (select presence_private.retry_delay(n::integer) as d from generate_series(1, 100) g where n is not null) x
         group by n, want) t";

    assert_eq!(text(&sql, delays).await, ["true"; 9].join(" "));
}

#[tokio::test]
async fn an_endpoint_that_asks_to_be_left_alone_is() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    receiver.answer(Reply::Later(429, 3600));
    let _node = node(&db).await;

    happens(&sql, &[("room.empty", "general", "")]).await;
    tried(&sql, 1).await;

    let wait = "select (due_at - now() > interval '55 min')::text from presence_private.delivery";
    assert_eq!(text(&sql, wait).await, "true");
}

#[tokio::test]
async fn after_ten_attempts_a_delivery_is_given_up_and_the_next_one_of_its_room_goes_on() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, webhook, _) = receiver(&sql).await;
    receiver.answer(Reply::Status(400));
    happens(
        &sql,
        &[("room.occupied", "general", ""), ("room.empty", "general", "")],
    )
    .await;
    run(
        &sql,
        "update presence_private.delivery set attempts = 9 where type = 'room.occupied'",
    )
    .await;
    let _node = node(&db).await;
    receiver.told(2).await;
    until(
        &sql,
        "select string_agg(state, ' ' order by delivery_id) from presence_private.delivery",
        "failed waiting",
    )
    .await;

    let failed = format!(
        "select concat_ws(' ', waiting, failed, last_error) from presence.webhooks() where webhook_id = {webhook}"
    );
    assert_eq!(text(&sql, &failed).await, "1 1 it answered 400 Bad Request");
    receiver.answer(Reply::Status(200));
    assert_eq!(
        text(
            &sql,
            &format!("select presence.redeliver_webhook({webhook})::text")
        )
        .await,
        "1"
    );
    until(
        &sql,
        "select count(*)::text from presence_private.delivery where state = 'delivered'",
        "2",
    )
    .await;
}

#[tokio::test]
async fn what_an_endpoint_alone_refuses_holds_up_its_room_for_four_attempts_and_no_longer() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (_, webhook, _) = receiver(&sql).await;
    let claim = "select string_agg(d.type || ' ' || c.attempt, ', ') from presence.claim_deliveries(10, 8) c \
                 join presence_private.delivery d using (delivery_id)";
    let settle = async |delivery: &str, attempt: i32, status: i32| {
        let call = format!(
            "select from presence.settle_deliveries(array[({delivery})], array[{attempt}], array[{status}], array['why'], array[null::integer])"
        );
        run(&sql, &call).await;
    };
    let first = "select min(delivery_id) from presence_private.delivery";
    happens(
        &sql,
        &[("room.occupied", "general", ""), ("room.empty", "general", "")],
    )
    .await;
    for attempt in 1..=4 {
        assert_eq!(text(&sql, claim).await, format!("room.occupied {attempt}"));
        // The endpoint is well: it takes what is of other rooms.
        run(
            &sql,
            &format!("update presence_private.webhook set delivered_at = now() where webhook_id = {webhook}"),
        )
        .await;
        settle(first, attempt, 500).await;
        assert_eq!(
            text(&sql, claim).await,
            if attempt < 4 { "null" } else { "room.empty 1" }
        );
        run(
            &sql,
            &format!("update presence_private.delivery set due_at = now() where delivery_id = ({first})"),
        )
        .await;
    }
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_for_three_days_is_disabled_and_says_why_and_what_waits_is_kept() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, webhook, _) = receiver(&sql).await;
    receiver.answer(Reply::Status(503));
    let app = node(&db).await;
    happens(&sql, &[("room.empty", "general", "")]).await;
    tried(&sql, 1).await;

    run(
        &sql,
        "update presence_private.webhook set failing_since = now() - interval '73 hours'",
    )
    .await;
    time_passes(&sql).await;
    let state = "select disabled_why from presence.webhooks()";
    let why = "nothing was taken for 3 days; the last: it answered 503 Service Unavailable";
    until(&sql, state, why).await;

    assert_eq!(
        happens(&sql, &[("room.occupied", "general", "")]).await,
        0,
        "nothing is queued for it"
    );
    time_passes(&sql).await;
    let figures = app.observer().figures();
    let count = |text: &str| {
        let text = text
            .lines()
            .find_map(|line| line.strip_prefix("presence_webhooks_disabled_total "));
        text.map(str::to_owned)
    };
    let text_of = figures
        .text(&pg_presence::observe::Moment::default())
        .expect("figures");
    assert_eq!(count(&text_of).as_deref(), Some("1"));
    receiver.answer(Reply::Status(200));
    let before = receiver.so_far().len();
    let call = format!("select presence.enable_webhook({webhook})::text");
    assert_eq!(text(&sql, &call).await, "true");
    receiver.told(before + 1).await;
    until(&sql, "select state from presence_private.delivery", "delivered").await;
    assert_eq!(text(&sql, state).await, "null");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_no_more() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    receiver.answer(Reply::Status(410));
    let _node = node(&db).await;

    happen(&sql, 1).await;
    until(
        &sql,
        "select disabled_why from presence.webhooks()",
        "it answered 410 Gone: it wants no more",
    )
    .await;

    assert_eq!(happens(&sql, &[("room.occupied", "general", "")]).await, 0);
    assert_eq!(receiver.so_far().len(), 1);
}

#[tokio::test]
async fn what_a_node_had_in_hand_when_it_was_killed_is_sent_by_another() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, _, secret) = receiver(&sql).await;
    receiver.answer(Reply::Silence);
    let plan = Plan::new(&service_url(db.url()))
        .set("PRESENCE_WEBHOOK_NETWORKS", "127.0.0.0/8")
        .set("RUST_LOG", "trace");
    let dead = Node::start(&plan).await;
    happens(
        &sql,
        &[
            ("member.joined", "general", "alice"),
            ("member.left", "general", "alice"),
        ],
    )
    .await;
    let first = receiver.told(1).await;

    dead.signal(Signal::SIGKILL);
    drop(dead);
    receiver.answer(Reply::Status(200));
    let other = Node::start(&plan).await;
    assert_eq!(
        deliveries(&sql).await[0],
        "member.joined sending 1",
        "it is the dead node's for a minute"
    );
    time_passes(&sql).await;
    let told = receiver.told(3).await;

    until(
        &sql,
        "select count(*)::text from presence_private.delivery where state = 'delivered'",
        "2",
    )
    .await;
    let kinds: Vec<String> = told.iter().map(|told| told.kind()).collect();
    assert_eq!(kinds, ["member.joined", "member.joined", "member.left"]);
    assert_eq!(first[0].id, told[1].id);
    assert!(told.iter().all(|told| told.is_signed_by(&secret)));
    let (log, key) = (other.said(), secret.trim_start_matches("whsec_"));
    assert!(
        log.contains("serving") && !log.contains(key),
        "no secret is logged"
    );
}

#[tokio::test]
async fn an_answer_that_comes_after_the_minute_counts_where_it_is_good_and_not_where_it_is_bad() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    receiver(&sql).await;
    happen(&sql, 2).await;
    let claim = "select from presence.claim_deliveries(10, 8)";
    run(&sql, claim).await;
    time_passes(&sql).await;
    run(&sql, claim).await; // another node's, since the minute is over

    run(&sql, "select from presence.settle_deliveries((select array_agg(delivery_id order by delivery_id) from presence_private.delivery),
        array[1, 1], array[500, 204], array['late', null], array[null::integer, null])").await;

    let states = "select string_agg(state || ' ' || attempts, ', ' order by delivery_id) from presence_private.delivery";
    assert_eq!(text(&sql, states).await, "sending 2, delivered 2");
}
