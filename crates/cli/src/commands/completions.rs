//! `completions`: a completion script for the user's shell.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{args::Cli, output};

/// Print a completion script for your shell.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom completions bash > /etc/bash_completion.d/strongroom\n  \
    strongroom completions zsh > ~/.zfunc/_strongroom"
)]
pub(crate) struct Options {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(options: Options) -> anyhow::Result<ExitCode> {
    // Collected first: the generator panics when its reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut Cli::command(),
        "strongroom",
        &mut script,
    );
    output::write(&script)?;
    Ok(ExitCode::SUCCESS)
}
