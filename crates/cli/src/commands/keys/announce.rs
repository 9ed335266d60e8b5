//! `keys announce`, `keys withdraw`: single keys of the node, come and gone.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Fingerprint;

use crate::{args::Global, client::Client, commands::IdentityView, failure::CliError, output};

/// Announce a key of this vault as one of the node's, behind those that are announced.
///
/// From then on it is the one in use for its purpose: the node signs with it, and others encrypt to it. To put a new key into the
/// place of another one, 'keys rotate' does it all. Synchronizers hear of it as of any change: 'strongroom topology export
/// --mapping otk --format transactions'.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys announce 1220...\n  \
    strongroom keys announce 1220... --output json")]
pub(crate) struct AnnounceOptions {
    /// The key; its private half must be here.
    fingerprint: Fingerprint,
}

/// Take one of the node's announced keys back. The key itself stays as it is.
///
/// Others no longer verify with it or encrypt to it. It may be a key that was lost. The last one for a purpose stays: 'keys
/// rotate' puts another one into its place.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys withdraw 1220... --yes\n  \
    strongroom keys withdraw 1220... --yes --output json")]
pub(crate) struct WithdrawOptions {
    /// The key: 'strongroom topology active-keys' shows those that are announced.
    fingerprint: Fingerprint,
    /// Yes, take it back.
    #[arg(long)]
    yes: bool,
}

/// What is announced now.
#[derive(Serialize)]
struct Report {
    /// announced or withdrawn.
    state: &'static str,
    fingerprint: String,
    identity: IdentityView,
}

pub(super) async fn announce(
    global: &Global,
    options: AnnounceOptions,
) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    client.announce_key(&options.fingerprint).await?;
    print(global, client, "announced", options.fingerprint).await
}

pub(super) async fn withdraw(
    global: &Global,
    options: WithdrawOptions,
) -> anyhow::Result<ExitCode> {
    if !options.yes {
        return Err(CliError::NotConfirmed { flag: "--yes" }.into());
    }
    let client = Client::open(global).await?;
    client.withdraw_key(&options.fingerprint).await?;
    print(global, client, "withdrawn", options.fingerprint).await
}

async fn print(
    global: &Global,
    client: Client,
    state: &'static str,
    key: Fingerprint,
) -> anyhow::Result<ExitCode> {
    let identity = client.identity().await;
    client.close().await;
    let report = Report {
        state,
        fingerprint: key.to_string(),
        identity: identity?,
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "{state} {}", report.fingerprint)?;
        report.identity.write(out)
    })?;
    Ok(ExitCode::SUCCESS)
}
