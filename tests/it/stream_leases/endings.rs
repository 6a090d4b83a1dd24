//! What ends a session ends it at once and for good, although its stream is still open.

use std::time::{Duration, Instant};

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    GRACE, HEARTBEAT, TTL, Watcher, assert_within, log, node, nodes, open, open_in_general, sessions, short,
    until_sessions,
};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    sql::run,
    stream::Stream,
};

/// From a commit to the last stream.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Alice by a stream of one node, and bob who watches on another.
struct Scene {
    db: TestDb,
    here: TestApp,
    _there: TestApp,
    tab: Uuid,
    stream: Stream,
    watcher: Watcher,
}

impl Scene {
    async fn open() -> Option<Self> {
        let db = TestDb::new().await?;
        let ((here, there), admin) = (nodes(&db).await, db.admin().await);
        let tab = Uuid::new_v4();
        let mut watcher = Watcher::of(&there.client("bob"), "general").await;
        let stream = open_in_general(&here.client("alice"), tab).await;
        assert_eq!(watcher.next().await, ["alice joined"]);
        until_sessions(&admin, &["general alice held"]).await;
        Some(Self {
            db,
            here,
            _there: there,
            tab,
            stream,
            watcher,
        })
    }

    /// It is told at once, with this reason, and stays so: the stream renews nothing, and its close means nothing.
    async fn stays_ended(mut self, since: Instant, reason: &str) {
        assert_eq!(self.watcher.next().await, [format!("alice left: {reason}")]);
        assert_within(since.elapsed(), AT_ONCE, reason);

        let while_open = self.watcher.during(TTL + HEARTBEAT).await;
        drop(self.stream);
        let when_closed = self.watcher.during(GRACE * 2).await;

        assert_eq!((while_open, when_closed), (vec![], vec![]));
        let admin = self.db.admin().await;
        assert_eq!(sessions(&admin).await, [""; 0]);
        assert_eq!(
            log(&admin, "general").await,
            ["1 alice join".to_owned(), format!("2 alice leave {reason}")]
        );
    }
}

#[tokio::test]
async fn a_leave_is_final_although_the_stream_is_open() {
    let Some(scene) = Scene::open().await else { return };
    let since = Instant::now();

    let status = scene.here.client("alice").leave("general", scene.tab).await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    scene.stays_ended(since, "left").await;
}

#[tokio::test]
async fn a_beacon_is_final_although_the_stream_is_open() {
    let Some(scene) = Scene::open().await else { return };
    let alice = scene.here.client("alice");
    let (_, lease) = alice.beat("general", scene.tab, json!({})).await;
    let token = lease["leave_token"].as_str().expect("a token").to_owned();
    let since = Instant::now();

    let beacon = alice.bare(Method::POST, "/v1/leave").body(token);
    let answer = beacon
        .header("content-type", "text/plain")
        .send()
        .await
        .expect("an answer");

    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    scene.stays_ended(since, "left").await;
}

#[tokio::test]
async fn a_kick_is_final_although_the_stream_is_open() {
    let Some(scene) = Scene::open().await else { return };
    let admin = scene.db.admin().await;
    let since = Instant::now();

    run(&admin, "select presence.remove_member('general', 'alice')").await;

    scene.stays_ended(since, "removed").await;
}

#[tokio::test]
async fn who_is_no_participant_any_more_leaves_although_the_stream_is_open() {
    let Some(mut scene) = Scene::open().await else {
        return;
    };
    let admin = scene.db.admin().await;
    let since = Instant::now();

    run(
        &admin,
        "delete from event_app.room_participants where user_id = 'alice'",
    )
    .await;
    let revoked = scene.stream.next_of("revoked").await;

    assert_eq!(revoked.data, json!({"room_id": "general"}));
    scene.stays_ended(since, "revoked").await;
}

/// FAULTS 49: going invisible looks like leaving, and no renewal reveals it.
#[tokio::test]
async fn who_goes_invisible_is_gone_although_the_stream_is_open() {
    let Some(scene) = Scene::open().await else { return };
    let since = Instant::now();

    let invisible = json!({"status": "invisible"});
    let (status, _) = scene
        .here
        .client("alice")
        .beat("general", scene.tab, invisible)
        .await;

    assert_eq!(status, StatusCode::OK);
    scene.stays_ended(since, "left").await;
}

