//! What people copy to deploy: it parses, names settings that there are, and asks for no more rights than it needs.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use pg_presence::config::knobs;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::server::temporary_dir;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).expect(name)
}

fn documents(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn variables() -> BTreeSet<String> {
    knobs::flags().get_arguments().map(knobs::variable).collect()
}

fn of_kind<'a>(documents: &'a [Yaml], kind: &str) -> &'a Yaml {
    let found = documents
        .iter()
        .find(|document| document["kind"].as_str() == Some(kind));
    found.unwrap_or_else(|| panic!("there is no {kind}"))
}

/// Runs as nobody, writes nothing, and is given settings that there are.
fn assert_modest(pod: &Yaml) {
    let container = &pod["containers"][0];
    let (whole, own) = (&pod["securityContext"], &container["securityContext"]);
    assert_eq!(whole["runAsNonRoot"].as_bool(), Some(true));
    assert_eq!(whole["seccompProfile"]["type"].as_str(), Some("RuntimeDefault"));
    assert_eq!(own["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(own["allowPrivilegeEscalation"].as_bool(), Some(false));
    assert_eq!(own["capabilities"]["drop"][0].as_str(), Some("ALL"));
    assert_eq!(pod["automountServiceAccountToken"].as_bool(), Some(false));
    let known = variables();
    let given = container["env"].as_vec().expect("settings");
    for one in given {
        let name = one["name"].as_str().expect("a name");
        assert!(known.contains(name), "{name} is no setting");
        // A secret in clear would be in every list of pods.
        assert!(!matches!(name, "DATABASE_URL" | "PRESENCE_JWT_SECRET"), "{name}");
    }
    let image = container["image"].as_str().expect("an image");
    assert_eq!(image, format!("pg-presence:{}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_kubernetes_example_is_ready_when_a_node_is_and_stops_it_gently() {
    let documents = documents("deploy/kubernetes/presence.yaml");
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];

    assert_modest(pod);
    assert_eq!(container["args"][0].as_str(), Some("serve"));
    assert_eq!(
        container["readinessProbe"]["httpGet"]["path"].as_str(),
        Some("/readyz")
    );
    assert_eq!(
        container["livenessProbe"]["httpGet"]["path"].as_str(),
        Some("/livez")
    );
    let pause = container["lifecycle"]["preStop"]["exec"]["command"][1].as_str();
    let pause: i64 = pause.and_then(|text| text.parse().ok()).expect("seconds");
    // Up to 10 s of goodbyes come after it.
    assert!(pod["terminationGracePeriodSeconds"].as_i64() >= Some(pause + 10));
    let label = |document: &Yaml, way: &[&str]| {
        let found = way.iter().fold(document, |inner, name| &inner[*name]);
        found["app.kubernetes.io/name"].as_str().map(str::to_owned)
    };
    let ours = label(
        of_kind(&documents, "Deployment"),
        &["spec", "template", "metadata", "labels"],
    );
    assert_eq!(ours.as_deref(), Some("pg-presence"));
    assert_eq!(label(of_kind(&documents, "Service"), &["spec", "selector"]), ours);
    let budget = of_kind(&documents, "PodDisruptionBudget");
    assert_eq!(label(budget, &["spec", "selector", "matchLabels"]), ours);
}

#[test]
fn the_kubernetes_example_migrates_with_another_login_than_it_serves_with() {
    let job = documents("deploy/kubernetes/migrate.yaml");
    let serve = documents("deploy/kubernetes/presence.yaml");
    let pod = &of_kind(&job, "Job")["spec"]["template"]["spec"];
    let secrets: BTreeSet<String> = documents("deploy/kubernetes/secrets.example.yaml")
        .iter()
        .filter_map(|secret| secret["metadata"]["name"].as_str().map(str::to_owned))
        .collect();

    assert_modest(pod);
    let of = |pod: &Yaml| {
        pod["volumes"][0]["secret"]["secretName"]
            .as_str()
            .map(str::to_owned)
    };
    let (migrator, node) = (
        of(pod),
        of(&of_kind(&serve, "Deployment")["spec"]["template"]["spec"]),
    );
    assert_ne!(migrator, node);
    assert_eq!(secrets, [migrator, node].into_iter().flatten().collect());
}

#[test]
fn the_systemd_unit_is_one_and_names_settings_that_there_are() {
    let unit = read("deploy/systemd/pg-presence.service");
    let known = variables();
    let given = unit
        .lines()
        .filter_map(|line| line.strip_prefix("Environment=")?.split('=').next());
    for name in given {
        assert!(known.contains(name), "{name} is no setting");
    }
    for line in [
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }

    // What it starts is not installed here: the same unit with this binary.
    let folder = temporary_dir();
    fs::create_dir_all(&folder).expect("a temporary folder");
    let here = unit.replace("/usr/local/bin/pg-presence", env!("CARGO_BIN_EXE_pg-presence"));
    let file = folder.join("pg-presence.service");
    fs::write(&file, here).expect("it may be written");
    if let Ok(output) = Command::new("systemd-analyze").arg("verify").arg(&file).output() {
        let said = String::from_utf8_lossy(&output.stderr);
        let of_ours: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("pg-presence.service"))
            .collect();
        assert_eq!(of_ours, [""; 0]);
    }
    fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn a_release_builds_each_archive_and_image_and_publishes_from_a_tag_alone() {
    let release = &documents(".github/workflows/release.yml")[0];
    let jobs = &release["jobs"];
    let targets: Vec<&str> = jobs["archive"]["strategy"]["matrix"]["include"]
        .as_vec()
        .expect("a list")
        .iter()
        .filter_map(|one| one["target"].as_str())
        .collect();

    assert_eq!(
        targets,
        [
            "x86_64-unknown-linux-gnu",
            "aarch64-unknown-linux-gnu",
            "x86_64-apple-darwin",
            "aarch64-apple-darwin"
        ]
    );
    let publish = &jobs["publish"];
    assert_eq!(
        publish["if"].as_str(),
        Some("startsWith(github.ref, 'refs/tags/')")
    );
    for (name, job) in jobs.as_hash().expect("jobs") {
        let may_write = job["permissions"]["contents"].as_str() == Some("write");
        assert_eq!(may_write, name.as_str() == Some("publish"), "{name:?}");
    }
}

#[test]
fn an_archive_holds_the_program_and_what_it_is_deployed_with_the_same_each_time() {
    let folder = temporary_dir();
    fs::create_dir_all(&folder).expect("a temporary folder");
    // In place of a debug binary, which takes a minute to pack.
    let stand_in = folder.join("stand-in");
    let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_pg-presence"));
    fs::write(&stand_in, script).expect("it may be written");
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let pack = |nth: &str| {
        let out = folder.join(nth);
        let output = Command::new(path("ci/archive"))
            .arg(&stand_in)
            .arg("pg-presence-test")
            .arg(&out)
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let sum = fs::read_to_string(out.join("pg-presence-test.tar.gz.sha256")).expect("a sum");
        (out.join("pg-presence-test.tar.gz"), sum)
    };

    let (archive, sum) = pack("one");
    let (_, again) = pack("two");

    let list = Command::new("tar")
        .arg("-tf")
        .arg(&archive)
        .output()
        .expect("tar runs");
    let list = String::from_utf8(list.stdout).expect("names");
    for file in [
        "pg-presence",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "README.md",
        "deploy/systemd/pg-presence.service",
        "deploy/kubernetes/presence.yaml",
        "docs/operations.md",
        "completions/pg-presence.bash",
    ] {
        assert!(
            list.lines()
                .any(|line| line == format!("pg-presence-test/{file}")),
            "{file}\n{list}"
        );
    }
    assert_eq!(sum, again);
    fs::remove_dir_all(folder).expect("it is ours");
}
