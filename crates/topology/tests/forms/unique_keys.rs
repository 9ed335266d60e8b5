//! What a mapping is about: reference, topology, section 7, computed here a second time from its table.

use std::collections::BTreeSet;

use strongroom_crypto::HashBuilder;
use strongroom_topology::{
    Mapping, MappingCode, MediatorSynchronizerState, MemberCode, OwnerToKeyMapping, UniqueKey,
};

use crate::support::{key, mappings, member, uid};

/// What the hash is fed behind the purpose and in front of the code.
enum Part {
    Text(String),
    Int(i32),
}

fn texts<const N: usize>(texts: [String; N]) -> Vec<Part> {
    texts.into_iter().map(Part::Text).collect()
}

/// The table of the reference for the statements of `mappings`.
fn parts(code: MappingCode) -> Vec<Part> {
    let sync = || uid("sync").to_string();
    let node = || format!("PAR::{}", uid("node"));
    match code {
        MappingCode::NamespaceDelegation => texts([
            key(1).fingerprint().to_string(),
            key(2).fingerprint().to_string(),
        ]),
        MappingCode::DecentralizedNamespaceDefinition => texts([key(9).fingerprint().to_string()]),
        MappingCode::OwnerToKeyMapping => texts([uid("node").to_string()]),
        MappingCode::SynchronizerTrustCertificate => texts([node(), sync()]),
        MappingCode::ParticipantPermission => texts([sync(), node()]),
        MappingCode::PartyHostingLimits => texts([sync(), uid("party").to_string()]),
        MappingCode::VettedPackages => texts([node()]),
        MappingCode::PartyToParticipant | MappingCode::PartyToKeyMapping => {
            texts([uid("party").to_string()])
        }
        MappingCode::SynchronizerParametersState
        | MappingCode::SequencerSynchronizerState
        | MappingCode::SequencingDynamicParametersState
        | MappingCode::LsuAnnouncement => texts([sync()]),
        MappingCode::MediatorSynchronizerState => vec![Part::Text(sync()), Part::Int(7)],
        MappingCode::SequencerConnectionSuccessor => texts([uid("sequencer").to_string(), sync()]),
    }
}

/// The bytes that are hashed, written out.
fn expected(code: MappingCode) -> [u8; 32] {
    let mut input = 43_i32.to_be_bytes().to_vec();
    for part in parts(code) {
        match part {
            Part::Text(text) => {
                input.extend_from_slice(&i32::try_from(text.len()).unwrap().to_be_bytes());
                input.extend_from_slice(text.as_bytes());
            }
            Part::Int(number) => input.extend_from_slice(&number.to_be_bytes()),
        }
    }
    input.extend_from_slice(&i32::from(code.number()).to_be_bytes());
    *HashBuilder::without_purpose()
        .raw(&input)
        .finish()
        .as_bytes()
}

#[test]
fn a_unique_key_covers_the_fields_of_the_table_and_then_the_code() {
    for mapping in mappings() {
        let code = mapping.code();
        assert_eq!(mapping.unique_key().as_bytes(), &expected(code), "{code}");
    }
}

#[test]
fn the_unique_key_can_be_told_without_the_mapping() {
    let node = uid("node");
    let (party, sync) = (uid("party"), uid("sync"));
    let root = key(1).fingerprint().into();
    let check = |found: UniqueKey, code| assert_eq!(found.as_bytes(), &expected(code), "{code}");
    check(
        UniqueKey::owner_to_key(&node),
        MappingCode::OwnerToKeyMapping,
    );
    check(
        UniqueKey::namespace_delegation(&root, &key(2).fingerprint()),
        MappingCode::NamespaceDelegation,
    );
    check(
        UniqueKey::decentralized_namespace(&key(9).fingerprint().into()),
        MappingCode::DecentralizedNamespaceDefinition,
    );
    check(
        UniqueKey::party_to_participant(&party),
        MappingCode::PartyToParticipant,
    );
    check(
        UniqueKey::party_to_key(&party),
        MappingCode::PartyToKeyMapping,
    );
    check(
        UniqueKey::trust_certificate(&node, &sync),
        MappingCode::SynchronizerTrustCertificate,
    );
}

#[test]
fn statements_of_different_kinds_never_share_a_unique_key() {
    let all: BTreeSet<_> = mappings().iter().map(Mapping::unique_key).collect();
    assert_eq!(all.len(), 15);
}

#[test]
fn a_node_has_one_mapping_of_keys_whatever_kind_of_node_it_is() {
    let of = |code| {
        let keys = vec![strongroom_crypto::PublicKey::Signing(key(2))];
        let mapping = OwnerToKeyMapping::try_new(member(code, "node"), keys).unwrap();
        Mapping::OwnerToKeyMapping(mapping).unique_key()
    };
    assert_eq!(of(MemberCode::Participant), of(MemberCode::Sequencer));
    assert_eq!(of(MemberCode::Participant), of(MemberCode::Mediator));
}

#[test]
fn each_group_of_mediators_is_a_thing_of_its_own() {
    let of = |group| {
        let state = MediatorSynchronizerState {
            synchronizer: uid("sync"),
            group,
            threshold: 1,
            active: Vec::new(),
            observers: Vec::new(),
        };
        Mapping::MediatorSynchronizerState(state).unique_key()
    };
    let groups: BTreeSet<_> = [0, 1, 7, i32::MAX.cast_unsigned(), u32::MAX].map(of).into();
    assert_eq!(groups.len(), 5);
    assert_eq!(
        of(7).as_bytes(),
        &expected(MappingCode::MediatorSynchronizerState)
    );
}

#[test]
fn a_unique_key_is_shown_as_a_hash() {
    let [first, ..] = mappings();
    let text = first.unique_key().to_string();
    assert!(text.starts_with("1220") && text.len() == 68, "{text}");
}
