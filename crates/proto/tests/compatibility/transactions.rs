//! One real transaction: what it says, its hash, every signature.

use std::collections::BTreeSet;

use serde_json::Value;
use strongroom_crypto::{KeyUsage, KeyUsages, SignatureFormat, SigningAlgorithm, SigningPublicKey};
use strongroom_proto::topology::{
    decode_signed_transaction, decode_transaction, encode_signed_transaction,
};
use strongroom_topology::{
    Covers, DecentralizedNamespaceDefinition, Mapping, MappingCode, Namespace, NamespaceDelegation,
    Restriction, SignedTransaction, TransactionSignature,
};

use crate::{
    keys::{hex, integer, items, text},
    topology::Keys,
};

/// What every entry has.
const COMMON: [&str; 9] = [
    "mapping",
    "operation",
    "proposal",
    "serial",
    "signatures",
    "signed_topology_transaction_hex",
    "source",
    "topology_transaction_hex",
    "tx_hash_hex",
];

/// Checks everything that an entry says. `keys` are those of the signers.
pub(crate) fn check(item: &Value, keys: &Keys) -> SignedTransaction {
    let bytes = hex(item, "signed_topology_transaction_hex");
    let signed = decode_signed_transaction(&bytes).unwrap();
    assert_eq!(encode_signed_transaction(&signed), bytes);
    let transaction = signed.transaction();
    assert_eq!(transaction.bytes(), hex(item, "topology_transaction_hex"));
    assert_eq!(
        decode_transaction(transaction.bytes()).as_ref().unwrap(),
        transaction
    );
    assert_eq!(signed.hash().to_string(), text(item, "tx_hash_hex"));
    assert_eq!(transaction.operation().name(), text(item, "operation"));
    assert_eq!(
        i64::from(transaction.serial().get()),
        i64::from(integer(item, "serial"))
    );
    assert_eq!(Some(signed.is_proposal()), item["proposal"].as_bool());

    let described: Vec<_> = items(item, "signatures").collect();
    assert_eq!(signed.signatures().len(), described.len());
    for (received, described) in signed.signatures().iter().zip(described) {
        let key = keys.get(text(described, "signed_by")).unwrap();
        signature(&signed, received, described, key);
    }
    let described = mapping(item, transaction.mapping());
    for name in item.as_object().unwrap().keys() {
        assert!(
            COMMON.contains(&name.as_str()) || described.contains(&name.as_str()),
            "nobody has looked at {name}"
        );
    }
    signed
}

fn signature(
    signed: &SignedTransaction,
    received: &TransactionSignature,
    described: &Value,
    key: &SigningPublicKey,
) {
    assert_eq!(
        received.signed_by().to_string(),
        text(described, "signed_by")
    );
    assert_eq!(received.signature().bytes, hex(described, "signature_hex"));
    assert_eq!(received.covers(), &Covers::This);
    // Legacy signatures say neither; the layout is told by their length.
    let legacy = match text(described, "algorithm") {
        "UNSPECIFIED" => None,
        "ED25519" => Some(SigningAlgorithm::Ed25519),
        "EC_DSA_SHA_256" => Some(SigningAlgorithm::EcDsaSha256),
        other => panic!("unknown algorithm {other}"),
    };
    assert_eq!(received.algorithm(), legacy);
    let expected = match text(described, "format") {
        "DER" => SignatureFormat::Der,
        "CONCAT" => SignatureFormat::Concat,
        "RAW" if received.signature().bytes.len() == 64 => SignatureFormat::Concat,
        "RAW" => SignatureFormat::Der,
        other => panic!("unknown format {other}"),
    };
    assert_eq!(received.signature().format, expected);

    assert_eq!(described["verifies"], true);
    // Mapped keys prove that they agree; old keys do so with the right to sign for the namespace.
    let allowed = KeyUsages::any_of(&[KeyUsage::Namespace, KeyUsage::ProofOfOwnership]);
    signed.verify(key, allowed).unwrap();
    let bare = key.verify(signed.hash().as_bytes(), received.signature(), allowed);
    assert!(bare.is_err(), "the bare hash is not what was signed");
}

