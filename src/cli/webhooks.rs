//! `pg-presence webhooks`: who is told what happens, how that goes, and what to do where it does not.

mod words;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    config::{DatabaseArgs, lifetime},
    db::{Db, Filters},
    error::Error,
};

/// How long `test` waits for a node to send its delivery and for the answer; longer than an endpoint may take.
const TEST_MAX: Duration = Duration::from_secs(40);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

/// Tell other services what happens: add, list, test, redeliver, enable, disable and remove webhooks
///
/// Nodes of `serve` send them, signed after the Standard Webhooks specification, and try again for three
/// days. docs/webhooks.md says what is sent, and how to verify it. Needs a login that is a member of
/// presence_service.
///
/// Examples:
///   pg-presence webhooks add https://app.example.com/hooks --types member.joined,member.left
///   pg-presence webhooks list
///   pg-presence webhooks test 1
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct WebhooksArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    List(ListArgs),
    Add(AddArgs),
    Test(TestArgs),
    Redeliver(RedeliverArgs),
    Rotate(RotateArgs),
    Enable(EnableArgs),
    Disable(DisableArgs),
    Remove(RemoveArgs),
}

/// What all of them take.
#[derive(Args)]
struct CommonArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    database: DatabaseArgs,
}

/// List webhooks and how they do; with a number, that one and its latest deliveries
#[derive(Args)]
struct ListArgs {
    /// The webhook's number
    #[arg(value_name = "WEBHOOK")]
    webhook: Option<i64>,

    /// How many of its deliveries, 0 to 1000
    #[arg(long, value_name = "ROWS", default_value_t = 20, value_parser = clap::value_parser!(i32).range(0..=1000))]
    deliveries: i32,

    /// Only deliveries that were given up
    #[arg(long)]
    failed: bool,

    #[command(flatten)]
    common: CommonArgs,
}

/// Add a webhook, and print its number and its secret, which is never printed again
///
/// Filters are lists with commas between their entries; each that is given must match. Without any, all
/// that happens is told. Types: member.joined, member.left, room.occupied, room.empty, user.online,
/// user.offline, notification.
#[derive(Args)]
#[command(verbatim_doc_comment)]
struct AddArgs {
    /// Where to: https, or http within PRESENCE_WEBHOOK_NETWORKS
    #[arg(value_name = "URL")]
    url: String,

    /// Types of what happens
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Option<Vec<String>>,

    /// Rooms
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    rooms: Option<Vec<String>>,

    /// Events, of whose rooms it is told
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    events: Option<Vec<String>>,

    /// Users
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    users: Option<Vec<String>>,

    /// What it is for, in up to 200 characters
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    #[command(flatten)]
    common: CommonArgs,
}

/// Send a webhook.test and say what was answered; exit code 1 where it was not taken
#[derive(Args)]
struct TestArgs {
    /// The webhook's number
    #[arg(value_name = "WEBHOOK")]
    webhook: i64,

    #[command(flatten)]
    common: CommonArgs,
}

/// Send again what was given up, or what --delivery or --all names, with the same webhook-id
#[derive(Args)]
struct RedeliverArgs {
    /// The webhook's number
    #[arg(value_name = "WEBHOOK")]
    webhook: i64,

    /// This delivery alone, whatever became of it
    #[arg(long, value_name = "DELIVERY", conflicts_with_all = ["since", "all"])]
    delivery: Option<i64>,

    /// Only what happened no longer ago than this, such as 2h
    #[arg(long, value_name = "LIFE", value_parser = lifetime)]
    since: Option<Duration>,

    /// Also what was taken
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    common: CommonArgs,
}

/// Make a new secret and print it, once; those before it sign as well for a while
#[derive(Args)]
struct RotateArgs {
    /// The webhook's number
    #[arg(value_name = "WEBHOOK")]
    webhook: i64,

    /// How long the secrets before it go on, up to 30d
    #[arg(long, value_name = "LIFE", default_value = "24h", value_parser = lifetime, conflicts_with = "now")]
    keep: Duration,

    /// They end at once, since a stranger has one
    #[arg(long)]
    now: bool,

    #[command(flatten)]
    common: CommonArgs,
}

/// Tell a webhook again, what waits at once; what happened while it was disabled is not made up for
#[derive(Args)]
struct EnableArgs {
    /// The webhook's number
    #[arg(value_name = "WEBHOOK")]
    webhook: i64,

    #[command(flatten)]
    common: CommonArgs,
}

/// Tell a webhook nothing more until it is enabled; what waits is kept
#[derive(Args)]
struct DisableArgs {
    /// The webhook's number
    #[arg(value_name = "WEBHOOK")]
    webhook: i64,

    /// Why, for whoever reads the list
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,

    #[command(flatten)]
    common: CommonArgs,
}

/// Remove a webhook, its secrets and its deliveries
#[derive(Args)]
struct RemoveArgs {
    /// The webhook's number
    #[arg(value_name = "WEBHOOK")]
    webhook: i64,

    #[command(flatten)]
    common: CommonArgs,
}

