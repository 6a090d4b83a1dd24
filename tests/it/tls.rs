//! The way to Postgres under TLS, as libpq means it, against servers of one's own.

use std::time::Duration;

use pg_presence::{
    adapter::Catalog,
    connect::Target,
    db::Db,
    doctor::{self, Options, Severity},
    migrate,
};
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    app::{SERVICE_LOGIN, TestApp},
    cable::{Cable, Mode},
    certificates::{Authority, Encrypted, file},
    db::with_login,
    server::{TestCluster, connect, temporary_dir},
};

/// Everybody by password, under TLS alone.
const TLS_ALONE: &str = "hostssl all all all scram-sha-256\n";
/// Everybody by password.
const EITHER: &str = "host all all all scram-sha-256\n";
/// Everybody by password, in clear alone.
const CLEAR_ALONE: &str = "hostnossl all all all scram-sha-256\n";

/// Whether it is encrypted, or why there is no connection.
async fn way(url: &str) -> Result<bool, String> {
    let target = Target::parse(url, "test").map_err(|why| why.to_string())?;
    let target = target.within(Duration::from_secs(30));
    match target.connect().await {
        Ok(link) => {
            tokio::spawn(link.connection);
            let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
            let row = link.client.query_one(sql, &[]).await.expect("it answers");
            let is_encrypted: bool = row.get(0);
            assert_eq!(is_encrypted, link.is_encrypted, "{url}");
            Ok(is_encrypted)
        }
        Err(why) => Err(why.to_string()),
    }
}

/// What a refusal must say; it never says the password.
fn says(refusal: Result<bool, String>, url: &str, words: &[&str]) {
    let refusal = refusal.expect_err(url);
    for word in words {
        assert!(refusal.contains(word), "{url}: {refusal}");
    }
    let password = url.split([':', '@']).nth(2).expect("a password");
    assert!(!refusal.contains(password), "{refusal}");
}

/// A server for localhost, and the certificates by which it may be checked.
struct Scene {
    server: Encrypted,
    folder: std::path::PathBuf,
    right: String,
    wrong: String,
    own: String,
}

impl Scene {
    async fn open() -> Option<Self> {
        let (ours, strangers) = (Authority::new("ours"), Authority::new("strangers"));
        let pair = ours.sign("server", &["localhost"]);
        let server = Encrypted::start(&pair, &ours, EITHER).await?;
        let folder = temporary_dir();
        Some(Self {
            server,
            right: file(&folder, "right.pem", ours.pem()),
            wrong: file(&folder, "wrong.pem", strangers.pem()),
            own: file(&folder, "own.pem", &pair.certificate),
            folder,
        })
    }

    fn url(&self, host: &str, parameters: &str) -> String {
        self.server.url("postgres", host, parameters)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[tokio::test]
async fn each_sslmode_encrypts_and_trusts_as_libpq_does() {
    let Some(scene) = Scene::open().await else { return };
    let Scene {
        right, wrong, own, ..
    } = &scene;

    for (host, parameters, is_encrypted) in [
        ("127.0.0.1", "sslmode=disable", false),
        ("127.0.0.1", "sslmode=allow", false),
        ("127.0.0.1", "sslmode=prefer", true),
        ("127.0.0.1", "sslmode=require", true),
        ("127.0.0.1", &format!("sslmode=require&sslrootcert={right}"), true),
        (
            "127.0.0.1",
            &format!("sslmode=verify-ca&sslrootcert={right}"),
            true,
        ),
        ("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={own}"), true),
        (
            "localhost",
            &format!("sslmode=verify-full&sslrootcert={right}"),
            true,
        ),
        ("localhost", "sslmode=require&channel_binding=require", true),
        (
            "localhost",
            "sslmode=require&ssl_min_protocol_version=TLSv1.3",
            true,
        ),
        // As libpq: what is only preferred falls back to clear.
        ("127.0.0.1", &format!("sslmode=prefer&sslrootcert={wrong}"), false),
    ] {
        let url = scene.url(host, parameters);
        assert_eq!(way(&url).await, Ok(is_encrypted), "{parameters}");
    }
}

#[tokio::test]
async fn a_server_that_fails_its_check_is_refused_with_what_is_wrong_and_how_to_mend_it() {
    let Some(scene) = Scene::open().await else { return };
    let Scene { right, wrong, .. } = &scene;

    for (host, parameters, words) in [
        (
            "127.0.0.1",
            &*format!("sslmode=require&sslrootcert={wrong}"),
            ["not signed by an authority in", "wrong.pem"],
        ),
        (
            "localhost",
            &format!("sslmode=verify-full&sslrootcert={wrong}"),
            ["not signed by", "sslrootcert=PATH"],
        ),
        (
            "127.0.0.1",
            &format!("sslmode=verify-full&sslrootcert={right}"),
            ["is for", "not for 127.0.0.1"],
        ),
        (
            "localhost",
            "sslrootcert=system",
            ["not signed by", "this machine trusts"],
        ),
        (
            "localhost",
            "sslmode=verify-ca&sslrootcert=/nowhere.pem",
            ["sslrootcert: cannot read", "/nowhere.pem"],
        ),
        (
            "localhost",
            &format!("sslmode=require&sslcert={right}&sslkey={right}"),
            ["sslkey:", "holds no private key"],
        ),
    ] {
        let url = scene.url(host, parameters);
        says(way(&url).await, &url, &words);
    }
}

#[tokio::test]
async fn a_negotiation_that_saves_a_round_trip_is_used_where_the_server_knows_it_and_named_where_not() {
    let Some(scene) = Scene::open().await else { return };
    let usual = Target::parse(&scene.url("localhost", "sslmode=require"), "test").expect("a target");
    let link = usual.connect().await.expect("it answers");
    tokio::spawn(link.connection);
    let version = "select current_setting('server_version_num')::int";
    let version = link.client.query_one(version, &[]).await.expect("a version");
    let knows_it = version.get::<_, i32>(0) >= 170_000;

    let url = scene.url("localhost", "sslmode=require&sslnegotiation=direct");
    let answer = way(&url).await;

    match knows_it {
        true => assert_eq!(answer, Ok(true)),
        false => says(answer, &url, &["sslnegotiation=direct", "Postgres 17"]),
    }
}

#[tokio::test]
async fn a_server_without_tls_is_named_where_tls_was_asked_for() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let folder = temporary_dir();
    let roots = file(&folder, "ca.pem", Authority::new("ours").pem());
    let url = |parameters: &str| format!("{}?{parameters}", cluster.url("postgres"));

