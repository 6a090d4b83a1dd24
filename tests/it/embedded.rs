//! The Postgres that `dev` starts: how it comes up, what it keeps, and that it never stays behind.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::geteuid};
use pg_presence::embedded::{Embedded, Error, NOTHING_MAX, Options};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use self::helper::Helper;
use crate::support::server::{Lacking, TestCluster, connect, own, skip, start_embedded, temporary_dir};

mod helper;

/// Generous: nothing here is a promise about time, unless a test says so.
const SOON: Duration = Duration::from_secs(30);

/// Options whose data outlive a stop, and the directory they are in, removed with this value.
fn kept() -> (Options, Dir) {
    let options = Options {
        remove_data: false,
        ..own(&[])
    };
    let dir = options.data_dir.clone().expect("a temporary directory");
    (options, Dir(dir))
}

#[derive(Debug)]
struct Dir(PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A server by installed binaries; nothing, and the test counted as skipped, where there are none.
async fn start(options: &Options) -> Option<Embedded> {
    let started = start_embedded(options).await.expect("a server starts");
    if started.is_none() {
        skip(Lacking::ServerBinaries);
    }
    started
}

async fn refused(options: &Options) -> Error {
    Embedded::start(options.clone())
        .await
        .expect_err("this must not start")
}

async fn until<T>(what: &str, mut seen: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(seen) = seen().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn until_closed(port: u16) {
    until("the port is closed", async || {
        TcpStream::connect(("127.0.0.1", port)).await.err()
    })
    .await;
}

#[tokio::test]
async fn a_server_is_unprivileged_and_wants_its_password() {
    let (options, dir) = kept();
    let Some(server) = start(&options).await else {
        return;
    };

    let client = connect(&server.url("postgres"))
        .await
        .expect("the URL that we were given");
    let wrong = format!("postgres://postgres:guess@127.0.0.1:{}/postgres", server.port());
    let stranger = connect(&wrong).await.expect_err("a wrong password");
    let show = client
        .query_one(
            "select current_setting('listen_addresses'), current_setting('fsync')",
            &[],
        )
        .await;
    let show = show.expect("settings are shown");
    let home = server.home().to_owned();
    let (data, password) = (home.join("data").metadata(), home.join("password").metadata());
    let (data, password) = (data.expect("a data directory"), password.expect("a password"));
    let described = server.describe();
    drop(client);
    server.stop().await;

    assert_eq!(stranger.code().map(|code| code.code()), Some("28P01"));
    assert_eq!(show.get::<_, &str>(0), "127.0.0.1");
    assert_eq!(show.get::<_, &str>(1), "off", "a setting of ours");
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
    assert_eq!(password.permissions().mode() & 0o777, 0o600);
    assert_ne!(data.uid(), 0, "Postgres does not run as root");
    assert!(home.starts_with(&dir.0));
    assert!(described.starts_with("Postgres 1"), "{described}");
}

#[tokio::test]
async fn the_next_start_finds_the_data_of_the_last() {
    let (options, _dir) = kept();
    let Some(first) = start(&options).await else {
        return;
    };
    let url = first.url("postgres");
    let client = connect(&url).await.expect("a server answers");
    client
        .batch_execute("create table kept as select 42 as answer")
        .await
        .expect("a table");
    let options = Options {
        port: Some(first.port()),
        ..options
    };
    first.stop().await;

    let second = Embedded::start(options).await.expect("it starts again");
    let client = connect(&second.url("postgres")).await.expect("a server answers");
    let kept = client
        .query_one("select answer from kept", &[])
        .await
        .expect("the table is still there");

    assert_eq!(second.url("postgres"), url, "the same password and port");
    assert_eq!(kept.get::<_, i32>(0), 42);
    second.stop().await;
}

#[tokio::test]
async fn a_crashed_server_says_so_and_starts_again() {
    let Some(mut cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("app", "text").await;
    let client = connect(&url).await.expect("the cluster answers");
    client
        .batch_execute("create table survivor ()")
        .await
        .expect("a table");

    cluster.kill(Signal::SIGKILL).await;
    cluster.restart().await;

    let client = connect(&url).await.expect("the same URL as before");
    client
        .batch_execute("select from survivor")
        .await
        .expect("committed is committed");
    assert!(cluster.pid() > 0);
}

#[tokio::test]
async fn a_killed_parent_leaves_no_server_behind() {
    let (options, dir) = kept();
    let Some(mut parent) = Helper::start(&dir.0, &[]).await else {
        return;
    };
    let port = parent.port().await;
    assert!(
        TcpStream::connect(("127.0.0.1", port)).await.is_ok(),
        "a server runs"
    );

    parent.kill().await;

    // At once, while that server may still be ending.
    let next = Embedded::start(options).await.expect("the data are free soon");
    until_closed(port).await;
    next.stop().await;
}

#[tokio::test]
async fn a_killed_parent_leaves_no_temporary_directory_behind() {
    let (_, dir) = kept();
    let Some(mut parent) = Helper::start(&dir.0, &[("HELPER_REMOVES", "1")]).await else {
        return;
    };
    let port = parent.port().await;

    parent.kill().await;

    until_closed(port).await;
    until("the directory is gone", async || (!dir.0.exists()).then_some(())).await;
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let (options, dir) = kept();
    let Some(mut parent) = Helper::start(&dir.0, &[]).await else {
        return;
    };
    let half_made = || {
        let homes = fs::read_dir(&dir.0).into_iter().flatten().flatten();
        let entries = homes
            .filter_map(|home| fs::read_dir(home.path()).ok())
            .flatten()
            .flatten();
        entries
            .map(|entry| entry.path())
            .find(|path| path.to_string_lossy().contains("data.new"))
    };
    let is_at_work = async || half_made().filter(|path| path.join("PG_VERSION").exists());
    until("initdb is at work", is_at_work).await;

    parent.kill().await;

    // Its initdb may not have heard yet, and write a little more.
    until("nothing is left", async || {
        let server = Embedded::start(options.clone())
            .await
            .expect("a server starts on what is left");
        assert!(connect(&server.url("postgres")).await.is_ok());
        server.stop().await;
        half_made().is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_empty_directory_of_root_will_do() {
    if !geteuid().is_root() {
        return skip(Lacking::Root);
    }
    let (options, dir) = kept();
    fs::create_dir(&dir.0).expect("a temporary directory");
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o700)).expect("it is ours");

    let Some(server) = start(&options).await else {
        return;
    };

    assert!(server.home().starts_with(&dir.0));
    server.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_closed_to_the_server_is_named() {
    if !geteuid().is_root() {
        return skip(Lacking::Root);
    }
    let (options, dir) = kept();
    fs::create_dir(&dir.0).expect("a temporary directory");
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let below = Options {
        data_dir: Some(dir.0.join("below")),
        ..options
    };

    match refused(&below).await {
        Error::NoPostgres { .. } => skip(Lacking::ServerBinaries),
        error => assert!(
            matches!(&error, Error::Unreachable { path, .. } if *path == dir.0),
            "{error}"
        ),
    }
    assert!(!dir.0.join("below").exists(), "nothing was made");
}

#[tokio::test]
async fn the_files_of_others_are_left_alone() {
    for foreign in [
        "notes.txt",
        "15/main/PG_VERSION",
        "18/main/PG_VERSION",
        "PG_VERSION",
    ] {
        let (options, dir) = kept();
        let file = dir.0.join(foreign);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a temporary directory");
        fs::write(&file, "theirs").expect("a file");
        let major = foreign.split_once("/main").map(|(major, _)| major);

        let error = match Embedded::start(options).await {
            Err(Error::NoPostgres { .. }) => return skip(Lacking::ServerBinaries),
            Err(error) => error,
            // Beside the home of another major version we keep ours.
            Ok(server) if major.is_some_and(|major| !server.describe().contains(&format!(" {major}."))) => {
                server.stop().await;
                continue;
            }
            Ok(server) => panic!("{} started beside {foreign}", server.describe()),
        };

        assert!(matches!(error, Error::Foreign { .. }), "{foreign}: {error}");
        assert_eq!(fs::read_to_string(&file).expect("still there"), "theirs");
    }
}

#[tokio::test]
async fn data_in_use_are_refused_with_who_uses_them() {
    let (options, _dir) = kept();
    let Some(server) = start(&options).await else {
        return;
    };

    let error = refused(&options).await;

    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&format!("(process {})", std::process::id())),
        "{error}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_setting_that_postgres_refuses_is_shown() {
    let (options, _dir) = kept();
    let settings = vec![("no_such_setting".to_owned(), "1".to_owned())];

    match refused(&Options { settings, ..options }).await {
        Error::NoPostgres { .. } => skip(Lacking::ServerBinaries),
        error => assert!(
            error.to_string().contains("unrecognized configuration parameter"),
            "{error}"
        ),
    }
}

#[tokio::test]
async fn lost_passwords_and_useless_binaries_are_named() {
    let (options, dir) = kept();
    let useless = Options {
        bin_dir: Some(PathBuf::from("/nonexistent")),
        ..options.clone()
    };
    assert!(matches!(refused(&useless).await, Error::Unusable { .. }));
    let Some(server) = start(&options).await else {
        return;
    };
    let password = server.home().join("password");
    server.stop().await;
    fs::remove_file(password).expect("a password");

    let error = refused(&options).await;

    assert!(matches!(error, Error::PasswordLost { .. }), "{error}");
    drop(dir);
}

#[tokio::test]
async fn without_postgres_fetch_and_docker_one_sentence_says_what_to_install() {
    // Worse than a host that refuses: one that takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let silent = listener.local_addr().expect("a bound socket").port();
    let (proxy, docker) = (
        format!("http://127.0.0.1:{silent}"),
        format!("tcp://127.0.0.1:{silent}"),
    );
    let unreachable = [
        ("HELPER_FINDS_NOTHING", "1"),
        ("HTTPS_PROXY", &proxy),
        ("DOCKER_HOST", &docker),
    ];
    let dir = Dir(temporary_dir());
    let began = Instant::now();
    let mut helper = Helper::spawn(&dir.0, &unreachable);

    let (word, sentence) = helper.line().await.expect("the helper says something");

    println!("{sentence} ({:?})", began.elapsed());
    assert_eq!(word, "error", "{sentence}");
    for install in ["apt-get install", "dnf install", "brew install", "--database-url"] {
        assert!(sentence.contains(install), "{sentence}");
    }
    let slack: u32 = std::env::var("TEST_SLACK")
        .ok()
        .and_then(|slack| slack.parse().ok())
        .unwrap_or(3);
    assert!(began.elapsed() < NOTHING_MAX * slack);
}
