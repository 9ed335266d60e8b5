//! What commands print that state something.

use std::{collections::BTreeSet, process::ExitCode};

use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded as _;
use strongroom_topology::{
    Mapping, Operation, SignedTransaction, StoreId, TopologyError, TopologyStore, Transaction,
    UniqueKey,
};
use strongroom_vault::Proposal;

use super::args::{OutArg, SigningArgs};
use crate::{
    args::{Global, quoted},
    client::{Client, SignedByVault},
    failure, output,
    transaction_view::{KnownKeys, SignedView, Warning},
};

/// A transaction that was built or signed here.
#[derive(Serialize)]
struct Report {
    store: String,
    /// What the store decided, or of a synchronizer would: accepted, proposed, unchanged.
    outcome: &'static str,
    /// Whether nothing was kept: the store is a synchronizer's.
    preview: bool,
    file: Option<String>,
    #[serde(flatten)]
    signed: SignedView,
}

/// States `proposal` in the store, signed as `signing` says, and prints it.
pub(in crate::commands) async fn announce(
    global: &Global,
    client: Client,
    store: &StoreId,
    proposal: Proposal,
    signing: &SigningArgs,
    out: &OutArg,
) -> anyhow::Result<ExitCode> {
    let proposal = Proposal {
        signing_keys: signing.keys().to_vec(),
        must_fully_authorize: !signing.proposal,
        force: signing.force(),
        ..proposal
    };
    let about = proposal.mapping.unique_key();
    let authorized = match client.propose(store, proposal).await {
        Ok(authorized) => authorized,
        Err(refused) => {
            let refused = how_to_export(global, &client, store, &about, out, refused).await;
            client.close().await;
            return Err(refused);
        }
    };
    print(global, client, store, &authorized, out).await
}

/// Prints what was authorized, and writes it to a file if there is to be one.
pub(in crate::commands) async fn print(
    global: &Global,
    client: Client,
    store: &StoreId,
    authorized: &SignedByVault,
    out: &OutArg,
) -> anyhow::Result<ExitCode> {
    // With the signatures that the store has for it from others.
    let view = client.topology(store).await?;
    let found = view.find(authorized.signed.hash()).ok();
    let signed = found.map_or(&authorized.signed, |row| row.signed.as_ref());
    let mut signed_view = SignedView::of(signed, &known_keys(&view));
    if was_revoked(&view, signed.transaction()) {
        let warning = Warning::of_delegation_after_revocation();
        signed_view.transaction.warnings.push(warning);
    }
    out.write_transactions(std::slice::from_ref(signed))?;
    drop(view);
    client.close().await;
    let report = Report {
        store: store.to_string(),
        outcome: authorized.outcome,
        preview: matches!(store, StoreId::Synchronizer(_)),
        file: out.path().map(|path| path.display().to_string()),
        signed: signed_view,
    };
    output::print(global.output, &report, |out| {
        report.signed.write(out)?;
        let (outcome, store) = (report.outcome, &report.store);
        if report.preview {
            writeln!(out, "\n{store} would say: {outcome}; nothing was kept")?;
        } else {
            writeln!(out, "\n{outcome} in {store}")?;
        }
        let mut file = report.file.iter();
        file.try_for_each(|file| writeln!(out, "wrote {file}"))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether `transaction` lets a key sign whose right was taken back before.
fn was_revoked(store: &TopologyStore, transaction: &Transaction) -> bool {
    let delegates = matches!(transaction.mapping(), Mapping::NamespaceDelegation(_))
        && transaction.operation() == Operation::AddReplace;
    let about = transaction.unique_key();
    let mut rows = store.rows().iter().filter(|row| row.is_accepted());
    delegates
        && rows.any(|row| {
            let other = row.signed.transaction();
            other.operation() == Operation::Remove && other.unique_key() == about
        })
}

/// Whoever wanted a file with what is in force already is told how to get it.
async fn how_to_export(
    global: &Global,
    client: &Client,
    store: &StoreId,
    about: &UniqueKey,
    out: &OutArg,
    refused: anyhow::Error,
) -> anyhow::Error {
    let exists = TopologyError::MappingAlreadyExists.code();
    let (true, Some(path)) = (failure::code_of(&refused) == Some(exists), out.path()) else {
        return refused;
    };
    let Ok(view) = client.topology(store).await else {
        return refused;
    };
    let Some(row) = view.in_store(about) else {
        return refused;
    };
    let advice = format!(
        "it is in force, and no file was written: 'strongroom topology export {} {} --store {store} --format certificate --out {}' \
         writes it",
        row.signed.hash(),
        global.vault_args(),
        quoted(path)
    );
    refused.context(advice)
}

/// Every signing key that a store speaks of.
fn known_keys(store: &TopologyStore) -> KnownKeys {
    let mut keys = KnownKeys::default();
    for row in store.rows() {
        keys.add_those_in(row.signed.transaction().mapping());
    }
    keys
}

/// The keys that signed `after` and not `before`.
pub(super) fn added_signers(before: &SignedTransaction, after: &SignedTransaction) -> Vec<String> {
    let before: BTreeSet<Fingerprint> = before.signed_by().collect();
    let new = after.signed_by().filter(|key| !before.contains(key));
    new.map(|key| key.to_string()).collect()
}
