//! Where webhooks may go: nowhere that is not public, unless an operator allows it, whatever a URL or a name says.

use std::time::Duration;

use super::{add, deliveries, happens, node, tried, until};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    receiver::{Receiver, Reply},
    sql::{code, list, text},
};

#[tokio::test]
async fn nothing_is_sent_to_addresses_that_are_not_public() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let receiver = Receiver::start().await;
    let port = receiver.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "[fd00:ec2::254]",
    ];
    for host in hosts {
        add(&sql, &format!("http://{host}:{port}/"), "").await;
        add(&sql, &format!("https://{host}:{port}/"), "").await;
    }
    let _node = TestApp::start_with(&service_url(db.url()), |settings| {
        settings.webhook_timeout = Duration::from_secs(5);
    })
    .await;

    happens(&sql, &[("room.empty", "general", "")]).await;
    until(
        &sql,
        "select count(*)::text from presence_private.delivery where error is not null",
        &(hosts.len() * 2).to_string(),
    )
    .await;

    let errors = list(&sql, "select w.url || ' ' || d.error from presence_private.delivery d join presence_private.webhook w using (webhook_id)").await;
    for error in &errors {
        // A machine without any authority says so before it looks a name up; one that takes no odd spelling of an
        // address finds no such name.
        let is_refused = error.contains("is not public, nor among PRESENCE_WEBHOOK_NETWORKS")
            || error.contains("trusts no certificate authority")
            || error.contains("lookup");
        assert!(is_refused, "{error}");
    }
    let refused = errors.iter().filter(|error| error.contains("is not public"));
    assert!(refused.count() >= hosts.len() - 2, "{errors:?}");
    assert_eq!(receiver.so_far().len(), 0);
}

#[tokio::test]
async fn what_goes_out_in_clear_goes_to_allowed_networks_alone() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    // Public, and never connected to.
    add(&sql, "http://1.1.1.1/", "").await;
    let _node = node(&db).await;

    happens(&sql, &[("room.empty", "general", "")]).await;
    tried(&sql, 1).await;

    assert_eq!(
        deliveries(&sql).await,
        ["room.empty waiting 1 http is for PRESENCE_WEBHOOK_NETWORKS alone: use https"]
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let elsewhere = Receiver::start().await;
    let receiver = Receiver::start().await;
    receiver.answer(Reply::Moved(elsewhere.url()));
    add(&sql, &receiver.url(), "").await;
    let _node = node(&db).await;

    happens(&sql, &[("room.empty", "general", "")]).await;
    tried(&sql, 1).await;

    assert_eq!(
        deliveries(&sql).await,
        ["room.empty waiting 1 it answered 302 Found: redirects are not followed"]
    );
    assert_eq!(elsewhere.so_far().len(), 0);
}

#[tokio::test]
async fn what_is_no_url_of_an_endpoint_is_refused_in_words_of_our_own() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let long = format!("https://app.example/{}", "x".repeat(2048));

    for url in [
        "",
        "app.example",
        "ftp://app.example/",
        "https://",
        "https:///path",
        "https://user:password@app.example/",
        "https://app.example/#here",
        "https://app.example/a b",
        "HTTPS://app.example/\n",
        &long,
    ] {
        let call = format!("select presence.add_webhook('{url}')");
        assert_eq!(code(&sql, &call).await.as_deref(), Some("PR400"), "{url}");
    }
    for arguments in [
        "null",
        "'https://app.example/', types => '{member.jumped}'",
        "'https://app.example/', types => '{}'",
        "'https://app.example/', room_ids => '{}'",
        "'https://app.example/', description => ''",
    ] {
        let call = format!("select presence.add_webhook({arguments})");
        assert_eq!(code(&sql, &call).await.as_deref(), Some("PR400"), "{arguments}");
    }
    for call in [
        "test_webhook(7)",
        "enable_webhook(7)",
        "disable_webhook(null)",
        "rotate_webhook_secret(7)",
        "redeliver_webhook(7)",
    ] {
        let call = format!("select presence.{call}");
        assert_eq!(code(&sql, &call).await.as_deref(), Some("PR400"), "{call}");
    }
    assert_eq!(
        text(&sql, "select count(*)::text from presence.webhooks()").await,
        "0"
    );
}