impl WebhooksArgs {
    /// Does it, and prints what came of it.
    pub async fn run(&self) -> Result<ExitCode> {
        match &self.action {
            Action::List(args) => args.run().await,
            Action::Add(args) => args.run().await,
            Action::Test(args) => args.run().await,
            Action::Redeliver(args) => args.run().await,
            Action::Rotate(args) => args.run().await,
            Action::Enable(args) => {
                let was = args.common.db()?.enable_webhook(args.webhook).await;
                let done = was.map_err(known)?;
                args.common
                    .tell(&json!({"enabled": done}), || words::enabled(args.webhook, done))
            }
            Action::Disable(args) => {
                let db = args.common.db()?;
                let was = db.disable_webhook(args.webhook, args.why.as_deref()).await;
                let done = was.map_err(known)?;
                args.common
                    .tell(&json!({"disabled": done}), || words::disabled(args.webhook, done))
            }
            Action::Remove(args) => {
                let done = args.common.db()?.remove_webhook(args.webhook).await;
                if !done.map_err(known)? {
                    bail!("there is no webhook {}", args.webhook);
                }
                args.common.tell(&json!({"removed": true}), || {
                    format!("webhook {} is removed\n", args.webhook)
                })
            }
        }
    }
}

/// What the database refuses in words of our own is the answer; the rest needs a word of what was tried.
fn known(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(words) => anyhow::Error::msg(words),
        error => anyhow::Error::from(error).context("asking the database"),
    }
}

impl CommonArgs {
    fn db(&self) -> Result<Db> {
        Ok(Db::new(&self.database.url()?, 1)?)
    }

    fn tell(&self, value: &Value, words: impl FnOnce() -> String) -> Result<ExitCode> {
        super::print(&match self.json {
            true => format!("{value}\n"),
            false => words(),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ListArgs {
    async fn run(&self) -> Result<ExitCode> {
        let db = self.common.db()?;
        let mut hooks = db.webhooks().await.map_err(known)?;
        let Some(webhook) = self.webhook else {
            return self
                .common
                .tell(&json!({"webhooks": hooks}), || words::webhooks(&hooks));
        };
        hooks.retain(|hook| hook["webhook_id"] == webhook);
        let Some(hook) = hooks.pop() else {
            bail!("there is no webhook {webhook}");
        };
        let failed = ["failed".to_owned()];
        let states = self.failed.then_some(&failed[..]);
        let deliveries = db.webhook_deliveries(webhook, self.deliveries, states).await;
        let deliveries = deliveries.map_err(known)?;
        self.common
            .tell(&json!({"webhook": hook, "deliveries": deliveries}), || {
                words::webhooks(std::slice::from_ref(&hook)) + &words::deliveries(&deliveries)
            })
    }
}

impl AddArgs {
    async fn run(&self) -> Result<ExitCode> {
        let filters = Filters {
            types: self.types.clone(),
            rooms: self.rooms.clone(),
            events: self.events.clone(),
            users: self.users.clone(),
        };
        let db = self.common.db()?;
        let added = db
            .add_webhook(&self.url, &filters, self.description.as_deref())
            .await;
        let (webhook, secret) = added.map_err(known)?;
        let told = json!({"webhook_id": webhook, "secret": secret});
        self.common.tell(&told, || words::added(webhook, &secret))
    }
}

impl TestArgs {
    async fn run(&self) -> Result<ExitCode> {
        let db = self.common.db()?;
        let sent = db.test_webhook(self.webhook).await.map_err(known)?;
        let deadline = Instant::now() + TEST_MAX;
        let delivery = loop {
            let latest = db.webhook_deliveries(self.webhook, 1000, None).await;
            let mut latest = latest.map_err(known)?;
            latest.retain(|delivery| delivery["delivery_id"] == sent);
            let delivery = latest.pop().unwrap_or_default();
            let is_answered = !delivery["status"].is_null() || !delivery["error"].is_null();
            if is_answered || Instant::now() > deadline {
                break delivery;
            }
            tokio::time::sleep(LOOK).await;
        };
        let is_taken = delivery["state"] == "delivered";
        self.common.tell(&delivery, || words::tested(&delivery))?;
        Ok(match is_taken {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

impl RedeliverArgs {
    async fn run(&self) -> Result<ExitCode> {
        let since_s = self.since.map(|since| since.as_secs());
        let db = self.common.db()?;
        let again = db
            .redeliver_webhook(self.webhook, self.delivery, since_s, self.all)
            .await;
        let again = again.map_err(known)?;
        self.common
            .tell(&json!({"redelivered": again}), || words::redelivered(again))
    }
}

impl RotateArgs {
    async fn run(&self) -> Result<ExitCode> {
        let keep_s = if self.now { 0 } else { self.keep.as_secs() };
        let db = self.common.db()?;
        let secret = db.rotate_webhook_secret(self.webhook, keep_s).await;
        let secret = secret.map_err(known)?;
        let told = json!({"webhook_id": self.webhook, "secret": secret});
        self.common.tell(&told, || words::rotated(&secret, keep_s))
    }
}
