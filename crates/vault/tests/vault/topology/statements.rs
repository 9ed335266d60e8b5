//! Statements that tests announce, and the keys in them.

use strongroom_crypto::{
    Fingerprint, KeyUsage, KeyUsages, PublicKey, SigningKeySpec, SigningPublicKey,
};
use strongroom_topology::{
    ForceFlags, Mapping, Namespace, NamespaceDelegation, PartyToKeyMapping, Restriction,
    SignedTransaction, SigningKeysWithThreshold, StoreId, StoredTransaction, UniqueIdentifier,
};
use strongroom_vault::{Added, Authorized, NewSigningKey, Proposal, Vault, VaultError};

use crate::house::{caller, signing_key};

/// What somebody sends who has lost the signature of the root key, and all others but one.
pub(crate) fn without_root(signed: &SignedTransaction, namespace: &Namespace) -> SignedTransaction {
    let root = namespace.fingerprint();
    let others = signed.signatures().iter();
    let mut others = others.filter(|it| Some(it.signed_by()) != root);
    let kept = vec![others.next().unwrap().clone()];
    SignedTransaction::received(signed.transaction().clone(), kept, true).unwrap()
}

/// A new key that may sign for namespaces.
pub(crate) async fn namespace_key(vault: &Vault) -> SigningPublicKey {
    let new = NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::only(KeyUsage::Namespace),
        name: None,
    };
    let entry = vault.generate_signing_key(&caller(), new).await.unwrap();
    public(vault, &entry.fingerprint())
}

/// A new key for protocol messages.
pub(crate) async fn protocol_key_of(vault: &Vault) -> SigningPublicKey {
    public(vault, &signing_key(vault).await)
}

/// The public half of a signing key of the vault.
pub(crate) fn public(vault: &Vault, key: &Fingerprint) -> SigningPublicKey {
    match &vault.key(key).unwrap().public {
        PublicKey::Signing(key) => key.clone(),
        PublicKey::Encryption(_) => panic!("{key} does not sign"),
    }
}

/// The namespace of the vault's own node.
pub(crate) fn namespace(vault: &Vault) -> Namespace {
    vault.identity().unwrap().member.uid.namespace().clone()
}

pub(crate) fn delegation(
    namespace: &Namespace,
    target: &SigningPublicKey,
    restriction: Restriction,
) -> Mapping {
    let delegation = NamespaceDelegation::try_new(namespace.clone(), target.clone(), restriction);
    Mapping::NamespaceDelegation(delegation.unwrap())
}

/// The keys of the party `name`, all of which must sign for it.
pub(crate) fn party(namespace: &Namespace, name: &str, keys: &[&SigningPublicKey]) -> Mapping {
    let threshold = u32::try_from(keys.len()).unwrap();
    party_with_threshold(namespace, name, keys, threshold)
}

pub(crate) fn party_with_threshold(
    namespace: &Namespace,
    name: &str,
    keys: &[&SigningPublicKey],
    threshold: u32,
) -> Mapping {
    let keys = keys.iter().map(|key| (*key).clone()).collect();
    Mapping::PartyToKeyMapping(PartyToKeyMapping {
        party: UniqueIdentifier::try_new(name, namespace.clone()).unwrap(),
        signing_keys: SigningKeysWithThreshold::try_new(keys, threshold).unwrap(),
    })
}

/// Authorizes in the node's own store.
pub(crate) async fn authorize(vault: &Vault, proposal: Proposal) -> Result<Authorized, VaultError> {
    vault
        .authorize(&caller(), &StoreId::Authorized, proposal)
        .await
}

/// A new namespace key to which the root delegates.
pub(crate) async fn delegate(vault: &Vault, restriction: Restriction) -> SigningPublicKey {
    let key = namespace_key(vault).await;
    let mapping = delegation(&namespace(vault), &key, restriction);
    authorize(vault, Proposal::announce(mapping)).await.unwrap();
    key
}

/// Adds to the node's own store.
pub(crate) async fn add(
    vault: &Vault,
    transactions: Vec<SignedTransaction>,
) -> Result<Vec<Added>, VaultError> {
    let force = ForceFlags::default();
    vault
        .add_transactions(&caller(), &StoreId::Authorized, transactions, force)
        .await
}

/// The outcomes, by name.
pub(crate) fn outcomes(added: &[Added]) -> Vec<&'static str> {
    added.iter().map(|added| added.outcome.name()).collect()
}

/// The rows of the node's own store.
pub(crate) async fn rows(vault: &Vault) -> Vec<StoredTransaction> {
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    store.rows().to_vec()
}

/// The keys that signed, in order.
pub(crate) fn signers(signed: &SignedTransaction) -> Vec<Fingerprint> {
    let mut keys: Vec<_> = signed.signed_by().collect();
    keys.sort();
    keys
}

/// The keys, in order.
pub(crate) fn sorted(keys: &[&SigningPublicKey]) -> Vec<Fingerprint> {
    let mut keys: Vec<_> = keys.iter().map(|key| key.fingerprint()).collect();
    keys.sort();
    keys
}
