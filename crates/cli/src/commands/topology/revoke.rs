//! `topology revoke`.

use std::process::ExitCode;

use clap::Args;
use strongroom_crypto::Fingerprint;
use strongroom_topology::{
    Mapping, Namespace, Operation, Serial, TopologyError, TopologyStore, TransactionHash, UniqueKey,
};
use strongroom_vault::Proposal;

use super::{
    announcement,
    args::{BurnArg, OutArg, SigningArgs, StoreArg, refuse_shortened},
    delegate::namespace_or_own,
};
use crate::{args::Global, client::Client, failure::CliError};

/// Take a statement back: the delegation to a key, or whatever has this hash.
///
/// It cannot be undone: synchronizers never take a revoked delegation again. What the key signed before stays valid; keys that
/// it let sign lose their right unless another delegation leads to them. To revoke the root certificate burns the
/// namespace: nothing can be signed in it any more, by no key.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology revoke 1220... --yes\n  \
    strongroom topology revoke 1220... --namespace 1220... --signed-by 1220... \\\n    --yes --out revoked.cert")]
pub(crate) struct Options {
    /// The key that may no longer sign, or the hash of the statement, which must be in force.
    #[arg(value_name = "KEY|HASH")]
    what: String,
    /// The namespace in which the key may no longer sign [default: that of this node].
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
    /// The serial that must be due [default: the one that is due].
    #[arg(long, value_name = "N", value_parser = super::delegate::serial)]
    serial: Option<Serial>,
    /// Yes, take it back.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    burn: BurnArg,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    out: OutArg,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    options.out.check()?;
    refuse_shortened(&options.what)?;
    // Hashes and fingerprints are written alike.
    let hash: TransactionHash = options.what.parse()?;
    let client = Client::open(global).await?;
    let store = client.topology(&options.store.store).await?;
    let mapping = match statement(&store, hash) {
        Some(mapping) => mapping,
        None => {
            let namespace = namespace_or_own(&client, options.namespace.clone()).await?;
            let key: Fingerprint = options.what.parse()?;
            let about = UniqueKey::namespace_delegation(&namespace, &key);
            let row = store.in_store(&about);
            let stated = row.and_then(|row| row.stated());
            stated
                .cloned()
                .ok_or(TopologyError::TransactionNotFound { hash })?
        }
    };
    drop(store);
    options.check_confirmed(&mapping)?;
    let proposal = Proposal {
        serial: options.serial,
        ..Proposal::revoke(mapping)
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

/// The statement with this hash that is in force.
fn statement(store: &TopologyStore, hash: TransactionHash) -> Option<Mapping> {
    let row = store.find(hash).ok().filter(|row| row.is_accepted())?;
    row.stated().cloned()
}

impl Options {
    fn check_confirmed(&self, mapping: &Mapping) -> Result<(), CliError> {
        self.burn.check(Operation::Remove, mapping)?;
        if self.yes {
            Ok(())
        } else {
            Err(CliError::NotConfirmed { flag: "--yes" })
        }
    }
}
