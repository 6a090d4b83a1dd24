//! `pg-presence config`: which settings hold, where each comes from, and whether `serve` would take them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Args, ValueEnum};
use serde_json::json;

use crate::{
    auth,
    config::{
        self, DatabaseArgs, Effective, KeySource, ListenArgs, ServiceArgs,
        unknown::{self, Unknown},
    },
    connect::Target,
};

/// Print the settings that serve would go by, and where each comes from; check them
///
/// Takes every flag, variable and file of serve, and connects to nothing. Secrets are not shown.
/// `check` prints what is wrong alone: a value that is missing, two that exclude each other, a file that
/// cannot be read, a PRESENCE_ variable that nothing reads.
///
/// Exit code 0 where serve would take them, 2 where it would not.
///
/// Examples:
///   pg-presence config
///   pg-presence config check
///   pg-presence config --json | jq -r '.settings[] | select(.source != "default")'
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct ConfigArgs {
    /// What to do instead of printing them all
    #[arg(value_enum)]
    action: Option<Action>,

    /// Print {"settings": [...], "warnings": [...], "errors": [...]}
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    database: DatabaseArgs,

    #[command(flatten)]
    listen: ListenArgs,

    #[command(flatten)]
    service: ServiceArgs,
}

/// What else `config` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Say what is wrong alone
    Check,
}

impl ConfigArgs {
    /// Prints, and fails where `serve` would.
    pub fn run(&self, matches: &ArgMatches) -> Result<ExitCode> {
        let settings = config::effective(matches, &self.service.auth, &self.service.keys);
        let warnings = unknown::in_environment();
        let errors = self.errors();
        let text = match (self.json, self.action) {
            (true, _) => format!(
                "{}\n",
                json!({"settings": settings, "warnings": told(&warnings), "errors": errors})
            ),
            (false, Some(Action::Check)) => verdict(&warnings, &errors),
            (false, None) => format!("{}\n{}", lines(&settings), verdict(&warnings, &errors)),
        };
        super::print(&text)?;
        Ok(match errors.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(2),
        })
    }

    /// All that `serve` would refuse, and not the first of it alone.
    fn errors(&self) -> Vec<String> {
        let mut errors: Vec<String> = vec![];
        let urls = [
            ("DATABASE_URL", self.database.url().map(Some)),
            ("PRESENCE_LISTEN_DATABASE_URL", self.listen.url()),
        ];
        for (variable, url) in urls {
            match url {
                Err(error) => errors.push(error.to_string()),
                Ok(None) => {}
                Ok(Some(url)) => {
                    let checked = Target::parse(&url, "pg-presence").map(|target| target.check_files());
                    if let Ok(Err(why)) = checked {
                        errors.push(format!("{variable}: {why}"));
                    }
                }
            }
        }
        errors.extend(self.service.errors().iter().map(chain));
        if let Ok(Some(KeySource::File(path))) = self.service.keys.source(None) {
            let read = std::fs::read(&path).map_err(|why| why.to_string());
            let keys = read.and_then(|text| auth::parse_keys(&text).map_err(str::to_owned));
            if let Err(why) = keys {
                errors.push(format!("PRESENCE_JWKS_FILE: {}: {why}", path.display()));
            }
        }
        errors
    }
}

fn chain(error: &config::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

fn told(warnings: &[Unknown]) -> Vec<String> {
    warnings.iter().map(ToString::to_string).collect()
}

fn lines(settings: &[Effective]) -> String {
    let width = |text: &dyn Fn(&Effective) -> usize| settings.iter().map(text).max().unwrap_or_default();
    let shown = |one: &Effective| one.value.clone().unwrap_or_else(|| "-".to_owned());
    let names = width(&|one| one.variable.len());
    let words = width(&|one| one.source.word().len());
    settings
        .iter()
        .map(|one| {
            let (name, word) = (one.variable, one.source.word());
            format!("{name:<names$}  {word:<words$}  {}\n", shown(one))
        })
        .collect()
}

fn verdict(warnings: &[Unknown], errors: &[String]) -> String {
    let mut text: String = told(warnings)
        .iter()
        .map(|one| format!("warning: {one}\n"))
        .collect();
    text.extend(errors.iter().map(|one| format!("error: {one}\n")));
    if errors.is_empty() {
        text.push_str(
            "serve would take these settings. Whether the database is ready, `pg-presence doctor` says.\n",
        );
    }
    text
}
