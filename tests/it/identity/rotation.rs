//! Keys come and go, and so does their provider (FAULTS 51).

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pg_presence::observe::Observation;
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use super::{COOL_DOWN_S, SELDOM, app, claims, client, status};
use crate::support::{
    app::TEST_SLACK,
    db::TestDb,
    provider::{Answer, Pair, Provider},
};

/// How often keys are read again, where that is the test.
const OFTEN: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_new_key_is_good_with_its_first_token_and_costs_one_fetch_however_many_come() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("old")]).await;
    let app = app(&db, &provider, SELDOM).await;
    let by_old = Pair::Rsa.sign(Some("old"), &claims("alice", 600));
    assert_eq!(status(&app, &by_old).await, StatusCode::OK);
    assert_eq!(provider.asked(), 1);

    provider.set(Answer::Keys(vec![
        Pair::Rsa.published("old"),
        Pair::Ed.published("new"),
    ]));
    let by_new: Vec<String> = ["alice", "bob", "carol", "vera"]
        .map(|user| Pair::Ed.sign(Some("new"), &claims(user, 600)))
        .into();
    let first = join_all(by_new.iter().map(|token| status(&app, token))).await;

    assert_eq!(first, [StatusCode::OK; 4]);
    assert_eq!(status(&app, &by_old).await, StatusCode::OK);
    assert_eq!(provider.asked(), 2);
    let begin = Instant::now();
    let strange: Vec<String> = (0..50)
        .map(|n| Pair::Ed2.sign(Some(&format!("unknown-{n}")), &claims("alice", 600)))
        .collect();
    let refused = join_all(strange.iter().map(|token| status(&app, token))).await;
    assert_eq!(refused, [StatusCode::UNAUTHORIZED; 50]);
    let most = 2 + (begin.elapsed().as_secs() / COOL_DOWN_S) as usize;
    assert!(
        provider.asked() <= most,
        "{} of {most}: one in a cool-down",
        provider.asked()
    );
}

#[tokio::test]
async fn while_the_provider_is_down_the_last_good_keys_go_on() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("r")]).await;
    let app = app(&db, &provider, OFTEN).await;
    let mut seen = app.observer().subscribe();

    for answer in [Answer::Down, Answer::Moved(provider.url("/elsewhere"))] {
        provider.set(answer);
        for _ in 0..2 {
            let failed =
                async { while !matches!(seen.recv().await, Ok(Observation::KeysUnreadable { .. })) {} };
            timeout(Duration::from_secs(30), failed)
                .await
                .expect("it is tried again");
        }
        let token = Pair::Rsa.sign(Some("r"), &claims("alice", 600));
        assert_eq!(
            status(&app, &token).await,
            StatusCode::OK,
            "a token that was never seen"
        );
        assert_eq!(client(&app, "").get("/readyz").await.0, StatusCode::OK);
    }

    assert_eq!(provider.strayed(), 0);
    provider.set(Answer::Keys(vec![Pair::Ed.published("d")]));
    let token = Pair::Ed.sign(Some("d"), &claims("alice", 600));
    let healed = async { while status(&app, &token).await != StatusCode::OK {} };
    timeout(Duration::from_secs(30), healed)
        .await
        .expect("it is back");
}

#[tokio::test]
async fn a_provider_that_is_silent_holds_up_only_who_brings_an_unknown_key_and_them_not_for_long() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("r")]).await;
    let app = app(&db, &provider, SELDOM).await;
    provider.set(Answer::Silence);

    let unknown = Pair::Ed.sign(Some("d"), &claims("alice", 600));
    let begin = Instant::now();
    let (refused, ()) = tokio::join!(status(&app, &unknown), async {
        while provider.asked() < 2 {
            tokio::task::yield_now().await;
        }
        let known = Pair::Rsa.sign(Some("r"), &claims("alice", 600));
        assert_eq!(status(&app, &known).await, StatusCode::OK);
    });
    let took = begin.elapsed();

    println!("an unknown key was refused after {took:?}, promised within 5 s");
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
    assert!(took < Duration::from_secs(5) * TEST_SLACK, "{took:?}");
}

#[tokio::test]
async fn a_node_that_never_got_a_key_says_so_and_is_ready_once_it_has() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[]).await;
    provider.set(Answer::Down);
    let app = app(&db, &provider, OFTEN).await;
    let nobody = client(&app, "");

    let causes = async {
        loop {
            let (status, problem) = nobody.get("/readyz").await;
            let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
            if status == StatusCode::SERVICE_UNAVAILABLE && detail == "there is no key to check tokens by" {
                return;
            }
        }
    };
    timeout(Duration::from_secs(30), causes)
        .await
        .expect("that alone is missing");
    provider.set(Answer::Keys(vec![Pair::Ec.published("e")]));
    let ready = async { while nobody.get("/readyz").await.0 != StatusCode::OK {} };
    timeout(Duration::from_secs(30), ready)
        .await
        .expect("it is ready");

    let token = Pair::Ec.sign(Some("e"), &claims("alice", 60));
    assert_eq!(status(&app, &token).await, StatusCode::OK);
}

#[tokio::test]
async fn a_key_that_is_taken_out_is_good_for_nothing_and_its_streams_are_closed() {
    let Some(db) = TestDb::new().await else { return };
    let provider = Provider::start(&[Pair::Rsa.published("old"), Pair::Ed.published("new")]).await;
    let app = app(&db, &provider, OFTEN).await;
    let by_old = Pair::Rsa.sign(Some("old"), &claims("alice", 600));
    let by_new = Pair::Ed.sign(Some("new"), &claims("bob", 600));
    let mut old_stream = client(&app, &by_old).stream(&["general"]).await;
    let mut new_stream = client(&app, &by_new).stream(&["general"]).await;

    provider.set(Answer::Keys(vec![Pair::Ed.published("new")]));
    let begin = Instant::now();
    let bye = timeout(Duration::from_secs(30), old_stream.next_of("bye"))
        .await
        .expect("it ends");
    let took = begin.elapsed();

    println!("closed after {took:?}, promised within a refresh of {OFTEN:?}");
    assert_eq!(bye.data["reason"], json!("token-expired"));
    assert_eq!(
        status(&app, &by_old).await,
        StatusCode::UNAUTHORIZED,
        "though it was remembered"
    );
    assert_eq!(status(&app, &by_new).await, StatusCode::OK);
    client(&app, &by_new)
        .beat("general", uuid::Uuid::new_v4(), json!({}))
        .await;
    assert_eq!(
        new_stream.next_of("diff").await.data["joined"][0]["user_id"],
        "bob"
    );
}
