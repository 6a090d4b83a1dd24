//! `pg-presence migrate`: brings a database to what this version needs, or says how far it is.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{
    config::{DatabaseArgs, id_type, millis},
    domain::{IdType, IdTypes},
    migrate::{self, MigrateOptions, Plan, Report},
};

/// Bring the database to what this version needs; nothing happens where it is there already
///
/// Creates the schemas presence, presence_private and presence_host and four roles; touches nothing
/// else. Needs a login with CREATEROLE and CREATE on the database, no superuser. Many may run at once:
/// one works, the others wait. The mapping of your own tables in presence_host is never overwritten.
///
/// Examples:
///   pg-presence migrate --id-type uuid        the first time: the type of your tables' keys
///   pg-presence migrate --dry-run             does it all and takes it back: would it work, what would change
///   pg-presence migrate status --json
///   pg-presence migrate check                 for CI: exit code 1 where something is to be done
///   pg-presence migrate print > presence.sql  for another migration tool
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct MigrateArgs {
    /// What to do instead of migrating
    #[arg(value_enum)]
    action: Option<Action>,

    /// The type of all ids, chosen at the first migrate: text, uuid or bigint [default: text]
    #[arg(long, value_name = "TYPE", value_parser = id_type)]
    id_type: Option<IdType>,

    /// The type of users' ids, where it differs
    #[arg(long, value_name = "TYPE", value_parser = id_type)]
    user_id_type: Option<IdType>,

    /// The type of rooms' ids, where it differs
    #[arg(long, value_name = "TYPE", value_parser = id_type)]
    room_id_type: Option<IdType>,

    /// The type of events' ids, where it differs
    #[arg(long, value_name = "TYPE", value_parser = id_type)]
    event_id_type: Option<IdType>,

    /// How long one statement waits for a lock before it gives up, in ms, 100 to 600000
    #[arg(long, value_name = "MS", default_value = "10000", value_parser = millis(100, 600_000))]
    lock_timeout: Duration,

    /// Do everything in one transaction and roll it back; print what would change. Exit code 1 where it would fail
    #[arg(long, conflicts_with = "action")]
    dry_run: bool,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    database: DatabaseArgs,
}

/// What else `migrate` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Say how far the database is; changes nothing
    Status,
    /// As status, with exit code 1 where the database is behind or was changed by hand
    Check,
    /// Print all the SQL that an empty database would get; needs no database
    Print,
}

