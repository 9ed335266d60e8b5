//! `topology root inspect`.

mod found;
mod known;
mod report;
mod views;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;

use self::{found::Found, report::Report};
use crate::{args::Global, exit, input, output};

/// Say in plain words what is in the files of an offline root key
///
/// Takes prepared transactions, hashes, signatures, certificates, lists and snapshots of them, and public keys, and finds out
/// itself which is which. Files that belong together are best given together: a hash then shows which transaction it is of,
/// and signatures are checked under every public key that is in one of the files. Whether a valid signature gives the right
/// that it claims is another question: that of 'topology verify'.
///
/// Exit status 0: nothing is wrong, though a key to check with may be missing; 1: a signature is not valid, or a hash or
/// signature belongs to none of the transactions, though a prepared one was given.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology root inspect root.prep root.hash\n  \
    strongroom topology root inspect root.cert intermediate.cert\n  \
    strongroom topology root inspect intermediate.prep intermediate.signature \\\n    root.pem --output json")]
pub(crate) struct Options {
    /// The files; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let Options { files } = options;
    input::refuse_stdin_twice(files.iter().map(PathBuf::as_path))?;
    let found = files
        .iter()
        .map(|path| Ok((input::named(path), read(path)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let report = Report::of(found);
    output::print(global.output, &report, |out| report.write(out))?;
    Ok(ExitCode::from(if report.sound { 0 } else { exit::NO }))
}

fn read(path: &Path) -> anyhow::Result<Found> {
    let bytes = input::read(path)?;
    Found::of(path, bytes).with_context(|| format!("{} cannot be read", input::named(path)))
}
