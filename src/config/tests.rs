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
        ("--jwks-refresh-ms", 1000, 86_400_000),
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

#[test]
fn a_jwks_is_asked_for_over_https_and_in_clear_on_this_machine_alone() {
    for good in [
        "https://auth.example.com/.well-known/jwks.json",
        "https://auth.example.com:8443/keys?tenant=a",
        "http://localhost:3000/api/auth/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]:3000/jwks",
    ] {
        let settings = settings(&["--jwks-url", good]).expect(good);
        assert_eq!(settings.jwks, Some(KeySource::Url(good.parse().expect("a URL"))));
        assert_eq!(settings.jwks_refresh.as_secs(), 600);
    }
    for (bad, why) in [
        ("http://auth.example.com/jwks", "only https will do"),
        ("http://localhost.example.com/jwks", "only https will do"),
        ("http://10.0.0.1/jwks", "only https will do"),
        ("ftp://auth.example.com/jwks", "must begin with https://"),
        ("file:///etc/jwks.json", "URL"),
        ("auth.example.com/jwks", "URL"),
        ("/jwks", "no whole URL"),
        ("https://me:hunter2@auth.example.com/jwks", "a user or a password"),
        ("https://auth.example.com/jwks#key", "#"),
        ("https://", "no URL"),
    ] {
        let message = settings(&["--jwks-url", bad]).expect_err(bad);
        assert!(
            message.contains("--jwks-url") && message.contains(why),
            "{message}"
        );
    }
    let both = settings(&["--jwks-url=https://a.example/", "--jwks-file=/keys"]).expect_err("two places");
    assert!(
        both.contains("PRESENCE_JWKS_URL and PRESENCE_JWKS_FILE"),
        "{both}"
    );
}

#[test]
fn a_preset_knows_its_provider_and_what_is_given_wins() {
    let of = |flags: &[&str]| {
        let settings = settings(flags)?;
        let Some(KeySource::Url(url)) = settings.jwks else {
            return Err("no URL".to_owned());
        };
        Ok([
            url.to_string(),
            settings.jwt_issuer.unwrap_or_default(),
            settings.jwt_audience.unwrap_or_default(),
        ])
    };
    let expected = |texts: [&str; 3]| Ok(texts.map(str::to_owned));

    let better_auth = of(&[
        "--auth-preset=better-auth",
        "--jwt-issuer=https://app.example.com",
    ]);
    let app = "https://app.example.com";
    assert_eq!(
        better_auth,
        expected(["https://app.example.com/api/auth/jwks", app, app])
    );
    let supabase = "https://abcd.supabase.co/auth/v1";
    for issuer in ["https://abcd.supabase.co", "https://abcd.supabase.co/", supabase] {
        let keys = "https://abcd.supabase.co/auth/v1/.well-known/jwks.json";
        let found = of(&["--auth-preset=supabase", "--jwt-issuer", issuer]);
        assert_eq!(found, expected([keys, supabase, "authenticated"]), "{issuer}");
    }
    let clerk = of(&["--auth-preset=clerk", "--jwt-issuer=https://clerk.example.com/"]);
    let keys = "https://clerk.example.com/.well-known/jwks.json";
    assert_eq!(clerk, expected([keys, "https://clerk.example.com", ""]));
    let auth0 = of(&[
        "--auth-preset=auth0",
        "--jwt-issuer=https://t.eu.auth0.com",
        "--jwt-audience=us",
    ]);
    assert_eq!(
        auth0,
        expected([
            "https://t.eu.auth0.com/.well-known/jwks.json",
            "https://t.eu.auth0.com/",
            "us"
        ])
    );
    let own = of(&[
        "--auth-preset=clerk",
        "--jwt-issuer=https://c.example",
        "--jwt-audience=us",
        "--jwks-url=https://k.example/",
    ]);
    assert_eq!(
        own,
        expected(["https://k.example/", "https://c.example", "us"]),
        "what is given wins"
    );
}

#[test]
fn a_preset_asks_for_what_it_cannot_know() {
    let clerk = "--auth-preset=clerk";
    for (flags, words) in [
        (
            &["--auth-preset=supabase"][..],
            "needs PRESENCE_JWT_ISSUER: the project's URL",
        ),
        (
            &[clerk, "--jwt-issuer=clerk.example.com"],
            "is a URL: it is the Frontend API URL",
        ),
        (&[clerk, "--jwt-issuer=http://clerk.example.com"], "is a URL"),
        (
            &["--auth-preset=auth0", "--jwt-issuer=https://t.auth0.com"],
            "needs PRESENCE_JWT_AUDIENCE",
        ),
        (&["--auth-preset=okta"], "better-auth, supabase, clerk, auth0"),
    ] {
        let message = settings(flags).expect_err("incomplete");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn operators_names_are_hosts_and_spans_go_to_a_url() {
    let given = settings(&[
        "--admin-hosts=Metrics.example.com, ops.example.com.",
        "--otel-exporter-otlp-endpoint=http://collector:4318/",
    ]);
    let given = given.expect("good ones");
    assert_eq!(given.admin_hosts, ["metrics.example.com", "ops.example.com"]);
    assert_eq!(
        given.otlp.map(|url| url.to_string()).as_deref(),
        Some("http://collector:4318/")
    );
    let own = settings(&[
        "--otlp-endpoint=https://a.example",
        "--otel-exporter-otlp-endpoint=http://b",
    ]);
    let own = own.expect("ours wins").otlp.expect("a URL");
    assert_eq!(own.host(), Some("a.example"));

    for bad in [
        "--admin-hosts=https://a.example",
        "--admin-hosts=a.example:9090",
        "--admin-hosts=",
        "--otlp-endpoint=collector:4318",
        "--otlp-endpoint=http://user:secret@collector:4318",
        "--otlp-endpoint=grpc://collector:4317",
        "--otlp-endpoint=http://collector:4318/?key=secret",
    ] {
        assert!(settings(&[bad]).is_err(), "{bad}");
    }
}
