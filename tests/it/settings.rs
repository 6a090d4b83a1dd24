//! The settings of `serve` before anything is connected: what holds, where it comes from, and what is wrong with it.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::server::temporary_dir;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn presence(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pg-presence"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A setting as `value (source)`.
fn told(json: &Value, variable: &str) -> String {
    let all = json["settings"].as_array().expect("a list");
    let found = all
        .iter()
        .find(|one| one["variable"] == variable)
        .expect(variable);
    let source = found["source"].as_str().expect("a word");
    format!("{} ({source})", found["value"].as_str().unwrap_or("-"))
}

#[test]
fn each_setting_is_told_with_its_source_and_no_secret_is() {
    let folder = temporary_dir();
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let url = folder.join("url");
    std::fs::write(&url, "postgres://app:hunter2@db/app\n").expect("it may be written");
    let environment = [
        ("DATABASE_URL_FILE", url.to_str().expect("text")),
        ("PRESENCE_JWT_SECRET", SECRET),
        (
            "PRESENCE_LISTEN_DATABASE_URL",
            "postgres://app:hunter2@direct/app",
        ),
        ("PRESENCE_TTL_MS", "90000"),
        ("PRESENCE_PING_MS", ""),
        ("PRESENCE_AUTH_PRESET", "better-auth"),
        ("PRESENCE_JWT_ISSUER", "https://app.example.com"),
    ];

    let output = presence(&["config", "--json", "--pool-max", "3"], &environment);
    let words = presence(&["config", "--pool-max", "3"], &environment);

    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |variable: &str| told(&json, variable);
    assert_eq!(
        of("DATABASE_URL"),
        format!("<read from {}> (file)", url.display())
    );
    assert_eq!(
        of("PRESENCE_LISTEN_DATABASE_URL"),
        "postgres://app:<secret>@direct/app (environment)"
    );
    assert_eq!(of("PRESENCE_JWT_SECRET"), "<secret> (environment)");
    assert_eq!(of("PRESENCE_POOL_MAX"), "3 (flag)");
    assert_eq!(of("PRESENCE_TTL_MS"), "90000 (environment)");
    assert_eq!(of("PRESENCE_HEARTBEAT_MS"), "as the database says (database)");
    assert_eq!(of("PRESENCE_PING_MS"), "15000 (default)");
    assert_eq!(of("PRESENCE_BIND"), "0.0.0.0:8080 (default)");
    assert_eq!(
        of("PRESENCE_JWKS_URL"),
        "https://app.example.com/api/auth/jwks (preset)"
    );
    assert_eq!(of("PRESENCE_JWT_AUDIENCE"), "https://app.example.com (preset)");
    assert_eq!(of("PRESENCE_ADMIN_BIND"), "- (unset)");
    assert_eq!(
        (&json["errors"], output.status.code()),
        (&Value::from(vec![""; 0]), Some(0))
    );
    let words = text(&words.stdout);
    assert!(
        words.contains("PRESENCE_POOL_MAX             flag         3\n"),
        "{words}"
    );
    for output in [text(&output.stdout), words] {
        assert!(
            !output.contains("hunter2") && !output.contains(SECRET),
            "{output}"
        );
    }
    std::fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn a_check_says_all_that_serve_would_refuse_and_what_nothing_reads() {
    let environment = [
        (
            "DATABASE_URL",
            "postgres://app:hunter2@db/app?sslmode=verify-full",
        ),
        ("PRESENCE_JWT_SECRET", "short"),
        ("PRESENCE_TTL_MS", "1000"),
        ("PRESENCE_HEARTBEAT_MS", "1000"),
        ("PRESENCE_JWKS_FILE", "/nowhere.json"),
        ("PRESENCE_CORS_ORIGIN", "https://app.example.com"),
    ];

    let output = presence(&["config", "check"], &environment);

    let said = text(&output.stdout);
    for words in [
        "error: DATABASE_URL: sslmode=verify-full checks the server's certificate and needs to know whom to trust",
        "error: PRESENCE_JWT_SECRET has 5 bytes and needs at least 32",
        "error: a TTL of 1000 ms is less than 2.5 heartbeats of 1000 ms",
        "error: PRESENCE_JWKS_FILE: /nowhere.json: ",
        "warning: PRESENCE_CORS_ORIGIN is no setting and is ignored: PRESENCE_CORS_ORIGINS is",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(output.status.code(), Some(2));
    let nothing = presence(&["config", "check"], &[]);
    let said = text(&nothing.stdout);
    assert!(
        said.contains("error: --database-url is not set") && said.contains("there is no key"),
        "{said}"
    );
}

#[test]
fn a_value_out_of_bounds_is_told_by_its_name_its_unit_and_its_bounds_wherever_it_was_given() {
    let of_variable = presence(&["serve"], &[("PRESENCE_TTL_MS", "5")]);
    let of_flag = presence(&["serve", "--pool-max=0"], &[("PRESENCE_POOL_MAX", "7")]);

    let said = text(&of_variable.stderr);
    for words in [
        "--ttl-ms <MS>",
        "must be a whole number of milliseconds from 500 to 3600000",
        "The value comes from the variable PRESENCE_TTL_MS.",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let flag = text(&of_flag.stderr);
    assert!(
        flag.contains("--pool-max <CONNECTIONS>") && flag.contains("from 1 to 200"),
        "{flag}"
    );
    assert!(!flag.contains("comes from the variable"), "{flag}");
    assert_eq!(
        (of_variable.status.code(), of_flag.status.code()),
        (Some(2), Some(2))
    );
}
