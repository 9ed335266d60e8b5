use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages};

use crate::mapping::Mapping;

/// What a key that `mapping` lists must be for, to sign it for itself: proof that its owner has it.
const NEW_PROOF: KeyUsages = KeyUsages::only(KeyUsage::ProofOfOwnership);
/// Old states have keys for namespaces only.
const OLD_PROOF: KeyUsages = KeyUsages::any_of(&[KeyUsage::Namespace, KeyUsage::ProofOfOwnership]);
const NAMESPACE: KeyUsages = KeyUsages::only(KeyUsage::Namespace);

/// What `key` must be for to sign `mapping`.
pub(crate) fn signs_as(mapping: &Mapping, key: &Fingerprint) -> KeyUsages {
    if proves(mapping, key) {
        NEW_PROOF
    } else {
        NAMESPACE
    }
}

/// What `key` must be for so that its signature over `mapping` counts.
pub(crate) fn verifies_as(mapping: &Mapping, key: &Fingerprint) -> KeyUsages {
    if proves(mapping, key) {
        OLD_PROOF
    } else {
        NAMESPACE
    }
}

/// Whether the signature of `key` proves that its owner has it, rather than speaking for a namespace.
fn proves(mapping: &Mapping, key: &Fingerprint) -> bool {
    if let Mapping::PartyToParticipant(party) = mapping
        && party
            .self_authorizing_key()
            .is_some_and(|own| own.fingerprint() == *key)
    {
        return false;
    }
    mapping.signing_key(key).is_some()
}
