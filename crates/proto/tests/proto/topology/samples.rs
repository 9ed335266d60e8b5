//! One message of every kind of mapping, made without the code that is tested, and things to put around it.

use prost::Message;
use strongroom_crypto::{
    Fingerprint, KeyUsages, PrivateKey, PublicKey, SecretBytes, Signature, SigningKey,
    SigningPublicKey, Timestamp,
};
use strongroom_proto::{
    topology::{
        SnapshotItem, decode_transaction, topology_signature,
        v30::{self, topology_mapping::Mapping as Wire},
    },
    v30 as crypto,
};
use strongroom_topology::{Covers, SignedTransaction, Transaction, TransactionHash};

use crate::support::{ED25519, P256, sample, wrap};

pub(crate) fn private(seed: u8) -> PrivateKey {
    PrivateKey::from_stored(ED25519, SecretBytes::from_slice(&[seed; 32])).unwrap()
}

/// An Ed25519 key for everything.
pub(crate) fn key(seed: u8) -> SigningPublicKey {
    private(seed).signing_public_key(KeyUsages::ALL).unwrap()
}

pub(crate) fn key_message(seed: u8) -> crypto::SigningPublicKey {
    (&key(seed)).into()
}

pub(crate) fn fingerprint(seed: u8) -> String {
    key(seed).fingerprint().to_string()
}

/// `identifier` in the namespace of the key with seed 1.
pub(crate) fn uid(identifier: &str) -> String {
    format!("{identifier}::{}", fingerprint(1))
}

pub(crate) fn successor() -> String {
    format!("{}::35-1", uid("sync"))
}

pub(crate) fn time(seconds: i64, nanos: i32) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos }
}

/// The root certificate of the key with seed 1.
pub(crate) fn delegation() -> v30::NamespaceDelegation {
    use v30::namespace_delegation::{CanSignAllMappings, Restriction};
    v30::NamespaceDelegation {
        namespace: fingerprint(1),
        target_key: Some(key_message(1)),
        restriction: Some(Restriction::CanSignAllMappings(CanSignAllMappings {})),
        ..Default::default()
    }
}

pub(crate) fn owner_to_key(keys: Vec<crypto::PublicKey>) -> v30::OwnerToKeyMapping {
    v30::OwnerToKeyMapping {
        member: format!("SEQ::{}", uid("node")),
        public_keys: keys,
    }
}

pub(crate) fn party_to_participant() -> v30::PartyToParticipant {
    use v30::party_to_participant::{HostingParticipant, hosting_participant::Onboarding};
    let hosting = |identifier, permission, onboarding| HostingParticipant {
        participant_uid: uid(identifier),
        permission,
        onboarding,
    };
    let mut keys = vec![key_message(1), key_message(2)];
    keys.sort_by_key(|key| Fingerprint::of(ED25519, &key.public_key).to_string());
    v30::PartyToParticipant {
        party: uid("party"),
        threshold: 2,
        participants: vec![
            hosting("b", 1, None),
            hosting("a", 2, Some(Onboarding {})),
            hosting("c", 3, None),
        ],
        party_signing_keys: Some(crypto::SigningKeysWithThreshold { keys, threshold: 2 }),
    }
}

/// One of every kind, in the order of the numbers of their fields, and as Canton would write it.
#[expect(deprecated, reason = "the deprecated list of packages is read too")]
pub(crate) fn wires() -> Vec<Wire> {
    let encryption = crypto::PublicKey::from(
        &sample(strongroom_crypto::KeySpec::Encryption(
            strongroom_crypto::EncryptionKeySpec::EcP256,
        ))
        .public,
    );
    let signing = crypto::PublicKey::from(&PublicKey::Signing(key(2)));
    let other = crypto::PublicKey::from(&sample(P256).public);
    vec![
        Wire::NamespaceDelegation(delegation()),
        Wire::DecentralizedNamespaceDefinition(v30::DecentralizedNamespaceDefinition {
            decentralized_namespace: fingerprint(9),
            threshold: 1,
            owners: vec![fingerprint(1)],
        }),
        Wire::OwnerToKeyMapping(owner_to_key(vec![signing, encryption, other])),
        Wire::SynchronizerTrustCertificate(v30::SynchronizerTrustCertificate {
            participant_uid: uid("node"),
            synchronizer_id: uid("sync"),
            // The last one is from the future.
            feature_flags: vec![2, 1, 99],
        }),
        Wire::ParticipantPermission(v30::ParticipantSynchronizerPermission {
            synchronizer_id: uid("sync"),
            participant_uid: uid("node"),
            permission: 2,
            limits: Some(b"\x08\x05limits".to_vec()),
            login_after: Some(-5),
        }),
        Wire::PartyHostingLimits(v30::PartyHostingLimits {
            synchronizer_id: uid("sync"),
            party: uid("party"),
        }),
        Wire::VettedPackages(v30::VettedPackages {
            participant_uid: uid("node"),
            package_ids: vec!["one".to_owned(), "two".to_owned()],
            packages: vec![b"\x0a\x03abc\xfa\x07\x01x".to_vec(), Vec::new()],
        }),
        Wire::PartyToParticipant(party_to_participant()),
        Wire::SynchronizerParametersState(v30::SynchronizerParametersState {
            synchronizer_id: uid("sync"),
            synchronizer_parameters: Some(b"any bytes".to_vec()),
        }),
        Wire::MediatorSynchronizerState(v30::MediatorSynchronizerState {
            synchronizer_id: uid("sync"),
            group: 7,
            threshold: 2,
            active: vec![uid("m2"), uid("m1")],
            observers: vec![uid("m3")],
        }),
        Wire::SequencerSynchronizerState(v30::SequencerSynchronizerState {
            synchronizer_id: uid("sync"),
            threshold: 1,
            active: vec![uid("s2"), uid("s1")],
            observers: Vec::new(),
        }),
        Wire::SequencingDynamicParametersState(v30::DynamicSequencingParametersState {
            synchronizer_id: uid("sync"),
            // Set, and empty.
            sequencing_parameters: Some(Vec::new()),
        }),
        Wire::PartyToKeyMapping(v30::PartyToKeyMapping {
            party: uid("party"),
            threshold: 1,
            signing_keys: vec![key_message(2)],
        }),
        Wire::SynchronizerUpgradeAnnouncement(v30::LsuAnnouncement {
            successor_physical_synchronizer_id: successor(),
            upgrade_time: Some(time(-1, 999_999_000)),
        }),
        Wire::SequencerConnectionSuccessor(v30::LsuSequencerConnectionSuccessor {
            sequencer_id: uid("sequencer"),
            successor_physical_synchronizer_id: successor(),
            connection: Some(b"\x0a\x04host".to_vec()),
        }),
    ]
}