    for parameters in ["sslmode=disable", "sslmode=allow", "sslmode=prefer"] {
        assert_eq!(way(&url(parameters)).await, Ok(false), "{parameters}");
    }
    for parameters in [
        "sslmode=require",
        &format!("sslmode=verify-full&sslrootcert={roots}"),
    ] {
        let url = url(parameters);
        says(
            way(&url).await,
            &url,
            &["speaks no TLS", "ssl = on", "sslmode=disable"],
        );
    }
    std::fs::remove_dir_all(folder).expect("it is ours");
}

#[tokio::test]
async fn who_admits_one_way_alone_is_reached_by_it_where_the_mode_leaves_a_choice() {
    let ours = Authority::new("ours");
    let pair = ours.sign("server", &["localhost"]);
    let Some(server) = Encrypted::start(&pair, &ours, TLS_ALONE).await else {
        return;
    };
    let url = |parameters: &str| server.url("postgres", "127.0.0.1", parameters);

    assert_eq!(way(&url("sslmode=allow")).await, Ok(true));
    assert_eq!(way(&url("sslmode=prefer")).await, Ok(true));
    let clear = url("sslmode=disable");
    says(
        way(&clear).await,
        &clear,
        &["no encryption", "say sslmode=require"],
    );

    server.put("pg_hba.conf", CLEAR_ALONE);
    reload(&url("sslmode=disable"), &url("sslmode=require")).await;
    assert_eq!(way(&url("sslmode=prefer")).await, Ok(false));
    let encrypted = url("sslmode=require");
    says(
        way(&encrypted).await,
        &encrypted,
        &["SSL encryption", "pg_hba.conf"],
    );
}

