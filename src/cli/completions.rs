//! `pg-presence completions <shell>`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::Shell;

/// Print the completions of a shell, to be read by it
///
/// Examples:
///   pg-presence completions bash > /etc/bash_completion.d/pg-presence
///   pg-presence completions fish > ~/.config/fish/completions/pg-presence.fish
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct CompletionsArgs {
    /// Whose
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints them.
    pub fn run(&self, command: &mut Command) -> Result<ExitCode> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, command, "pg-presence", &mut text);
        super::print(&String::from_utf8(text)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
