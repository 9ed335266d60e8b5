//! Each broken field has its error.

use strongroom_errors::Coded;
use strongroom_proto::{
    ProtoError,
    topology::{
        decode_transaction,
        v30::{self, topology_mapping::Mapping as Wire},
    },
    v30 as crypto,
};

use crate::support::{chain, wrap};
use crate::topology::samples::{
    bytes, delegation, fingerprint, key_message, message, owner_to_key, party_to_participant, time,
    uid, wires,
};

fn refused(bytes: &[u8]) -> ProtoError {
    decode_transaction(bytes).unwrap_err()
}

/// Both the text and the code of the error.
fn check(mapping: Wire, code: &str, text: &str) {
    let error = refused(&bytes(mapping));
    assert_eq!((chain(&error).as_str(), error.code().name()), (text, code));
}

const IDENTIFIER: &str = "TOPOLOGY_IDENTIFIER_INVALID";
const MAPPING: &str = "TOPOLOGY_INVALID_MAPPING";
const NOT_SET: &str = "PROTO_FIELD_NOT_SET";
const UNRECOGNIZED: &str = "PROTO_ENUM_UNRECOGNIZED";

#[test]
fn a_transaction_has_an_operation_a_serial_and_a_mapping() {
    let check = |change: fn(&mut v30::TopologyTransaction), code: &str, text: &str| {
        let mut message = message(Wire::NamespaceDelegation(delegation()));
        change(&mut message);
        let error = refused(&wrap(&message));
        assert_eq!((chain(&error).as_str(), error.code().name()), (text, code));
    };
    check(
        |it| it.operation = 0,
        NOT_SET,
        "operation of TopologyTransaction is not set",
    );
    check(
        |it| it.operation = 3,
        UNRECOGNIZED,
        "operation of TopologyTransaction has the unknown value 3",
    );
    check(
        |it| it.operation = -1,
        UNRECOGNIZED,
        "operation of TopologyTransaction has the unknown value -1",
    );
    check(
        |it| it.serial = 0,
        MAPPING,
        "the content of TopologyTransaction was refused: the serial must be between 1 and 2147483647, got 0",
    );
    check(
        |it| it.serial = 2_147_483_648,
        MAPPING,
        "the content of TopologyTransaction was refused: the serial must be between 1 and 2147483647, got 2147483648",
    );
    check(
        |it| it.mapping = None,
        NOT_SET,
        "mapping of TopologyTransaction is not set",
    );
    check(
        |it| it.mapping = Some(v30::TopologyMapping { mapping: None }),
        NOT_SET,
        "mapping of TopologyMapping is not set",
    );
}

#[test]
fn a_mapping_in_a_field_that_the_contract_does_not_have_is_no_mapping() {
    // Fields 2, 10, 14 and 19 of the mapping, each a message.
    for number in [2, 10, 14, 19] {
        let mapping = crate::topology::samples::field(number, b"");
        let mut transaction = vec![0x08, 1, 0x10, 1];
        transaction.extend(crate::topology::samples::field(3, &mapping));
        let wrapped = strongroom_proto::versioned::wrap_message(&transaction);
        assert_eq!(
            chain(&refused(&wrapped)),
            "mapping of TopologyMapping is not set"
        );
    }
}

#[test]
fn every_kind_of_mapping_needs_its_names() {
    // Each kind, emptied: what is complained about first.
    let expected = [
        "target_key of NamespaceDelegation is not set",
        "decentralized_namespace of DecentralizedNamespaceDefinition is not a name on the ledger: Fingerprint decoding of `` failed with: it is empty",
        "member of OwnerToKeyMapping is not a name on the ledger: `` is not a member: PAR, SEQ or MED, then `::`, then its unique identifier",
        "participant_uid of SynchronizerTrustCertificate is not a name on the ledger: EMPTY",
        "synchronizer_id of ParticipantSynchronizerPermission is not a name on the ledger: EMPTY",
        "synchronizer_id of PartyHostingLimits is not a name on the ledger: EMPTY",
        "participant_uid of VettedPackages is not a name on the ledger: EMPTY",
        "party of PartyToParticipant is not a name on the ledger: EMPTY",
        "synchronizer_id of SynchronizerParametersState is not a name on the ledger: EMPTY",
        "synchronizer_id of MediatorSynchronizerState is not a name on the ledger: EMPTY",
        "synchronizer_id of SequencerSynchronizerState is not a name on the ledger: EMPTY",
        "synchronizer_id of DynamicSequencingParametersState is not a name on the ledger: EMPTY",
        "party of PartyToKeyMapping is not a name on the ledger: EMPTY",
        "successor_physical_synchronizer_id of LsuAnnouncement is not a name on the ledger: `` is not a physical synchronizer: NAME::NAMESPACE::VERSION-SERIAL",
        "sequencer_id of LsuSequencerConnectionSuccessor is not a name on the ledger: EMPTY",
    ];
    let empty = "Empty string is not a valid unique identifier.";
    for (wire, expected) in wires().into_iter().zip(expected) {
        let error = refused(&bytes(emptied(wire)));
        let expected = expected.replace("EMPTY", empty);
        assert_eq!(chain(&error), expected);
    }
}