/// Has the server read its rules again, and waits until it goes by them.
async fn reload(wanted: &str, now: &str) {
    let target = Target::parse(now, "test").expect("a URL");
    let (admin, _) = target.client().await.expect("it answers");
    admin
        .batch_execute("select pg_reload_conf()")
        .await
        .expect("it reads them");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while let Err(why) = way(wanted).await {
        assert!(tokio::time::Instant::now() < deadline, "{why}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_one_is_wanted() {
    let (ours, strangers) = (Authority::new("ours"), Authority::new("strangers"));
    let pair = ours.sign("server", &["localhost"]);
    let rule = "hostssl all all all scram-sha-256 clientcert=verify-ca\n";
    let Some(server) = Encrypted::start(&pair, &ours, rule).await else {
        return;
    };
    let folder = temporary_dir();
    let identity = |name: &str, authority: &Authority| {
        let pair = authority.sign(name, &[]);
        let certificate = file(&folder, &format!("{name}.crt"), &pair.certificate);
        let key = file(&folder, &format!("{name}.key"), &pair.key);
        format!("sslmode=require&sslcert={certificate}&sslkey={key}")
    };
    let url = |parameters: &str| server.url("postgres", "localhost", parameters);

    assert_eq!(way(&url(&identity("node", &ours))).await, Ok(true));
    for (parameters, words) in [
        (
            "sslmode=require".to_owned(),
            ["certificate", "sslcert and sslkey"],
        ),
        (
            identity("stranger", &strangers),
            ["refuses the client's certificate", "ssl_ca_file"],
        ),
        (
            format!(
                "sslmode=require&sslcert={0}/node.crt&sslkey={0}/stranger.key",
                folder.display()
            ),
            ["sslcert and sslkey", "do not go together"],
        ),
    ] {
        let url = url(&parameters);
        says(way(&url).await, &url, &words);
    }
    std::fs::remove_dir_all(folder).expect("it is ours");
}

#[tokio::test]
async fn the_whole_product_works_where_the_server_admits_tls_alone() {
    let ours = Authority::new("ours");
    let pair = ours.sign("server", &["localhost"]);
    let Some(server) = Encrypted::start(&pair, &ours, EITHER).await else {
        return;
    };
    server.cluster.database("app", "text").await;
    server.put("pg_hba.conf", TLS_ALONE);
    let folder = temporary_dir();
    let parameters = format!(
        "sslmode=verify-full&sslrootcert={}",
        file(&folder, "ca.pem", ours.pem())
    );
    let url = server.url("app", "localhost", &parameters);
    let clear = server.url("app", "localhost", "sslmode=disable");
    reload(&url, &clear).await;

    assert!(
        migrate::status(&url)
            .await
            .expect("migrate connects")
            .is_current()
    );
    Catalog::read(&url).await.expect("generate connects");
    Db::new(&url, 1)
        .expect("a URL")
        .reap(1)
        .await
        .expect("the pool connects");
    let app = TestApp::start_with(&with_login(&url, SERVICE_LOGIN), |_| {}).await;
    let beat = app
        .client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    assert_eq!(beat.0, StatusCode::OK);
    let findings = doctor::examine(&Options::new(&url)).await;

    let encryption = findings.iter().find(|found| found.check == "server.encryption");
    let encryption = encryption.expect("it is looked at");
    assert_eq!(encryption.severity, Severity::Ok);
    assert_eq!(
        encryption.says,
        "The connection is encrypted; the server's certificate and its name are checked."
    );
    let heard = findings.iter().find(|found| found.check == "server.notify");
    assert_eq!(heard.expect("it is looked at").severity, Severity::Ok);
    says(way(&clear).await, &clear, &["no encryption"]);
    std::fs::remove_dir_all(folder).expect("it is ours");
}

/// FAULTS 13: a host that accepts and says nothing, as a primary that stands still does, keeps nobody from the next one.
#[tokio::test]
async fn of_several_hosts_the_first_that_answers_and_takes_writes_is_used() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.url("postgres");
    let admin = connect(&url).await.expect("it answers");
    admin
        .batch_execute("create database standby")
        .await
        .expect("a new name");
    admin
        .batch_execute("alter database standby set default_transaction_read_only = on")
        .await
        .expect("as on a standby");
    let (cable, deaf) = Cable::around(&url).await;
    cable.set(Mode::Swallow);
    let place = |url: &str| url.split(['@', '/']).nth(3).expect("host and port").to_owned();
    let several = |hosts: &str| format!("{}?connect_timeout=1", url.replace(&place(&url), hosts));

    let found = way(&several(&format!("127.0.0.1:1,{},{}", place(&deaf), place(&url)))).await;
    let none = several(&format!("127.0.0.1:1,{}", place(&deaf)));
    let pool = Db::new(&several(&format!("{},{}", place(&deaf), place(&url))), 1).expect("a URL");
    let read_only = format!("{}?target_session_attrs=read-write", cluster.url("standby"));

    assert_eq!(found, Ok(false));
    says(
        way(&none).await,
        &none,
        &["127.0.0.1:1: Connection refused", "no answer within 1 s"],
    );
    says(
        way(&read_only).await,
        &read_only,
        &["takes no writes", "name the primary"],
    );
    // The pool got through: what it misses is what `migrate` brings.
    let missing = pool.reap(1).await.expect_err("an empty database");
    assert!(matches!(missing, pg_presence::error::Error::Unavailable(_)));
    let seen = "select count(*) from pg_stat_activity where application_name = 'pg-presence'";
    let seen: i64 = admin.query_one(seen, &[]).await.expect("it answers").get(0);
    assert_eq!(seen, 1);
}
