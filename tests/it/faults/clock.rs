//! Leases in time: late clients, hidden tabs, machines that sleep, and servers that write moments in their own way.

use reqwest::Method;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    db::TestDb,
    scene::{Scene, Tab},
    sql::run,
};

const TTL: f64 = 75.0;

/// FAULTS 43. Beats at 1.1 TTL are too few: each absence is shown, and shown once.
#[tokio::test]
async fn whoever_beats_too_rarely_is_shown_as_away_once_a_ttl_at_most() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    let beats = 20;

    for nth in 0..beats {
        let at = f64::from(nth) * 1.1 * TTL;
        scene.beat(at, &tab, json!({})).await;
        for second in 1..82 {
            scene.reap(at + f64::from(second)).await;
        }
    }

    let log = scene.changes("general").await;
    let expected = (0..beats).flat_map(|nth| {
        let revision = 2 * nth + 1;
        [
            format!("{revision} alice join"),
            format!("{} alice leave expired", revision + 1),
        ]
    });
    // The log goes back for two minutes.
    let expected: Vec<String> = expected.collect();
    assert!(log.len() > 2, "{log:?}");
    assert_eq!(log, expected[expected.len() - log.len()..]);
    let visits = "select count(*) from presence.visits('general', '-infinity', 'infinity')";
    let visits = scene.sql().query_one(visits, &[]).await.expect("a number");
    assert_eq!(visits.get::<_, i64>(0), i64::from(beats));
}

/// FAULTS 44. Browsers let hidden tabs act once a minute; a machine that sleeps does nothing at all.
#[tokio::test]
async fn a_hidden_tab_is_away_for_hours_and_never_gone_and_one_that_sleeps_is_gone_and_back() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    let (hours, night) = (4, 8.0 * 3_600.0);
    scene.beat(0.0, &tab, json!({"status": "away"})).await;

    let mut shown = vec![];
    for minute in 1..=60 * hours {
        let at = f64::from(minute) * 60.0;
        for second in [20.0, 40.0, 59.9] {
            scene.reap(at - 60.0 + second).await;
        }
        scene.beat(at, &tab, json!({})).await;
        shown.push(scene.shown(&tab).await["status"].clone());
    }
    let asleep = f64::from(hours) * 3_600.0;
    let since = scene.shown(&tab).await["joined"].clone();
    scene.reap(asleep + TTL).await;
    let gone = scene.shown(&tab).await;
    let seen = scene.last_seen(&tab).await;
    let woken = scene.beat(asleep + night, &tab, json!({})).await;

    shown.dedup();
    assert_eq!((shown, since), (vec![json!("away")], json!(0)), "never gone");
    assert_eq!((gone, seen), (Value::Null, format!("{asleep} expired")));
    assert_eq!(woken, "active", "a new lease, with the default status");
    let joined = scene.shown(&tab).await["joined"].as_f64();
    assert_eq!(joined, Some(asleep + night));
}

/// FAULTS 16. A database that writes moments, intervals and bytes in the oddest ways that Postgres has.
#[tokio::test]
async fn the_ways_in_which_a_database_writes_moments_reach_no_client() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    for setting in [
        "timezone to 'Pacific/Kiritimati'",
        "datestyle to 'German, DMY'",
        "intervalstyle to 'sql_standard'",
        "bytea_output to 'escape'",
    ] {
        run(&admin, &format!("alter database {} set {setting}", db.name())).await;
    }
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    let meeting = json!({"status": "in_meeting", "status_ttl_ms": 3_600_000});

    let (_, lease) = alice.beat("general", tab, meeting).await;
    let joined = stream.next_of("diff").await.data["joined"][0].clone();
    let beacon = alice
        .bare(Method::POST, "/v1/leave")
        .header("content-type", "text/plain")
        .body(lease["leave_token"].as_str().unwrap_or_default().to_owned());
    let ended = beacon.send().await.expect("an answer");
    let left = stream.next_of("diff").await.data["left"][0].clone();

    let within = |moment: &Value, from: Duration, to: Duration| {
        let text = moment.as_str().unwrap_or_default();
        let moment = OffsetDateTime::parse(text, &Rfc3339).expect("RFC 3339");
        let away = moment - OffsetDateTime::now_utc();
        assert!(text.ends_with('Z') && from < away && away < to, "{text}");
    };
    let slack = Duration::minutes(5);
    within(&lease["expires_at"], -slack, slack);
    within(&joined["joined_at"], -slack, slack);
    within(
        &joined["status_until"],
        Duration::hours(1) - slack,
        Duration::hours(1) + slack,
    );
    within(&left["last_seen_at"], -slack, slack);
    assert_eq!(ended.status(), 204);
    assert_eq!(stream.wrongs(), [""; 0]);
}
