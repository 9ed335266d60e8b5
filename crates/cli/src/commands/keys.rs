//! `keys`: the keys of a vault.

mod announce;
mod delete;
mod drop_copy;
pub(crate) mod export;
mod generate;
mod import;
mod list;
pub(crate) mod migrate;
mod register;
mod retire;
pub(crate) mod rotate;
mod seal;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use strongroom_store::Custody;
use strongroom_vault::KeyEntry;

use crate::{
    args::Global,
    key_view::{self, KeyView},
    output,
};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    GenerateSigning(generate::SigningOptions),
    GenerateEncryption(generate::EncryptionOptions),
    RegisterSigning(register::SigningOptions),
    RegisterEncryption(register::EncryptionOptions),
    List(list::Options),
    Show(show::Options),
    Export(export::Options),
    Import(import::Options),
    Delete(delete::Options),
    Announce(announce::AnnounceOptions),
    Withdraw(announce::WithdrawOptions),
    Retire(retire::Options),
    Rotate(rotate::Options),
    RotateAll(rotate::AllOptions),
    Migrate(migrate::Options),
    DropCopy(drop_copy::Options),
    Seal(seal::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::GenerateSigning(options) => generate::signing(global, options).await,
        Command::GenerateEncryption(options) => generate::encryption(global, options).await,
        Command::RegisterSigning(options) => register::signing(global, options).await,
        Command::RegisterEncryption(options) => register::encryption(global, options).await,
        Command::List(options) => list::run(global, options).await,
        Command::Show(options) => show::run(global, options).await,
        Command::Export(options) => export::run(global, options).await,
        Command::Import(options) => import::run(global, options).await,
        Command::Delete(options) => delete::run(global, options).await,
        Command::Announce(options) => announce::announce(global, options).await,
        Command::Withdraw(options) => announce::withdraw(global, options).await,
        Command::Retire(options) => retire::run(global, options).await,
        Command::Rotate(options) => rotate::run(global, options).await,
        Command::RotateAll(options) => rotate::all(global, options).await,
        Command::Migrate(options) => migrate::run(global, options).await,
        Command::DropCopy(options) => drop_copy::run(global, options).await,
        Command::Seal(options) => seal::run(global, options).await,
    }
}

/// Prints one key that came into the vault.
fn print_key(global: &Global, view: &KeyView) -> anyhow::Result<ExitCode> {
    if view.custody == Some(Custody::Clear.name()) {
        warn_of_clear_key(&view.fingerprint);
    }
    output::print(global.output, view, |out| key_view::write_one(out, view))?;
    Ok(ExitCode::SUCCESS)
}

/// A private key that was just stored readable is not passed over in silence.
pub(crate) fn warn_if_clear(entry: &KeyEntry) {
    let private = entry.private.as_ref();
    if private.is_some_and(|private| private.custody == Custody::Clear) {
        warn_of_clear_key(&entry.fingerprint().to_string());
    }
}

fn warn_of_clear_key(key: &str) {
    tracing::warn!(
        key,
        "the configuration has this private key stored readable: whoever gets the database gets the key; \
         seal it with 'strongroom keys seal'"
    );
}
