//! Keys from fixed seeds, names, one statement of every kind.

use strongroom_crypto::{
    EncryptionPublicKey, KeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey, SecretBytes,
    Signature, SigningKey, SigningKeySpec, SigningPublicKey, Timestamp,
};
use strongroom_topology::{
    DecentralizedNamespaceDefinition, HostingParticipant, LsuAnnouncement,
    LsuSequencerConnectionSuccessor, Mapping, MediatorSynchronizerState, Member, MemberCode,
    NamespaceDelegation, OwnerToKeyMapping, ParticipantPermission,
    ParticipantSynchronizerPermission, PartyHostingLimits, PartyToKeyMapping, PartyToParticipant,
    PhysicalSynchronizerId, Restriction, SequencerSynchronizerState, SigningKeysWithThreshold,
    SynchronizerParameters, SynchronizerTrustCertificate, UniqueIdentifier, VettedPackages,
};

const ED25519: KeySpec = KeySpec::Signing(SigningKeySpec::EcCurve25519);

pub(crate) fn private(seed: u8) -> PrivateKey {
    PrivateKey::from_stored(ED25519, SecretBytes::from_slice(&[seed; 32])).unwrap()
}

/// An Ed25519 key for everything.
pub(crate) fn key(seed: u8) -> SigningPublicKey {
    key_for(seed, &KeyUsage::ALL)
}

pub(crate) fn key_for(seed: u8, usages: &[KeyUsage]) -> SigningPublicKey {
    let usages = KeyUsages::try_new(usages.iter().copied()).unwrap();
    private(seed).signing_public_key(usages).unwrap()
}

pub(crate) fn keys(seeds: impl IntoIterator<Item = u8>) -> Vec<SigningPublicKey> {
    seeds.into_iter().map(key).collect()
}

/// A key of the base point of P-256 (SEC 2, section 2.4.2).
pub(crate) fn encryption_key() -> EncryptionPublicKey {
    const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0\
        f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    EncryptionPublicKey::from_spki(strongroom_crypto::EncryptionKeySpec::EcP256, &hex(SPKI))
        .unwrap()
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digit = |character: char| u8::try_from(character.to_digit(16).unwrap()).unwrap();
    let digits: Vec<u8> = text.chars().map(digit).collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect()
}

/// The key with this seed signs `message`, whatever it is.
pub(crate) fn sign(seed: u8, message: &[u8]) -> Signature {
    let key = SigningKey::new(&private(seed), &key(seed)).unwrap();
    key.sign(message, KeyUsages::ALL).unwrap()
}

/// `identifier` in the namespace of the key with seed 1.
pub(crate) fn uid(identifier: &str) -> UniqueIdentifier {
    UniqueIdentifier::try_new(identifier, key(1).fingerprint().into()).unwrap()
}

pub(crate) fn member(code: MemberCode, identifier: &str) -> Member {
    Member {
        code,
        uid: uid(identifier),
    }
}

pub(crate) fn successor() -> PhysicalSynchronizerId {
    format!("{}::34-1", uid("sync")).parse().unwrap()
}

pub(crate) fn hosting(identifier: &str, permission: ParticipantPermission) -> HostingParticipant {
    HostingParticipant {
        participant: uid(identifier),
        permission,
        onboarding: false,
    }
}

/// One statement of every kind, in the order of their numbers.
pub(crate) fn mappings() -> [Mapping; 15] {
    let parameters = SynchronizerParameters {
        synchronizer: uid("sync"),
        parameters: Some(Box::from([1, 2])),
    };
    let signing_keys = SigningKeysWithThreshold::try_new(keys([2, 3]), 1).unwrap();
    [
        Mapping::NamespaceDelegation(
            NamespaceDelegation::try_new(
                key(1).fingerprint().into(),
                key(2),
                Restriction::AllMappings,
            )
            .unwrap(),
        ),
        Mapping::DecentralizedNamespaceDefinition(
            DecentralizedNamespaceDefinition::try_new(
                key(9).fingerprint().into(),
                1,
                [key(1).fingerprint().into()].into(),
            )
            .unwrap(),
        ),
        Mapping::OwnerToKeyMapping(
            OwnerToKeyMapping::try_new(
                member(MemberCode::Participant, "node"),
                vec![PublicKey::Signing(key(2))],
            )
            .unwrap(),
        ),
        Mapping::SynchronizerTrustCertificate(SynchronizerTrustCertificate {
            participant: uid("node"),
            synchronizer: uid("sync"),
            feature_flags: vec![2],
        }),
        Mapping::ParticipantSynchronizerPermission(ParticipantSynchronizerPermission {
            synchronizer: uid("sync"),
            participant: uid("node"),
            permission: ParticipantPermission::Submission,
            limits: None,
            login_after: None,
        }),
        Mapping::PartyHostingLimits(PartyHostingLimits {
            synchronizer: uid("sync"),
            party: uid("party"),
        }),
        Mapping::VettedPackages(VettedPackages {
            participant: uid("node"),
            package_ids: Vec::new(),
            packages: Vec::new(),
        }),
        Mapping::PartyToParticipant(
            PartyToParticipant::try_new(
                uid("party"),
                1,
                vec![hosting("node", ParticipantPermission::Submission)],
                None,
            )
            .unwrap(),
        ),
        Mapping::SynchronizerParametersState(parameters.clone()),
        Mapping::MediatorSynchronizerState(MediatorSynchronizerState {
            synchronizer: uid("sync"),
            group: 7,
            threshold: 1,
            active: vec![uid("mediator")],
            observers: Vec::new(),
        }),
        Mapping::SequencerSynchronizerState(SequencerSynchronizerState {
            synchronizer: uid("sync"),
            threshold: 1,
            active: vec![uid("sequencer")],
            observers: Vec::new(),
        }),
        Mapping::DynamicSequencingParametersState(parameters),
        Mapping::PartyToKeyMapping(PartyToKeyMapping {
            party: uid("party"),
            signing_keys,
        }),
        Mapping::LsuAnnouncement(LsuAnnouncement {
            successor: successor(),
            upgrade_time: Timestamp::from_micros(5),
        }),
        Mapping::LsuSequencerConnectionSuccessor(LsuSequencerConnectionSuccessor {
            sequencer: uid("sequencer"),
            successor: successor(),
            connection: None,
        }),
    ]
}
