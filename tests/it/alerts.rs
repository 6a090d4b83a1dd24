//! What is shipped for Prometheus and Grafana goes by figures that a node has, and the documentation explains it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{app::TestApp, db::TestDb, programs::daemon};

const RULES: &str = include_str!("../../deploy/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../deploy/grafana/pg-presence.json");

/// Series of a node by name, each with its labels.
async fn series() -> Option<BTreeMap<String, BTreeSet<String>>> {
    let db = TestDb::new().await?;
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    // Those with labels are there once they were used.
    alice.beat("general", Uuid::new_v4(), json!({})).await;
    let text = alice
        .bare(Method::GET, "/metrics")
        .send()
        .await
        .expect("an answer");
    let text = text.text().await.expect("text");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        let (name, rest) = line.split_at(line.find(['{', ' ']).expect("a value"));
        let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once("\"} "));
        let labels = labels.map_or("", |(labels, _)| labels).split("\",");
        let labels = labels.filter_map(|label| label.split_once("=\""));
        let labels = labels.map(|(label, _)| label.to_owned());
        found.entry(name.to_owned()).or_default().extend(labels);
    }
    Some(found)
}

/// Names of ours in an expression, each with the labels that it is chosen by.
fn used(expression: &str) -> Vec<(String, BTreeSet<String>)> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let starts = expression.match_indices("presence_").map(|(at, _)| at);
    starts
        .filter(|at| !expression[..*at].ends_with(is_name))
        .map(|at| {
            let rest = &expression[at..];
            let (name, rest) = rest.split_at(rest.find(|letter| !is_name(letter)).unwrap_or(rest.len()));
            let chosen = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let chosen = chosen.map_or("", |(chosen, _)| chosen).split(',');
            let labels = chosen.filter_map(|label| label.split(['=', '!']).next());
            let labels = labels.map(str::trim).filter(|label| !label.is_empty());
            (name.to_owned(), labels.map(str::to_owned).collect())
        })
        .collect()
}

/// What Prometheus puts to each series by itself.
fn is_everybodys(label: &str) -> bool {
    ["instance", "job"].contains(&label)
}

fn wrongs(there: &BTreeMap<String, BTreeSet<String>>, expressions: &[String]) -> Vec<String> {
    let mut wrong = vec![];
    for expression in expressions {
        for (name, labels) in used(expression) {
            match there.get(&name) {
                None => wrong.push(format!("no figure {name}: {expression}")),
                Some(known) => wrong.extend(
                    labels
                        .iter()
                        .filter(|label| !known.contains(*label) && !is_everybodys(label))
                        .map(|label| format!("{name} has no {label}: {expression}")),
                ),
            }
        }
    }
    wrong
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field) {
                    ("expr" | "query", Value::String(text)) => found.push(text.clone()),
                    _ => expressions(field, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn alerts_and_dashboard_go_by_figures_that_a_node_has() {
    let Some(there) = series().await else { return };
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let mut shown = vec![];
    expressions(&dashboard, &mut shown);
    let rules: Vec<String> = RULES
        .split("- alert: ")
        .skip(1)
        .map(|rule| {
            let rule = rule.split_once("expr:").expect("an expression").1;
            let end = ["        for:", "        labels:"]
                .iter()
                .filter_map(|next| rule.find(next))
                .min();
            rule[..end.expect("labels")].to_owned()
        })
        .collect();

    assert!(
        shown.len() > 25 && rules.len() > 10,
        "{} and {}",
        shown.len(),
        rules.len()
    );
    assert_eq!(wrongs(&there, &shown), [""; 0]);
    assert_eq!(wrongs(&there, &rules), [""; 0]);
    // Each figure is on the dashboard; a histogram by its buckets.
    let on: BTreeSet<String> = shown
        .iter()
        .flat_map(|text| used(text))
        .map(|(name, _)| name)
        .collect();
    let parts = ["_sum", "_count"];
    let off: Vec<&String> = there
        .keys()
        .filter(|name| !on.contains(*name) && !parts.iter().any(|part| name.ends_with(part)))
        .collect();
    assert!(off.is_empty(), "{off:?}");
}

#[test]
fn every_alert_is_explained() {
    let alerts: BTreeSet<&str> = RULES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let page = include_str!("../../docs/operations.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `Presence"));
    let explained: BTreeSet<String> = rows
        .filter_map(|row| Some(format!("Presence{}", row.split_once('`')?.0)))
        .collect();

    let explained: BTreeSet<&str> = explained.iter().map(String::as_str).collect();
    assert_eq!(alerts, explained);
}

#[test]
fn prometheus_takes_the_rules() {
    let Some(promtool) = daemon("promtool", "prometheus") else {
        return;
    };
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/alerts.yml");

    let checked = Command::new(promtool)
        .args(["check", "rules"])
        .arg(rules)
        .output();

    let checked = checked.expect("it runs");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
}
