//! Every kind of mapping: read, kept, written again.

use prost::Message;
use strongroom_crypto::{PublicKey, Timestamp};
use strongroom_proto::{
    topology::{decode_transaction, encode_transaction, v30::topology_mapping::Mapping as Wire},
    v30 as crypto,
};
use strongroom_topology::{
    Draft, Mapping, MappingCode, Operation, ParticipantPermission, PartyToParticipant,
    ProtocolVersion, Serial,
};

use crate::support::{P256, inside, sample};
use crate::topology::samples::{
    bytes, key, key_message, message, owner_to_key, party_to_participant, uid, wires,
};

fn read(mapping: Wire) -> Mapping {
    let transaction = decode_transaction(&bytes(mapping)).unwrap();
    transaction.mapping().clone()
}

/// Reference, topology, section 4.1: the field that holds a mapping, and its code.
const FIELDS: [(u8, u8); 15] = [
    (1, 1),
    (3, 3),
    (4, 4),
    (5, 5),
    (6, 6),
    (7, 7),
    (8, 8),
    (9, 9),
    (11, 11),
    (12, 12),
    (13, 13),
    (15, 17),
    (16, 18),
    (17, 19),
    (18, 20),
];

#[test]
fn every_kind_of_mapping_stands_in_the_field_of_the_contract() {
    for ((field, code), wire) in FIELDS.into_iter().zip(wires()) {
        let encoded = message(wire.clone()).mapping.unwrap().encode_to_vec();
        // The tag: up to two bytes of a base-128 integer.
        let (tag, _length) = match *encoded.as_slice() {
            [low, high, ..] if low >= 0x80 => (u32::from(low & 0x7f) | u32::from(high) << 7, 2),
            [low, ..] => (u32::from(low), 1),
            [] => panic!("nothing was written"),
        };
        assert_eq!(tag, u32::from(field) << 3 | 2);
        assert_eq!(read(wire).code().number(), code);
    }
}

#[test]
fn every_kind_of_mapping_survives_in_the_bytes_that_canton_writes() {
    for (code, wire) in MappingCode::ALL.into_iter().zip(wires()) {
        let received = bytes(wire);
        let read = decode_transaction(&received).unwrap();
        assert_eq!(read.mapping().code(), code);
        assert_eq!(read.bytes(), received);

        let draft = Draft {
            operation: read.operation(),
            serial: read.serial(),
            mapping: read.mapping().clone(),
        };
        let written = encode_transaction(draft.clone());
        assert_eq!(written.bytes(), received, "{code}");
        assert_eq!(written.hash(), read.hash());
        assert_eq!(written.mapping(), &draft.mapping);
        // And by another decoder.
        assert_eq!(inside(written.bytes()), inside(&received));
    }
}

#[test]
fn operation_and_serial_survive() {
    for (number, operation) in [(1, Operation::AddReplace), (2, Operation::Remove)] {
        for serial in [1, 2, 2_147_483_647] {
            for wire in wires() {
                let mut message = message(wire);
                (message.operation, message.serial) = (number, serial);
                let read = decode_transaction(&crate::support::wrap(&message)).unwrap();
                assert_eq!(read.operation(), operation);
                assert_eq!(read.serial(), Serial::try_new(serial).unwrap());
            }
        }
    }
}

#[test]
fn the_keys_of_a_node_keep_their_order() {
    let keys = [
        PublicKey::Signing(key(9)),
        sample(P256).public.clone(),
        PublicKey::Signing(key(2)),
    ];
    let wire = owner_to_key(keys.iter().map(Into::into).collect());
    let Mapping::OwnerToKeyMapping(mapping) = read(Wire::OwnerToKeyMapping(wire)) else {
        panic!("keys of a node expected")
    };
    assert_eq!(mapping.keys(), keys);
    assert_eq!(
        mapping.member().to_string(),
        format!("SEQ::{}", uid("node"))
    );
}

