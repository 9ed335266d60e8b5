//! The files of an offline root key.

use std::path::Path;

use anyhow::Context;
use strongroom_crypto::{
    Fingerprint, KeyError, KeyPurpose, KeyUsage, KeyUsages, PublicKey, SigningPublicKey,
};
use strongroom_proto::topology::{DelegationTarget, decode_signed_transaction, decode_transaction};
use strongroom_topology::{Mapping, NamespaceDelegation, Transaction};

use super::RootError;
use crate::{failure::CliError, input, key_file::looks_like_message};

/// What a root key signs, and what a key that came without usages is for.
pub(super) const NAMESPACE: KeyUsages = KeyUsages::only(KeyUsage::Namespace);

/// Reads a prepared transaction.
pub(super) fn prepared(path: &Path) -> anyhow::Result<Transaction> {
    decode_transaction(&input::read(path)?)
        .with_context(|| format!("{} is no prepared transaction", input::named(path)))
}

/// Reads a prepared transaction, or the one in a certificate.
pub(super) fn transaction(path: &Path) -> anyhow::Result<Transaction> {
    let bytes = input::read(path)?;
    if let Ok(signed) = decode_signed_transaction(&bytes) {
        return Ok(signed.transaction().clone());
    }
    decode_transaction(&bytes).with_context(|| {
        format!(
            "{} is neither a prepared transaction nor a certificate",
            input::named(path)
        )
    })
}

/// The delegation that `transaction` is about.
pub(super) fn delegation(transaction: &Transaction) -> Result<&NamespaceDelegation, RootError> {
    match transaction.mapping() {
        Mapping::NamespaceDelegation(delegation) => Ok(delegation),
        other => Err(RootError::NotADelegation {
            mapping: other.code(),
        }),
    }
}

/// The root key of the namespace that `delegation` is about.
pub(super) fn root_of(delegation: &NamespaceDelegation) -> Result<Fingerprint, RootError> {
    let namespace = delegation.namespace();
    namespace
        .fingerprint()
        .ok_or_else(|| RootError::NamespaceWithoutKey {
            namespace: namespace.to_string(),
        })
}

/// That `found` is the root key `expected`.
pub(super) fn check_is_root(found: Fingerprint, expected: Fingerprint) -> Result<(), CliError> {
    if found == expected {
        return Ok(());
    }
    Err(CliError::OtherKey {
        found: found.to_string(),
        expected: expected.to_string(),
    })
}

/// Reads a public key: PEM, DER, or the file that Canton's console writes.
pub(super) fn public_key(path: &Path) -> anyhow::Result<DelegationTarget> {
    read_public_key(&input::read(path)?).with_context(|| no_public_key(path))
}

pub(super) fn no_public_key(path: &Path) -> String {
    format!("{} is no public key for signing", input::named(path))
}

/// The same from its bytes.
pub(super) fn read_public_key(bytes: &[u8]) -> anyhow::Result<DelegationTarget> {
    read_public_key_for(bytes, NAMESPACE)
}

/// The same of a key that is for `usages`, unless it says itself what it is for: PEM and DER do not.
pub(super) fn read_public_key_for(
    bytes: &[u8],
    usages: KeyUsages,
) -> anyhow::Result<DelegationTarget> {
    if !is_key_message(bytes) {
        return Ok(DelegationTarget::new(SigningPublicKey::detect(
            bytes, usages,
        )?));
    }
    // A wrapped key does not say which kind of key it is: it is read as either first.
    match strongroom_proto::decode_public_key_for_import(bytes)?.key {
        PublicKey::Signing(_) => Ok(DelegationTarget::from_key_file(bytes)?),
        PublicKey::Encryption(key) => Err(KeyError::PurposeMismatch {
            found: key.spec().name(),
            purpose: KeyPurpose::Signing,
        }
        .into()),
    }
}

/// Whether the bytes are to be read as a message. A bare Ed25519 key can begin with any byte, and is shorter than any
/// message with a key in it.
pub(super) fn is_key_message(bytes: &[u8]) -> bool {
    const ED25519_BYTES: usize = 32;
    bytes.len() > ED25519_BYTES && looks_like_message(bytes)
}
