//! A network that loses everything, without a word to either end.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::unistd::Uid;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::PATIENCE;
use crate::support::{
    app::{TEST_SLACK, service_url},
    client::token,
    db::TestDb,
    node::{Node, Plan},
    server::{Lacking, skip},
    stream::Picture,
};

const CLOSED_MAX: Duration = Duration::from_secs(45);

/// Opens a stream by what every shell of its kind has, and ends with the pipe that it reads.
const CLIENT: &str =
    "exec 3<>\"/dev/tcp/$1/$2\"; printf '%s' \"$3\" >&3; cat <&3 >/dev/null & read -r _; kill $!";

/// A machine of its own, by a cable to this one. All of it ends with the process that lives there.
struct Machine {
    shell: Child,
    near: String,
    net: u8,
}

impl Machine {
    /// Nothing (and the test counted as skipped) where no such thing can be made.
    fn new() -> Option<Self> {
        let id = Uuid::new_v4();
        let name = &id.simple().to_string()[..8];
        let (near, far) = (format!("pgp{name}"), format!("pgq{name}"));
        let shell = Command::new("unshare")
            .args(["--net", "sh", "-c", "trap '' HUP INT TERM; echo; read -r _"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let made = shell.ok().and_then(|mut shell| {
            let mut line = [0];
            std::io::Read::read_exact(&mut shell.stdout.take()?, &mut line).ok()?;
            let machine = Self {
                net: id.as_bytes()[0] / 4 * 4,
                near,
                shell,
            };
            let pid = machine.shell.id().to_string();
            let (here, there) = (machine.address(1), machine.address(2));
            let all = [
                vec![
                    "link",
                    "add",
                    &machine.near,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    &far,
                    "netns",
                    &pid,
                ],
                vec!["address", "add", &here, "dev", &machine.near],
                vec!["link", "set", &machine.near, "up"],
            ];
            let there = [
                vec!["address", "add", &there, "dev", &far],
                vec!["link", "set", &far, "up"],
            ];
            let is_made = all.iter().all(|words| ran("ip", words))
                && there.iter().all(|words| machine.ran("ip", words));
            is_made.then_some(machine)
        });
        if made.is_none() {
            let lacking = if Uid::effective().is_root() && !ran("ip", &["-V"]) {
                Lacking::Package("iproute2")
            } else {
                Lacking::Privileges
            };
            skip(lacking);
        }
        made
    }

    /// Of the cable's ends: 1 is here, 2 is there. Addresses that nobody routes.
    fn address(&self, end: u8) -> String {
        format!("169.254.213.{}/30", self.net + end)
    }

    fn host(&self) -> String {
        self.address(1).replace("/30", "")
    }

    fn inside(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.shell.id()));
        command
    }

    fn ran(&self, program: &str, words: &[&str]) -> bool {
        let status = self.inside().arg(program).args(words).status();
        status.is_ok_and(|status| status.success())
    }

    /// From now on nothing of it arrives, either way, and neither end is told: the address is gone, the link stays up.
    fn cut(&self) {
        let (address, far) = (self.address(2), self.near.replace("pgp", "pgq"));
        assert!(self.ran("ip", &["address", "del", &address, "dev", &far]));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

fn ran(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    let status = command
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// FAULTS 24. A ping each second that nobody acknowledges; a minute's patience for what 45 seconds are promised for.
#[tokio::test]
async fn a_client_whose_network_is_gone_without_a_word_is_closed_and_leaves() {
    let Some(db) = TestDb::new().await else { return };
    let Some(machine) = Machine::new() else { return };
    let plan = Plan::new(&service_url(db.url()))
        .on("0.0.0.0")
        .set("PRESENCE_PING_MS", "1000");
    let node = Node::start(&plan).await;
    let port = node.address.rsplit_once(':').expect("a port").1.to_owned();
    let here = crate::support::client::Client::new(&format!("http://127.0.0.1:{port}"), "carol");
    let mut watcher = here.stream(&["general"]).await;
    let (bearer, tab) = (token(json!({"sub": "alice"})), Uuid::new_v4());
    let request = format!(
        "GET /v1/stream?room=general&session={tab} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\r\n"
    );
    let mut client = machine
        .inside()
        .args(["bash", "-c", CLIENT, "client", &machine.host(), &port, &request])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash runs");
    let is_there = |picture: &Picture| picture.members.contains_key("alice");
    assert!(
        watcher.until("general", PATIENCE, is_there).await,
        "{}",
        node.said()
    );

    machine.cut();
    let begin = Instant::now();
    let is_gone = |picture: &Picture| picture.members.is_empty();
    let left = watcher.until("general", CLOSED_MAX * TEST_SLACK, is_gone).await;
    let took = begin.elapsed();
    let (ready, _) = here.get("/readyz").await;
    drop(client.stdin.take()); // the end of its client
    drop(client.wait());

    println!("gone after {took:?}, promised within {CLOSED_MAX:?} and the grace");
    assert!(left, "it is held open for ever");
    assert_eq!(ready, StatusCode::OK);
    let reason = "select string_agg(reason, ' ') from presence_private.change where what = 'leave'";
    assert_eq!(
        crate::support::sql::text(&db.admin().await, reason).await,
        "disconnected"
    );
    assert_eq!(watcher.wrongs(), [""; 0]);
}
