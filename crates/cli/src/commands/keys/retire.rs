//! `keys retire`.

use std::process::ExitCode;

use clap::Args;
use strongroom_crypto::Fingerprint;
use strongroom_server::access::Operation;

use super::print_key;
use crate::{args::Global, failure::CliError, key_view::Announced, session::Session};

/// Retire a key: it verifies and decrypts what is old, and neither signs nor is encrypted to any more.
///
/// There is no way back. Rotating retires the old key by itself; this is for keys that a restored backup brought back.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom keys retire 1220... --yes")]
pub(crate) struct Options {
    /// The key.
    fingerprint: Fingerprint,
    /// Yes, for good.
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let session = Session::open(global).await?;
    let request = format!("keys retire {}", options.fingerprint);
    session
        .approved(global, Operation::KeysRetire, &request)
        .await?;
    let (vault, caller) = (&session.vault, &session.caller);
    let retired = vault.retire_key(caller, &options.fingerprint).await;
    let announced = Announced::of(vault).await;
    session.close().await;
    print_key(global, &*retired?, &announced?)
}