/// The message without any field, of the same kind.
fn emptied(wire: Wire) -> Wire {
    match wire {
        Wire::NamespaceDelegation(_) => Wire::NamespaceDelegation(Default::default()),
        Wire::DecentralizedNamespaceDefinition(_) => {
            Wire::DecentralizedNamespaceDefinition(Default::default())
        }
        Wire::OwnerToKeyMapping(_) => Wire::OwnerToKeyMapping(Default::default()),
        Wire::SynchronizerTrustCertificate(_) => {
            Wire::SynchronizerTrustCertificate(Default::default())
        }
        Wire::ParticipantPermission(_) => Wire::ParticipantPermission(Default::default()),
        Wire::PartyHostingLimits(_) => Wire::PartyHostingLimits(Default::default()),
        Wire::VettedPackages(_) => Wire::VettedPackages(Default::default()),
        Wire::PartyToParticipant(_) => Wire::PartyToParticipant(Default::default()),
        Wire::SynchronizerParametersState(_) => {
            Wire::SynchronizerParametersState(Default::default())
        }
        Wire::MediatorSynchronizerState(_) => Wire::MediatorSynchronizerState(Default::default()),
        Wire::SequencerSynchronizerState(_) => Wire::SequencerSynchronizerState(Default::default()),
        Wire::SequencingDynamicParametersState(_) => {
            Wire::SequencingDynamicParametersState(Default::default())
        }
        Wire::PartyToKeyMapping(_) => Wire::PartyToKeyMapping(Default::default()),
        Wire::SynchronizerUpgradeAnnouncement(_) => {
            Wire::SynchronizerUpgradeAnnouncement(Default::default())
        }
        Wire::SequencerConnectionSuccessor(_) => {
            Wire::SequencerConnectionSuccessor(Default::default())
        }
    }
}

#[test]
fn a_delegation_names_a_namespace_and_a_key() {
    let check = |change: fn(&mut v30::NamespaceDelegation), code: &str, text: &str| {
        let mut message = delegation();
        change(&mut message);
        check(Wire::NamespaceDelegation(message), code, text);
    };
    check(
        |it| it.namespace.clear(),
        IDENTIFIER,
        "namespace of NamespaceDelegation is not a name on the ledger: Fingerprint decoding of `` failed with: it is empty",
    );
    check(
        |it| it.target_key = None,
        NOT_SET,
        "target_key of NamespaceDelegation is not set",
    );
    check(
        |it| it.target_key = Some(Default::default()),
        NOT_SET,
        "format of SigningPublicKey is not set",
    );
}

#[test]
fn the_keys_of_a_node_are_one_to_twenty_and_different() {
    let keys = |seeds: &[u8]| {
        let key = |seed: &u8| crypto::PublicKey {
            key: Some(crypto::public_key::Key::SigningPublicKey(key_message(
                *seed,
            ))),
        };
        Wire::OwnerToKeyMapping(owner_to_key(seeds.iter().map(key).collect()))
    };
    let refused = "the content of OwnerToKeyMapping was refused";
    check(
        keys(&[]),
        MAPPING,
        &format!("{refused}: at least one key must be specified"),
    );
    let twice = fingerprint(2);
    check(
        keys(&[2, 3, 2]),
        MAPPING,
        &format!("{refused}: All keys must be unique. Duplicate keys: {twice}"),
    );
    let seeds: Vec<u8> = (1..=21).collect();
    check(
        keys(&seeds),
        MAPPING,
        &format!("{refused}: At most 20 key(s) can be specified, got 21."),
    );
    assert!(decode_transaction(&bytes(keys(&seeds[..20]))).is_ok());
    check(
        Wire::OwnerToKeyMapping(owner_to_key(vec![crypto::PublicKey { key: None }])),
        NOT_SET,
        "key of PublicKey is not set",
    );
}

