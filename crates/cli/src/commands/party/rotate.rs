//! `party rotate`.

use std::process::ExitCode;

use clap::Args;
use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_topology::PartyId;
use strongroom_vault::PartySuccessor;

use crate::{
    args::Global,
    client::Client,
    commands::topology::{
        announcement,
        args::{OutArg, SigningArgs, StoreArg},
    },
};

/// Put a new key of a party into the place of another one.
///
/// The party needs as many signatures as before. The old key stays in the vault: retire it ('keys retire') when no submission
/// that it signed is under way. The root key of a party's own namespace cannot be rotated. Signatures of keys that are elsewhere
/// are collected with --proposal and --out: 'topology authorize --file' adds theirs.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party rotate bob::1220... 1220...\n  \
    strongroom party rotate bob::1220... 1220... --to 1220... \\\n    --proposal --out bob.cert")]
pub(crate) struct Options {
    /// The party: NAME::NAMESPACE.
    party: PartyId,
    /// The key that leaves.
    #[arg(value_name = "FINGERPRINT")]
    old: Fingerprint,
    /// The key of this vault that takes its place [default: a new one, of the old one's spec and usages].
    #[arg(long, value_name = "FINGERPRINT")]
    to: Option<Fingerprint>,
    /// The name of the new key [default: derived from the old one's].
    #[arg(long, conflicts_with = "to")]
    name: Option<KeyName>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    out: OutArg,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    options.out.check()?;
    let client = Client::open(global).await?;
    let store = &options.store.store;
    let successor = match options.to {
        Some(key) => PartySuccessor::Key(key),
        None => PartySuccessor::Generated { name: options.name },
    };
    let signing = options.signing.of_party();
    let exchange = (options.old, successor);
    let rotated = client.rotate_party_key(store, &options.party, exchange, &signing);
    let signed = rotated.await?;
    announcement::print(global, client, store, &signed, &options.out).await
}