fn party(
    change: impl FnOnce(&mut strongroom_proto::topology::v30::PartyToParticipant),
) -> PartyToParticipant {
    let mut wire = party_to_participant();
    change(&mut wire);
    match read(Wire::PartyToParticipant(wire)) {
        Mapping::PartyToParticipant(mapping) => mapping,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_hosts_of_a_party_keep_their_order_and_say_who_is_being_taken_on() {
    let read: Vec<_> = party(|_| {})
        .participants()
        .iter()
        .map(|it| {
            (
                it.participant.identifier().to_owned(),
                it.permission,
                it.onboarding,
            )
        })
        .collect();
    let expected = [
        ("b", ParticipantPermission::Submission, false),
        ("a", ParticipantPermission::Confirmation, true),
        ("c", ParticipantPermission::Observation, false),
    ];
    assert_eq!(
        read,
        expected.map(|(name, permission, onboarding)| (name.to_owned(), permission, onboarding))
    );
}

#[test]
fn the_code_of_a_participant_may_stand_in_front_of_its_name() {
    let bare = party(|_| {});
    let with_code = party(|wire| {
        for it in &mut wire.participants {
            it.participant_uid = format!("PAR::{}", it.participant_uid);
        }
    });
    assert_eq!(bare, with_code);
    // A participant may itself be called PAR.
    let called = party(|wire| {
        wire.participants.truncate(1);
        for it in &mut wire.participants {
            it.participant_uid = uid("PAR");
        }
    });
    let names: Vec<_> = called
        .participants()
        .iter()
        .map(|it| it.participant.to_string())
        .collect();
    assert_eq!(names, [uid("PAR")]);
}

#[test]
fn the_key_of_a_party_that_is_its_root_authorizes_itself() {
    assert_eq!(party(|_| {}).self_authorizing_key(), Some(&key(1)));
    let other = party(|wire| {
        wire.party_signing_keys = Some(crypto::SigningKeysWithThreshold {
            keys: vec![key_message(2)],
            threshold: 1,
        });
    });
    assert_eq!(other.self_authorizing_key(), None);
    assert_eq!(
        party(|wire| wire.party_signing_keys = None).signing_keys(),
        None
    );
}

#[test]
fn keys_that_stand_there_twice_collapse_in_a_party_and_not_in_a_node() {
    let found = party(|wire| {
        wire.party_signing_keys = Some(crypto::SigningKeysWithThreshold {
            keys: vec![key_message(2), key_message(2), key_message(1)],
            threshold: 2,
        });
    });
    assert_eq!(found.signing_keys().unwrap().keys().len(), 2);
}

#[test]
fn the_opaque_parts_are_kept_as_bytes() {
    let parts: Vec<_> = wires()
        .into_iter()
        .filter_map(|wire| match read(wire) {
            Mapping::SynchronizerTrustCertificate(it) => Some(
                it.feature_flags
                    .iter()
                    .map(|it| it.to_le_bytes()[0])
                    .collect(),
            ),
            Mapping::ParticipantSynchronizerPermission(it) => {
                assert_eq!(it.login_after, Some(Timestamp::from_micros(-5)));
                it.limits.map(Vec::from)
            }
            Mapping::VettedPackages(it) => {
                assert_eq!(it.package_ids, ["one", "two"]);
                Some(it.packages.concat())
            }
            Mapping::SynchronizerParametersState(it)
            | Mapping::DynamicSequencingParametersState(it) => it.parameters.map(Vec::from),
            Mapping::LsuSequencerConnectionSuccessor(it) => it.connection.map(Vec::from),
            _ => None,
        })
        .collect();
    let expected: [&[u8]; 6] = [
        &[2, 1, 99],
        b"\x08\x05limits",
        b"\x0a\x03abc\xfa\x07\x01x",
        b"any bytes",
        b"",
        b"\x0a\x04host",
    ];
    assert_eq!(parts, expected);
}

#[test]
fn the_announcement_of_an_upgrade_names_what_comes_and_when() {
    let announced = wires().into_iter().find_map(|wire| match read(wire) {
        Mapping::LsuAnnouncement(it) => Some(it),
        _ => None,
    });
    let announced = announced.unwrap();
    assert_eq!(announced.upgrade_time, Timestamp::from_micros(-1));
    assert_eq!(
        announced.successor.protocol_version,
        ProtocolVersion::Number(35)
    );
}
