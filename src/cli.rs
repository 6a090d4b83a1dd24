//! The command line: one file a subcommand, `--help` as the manual.
//!
//! Standard output is for answers, JSON with `--json` where a machine may read; everything else goes to standard error.
//! Exit codes: 0 done, 1 failed (or `migrate check` found a difference), 2 the command line or a setting is wrong.

use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{
    ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

use crate::{
    adapter,
    config::{self, LogArgs},
};

mod completions;
mod dev;
mod doctor;
mod generate;
mod log;
mod migrate;
mod openapi;
mod reap;
mod serve;
mod settings;
mod signals;
mod token;
mod top;
mod webhooks;

const LONG_ABOUT: &str = "\
Who is here, right now, from the Postgres that you already have.

Browser tabs send heartbeats; who may be where, and who is there, is decided and kept in Postgres; changes go out as \
server-sent events. Any SQL client reads the same: select * from presence.members.";

const EXAMPLES: &str = "\
First steps:
  pg-presence dev                          everything on this machine, with an application to try
Production:
  export DATABASE_URL=postgres://presence_node:...@db/app
  export PRESENCE_JWT_SECRET_FILE=/run/secrets/jwt
  pg-presence migrate                      with a login that may create roles and schemas
  pg-presence serve                        with a login that is a member of presence_service
  pg-presence token --user alice           a token to call it with
  pg-presence config check                 whether serve would take your settings
  pg-presence doctor                       what is wrong with the database, and how to mend it
  pg-presence top                          who is where, and how the nodes fare

Each setting is a flag and a variable; a flag wins. An empty variable counts as not set.";

#[derive(Parser)]
#[command(
    name = "pg-presence",
    version,
    about = "Who is here, right now, from the Postgres that you already have"
)]
#[command(long_about = LONG_ABOUT, after_long_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    log: LogArgs,
}

/// What each does stands above its arguments, as its manual.
#[derive(Subcommand)]
enum Command {
    Dev(Box<dev::DevArgs>),
    Serve(Box<serve::ServeArgs>),
    Migrate(migrate::MigrateArgs),
    Generate(generate::GenerateArgs),
    Reap(reap::ReapArgs),
    Doctor(doctor::DoctorArgs),
    Top(top::TopArgs),
    Config(Box<settings::ConfigArgs>),
    Token(token::TokenArgs),
    Webhooks(webhooks::WebhooksArgs),
    Openapi(openapi::OpenapiArgs),
    Completions(completions::CompletionsArgs),
}

/// All of the program: parses, runs, says what went wrong.
pub fn main() -> ExitCode {
    let matches = config::unset_empty(Cli::command()).try_get_matches();
    let matches = matches.unwrap_or_else(|error| refuse(error));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(cli, &matches) {
        Ok(code) => code,
        // Whoever read has read enough: `migrate print | head`.
        Err(error) if is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pg-presence: {error:#}");
            match error.is::<config::Error>() || error.is::<adapter::Error>() {
                true => ExitCode::from(2),
                false => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: Cli, matches: &ArgMatches) -> Result<ExitCode> {
    let level = match cli.command {
        Command::Serve(_) => "info",
        // What a log says would stand across the picture, which says it itself.
        Command::Top(_) => "error",
        _ => "warn",
    };
    log::start(&cli.log, level)?;
    let command = match cli.command {
        Command::Completions(args) => return args.run(&mut Cli::command()),
        Command::Token(args) => return args.run(),
        Command::Config(args) => {
            let (_, matches) = matches.subcommand().context("a command")?;
            return args.run(matches);
        }
        Command::Openapi(args) => return args.run(),
        command => command,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        match command {
            Command::Dev(args) => args.run().await,
            Command::Serve(args) => args.run().await,
            Command::Migrate(args) => args.run().await,
            Command::Generate(args) => args.run().await,
            Command::Reap(args) => args.run().await,
            Command::Doctor(args) => args.run().await,
            Command::Webhooks(args) => args.run().await,
            Command::Top(args) => args.run().await,
            Command::Token(_) | Command::Completions(_) | Command::Config(_) | Command::Openapi(_) => {
                unreachable!("they have returned above")
            }
        }
    })
}

/// Says what is wrong with the command line, as clap does, and which variable a bad value came from: clap names its flag
/// alone, which nobody typed.
fn refuse(error: clap::Error) -> ! {
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => name.split([' ', '=']).next().unwrap_or_default().to_owned(),
        _ => error.exit(),
    };
    let is_typed = std::env::args().any(|arg| arg.split('=').next() == Some(&flag));
    // Nobody is left to read it, where this fails.
    drop(error.print());
    if let Some(variable) = variable_of(&Cli::command(), flag.trim_start_matches("--"))
        && !is_typed
    {
        eprintln!("\nThe value comes from the variable {variable}.");
    }
    std::process::exit(error.exit_code())
}

/// The variable that is set and gives this flag its value, of whatever subcommand.
fn variable_of(command: &clap::Command, flag: &str) -> Option<String> {
    let arg = command.get_arguments().find(|arg| arg.get_long() == Some(flag));
    let variable = arg
        .and_then(clap::Arg::get_env)
        .filter(|name| std::env::var_os(name).is_some());
    match variable {
        Some(name) => Some(name.to_string_lossy().into_owned()),
        None => command.get_subcommands().find_map(|sub| variable_of(sub, flag)),
    }
}

/// An answer, to standard output: `println!` would panic where nobody reads any more.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn is_reader_gone(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_shows_no_value_of_a_secret_variable() {
        let mut command = Cli::command();
        command.build();
        let mut waiting = vec![command];
        let secret = [
            "DATABASE_URL",
            "PRESENCE_LISTEN_DATABASE_URL",
            "PRESENCE_JWT_SECRET",
        ];

        while let Some(command) = waiting.pop() {
            for arg in command.get_arguments() {
                let variable = arg.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                assert!(
                    arg.is_hide_env_values_set() || !secret.contains(&variable),
                    "{arg} shows {variable}"
                );
            }
            waiting.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn dev_does_not_read_the_databases_of_serve() {
        let command = Cli::command();
        let dev = command.find_subcommand("dev").expect("a subcommand");

        let read: Vec<_> = dev.get_arguments().filter_map(clap::Arg::get_env).collect();

        assert!(
            read.iter()
                .all(|name| !name.to_string_lossy().contains("DATABASE_URL")),
            "{read:?}"
        );
        assert!(read.iter().any(|name| *name == "PRESENCE_TTL_MS"));
    }
}
