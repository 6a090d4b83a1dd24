//! The command itself: what it prints, and its exit code.

use std::process::{Command, Output};

use serde_json::Value;

use super::run;
use crate::support::db::TestDb;

fn doctor(url: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pg-presence"));
    command.env_clear().arg("doctor").args(arguments);
    if let Some(url) = url {
        command.env("DATABASE_URL", url);
    }
    command.output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[tokio::test]
async fn people_read_what_is_wrong_and_how_to_mend_it() {
    let Some(db) = TestDb::new().await else { return };
    run(
        &db.admin().await,
        "alter function presence_host.users() volatile;",
    )
    .await;

    let output = doctor(Some(db.url()), &[]);

    let text = text(&output);
    let expected = "\
  error    mapping.signature
           presence_host.users() is not as it must be: it is VOLATILE and not STABLE.
           To mend: Set it so, as a superuser or as presence_owner.
               alter function presence_host.users() stable;
";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("Server\n  ok       reachable, version, primary,"),
        "{text}"
    );
    assert!(
        text.contains("2 errors, ") && text.trim_end().ends_with(" ok."),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "no colours in a pipe: {text}");
    assert_eq!(output.status.code(), Some(1));
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100).collect();
    assert!(
        long.iter().all(|line| line.starts_with("               ")),
        "{long:?}"
    );
}

#[tokio::test]
async fn machines_read_findings_with_stable_names() {
    let Some(db) = TestDb::new().await else { return };
    run(
        &db.admin().await,
        "alter table event_app.rooms disable trigger presence_gone;",
    )
    .await;

    let output = doctor(Some(db.url()), &["--json"]);

    let json: Value = serde_json::from_str(&text(&output)).expect("JSON");
    let findings = json["findings"].as_array().expect("a list");
    let found = findings
        .iter()
        .find(|one| one["check"] == "mapping.watched")
        .expect("it");
    assert_eq!(
        *found,
        serde_json::json!({
            "group": "mapping",
            "check": "mapping.watched",
            "severity": "warning",
            "says": "event_app.rooms is watched by triggers that are disabled.",
            "mend": "Enable them.",
            "sql": "alter table event_app.rooms enable trigger presence_gone;",
        })
    );
    for finding in findings {
        let (group, check) = (
            finding["group"].as_str().expect("a group"),
            finding["check"].as_str().expect("a name"),
        );
        assert!(check.starts_with(&format!("{group}.")), "{finding}");
        assert!(
            finding["says"].as_str().is_some_and(|says| says.ends_with('.')),
            "{finding}"
        );
    }
    assert_eq!(output.status.code(), Some(0), "a warning is no error");
}

#[tokio::test]
async fn exit_codes_tell_errors_from_a_wrong_command_line() {
    let unreachable = doctor(Some("postgres://x:secret@127.0.0.1:1/x"), &["--json"]);
    let without = doctor(None, &[]);
    let unknown = doctor(Some("postgres://x@127.0.0.1:1/x"), &["--colour"]);

    assert_eq!(unreachable.status.code(), Some(1));
    assert!(text(&unreachable).contains("server.reachable") && !text(&unreachable).contains("secret"));
    assert_eq!(without.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&without.stderr).contains("DATABASE_URL"));
    assert_eq!(unknown.status.code(), Some(2));
}
