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

use anyhow::Context as _;
use clap::Subcommand;
use strongroom_crypto::{KeyUsage, KeyUsages, SigningPublicKey};
use strongroom_topology::PartyId;

pub(crate) use self::error::RootError;
pub(crate) use self::prepare::restriction::RestrictionArg;
use crate::{args::Global, input};

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

/// Reads the public key of a party, in the same forms. What does not say what it is for signs submissions, and, as the root of
/// the party's own namespace, for that as well.
pub(in crate::commands) fn party_public_key(
    path: &Path,
    party: &PartyId,
) -> anyhow::Result<SigningPublicKey> {
    let bytes = input::read(path)?;
    let read = |usages: &[KeyUsage]| {
        let usages = KeyUsages::try_new(usages.iter().copied())?;
        let target = files::read_public_key_for(&bytes, usages);
        let target = target.with_context(|| files::no_public_key(path))?;
        anyhow::Ok(target.key().clone())
    };
    let key = read(&[KeyUsage::Protocol])?;
    if party.namespace().is_root(&key.fingerprint()) {
        return read(&[KeyUsage::Namespace, KeyUsage::Protocol]);
    }
    Ok(key)
}