pub(crate) fn message(mapping: Wire) -> v30::TopologyTransaction {
    v30::TopologyTransaction {
        operation: 1,
        serial: 3,
        mapping: Some(v30::TopologyMapping {
            mapping: Some(mapping),
        }),
    }
}

/// The wrapped transaction that adds `mapping`.
pub(crate) fn bytes(mapping: Wire) -> Vec<u8> {
    wrap(&message(mapping))
}

pub(crate) fn transactions() -> Vec<Transaction> {
    let read = |mapping| decode_transaction(&bytes(mapping)).unwrap();
    wires().into_iter().map(read).collect()
}

/// The root certificate, not yet signed.
pub(crate) fn root() -> Transaction {
    decode_transaction(&bytes(Wire::NamespaceDelegation(delegation()))).unwrap()
}

pub(crate) fn sign(seed: u8, message: &[u8]) -> Signature {
    let key = SigningKey::new(&private(seed), &key(seed)).unwrap();
    key.sign(message, KeyUsages::ALL).unwrap()
}

/// `transaction` with signatures by the keys with these seeds.
pub(crate) fn signed_by(transaction: Transaction, seeds: &[u8]) -> SignedTransaction {
    let hash = transaction.hash().to_multihash();
    let signatures = seeds
        .iter()
        .map(|seed| topology_signature(sign(*seed, &hash), Covers::This))
        .collect();
    SignedTransaction::received(transaction, signatures, false).unwrap()
}

/// Signs `hashes` at once.
pub(crate) fn sign_several(seed: u8, hashes: &[TransactionHash]) -> Signature {
    sign(seed, &TransactionHash::combined(hashes).to_multihash())
}

/// One signed transaction of every kind.
pub(crate) fn signed() -> Vec<SignedTransaction> {
    transactions()
        .into_iter()
        .map(|transaction| signed_by(transaction, &[1, 2]))
        .collect()
}

/// Rows of a store: some ended, some rejected, with times on both sides of the epoch.
pub(crate) fn rows() -> Vec<SnapshotItem> {
    let row = |(index, signed): (usize, SignedTransaction)| {
        let base = i64::try_from(index).unwrap() * 1_000_001 - 7_000_000;
        SnapshotItem {
            sequenced: Timestamp::from_micros(base),
            valid_from: Timestamp::from_micros(base + 250_000),
            valid_until: (index % 3 == 0).then(|| Timestamp::from_micros(base + 1_999_999)),
            signed,
            rejection: (index % 5 == 4).then(|| "because".to_owned()),
        }
    };
    signed().into_iter().enumerate().map(row).collect()
}

/// What can be compared of a row.
pub(crate) fn parts(row: &SnapshotItem) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (row.sequenced, row.valid_from, row.valid_until),
        row.rejection.clone(),
        parts_of_signed(&row.signed),
    )
}

/// Bytes of the transaction, messages of the signatures and what they cover, whether it is a proposal.
pub(crate) type Parts = (Vec<u8>, Vec<(Vec<u8>, Covers)>, bool);

/// What can be compared of a signed transaction.
pub(crate) fn parts_of_signed(signed: &SignedTransaction) -> Parts {
    let signatures = signed.signatures().iter();
    (
        signed.transaction().bytes().to_vec(),
        signatures
            .map(|it| (it.encoded().to_vec(), it.covers().clone()))
            .collect(),
        signed.is_proposal(),
    )
}

/// The message of a signature over one transaction.
pub(crate) fn signature_message(seed: u8, transaction: &Transaction) -> crypto::Signature {
    (&sign(seed, &transaction.hash().to_multihash())).into()
}

/// The signed message, written by the other encoder.
pub(crate) fn signed_message(seeds: &[u8]) -> v30::SignedTopologyTransaction {
    let root = root();
    v30::SignedTopologyTransaction {
        transaction: root.bytes().to_vec(),
        signatures: seeds
            .iter()
            .map(|seed| signature_message(*seed, &root))
            .collect(),
        ..Default::default()
    }
}

/// A field of any message: bytes, behind tag and length.
pub(crate) fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(u64::from(number) << 3 | 2, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// A wrapper with its version in front, as Go writes it.
pub(crate) fn wrap_version_first(message: &impl Message) -> Vec<u8> {
    let mut bytes = vec![0x10, 30];
    bytes.extend(field(1, &message.encode_to_vec()));
    bytes
}
