//! Listing follows Canton's filter rules (reference: vault-service, section 3, "Filters").

use strongroom_crypto::{Fingerprint, KeyPurpose, KeyUsage, KeyUsages};
use strongroom_vault::{KeyFilter, NewSigningKey, PublicKeyImport, Vault};

use crate::house::{House, caller, code, foreign_key, name, new_protocol_key};

/// The names of the keys that pass; a key without one is "-".
fn listed(vault: &Vault, filter: KeyFilter) -> Vec<String> {
    let keys = vault.list(&filter).unwrap();
    assert!(
        keys.is_sorted_by_key(|key| key.fingerprint()),
        "ordered by fingerprint"
    );
    let mut names: Vec<_> = keys
        .iter()
        .map(|key| {
            key.name
                .as_ref()
                .map_or("-".to_owned(), |name| name.as_str().to_owned())
        })
        .collect();
    names.sort();
    names
}

/// Keys of both purposes and several usages, with and without names, and a public key alone.
async fn furnished(house: &House) -> Vault {
    let vault = house.create().await;
    for (label, usages) in [
        (Some("node-namespace"), vec![KeyUsage::Namespace]),
        (
            Some("node-sequencer-auth"),
            vec![KeyUsage::SequencerAuthentication],
        ),
        (Some("node-signing"), vec![KeyUsage::Protocol]),
        (None, vec![KeyUsage::Namespace, KeyUsage::Protocol]),
    ] {
        let new = NewSigningKey {
            usages: KeyUsages::try_new(usages).unwrap(),
            name: label.and_then(name),
            ..new_protocol_key()
        };
        vault.generate_signing_key(&caller(), new).await.unwrap();
    }
    let new = strongroom_vault::NewEncryptionKey {
        spec: strongroom_crypto::EncryptionKeySpec::EcP256,
        name: name("node-encryption"),
    };
    vault.generate_encryption_key(&caller(), new).await.unwrap();
    let import = PublicKeyImport {
        public: foreign_key(50).public,
        name: name("somebody-signing"),
    };
    vault.import_public_key(&caller(), import).await.unwrap();
    vault
}

fn usages(usages: &[KeyUsage]) -> Option<KeyUsages> {
    Some(KeyUsages::any_of(usages))
}

const OWN: [&str; 5] = [
    "-",
    "node-encryption",
    "node-namespace",
    "node-sequencer-auth",
    "node-signing",
];

#[tokio::test]
async fn no_filter_lists_every_key_that_has_a_private_half() {
    let house = House::new();
    let vault = furnished(&house).await;
    assert_eq!(listed(&vault, KeyFilter::default()), OWN);
    let all = KeyFilter {
        public_only: true,
        ..KeyFilter::default()
    };
    let mut expected = OWN.to_vec();
    expected.push("somebody-signing");
    assert_eq!(listed(&vault, all), expected);
}

#[tokio::test]
async fn the_fingerprint_matches_exactly() {
    let house = House::new();
    let vault = furnished(&house).await;
    for key in vault.list(&KeyFilter::default()).unwrap() {
        let only = KeyFilter {
            fingerprint: Some(key.fingerprint()),
            ..KeyFilter::default()
        };
        let found = vault.list(&only).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].fingerprint(), key.fingerprint());
    }
    let unknown = KeyFilter {
        fingerprint: Some(Fingerprint::from_bytes([1; 32])),
        ..KeyFilter::default()
    };
    assert!(listed(&vault, unknown).is_empty());
}

#[tokio::test]
async fn the_name_is_a_substring_and_a_key_without_name_has_an_empty_one() {
    let house = House::new();
    let vault = furnished(&house).await;
    for (part, expected) in [
        ("", &OWN[..]),
        ("node-", &OWN[1..]),
        ("sign", &["node-signing"]),
        ("n-signing", &[]),
        ("Node", &[]),
    ] {
        let filter = KeyFilter {
            name: part.to_owned(),
            ..KeyFilter::default()
        };
        assert_eq!(listed(&vault, filter), expected, "{part:?}");
    }
}

