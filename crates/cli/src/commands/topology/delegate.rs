//! `topology delegate`.

use std::{path::Path, process::ExitCode};

use clap::Args;
use strongroom_crypto::{Fingerprint, SigningPublicKey};
use strongroom_topology::{Mapping, Namespace, NamespaceDelegation, Serial};
use strongroom_vault::{Proposal, VaultError};

use super::{
    announcement,
    args::{OutArg, SigningArgs, StoreArg, refuse_shortened},
    root::{RestrictionArg, signing_public_key},
};
use crate::{
    args::{Global, Names},
    client::Client,
};

/// Let a key sign for a namespace.
///
/// The key is one of this vault, by its fingerprint, or a public key in a file: PEM, DER, or as Canton's console writes it. For
/// the root key of the namespace itself this makes the root certificate.
///
/// For the store of a synchronizer nothing is kept: write the transaction to a file with --out, let the synchronizer
/// sequence it, and tell the vault with 'topology apply --sequenced'.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology delegate 1220... --restriction all-but-delegations\n  \
    strongroom topology delegate parties.pub \\\n    --restriction PARTY_TO_PARTICIPANT,PARTY_TO_KEY_MAPPING --out parties.cert\n  \
    strongroom topology delegate 1220... --namespace 1220... --proposal \\\n    --out proposal.cert")]
pub(crate) struct Options {
    /// The key that may sign.
    #[arg(value_name = "KEY|FILE")]
    key: String,
    /// What it may sign: all, all-but-delegations, or kinds of mappings separated by commas.
    #[arg(
        long,
        value_name = "RESTRICTION",
        default_value = "all-but-delegations",
        value_parser = Names::of_restrictions()
    )]
    restriction: RestrictionArg,
    /// The namespace [default: that of this node].
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
    /// The serial that must be due [default: the one that is due].
    #[arg(long, value_name = "N", value_parser = serial)]
    serial: Option<Serial>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    out: OutArg,
}

/// Where the public key is.
enum Key {
    OfVault(Fingerprint),
    Given(SigningPublicKey),
}

/// Reads a serial.
pub(super) fn serial(text: &str) -> Result<Serial, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Serial::try_new(text.parse()?)?)
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    options.out.check()?;
    refuse_shortened(&options.key)?;
    let key = match options.key.parse() {
        Ok(fingerprint) => Key::OfVault(fingerprint),
        Err(_no_fingerprint) => Key::Given(signing_public_key(Path::new(&options.key))?),
    };
    let client = Client::open(global).await?;
    let target = match key {
        Key::Given(key) => key,
        Key::OfVault(fingerprint) => client.signing_key(&fingerprint).await?,
    };
    let namespace = namespace_or_own(&client, options.namespace).await?;
    let restriction = options.restriction.restriction;
    let delegation = NamespaceDelegation::try_new(namespace, target, restriction)?;
    let proposal = Proposal {
        serial: options.serial,
        ..Proposal::announce(Mapping::NamespaceDelegation(delegation))
    };
    let store = &options.store.store;
    announcement::announce(
        global,
        client,
        store,
        proposal,
        &options.signing,
        &options.out,
    )
    .await
}

/// The namespace that was asked for, or else that of this node.
pub(super) async fn namespace_or_own(
    client: &Client,
    namespace: Option<Namespace>,
) -> anyhow::Result<Namespace> {
    match namespace {
        Some(namespace) => Ok(namespace),
        None => {
            let member = client.topology_stores().await?.member;
            let member = member.ok_or(VaultError::NotIdentified)?;
            Ok(member.uid.namespace().clone())
        }
    }
}