#[tokio::test]
async fn a_leave_in_one_room_leaves_the_stream_holding_in_the_others() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin, tab) = (node(&db).await, db.admin().await, Uuid::new_v4());
    let _stream = open(
        &app.client("alice"),
        &format!("room=general&room=planning&session={tab}"),
    )
    .await;
    until_sessions(&admin, &["general alice held", "planning alice held"]).await;
    let mut watcher = Watcher::of(&app.client("bob"), "planning").await;

    app.client("alice").leave("general", tab).await;
    let told = watcher.during(TTL + HEARTBEAT).await;

    assert_eq!(told, [""; 0]);
    assert_eq!(sessions(&admin).await, ["planning alice held"]);
    assert_eq!(
        log(&admin, "general").await,
        ["1 alice join", "2 alice leave left"]
    );
}

/// The stream's last word, and that nothing follows it.
async fn last_word(stream: &mut Stream) -> Value {
    let bye = stream.next_of("bye").await;
    assert_eq!(stream.next_within(Duration::from_secs(5)).await, None);
    bye.data
}

#[tokio::test]
async fn a_logout_ends_the_streams_of_the_user_on_every_node_and_no_later_one() {
    let Some(mut scene) = Scene::open().await else {
        return;
    };
    let alice = scene.here.client("alice");
    // One that looks on: it is of the login that ends as well.
    let mut looks_on = scene._there.client("alice").stream(&["general"]).await;
    looks_on.next_of("snapshot").await;
    let cursor = scene.watcher.stream.picture("general").cursor;
    let since = Instant::now();

    let (status, _) = alice.call(Method::DELETE, "/v1/me/sessions", None).await;
    let byes = [last_word(&mut scene.stream).await, last_word(&mut looks_on).await];
    assert_within(since.elapsed(), AT_ONCE, "both streams ended");
    // The next login, at once: also where it begins before that logout, it is none of its.
    let mut next = open_in_general(&alice, Uuid::new_v4()).await;
    let mut resumed = alice.stream(&[&format!("general@{cursor}")]).await;
    let seen = [scene.watcher.next().await, scene.watcher.next().await];

    assert_eq!(status, StatusCode::NO_CONTENT);
    for bye in byes {
        assert_eq!(bye, json!({"reason": "logged-out", "retry_ms": null}));
    }
    assert_eq!(seen, [["alice left: logged_out"], ["alice joined"]]);
    assert_eq!(resumed.next().await.name, "ready");
    assert_eq!(resumed.next().await.name, "diff");
    assert_eq!(resumed.next_within(TTL).await, None, "it stays");
    assert_eq!(next.next_within(HEARTBEAT).await, None, "it stays");
    assert_eq!(sessions(&scene.db.admin().await).await, ["general alice held"]);
}

/// Where no diff tells of the logout: the room is too large for details, and the next renewal tells.
#[tokio::test]
async fn a_logout_that_no_diff_tells_of_is_told_by_the_next_renewal() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        short(settings);
        settings.room_detail_max = 1;
    })
    .await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut others = vec![];
    for user in ["bob", "carol"] {
        others.push(open_in_general(&app.client(user), Uuid::new_v4()).await);
    }
    let mut stream = open_in_general(&alice, tab).await;
    let held = ["general alice held", "general bob held", "general carol held"];
    until_sessions(&admin, &held).await;
    let since = Instant::now();

    run(&admin, "select presence.leave_everywhere('alice')").await;
    let bye = last_word(&mut stream).await;

    assert_within(since.elapsed(), HEARTBEAT * 2, "told");
    assert_eq!(bye, json!({"reason": "logged-out", "retry_ms": null}));
    let mut next = open_in_general(&alice, Uuid::new_v4()).await;
    let mut names = vec![];
    while let Some(event) = next.next_within(TTL).await {
        names.push(event.name);
    }
    assert!(!names.contains(&"bye".to_owned()), "{names:?}");
    assert_eq!(sessions(&admin).await, held);
}
