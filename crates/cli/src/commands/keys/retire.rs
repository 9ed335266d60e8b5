//! `keys retire`.

use std::process::ExitCode;

use clap::Args;
use strongroom_crypto::Fingerprint;

use super::print_key;
use crate::{args::Global, client::Client, failure::CliError};

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
    let client = Client::open(global).await?;
    let retired = client.retire_key(&options.fingerprint).await;
    client.close().await;
    print_key(global, &retired?)
}