/// Checks what is said about the mapping, and answers with the names of what was looked at.
fn mapping(item: &Value, mapping: &Mapping) -> &'static [&'static str] {
    let name = mapping.code().name().to_lowercase();
    assert_eq!(text(item, "mapping"), name);
    match mapping {
        Mapping::NamespaceDelegation(it) => delegation(item, it),
        Mapping::OwnerToKeyMapping(it) => {
            assert_eq!(it.member().to_string(), text(item, "member"));
            same_keys(item, "signing_key_fingerprints_in_order", it.signing_keys());
            let count = i64::try_from(it.encryption_keys().count()).unwrap();
            assert_eq!(count, i64::from(integer(item, "encryption_key_count")));
            &[
                "member",
                "signing_key_fingerprints_in_order",
                "encryption_key_count",
            ]
        }
        Mapping::DecentralizedNamespaceDefinition(it) => decentralized(item, it),
        Mapping::PartyToKeyMapping(it) => {
            assert_eq!(it.party.to_string(), text(item, "party"));
            let keys = &it.signing_keys;
            assert_eq!(
                i64::from(keys.threshold()),
                i64::from(integer(item, "threshold"))
            );
            same_keys(item, "signing_key_fingerprints", keys.keys().iter());
            &["party", "threshold", "signing_key_fingerprints"]
        }
        Mapping::PartyToParticipant(it) => {
            assert_eq!(it.party().to_string(), text(item, "party"));
            &["party"]
        }
        // Nothing more is said about these.
        Mapping::SynchronizerTrustCertificate(_)
        | Mapping::MediatorSynchronizerState(_)
        | Mapping::SequencerSynchronizerState(_)
        | Mapping::SynchronizerParametersState(_) => &[],
        other => panic!("unknown mapping {other:?}"),
    }
}

fn delegation(item: &Value, it: &NamespaceDelegation) -> &'static [&'static str] {
    assert_eq!(it.namespace().to_string(), text(item, "namespace"));
    let target = it.target().fingerprint().to_string();
    assert_eq!(target, text(item, "target_fingerprint"));
    // The legacy flag, or field 4: either way everything may be signed.
    match (
        &item["is_root_delegation_field"],
        &item["restriction_field"],
    ) {
        (Value::Bool(true), Value::Null) => {}
        (Value::Bool(false), number) if number == 4 => {}
        other => panic!("unknown restriction {other:?}"),
    }
    assert_eq!(it.restriction(), &Restriction::AllMappings);
    assert!(it.targets_root() && it.can_sign(MappingCode::NamespaceDelegation));
    &[
        "namespace",
        "target_fingerprint",
        "is_root_delegation_field",
        "restriction_field",
    ]
}

fn decentralized(item: &Value, it: &DecentralizedNamespaceDefinition) -> &'static [&'static str] {
    assert_eq!(
        it.namespace().to_string(),
        text(item, "decentralized_namespace")
    );
    assert_eq!(
        it.threshold(),
        usize::try_from(integer(item, "threshold")).unwrap()
    );
    let owners: BTreeSet<Namespace> = items(item, "owners_as_serialized")
        .map(|owner| owner.as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(it.owners(), &owners);
    let derived = DecentralizedNamespaceDefinition::derive_namespace(&owners);
    assert_eq!(
        derived.to_string(),
        text(item, "hash37_of_sorted_owners_hex")
    );
    assert_eq!(
        item["equals_declared_namespace"].as_bool(),
        Some(derived == *it.namespace())
    );
    &[
        "decentralized_namespace",
        "threshold",
        "owners_as_serialized",
        "hash37_of_sorted_owners_hex",
        "equals_declared_namespace",
    ]
}

fn same_keys<'a>(item: &Value, name: &str, keys: impl Iterator<Item = &'a SigningPublicKey>) {
    let found: Vec<_> = keys.map(|key| key.fingerprint().to_string()).collect();
    let expected: Vec<_> = items(item, name).map(|it| it.as_str().unwrap()).collect();
    assert_eq!(found, expected);
}
