//! Visits: which, in which order, page by page.

use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{each, ok, past};
use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
    sql::{as_owner, list, run},
};

/// All pages, one after the other.
async fn pages(client: &Client, query: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut after): (Vec<Value>, _) = (vec![], String::new());
    loop {
        let page = ok(
            client,
            &format!("/v1/rooms/general/visits?limit={limit}{query}{after}"),
        )
        .await;
        let visits = page["visits"].as_array().expect("visits");
        assert!(visits.len() <= limit, "{page}");
        all.extend(visits.iter().cloned());
        let Some(next) = page["next"].as_str() else {
            return all;
        };
        assert_eq!(visits.len(), limit, "a page before the last is full");
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn a_visit_is_told_from_its_beginning_on_and_on_every_node() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = (
        TestApp::start(&db).await,
        TestApp::start_with(&service_url(db.url()), |_| {}).await,
    );
    let (alice, bob, tab) = (here.client("alice"), there.client("bob"), Uuid::new_v4());
    let empty = ok(&bob, "/v1/rooms/general/visits").await;

    let (_, lease) = alice.beat("general", tab, json!({})).await;
    let open = ok(&bob, "/v1/rooms/general/visits").await;
    alice.leave("general", tab).await;
    let closed = ok(&bob, "/v1/rooms/general/visits").await;

    assert_eq!(empty, json!({"room_id": "general", "visits": [], "next": null}));
    assert_eq!(
        open["visits"],
        json!([{"user_id": "alice", "name": "Alice Adams", "avatar_url": null, "began_at": lease["joined_at"],
            "ended_at": null, "reason": null}])
    );
    let visit = &closed["visits"][0];
    assert_eq!(
        (&visit["began_at"], &visit["reason"]),
        (&lease["joined_at"], &json!("left"))
    );
    assert!(visit["ended_at"].as_str() >= visit["began_at"].as_str());
    assert_eq!(closed["visits"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn who_was_there_at_a_moment_or_between_two_and_one_user_alone() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    past(
        &admin,
        &[
            ("general", "alice", 300, 200),
            ("general", "bob", 250, 100),
            ("general", "alice", 90, 60),
            ("planning", "alice", 300, 200),
        ],
    )
    .await;
    let alice = app.client("alice");
    alice.beat("general", Uuid::new_v4(), json!({})).await;
    let ago = async |minutes: i64| {
        let sql = format!(
            "select to_char((now() - interval '{minutes} minutes') at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
        );
        list(&admin, &sql).await.remove(0)
    };
    let who = async |query: String| {
        let answer = ok(&alice, &format!("/v1/rooms/general/visits{query}")).await;
        each(&answer["visits"], "user_id").join(" ")
    };

    let at = async |minutes| who(format!("?at={}", ago(minutes).await)).await;
    assert_eq!(at(400).await, "");
    assert_eq!(at(280).await, "alice");
    assert_eq!(at(220).await, "bob alice");
    assert_eq!(at(150).await, "bob");
    assert_eq!(at(95).await, "");
    assert_eq!(at(-60).await, "alice", "no later than now");
    assert_eq!(who(String::new()).await, "alice alice bob alice");
    assert_eq!(who("?user=bob".to_owned()).await, "bob");
    assert_eq!(who("?user=nobody".to_owned()).await, "");
    assert_eq!(who(format!("?since={}", ago(95).await)).await, "alice alice");
    assert_eq!(who(format!("?until={}", ago(240).await)).await, "bob alice");
    let between = format!("?since={}&until={}&user=alice", ago(220).await, ago(80).await);
    assert_eq!(who(between).await, "alice alice");
    let in_sql = "select user_id::text from presence.members_at('general', now() - interval '220 minutes')";
    assert_eq!(list(&admin, in_sql).await, ["alice", "bob"]);
    assert_eq!(
        list(&admin, "select user_id::text from presence.members_at('general')").await,
        ["alice"]
    );
}

/// However far apart visits lie, and of whatever length they are, pages are all of them once, the latest beginning first.
#[tokio::test]
async fn pages_of_any_size_are_all_visits_once_in_order_however_long_ago() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    // Dense lately and sparse before; some lasted for weeks, some for no time, some began together.
    as_owner(
        &admin,
        "insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
         select began, began + least(lasts, now() - began - n * interval '1 millisecond'), 'general', (array['alice', 'bob', 'carol'])[n % 3 + 1], 'left'
           from (select n, now() - interval '1 minute' * power(1.11, n / 3) as began,
                        (array[interval '0', interval '3 days', interval '20 days', interval '1 minute'])[n % 4 + 1] as lasts
                   from generate_series(6, 320) n) v
             on conflict do nothing",
    )
    .await;
    let alice = app.client("alice");
    alice.beat("general", Uuid::new_v4(), json!({})).await;
    let order = "select concat_ws(' ', user_id, (extract(epoch from began_at) * 1000)::bigint) from presence_private.stay \
                 where room_id = 'general' and ended_at > now() - interval '92 days' order by began_at desc, user_id desc";
    let expected = list(&admin, order).await;
    assert!(expected.len() > 250, "{}", expected.len());

    for limit in [7, 100, 1000] {
        let found = pages(&alice, "", limit).await;
        let users: Vec<&str> = found
            .iter()
            .filter_map(|visit| visit["user_id"].as_str())
            .collect();
        let wanted: Vec<&str> = expected
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(users, wanted, "{limit}");
        assert!(
            found.is_sorted_by(|a, b| a["began_at"].as_str() >= b["began_at"].as_str()),
            "{limit}"
        );
    }
    let one = pages(&alice, "&user=bob", 9).await;
    let bobs = expected.iter().filter(|line| line.starts_with("bob")).count();
    assert_eq!(one.len(), bobs);
    assert!(one.iter().all(|visit| visit["user_id"] == "bob"));
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");

    for query in [
        "visits?limit=0",
        "visits?limit=1001",
        "visits?limit=x",
        "visits?since=yesterday",
        "visits?since=2026-11-25",
        "visits?at=1764032849",
        "visits?since=2026-11-26T00:00:00Z&until=2026-11-25T00:00:00Z",
        "visits?at=2026-11-26T00:00:00Z&since=2026-11-25T00:00:00Z",
        "visits?after=alice",
        "visits?after=-1.alice",
        "visits?after=99999999999999999999.alice",
        "visits?after=1.",
        "visits?user=%00",
        "visits?before=1",
        "activity?hours=0",
        "activity?hours=169",
        "activity?hours=-1",
        "activity?hours=4294967296",
        "activity?hours=1.5",
        "activity?days=1",
    ] {
        for room in ["general", "nowhere"] {
            let (status, problem) = alice.get(&format!("/v1/rooms/{room}/{query}")).await;
            assert_eq!(
                (status, &problem["type"]),
                (StatusCode::BAD_REQUEST, &json!("invalid")),
                "{query}: {problem}"
            );
        }
    }
    run(
        &db.admin().await,
        "select presence.configure(retention => '2 days')",
    )
    .await;
    let (longest, _) = alice.get("/v1/rooms/general/activity?hours=48").await;
    let (longer, problem) = alice.get("/v1/events/gala/activity?hours=49").await;
    assert_eq!((longest, longer), (StatusCode::OK, StatusCode::BAD_REQUEST));
    assert_eq!(problem["detail"], "hours must be 1 to 48");
}
