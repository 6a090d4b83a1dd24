use clap::Parser;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const URL: &str = "postgres://app:hunter2@localhost/app";

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Flags alone: without the variables of whoever runs the tests.
fn parse(flags: &[&str]) -> Result<Command, String> {
    let command = <Command as clap::CommandFactory>::command().mut_args(|arg| arg.env(None::<&'static str>));
    let matches = command
        .try_get_matches_from(["test"].iter().chain(flags))
        .map_err(|error| error.to_string())?;
    clap::FromArgMatches::from_arg_matches(&matches).map_err(|error| error.to_string())
}

fn settings(flags: &[&str]) -> Result<Settings, String> {
    parse(flags)?
        .service
        .settings(URL.to_owned(), None, SERVE_BIND)
        .map_err(|error| error.to_string())
}

#[test]
fn nothing_given_is_the_documented_default() {
    let settings = settings(&[]).expect("defaults are good");

    assert_eq!(settings.bind.to_string(), "0.0.0.0:8080");
    assert_eq!(
        (settings.heartbeat, settings.ttl, settings.typing),
        (None, None, None)
    );
    let millis = [
        settings.reap,
        settings.sweep,
        settings.ping,
        settings.canary,
        settings.merge,
    ];
    assert_eq!(
        millis.map(|knob| knob.as_millis()),
        [1000, 5000, 15_000, 5000, 100]
    );
    assert_eq!((settings.pool_max, settings.user_claim.as_str()), (10, "sub"));
    assert_eq!((settings.jwt_secret, settings.cors_origins.len()), (None, 0));
}

#[test]
fn bounds_are_inclusive_and_what_is_beyond_is_refused_with_them() {
    for (flag, min, max) in [
        ("--heartbeat-ms", 100, 600_000),
        ("--ttl-ms", 500, 3_600_000),
        ("--typing-ms", 500, 60_000),
        ("--reap-ms", 50, 60_000),
        ("--sweep-ms", 200, 300_000),
        ("--ping-ms", 1000, 60_000),
        ("--canary-ms", 100, 60_000),
        ("--merge-ms", 0, 5000),
    ] {
        for good in [min, max] {
            assert!(settings(&[&format!("{flag}={good}")]).is_ok(), "{flag}={good}");
        }
        for bad in [
            format!("{}", i64::from(min) - 1),
            format!("{}", max + 1),
            "1.5".into(),
            "many".into(),
        ] {
            let message = settings(&[&format!("{flag}={bad}")]).expect_err("out of bounds");
            assert!(message.contains(flag), "{message}");
            assert!(message.contains(&format!("from {min} to {max}")), "{message}");
        }
    }
}

#[test]
fn a_ttl_below_two_and_a_half_heartbeats_is_refused() {
    assert!(settings(&["--ttl-ms=2500", "--heartbeat-ms=1000"]).is_ok());
    assert!(
        settings(&["--ttl-ms=2499"]).is_ok(),
        "the heartbeat is not known yet"
    );

    let message = settings(&["--ttl-ms=2499", "--heartbeat-ms=1000"]).expect_err("too short");

    assert!(message.contains("raise PRESENCE_TTL_MS to 2500"), "{message}");
}

#[test]
fn a_secret_is_long_and_never_shown() {
    let short = settings(&["--jwt-secret=too-short-a-secret"]).expect_err("short");
    let good = settings(&["--jwt-secret", SECRET]).expect("long enough");

    assert!(
        short.contains("18 bytes") && !short.contains("too-short-a-secret"),
        "{short}"
    );
    assert_eq!(good.jwt_secret.as_deref(), Some(SECRET.as_bytes()));
    let shown = format!("{good:?}");
    assert!(
        !shown.contains(SECRET) && !shown.contains("hunter2") && !shown.contains("48, 49"),
        "{shown}"
    );
}

#[test]
fn a_secret_may_come_from_a_file_but_not_from_two_places() {
    let path = std::env::temp_dir().join(format!("pg-presence-secret-{}", std::process::id()));
    std::fs::write(&path, format!("{URL}\n")).expect("a file");
    let file = format!("--database-url-file={}", path.display());

    let from_file = parse(&[&file]).expect("flags").database.url();
    let twice = parse(&[&file, "--database-url", URL])
        .expect("flags")
        .database
        .url();
    std::fs::remove_file(&path).expect("our own file");
    let gone = parse(&[&file]).expect("flags").database.url();
    let none = parse(&[]).expect("flags").database.url();

    assert_eq!(from_file.expect("the file's"), URL);
    assert!(matches!(twice, Err(Error::Twice { .. })));
    assert!(matches!(gone, Err(Error::Unreadable { .. })));
    assert!(matches!(
        none,
        Err(Error::NotSet {
            variable: "DATABASE_URL",
            ..
        })
    ));
}

#[test]
fn a_bad_database_url_is_refused_without_being_shown() {
    let error = parse(&["--database-url=postgres://app:hunter2@host:port/app"])
        .expect("flags")
        .database
        .url();

    let message = error.expect_err("no port").to_string();
    assert!(
        message.contains("DATABASE_URL") && !message.contains("hunter2"),
        "{message}"
    );
}

#[test]
fn origins_are_listed_and_never_everybody() {
    let two = settings(&["--cors-origins=https://app.example.com, http://localhost:5173"]).expect("two");
    assert_eq!(
        two.cors_origins,
        ["https://app.example.com", "http://localhost:5173"]
    );

    for bad in [
        "*",
        "app.example.com",
        "https://app.example.com/",
        "https://",
        "null",
        "https://App.example.com",
    ] {
        assert!(settings(&[&format!("--cors-origins={bad}")]).is_err(), "{bad}");
    }
}

#[test]
fn lives_are_written_with_a_unit() {
    for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800)] {
        assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in [
        "",
        "1",
        "h",
        "0s",
        "-1h",
        "1.5h",
        "367d",
        "1y",
        "99999999999999999999d",
        "1ö",
    ] {
        assert!(lifetime(text).is_err(), "{text}");
    }
}