impl MigrateArgs {
    /// Migrates, or does what `action` says.
    pub async fn run(&self) -> Result<ExitCode> {
        let report = match self.action {
            Some(Action::Print) => {
                super::print(&migrate::print(self.id_types().unwrap_or_default()))?;
                return Ok(ExitCode::SUCCESS);
            }
            Some(Action::Status | Action::Check) => migrate::status(&self.database.url()?).await?,
            None if self.dry_run => {
                let plan = migrate::dry_run(&self.database.url()?, &self.options()).await?;
                self.tell(&plan, planned_words)?;
                return Ok(ExitCode::SUCCESS);
            }
            None => migrate::migrate(&self.database.url()?, &self.options()).await?,
        };
        self.tell(&report, words)?;
        let is_refused = self.action == Some(Action::Check) && !report.is_current();
        Ok(if is_refused {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    fn options(&self) -> MigrateOptions {
        MigrateOptions {
            id_types: self.id_types(),
            lock_timeout: self.lock_timeout,
        }
    }

    /// Prints an answer for machines, or for people in these words.
    fn tell<T: serde::Serialize>(&self, answer: &T, words: impl Fn(&T) -> String) -> Result<()> {
        let text = match self.json {
            true => serde_json::to_string(answer)?,
            false => words(answer),
        };
        super::print(&format!("{text}\n"))
    }

    /// None where nothing was said: as installed, or text the first time.
    fn id_types(&self) -> Option<IdTypes> {
        let given = [
            self.id_type,
            self.user_id_type,
            self.room_id_type,
            self.event_id_type,
        ];
        let or_all = |one: Option<IdType>| one.or(self.id_type).unwrap_or_default();
        given.iter().any(Option::is_some).then(|| IdTypes {
            user: or_all(self.user_id_type),
            room: or_all(self.room_id_type),
            event: or_all(self.event_id_type),
        })
    }
}

/// A report for people: what is there, what is missing, what to do.
fn words(report: &Report) -> String {
    let mut lines = vec![];
    lines.extend(report.applied.iter().map(|name| format!("applied  {name}")));
    lines.extend(report.pending.iter().map(|name| format!("pending  {name}")));
    let to_do = if report.newer {
        "This database was migrated by a newer pg-presence: use that version, or a later one."
    } else if report.applied.is_empty() {
        "Not installed: run `pg-presence migrate`."
    } else if !report.pending.is_empty() {
        "Behind: run `pg-presence migrate`."
    } else if report.drifted {
        "Changed by hand since the last migrate: `pg-presence migrate` brings functions and views back, `--dry-run` says which."
    } else if !report.behaviour_current {
        "Functions and views are of another version: run `pg-presence migrate`."
    } else {
        "Current."
    };
    lines.push(to_do.to_owned());
    lines.join("\n")
}

/// What would happen, for people.
fn planned_words(plan: &Plan) -> String {
    let lists = [
        ("pending", &plan.pending),
        ("added", &plan.added),
        ("changed", &plan.changed),
        ("removed", &plan.removed),
    ];
    let mut lines = vec![];
    for (what, list) in lists {
        lines.extend(list.iter().map(|name| format!("{what:<7}  {name}")));
    }
    let end = match plan.is_empty() {
        true => "Nothing would change.",
        false => "This would work. Nothing was changed: it was rolled back.",
    };
    lines.push(end.to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: MigrateArgs,
    }

    fn id_types(flags: &[&str]) -> Option<IdTypes> {
        let command = Command::try_parse_from(["migrate"].iter().chain(flags));
        command
            .map_err(|error| error.to_string())
            .expect("good flags")
            .args
            .id_types()
    }

    #[test]
    fn one_type_for_all_or_each_its_own() {
        let uuids = IdTypes {
            user: IdType::Uuid,
            room: IdType::Uuid,
            event: IdType::Uuid,
        };

        assert_eq!(id_types(&[]), None);
        assert_eq!(id_types(&["--id-type=uuid"]), Some(uuids));
        let mixed = id_types(&["--id-type=uuid", "--room-id-type=bigint"]);
        assert_eq!(
            mixed,
            Some(IdTypes {
                room: IdType::Bigint,
                ..uuids
            })
        );
        assert_eq!(id_types(&["--user-id-type=text"]), Some(IdTypes::default()));
        assert!(Command::try_parse_from(["migrate", "--id-type=serial"]).is_err());
    }

    #[test]
    fn a_report_says_what_to_do() {
        let mut report = Report {
            applied: vec!["V1__presence".into()],
            pending: vec![],
            behaviour_current: true,
            drifted: false,
            newer: false,
        };
        assert_eq!(words(&report), "applied  V1__presence\nCurrent.");

        report.pending.push("V2__more".into());
        assert!(words(&report).ends_with("pending  V2__more\nBehind: run `pg-presence migrate`."));
    }

    #[test]
    fn a_dry_run_says_what_would_change_and_that_nothing_did() {
        let mut plan = Plan {
            pending: vec![],
            added: vec![],
            changed: vec![],
            removed: vec![],
        };
        assert_eq!(planned_words(&plan), "Nothing would change.");

        plan.pending.push("V2__more".into());
        plan.changed.push("view presence.rooms".into());
        let words = planned_words(&plan);
        assert!(
            words.starts_with("pending  V2__more\nchanged  view presence.rooms\n"),
            "{words}"
        );
        assert!(words.ends_with("rolled back."), "{words}");
        assert!(Command::try_parse_from(["migrate", "status", "--dry-run"]).is_err());
    }
}
