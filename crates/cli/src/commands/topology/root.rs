//! `topology root`: delegations by a root key that is kept offline.

mod assemble;
mod error;
mod files;
mod import;
mod inspect;
mod prepare;
mod shape;
mod sign;

use std::{path::Path, process::ExitCode};

use clap::Subcommand;
use strongroom_crypto::SigningPublicKey;

pub(crate) use self::error::RootError;
pub(crate) use self::prepare::restriction::RestrictionArg;
use crate::args::Global;

/// The steps of a certificate.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Prepare(prepare::Options),
    Sign(sign::Options),
    Assemble(assemble::Options),
    Inspect(inspect::Options),
    Import(import::Options),
}

pub(super) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Prepare(options) => prepare::run(global, options),
        Command::Sign(options) => sign::run(global, options),
        Command::Assemble(options) => assemble::run(global, options),
        Command::Inspect(options) => inspect::run(global, options),
        Command::Import(options) => import::run(global, options).await,
    }
}

/// Reads a public key for signing: PEM, DER, or the file that Canton's console writes.
pub(in crate::commands) fn signing_public_key(path: &Path) -> anyhow::Result<SigningPublicKey> {
    Ok(files::public_key(path)?.key().clone())
}
