//! The node of the vault: its identity, its keys, and their rotation.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_store::KeyState;
use strongroom_topology::{At, StoreId};
use strongroom_vault::{KeyEntry, KeyFilter, Rotate, Vault};

use crate::{
    args::Global,
    commands::{
        init::{IdentityView, identity},
        keys::rotate,
        topology,
    },
    failure::CliError,
    graph::{Graph, NamespaceView},
    session::Session,
};

/// What the names of the node's keys end in; that of the namespace key comes first.
const SUFFIXES: [&str; 4] = ["namespace", "sequencer-auth", "signing", "encryption"];

/// Makes the identity of a participant, or finishes the one that there is. Says what it did, in words.
pub(super) async fn make(session: &Session) -> anyhow::Result<Vec<String>> {
    let mut plan = identity::Plan::participant();
    match session.vault.identity() {
        Some(identity) => {
            plan.kind = identity.member.code;
            plan.identifier = Some(identity.member.uid.identifier().to_owned());
        }
        None => refuse_new_identity(&session.vault, &session.config.vault.node)?,
    }
    Ok(plan.make(session).await?.changes)
}

/// The namespace key is who the node is: one that is gone, or retired, is not replaced in passing. It is made first, so
/// when any other key of the node is there, it was there once.
fn refuse_new_identity(vault: &Vault, node: &str) -> anyhow::Result<()> {
    let [namespace, others @ ..] = SUFFIXES.map(|suffix| format!("{node}-{suffix}"));
    let is_usable = |entry: &Arc<KeyEntry>| {
        let for_namespaces = entry
            .usages()
            .is_some_and(|usages| usages.contains(strongroom_crypto::KeyUsage::Namespace));
        for_namespaces && state(entry) == Some(KeyState::Active)
    };
    let found = named(vault, &namespace)?;
    if found.iter().any(is_usable) {
        return Ok(());
    }
    let mut others_found = found;
    for name in &others {
        others_found.extend(named(vault, name)?);
    }
    if others_found.is_empty() {
        return Ok(());
    }
    Err(CliError::NamespaceKeyGone { name: namespace }.into())
}

/// Every key of exactly this name, whatever it is.
fn named(vault: &Vault, name: &str) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    let name = KeyName::try_new(name.to_owned())?;
    let filter = KeyFilter {
        name: name.as_str().to_owned(),
        public_only: true,
        ..KeyFilter::default()
    };
    let mut entries = vault.list(&filter)?;
    entries.retain(|entry| entry.name.as_ref() == Some(&name));
    Ok(entries)
}

fn state(entry: &KeyEntry) -> Option<KeyState> {
    entry.private.as_ref().map(|private| private.state)
}

/// The root key, if it is here, and the keys that the node announces.
pub(super) async fn current_keys(vault: &Vault) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    let identity = IdentityView::of(vault).await?;
    let root = identity.root_key_here.then_some(&identity.namespace);
    let announced = identity.keys.iter().map(|key| &key.fingerprint);
    let mut keys = Vec::with_capacity(identity.keys.len() + 1);
    for fingerprint in root.into_iter().chain(announced) {
        keys.push(vault.key(&fingerprint.parse()?)?);
    }
    Ok(keys)
}

/// Rotates what the node announces, if it never was rotated and the vault follows no synchronizer, which would have to
/// hear of it. What was begun before goes on.
pub(super) async fn rotate_once(global: &Global, session: &Session) -> anyhow::Result<Rotations> {
    let vault = &session.vault;
    let stores = vault.topology_stores().await?;
    let is_followed = |store: &StoreId| matches!(store, StoreId::Synchronizer(_));
    if let Some(store) = stores.into_iter().find(is_followed) {
        return Ok(Rotations {
            done: Vec::new(),
            why_none: Some(format!(
                "the vault follows {store}, which would have to hear of it: 'strongroom keys rotate-all' does it when it is meant"
            )),
        });
    }
    if vault.rotations().is_empty() && retired_keys(vault)?.is_empty() {
        vault.begin_rotation(&session.caller, Rotate::all()).await?;
    }
    let done = rotate::advance(global, session, &BTreeSet::new())
        .await?
        .rotations;
    let before = "they were rotated by a run before: 'strongroom keys rotate-all' does it again";
    Ok(Rotations {
        why_none: done.is_empty().then(|| before.to_owned()),
        done,
    })
}

/// What was rotated in this run, or why nothing was.
pub(super) struct Rotations {
    pub(super) done: Vec<rotate::View>,
    pub(super) why_none: Option<String>,
}

/// Keys that only decrypt and verify what is old.
pub(super) fn retired_keys(vault: &Vault) -> anyhow::Result<Vec<Arc<KeyEntry>>> {
    let mut keys = vault.list(&KeyFilter::default())?;
    keys.retain(|entry| state(entry) == Some(KeyState::Retired));
    Ok(keys)
}

/// The node's namespace.
pub(super) async fn delegations(vault: &Vault) -> anyhow::Result<Vec<NamespaceView>> {
    let identity = vault.identity();
    let namespaces = identity.iter().map(|it| it.member.uid.namespace().clone());
    let store = vault.topology(&StoreId::Authorized).await?;
    let labels = |key: &Fingerprint| topology::key_label(vault, key);
    Ok(Graph::of(&store, At::Head, &namespaces.collect(), &labels))
}
