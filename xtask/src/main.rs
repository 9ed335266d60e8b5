//! Set-up, tests and checks of the workspace: `cargo xtask --help`.
//!
//! Everything that a contributor or a build server runs goes through here, so that both run the same.

#![expect(
    clippy::print_stdout,
    reason = "a command line speaks through standard output"
)]

mod bench;
mod codegen;
mod deny;
mod documents;
mod kms_matrix;
mod program;
mod setup;
mod steps;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use documents::Mode;

/// Automation of the Strongroom workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check what the tests need, and install what is missing where that is possible
    Setup,
    /// Run everything that must pass: format, rules, lints, documentation, tests, generated files
    Test,
    /// Write the generated documents anew
    Codegen {
        /// Write nothing; fail if a document is not what would be written
        #[arg(long)]
        check: bool,
    },
    /// Run the conformance suite on every KMS and write docs/kms-matrix.md, which says who kept which rule
    KmsMatrix {
        /// Write nothing; fail if the document is not what would be written
        #[arg(long)]
        check: bool,
    },
    /// Check the rules of the house that a machine can check
    Tidy,
    /// Check licences, bans, sources and known vulnerabilities of all dependencies with cargo-deny
    Deny,
    /// Measure signing and opening beside the bare library, in release mode
    Bench {
        /// Number of keys of the vault that is opened
        #[arg(long, default_value_t = 100_000)]
        keys: u32,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    match task {
        Task::Setup => setup::run(),
        Task::Test => test::run(),
        Task::Codegen { check } => codegen::run(mode(*check)),
        Task::KmsMatrix { check } => kms_matrix::run(mode(*check)),
        Task::Tidy => tidy::run(),
        Task::Deny => deny::run(),
        Task::Bench { keys } => bench::run(*keys),
    }
}

const fn mode(check: bool) -> Mode {
    if check { Mode::Check } else { Mode::Write }
}
