//! Delegations and decentralized namespaces.

use std::collections::BTreeSet;

use strongroom_crypto::{HashBuilder, HashPurpose, KeyUsage};
use strongroom_errors::Coded;
use strongroom_topology::{
    DecentralizedNamespaceDefinition, MappingCode, MappingError, Namespace, NamespaceDelegation,
    Restriction,
};

use crate::support::{key, key_for};

fn specific(codes: &[MappingCode]) -> Restriction {
    Restriction::SpecificMappings(codes.iter().copied().collect())
}

fn root() -> Namespace {
    key(1).fingerprint().into()
}

#[test]
fn a_restriction_allows_what_it_says() {
    for code in MappingCode::ALL {
        let is_delegation = code == MappingCode::NamespaceDelegation;
        assert!(Restriction::AllMappings.can_sign(code));
        assert_eq!(
            Restriction::AllButNamespaceDelegations.can_sign(code),
            !is_delegation
        );
        assert!(specific(&[code]).can_sign(code));
        let others = MappingCode::ALL
            .into_iter()
            .filter(|other| *other != code)
            .collect();
        assert!(!Restriction::SpecificMappings(others).can_sign(code));
    }
}

#[test]
fn a_delegation_for_nothing_is_refused() {
    let made = NamespaceDelegation::try_new(root(), key(2), specific(&[]));
    assert_eq!(made, Err(MappingError::NoMappings));
}

#[test]
fn the_target_must_be_able_to_sign_for_a_namespace() {
    let target = key_for(2, &[KeyUsage::Protocol]);
    let error =
        NamespaceDelegation::try_new(root(), target.clone(), Restriction::AllMappings).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "The key {} must include a namespace usage.",
            target.fingerprint()
        )
    );
    assert!(MappingError::CODES.contains(&error.code()));
    let target = key_for(2, &[KeyUsage::Namespace, KeyUsage::Protocol]);
    assert!(NamespaceDelegation::try_new(root(), target, Restriction::AllMappings).is_ok());
}

#[test]
fn the_root_must_be_allowed_to_delegate() {
    let expected = format!(
        "Root certificate for {} needs to be be able to sign other NamespaceDelegations",
        root()
    );
    for restriction in [
        Restriction::AllButNamespaceDelegations,
        specific(&[MappingCode::OwnerToKeyMapping]),
    ] {
        let error = NamespaceDelegation::try_new(root(), key(1), restriction.clone()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        // Any other key may be as restricted as one likes.
        assert!(NamespaceDelegation::try_new(root(), key(2), restriction).is_ok());
    }
    for restriction in [
        Restriction::AllMappings,
        specific(&[MappingCode::NamespaceDelegation]),
    ] {
        let made = NamespaceDelegation::try_new(root(), key(1), restriction.clone()).unwrap();
        assert!(made.targets_root());
        assert_eq!(
            (made.namespace(), made.target(), made.restriction()),
            (&root(), &key(1), &restriction)
        );
    }
    let other = NamespaceDelegation::try_new(root(), key(2), Restriction::AllMappings).unwrap();
    assert!(!other.targets_root());
}

fn owners(seeds: &[u8]) -> BTreeSet<Namespace> {
    seeds
        .iter()
        .map(|seed| key(*seed).fingerprint().into())
        .collect()
}

#[test]
fn the_threshold_of_owners_lies_between_one_and_their_number() {
    let define = |threshold| {
        DecentralizedNamespaceDefinition::try_new(root(), threshold, owners(&[2, 3, 4]))
    };
    for threshold in 1..=3 {
        let defined = define(threshold).unwrap();
        assert_eq!(defined.threshold(), usize::try_from(threshold).unwrap());
        assert_eq!(
            (defined.namespace(), defined.owners()),
            (&root(), &owners(&[2, 3, 4]))
        );
    }
    for threshold in [i32::MIN, -1, 0, 4, i32::MAX] {
        assert_eq!(
            define(threshold).unwrap_err().to_string(),
            format!(
                "Invalid threshold ({threshold}) for {} with 3 owners",
                root()
            )
        );
    }
}

#[test]
fn a_decentralized_namespace_has_an_owner() {
    let made = DecentralizedNamespaceDefinition::try_new(root(), 1, BTreeSet::new());
    assert_eq!(made, Err(MappingError::NoOwners));
}

#[test]
fn a_decentralized_namespace_is_a_hash_of_its_owners_sorted() {
    let mut texts: Vec<String> = [4, 2, 3]
        .iter()
        .map(|seed| key(*seed).fingerprint().to_string())
        .collect();
    texts.sort_unstable();
    // Written out: the purpose, and each text behind its length.
    let mut input = 37_i32.to_be_bytes().to_vec();
    for text in &texts {
        input.extend_from_slice(&68_i32.to_be_bytes());
        input.extend_from_slice(text.as_bytes());
    }
    let expected = HashBuilder::without_purpose().raw(&input).finish();
    let derived = DecentralizedNamespaceDefinition::derive_namespace(&owners(&[3, 4, 2]));
    assert_eq!(derived.to_string(), expected.to_string());
    assert_eq!(HashPurpose::DecentralizedNamespace.id(), 37);
    assert_ne!(
        derived,
        DecentralizedNamespaceDefinition::derive_namespace(&owners(&[3, 4]))
    );
}