#[tokio::test]
async fn any_of_the_purposes_matches() {
    let house = House::new();
    let vault = furnished(&house).await;
    for (purposes, expected) in [
        (vec![], 5),
        (vec![KeyPurpose::Signing], 4),
        (vec![KeyPurpose::Encryption], 1),
        (vec![KeyPurpose::Signing, KeyPurpose::Encryption], 5),
    ] {
        let filter = KeyFilter {
            purposes,
            ..KeyFilter::default()
        };
        assert_eq!(listed(&vault, filter.clone()).len(), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_usage_selects_signing_keys_and_keeps_encryption_keys() {
    use KeyUsage::{Namespace, ProofOfOwnership, Protocol, SequencerAuthentication};
    let house = House::new();
    let vault = furnished(&house).await;
    for (wanted, expected) in [
        (
            &[Namespace][..],
            &["-", "node-encryption", "node-namespace"][..],
        ),
        (&[Protocol], &["-", "node-encryption", "node-signing"]),
        (
            &[SequencerAuthentication, Protocol],
            &[
                "-",
                "node-encryption",
                "node-sequencer-auth",
                "node-signing",
            ],
        ),
        // Nearly every key has proof of ownership: it says nothing, so it selects nothing.
        (&[ProofOfOwnership], &["node-encryption"]),
        (
            &[ProofOfOwnership, Namespace],
            &["-", "node-encryption", "node-namespace"],
        ),
    ] {
        let filter = KeyFilter {
            usages: usages(wanted),
            ..KeyFilter::default()
        };
        assert_eq!(listed(&vault, filter), expected, "{wanted:?}");
        let signing = KeyFilter {
            usages: usages(wanted),
            purposes: vec![KeyPurpose::Signing],
            ..KeyFilter::default()
        };
        let expected: Vec<_> = expected
            .iter()
            .filter(|name| **name != "node-encryption")
            .collect();
        assert_eq!(listed(&vault, signing).iter().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn encryption_keys_cannot_be_asked_for_by_usage() {
    let house = House::new();
    let vault = furnished(&house).await;
    for purposes in [
        vec![KeyPurpose::Encryption],
        vec![KeyPurpose::Signing, KeyPurpose::Encryption],
    ] {
        let filter = KeyFilter {
            purposes,
            usages: usages(&[KeyUsage::Protocol]),
            ..KeyFilter::default()
        };
        let error = vault.list(&filter).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot specify a usage when listing encryption keys"
        );
        assert_eq!(code(Err::<(), _>(error)), "USAGE_OF_ENCRYPTION_KEYS");
    }
}

#[tokio::test]
async fn every_filter_that_is_set_must_match() {
    let house = House::new();
    let vault = furnished(&house).await;
    let filter = KeyFilter {
        name: "node".to_owned(),
        purposes: vec![KeyPurpose::Signing],
        usages: usages(&[KeyUsage::Namespace]),
        public_only: true,
        ..KeyFilter::default()
    };
    assert_eq!(listed(&vault, filter.clone()), ["node-namespace"]);
    let other = KeyFilter {
        name: "signing".to_owned(),
        usages: usages(&[KeyUsage::Protocol]),
        public_only: true,
        ..filter
    };
    assert_eq!(listed(&vault, other), ["node-signing", "somebody-signing"]);
}

#[tokio::test]
async fn names_are_not_unique() {
    let house = House::new();
    let vault = house.create().await;
    for _ in 0..2 {
        let new = NewSigningKey {
            name: name("twin"),
            ..new_protocol_key()
        };
        vault.generate_signing_key(&caller(), new).await.unwrap();
    }
    assert_eq!(listed(&vault, KeyFilter::default()), ["twin", "twin"]);
}
