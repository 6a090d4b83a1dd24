//! The program: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_presence::cli::main()
}