#[test]
fn a_decentralized_namespace_has_owners_and_a_threshold_that_they_can_reach() {
    let check = |threshold, owners: &[u8], text: &str| {
        let message = v30::DecentralizedNamespaceDefinition {
            decentralized_namespace: fingerprint(9),
            threshold,
            owners: owners.iter().map(|seed| fingerprint(*seed)).collect(),
        };
        let text = format!("the content of DecentralizedNamespaceDefinition was refused: {text}");
        check(
            Wire::DecentralizedNamespaceDefinition(message),
            MAPPING,
            &text,
        );
    };
    let invalid = |threshold: i32, owners: usize| {
        let namespace = fingerprint(9);
        format!("Invalid threshold ({threshold}) for {namespace} with {owners} owners")
    };
    check(
        1,
        &[],
        "a decentralized namespace must have at least one owner",
    );
    check(0, &[1], &invalid(0, 1));
    check(-1, &[1], &invalid(-1, 1));
    // An owner named twice is one owner.
    check(2, &[1, 1], &invalid(2, 1));
}

#[test]
fn the_keys_of_a_party_are_one_to_twenty_with_a_threshold() {
    let check = |seeds: &[u8], threshold, text: &str| {
        let keys: Vec<_> = seeds.iter().map(|seed| key_message(*seed)).collect();
        let mut message = party_to_participant();
        message.party_signing_keys = Some(crypto::SigningKeysWithThreshold {
            keys: keys.clone(),
            threshold,
        });
        check(
            Wire::PartyToParticipant(message),
            MAPPING,
            &format!("the content of PartyToParticipant was refused: {text}"),
        );
        let message = v30::PartyToKeyMapping {
            party: uid("party"),
            threshold,
            signing_keys: keys,
        };
        check(
            Wire::PartyToKeyMapping(message),
            MAPPING,
            &format!("the content of PartyToKeyMapping was refused: {text}"),
        );
    };
    check(&[], 1, "at least one key must be specified");
    check(&[1], 0, "the signing threshold must be at least 1, got 0");
    let seeds: Vec<u8> = (1..=21).collect();
    check(&seeds, 1, "At most 20 key(s) can be specified, got 21.");
}

#[test]
fn the_hosts_of_a_party_have_names_and_permissions() {
    let check = |change: fn(&mut v30::PartyToParticipant), code: &str, text: &str| {
        let mut message = party_to_participant();
        change(&mut message);
        check(Wire::PartyToParticipant(message), code, text);
    };
    check(
        |it| it.threshold = 0,
        MAPPING,
        "the content of PartyToParticipant was refused: the confirming threshold must be at least 1, got 0",
    );
    check(
        |it| it.participants[1].permission = 0,
        NOT_SET,
        "permission of HostingParticipant is not set",
    );
    check(
        |it| it.participants[1].permission = 4,
        UNRECOGNIZED,
        "permission of HostingParticipant has the unknown value 4",
    );
    check(
        |it| it.participants[1].participant_uid = "SEQ".to_owned(),
        IDENTIFIER,
        "participant_uid of HostingParticipant is not a name on the ledger: Invalid unique identifier `SEQ` with missing namespace.",
    );
    check(
        |it| it.participants[1].participant_uid = "PAR::a::b::c".to_owned(),
        IDENTIFIER,
        "participant_uid of HostingParticipant is not a name on the ledger: String contains reserved delimiter `::`.",
    );
}

#[test]
fn the_announcement_of_an_upgrade_needs_a_time_in_microseconds() {
    let announce = |upgrade_time| {
        Wire::SynchronizerUpgradeAnnouncement(v30::LsuAnnouncement {
            successor_physical_synchronizer_id: crate::topology::samples::successor(),
            upgrade_time,
        })
    };
    check(
        announce(None),
        NOT_SET,
        "upgrade_time of LsuAnnouncement is not set",
    );
    for broken in [
        time(0, 1),
        time(0, 999),
        time(0, 1_500),
        time(0, -1_000),
        time(0, 1_000_000_000),
        time(0, i32::MIN),
        time(i64::MAX, 0),
        time(i64::MIN, 0),
        // The second fits, and what comes on top of it does not.
        time(9_223_372_036_854, 999_999_000),
    ] {
        check(
            announce(Some(broken)),
            "PROTO_TIME_INVALID",
            "upgrade_time of LsuAnnouncement is not a time in microseconds",
        );
    }
    for fitting in [
        time(0, 0),
        time(-1, 999_999_000),
        time(9_223_372_036_854, 775_807_000),
        time(-9_223_372_036_854, 0),
    ] {
        assert!(decode_transaction(&bytes(announce(Some(fitting)))).is_ok());
    }
}
