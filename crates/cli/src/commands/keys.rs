//! `keys`: the keys of a vault.

mod delete;
mod export;
mod generate;
mod import;
mod list;
mod seal;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use strongroom_vault::KeyEntry;

use crate::{
    args::Global,
    key_view::{self, KeyView},
    output,
};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate a signing key
    GenerateSigning(generate::SigningOptions),
    /// Generate an encryption key
    GenerateEncryption(generate::EncryptionOptions),
    /// List keys
    List(list::Options),
    /// Show one key and its public half
    Show(show::Options),
    /// Give a private key out
    Export(export::Options),
    /// Bring a key in
    Import(import::Options),
    /// Destroy a key
    Delete(delete::Options),
    /// Seal keys that are stored readable
    Seal(seal::Options),
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::GenerateSigning(options) => generate::signing(global, options).await,
        Command::GenerateEncryption(options) => generate::encryption(global, options).await,
        Command::List(options) => list::run(global, options).await,
        Command::Show(options) => show::run(global, options).await,
        Command::Export(options) => export::run(global, options).await,
        Command::Import(options) => import::run(global, options).await,
        Command::Delete(options) => delete::run(global, options).await,
        Command::Seal(options) => seal::run(global, options).await,
    }
}

/// Prints one key.
fn print_key(global: &Global, entry: &KeyEntry) -> anyhow::Result<ExitCode> {
    let view = KeyView::of(entry);
    output::print(global.output, &view, |out| {
        writeln!(out, "{}", key_view::table(std::slice::from_ref(&view)))
    })?;
    Ok(ExitCode::SUCCESS)
}
