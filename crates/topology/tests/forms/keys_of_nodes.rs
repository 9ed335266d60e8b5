//! The keys of a node.

use strongroom_crypto::PublicKey;
use strongroom_topology::{MAX_KEYS, MappingError, MemberCode, OwnerToKeyMapping};

use crate::support::{encryption_key, key, keys, member};

fn signing(seeds: impl IntoIterator<Item = u8>) -> Vec<PublicKey> {
    keys(seeds).into_iter().map(PublicKey::Signing).collect()
}

fn mapping(keys: Vec<PublicKey>) -> Result<OwnerToKeyMapping, MappingError> {
    OwnerToKeyMapping::try_new(member(MemberCode::Sequencer, "node"), keys)
}

#[test]
fn a_node_has_at_least_one_key() {
    assert_eq!(mapping(Vec::new()), Err(MappingError::NoKeys));
}

#[test]
fn the_twenty_first_key_is_refused() {
    assert_eq!(MAX_KEYS, 20);
    assert_eq!(mapping(signing(1..=20)).unwrap().keys().len(), 20);
    let error = mapping(signing(1..=21)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "At most 20 key(s) can be specified, got 21."
    );
    let full = mapping(signing(1..=20)).unwrap();
    assert_eq!(full.with_key(PublicKey::Signing(key(21))), Err(error));
}

#[test]
fn every_key_that_stands_there_twice_is_named_once() {
    let error = mapping(signing([3, 2, 3, 4, 2, 3])).unwrap_err();
    let mut twice = [2, 3].map(|seed| key(seed).fingerprint().to_string());
    twice.sort_unstable();
    assert_eq!(
        error.to_string(),
        format!(
            "All keys must be unique. Duplicate keys: {}",
            twice.join(", ")
        )
    );
}

#[test]
fn keys_keep_their_order_and_are_told_apart_by_purpose() {
    let encryption = PublicKey::Encryption(encryption_key());
    let mut all = signing([9, 2, 5]);
    all.insert(1, encryption.clone());
    let mapping = mapping(all.clone()).unwrap();
    assert_eq!(mapping.keys(), all);
    assert!(mapping.signing_keys().eq(&keys([9, 2, 5])));
    assert!(mapping.encryption_keys().eq([&encryption_key()]));
    assert_eq!(mapping.member(), &member(MemberCode::Sequencer, "node"));
    assert!(mapping.contains(&key(5).fingerprint()) && !mapping.contains(&key(6).fingerprint()));
}

#[test]
fn a_key_is_added_behind_the_others_and_taken_from_its_place() {
    let mapping = mapping(signing([9, 2])).unwrap();
    let added = mapping.with_key(PublicKey::Signing(key(5))).unwrap();
    assert_eq!(added.keys(), signing([9, 2, 5]));
    assert_eq!(
        mapping.with_key(PublicKey::Signing(key(9))),
        Err(MappingError::DuplicateKeys {
            keys: vec![key(9).fingerprint()]
        })
    );

    let removed = added.without_key(&key(2).fingerprint()).unwrap().unwrap();
    assert_eq!(removed.keys(), signing([9, 5]));
    assert_eq!(
        removed.without_key(&key(2).fingerprint()),
        Err(MappingError::KeyNotInMapping {
            key: key(2).fingerprint()
        })
    );
    let last = removed.without_key(&key(5).fingerprint()).unwrap().unwrap();
    assert_eq!(last.without_key(&key(9).fingerprint()), Ok(None));
}
