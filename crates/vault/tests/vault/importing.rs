//! Bringing keys in: what is there already is not made twice, and nothing is overwritten.

#[path = "importing/canton.rs"]
pub(crate) mod canton;

use std::sync::Arc;

use strongroom_crypto::{
    EncryptionKeySpec, KeyPurpose, KeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey,
    SecretBytes, SigningKeySpec, SystemRandom,
};
use strongroom_vault::{ImportedKey, PublicKeyImport, Vault};

use crate::house::{
    House, Picture, caller, check_signs, code, foreign_key, name, protocol, signing_key,
};

fn named(key: ImportedKey, label: &str) -> ImportedKey {
    ImportedKey {
        name: name(label),
        ..key
    }
}

fn public_half(key: &ImportedKey) -> PublicKeyImport {
    PublicKeyImport {
        public: key.public.clone(),
        name: key.name.clone(),
    }
}

async fn import(vault: &Vault, key: ImportedKey) -> Arc<strongroom_vault::KeyEntry> {
    vault.import_key(&caller(), key).await.unwrap()
}

#[tokio::test]
async fn an_imported_key_of_every_spec_works_before_and_after_reopening() {
    let house = House::new();
    let mut vault = house.create().await;
    let specs = SigningKeySpec::ALL
        .into_iter()
        .map(KeySpec::Signing)
        .chain(EncryptionKeySpec::ALL.into_iter().map(KeySpec::Encryption));
    let mut keys = Vec::new();
    for spec in specs {
        let private = PrivateKey::generate(spec, &SystemRandom).unwrap();
        let usages = (spec.purpose() == KeyPurpose::Signing).then(protocol);
        let public = private.public_key(usages).unwrap();
        let name = name(spec.name());
        let key = ImportedKey {
            private,
            public,
            name,
        };
        keys.push(import(&vault, key).await);
    }
    for _ in 0..2 {
        for key in &keys {
            let fingerprint = key.fingerprint();
            if key.usages().is_some() {
                check_signs(&vault, &fingerprint).await;
            } else {
                let encrypted = vault.encrypt(&fingerprint, b"message").unwrap();
                let opened = vault.decrypt(&encrypted).await.unwrap();
                assert_eq!(opened, SecretBytes::from_slice(b"message"));
            }
        }
        drop(vault);
        vault = house.open().await;
    }
}

#[tokio::test]
async fn importing_the_same_key_again_changes_nothing() {
    let house = House::new();
    let vault = house.create().await;
    import(&vault, named(foreign_key(1), "twice")).await;
    let public = public_half(&named(foreign_key(2), "half"));
    vault.import_public_key(&caller(), public).await.unwrap();
    let picture = Picture::of(&vault).await;
    import(&vault, named(foreign_key(1), "twice")).await;
    for (seed, label) in [(1, "twice"), (2, "half")] {
        let public = public_half(&named(foreign_key(seed), label));
        vault.import_public_key(&caller(), public).await.unwrap();
    }
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_key_that_is_there_under_another_name_is_refused() {
    let house = House::new();
    let vault = house.create().await;
    import(&vault, named(foreign_key(1), "first")).await;
    let picture = Picture::of(&vault).await;
    for other in [named(foreign_key(1), "second"), foreign_key(1)] {
        let public = public_half(&other);
        let refused = vault.import_public_key(&caller(), public).await;
        assert_eq!(code(refused), "KEY_EXISTS");
        let error = vault.import_key(&caller(), other).await.unwrap_err();
        let strongroom_vault::VaultError::KeyExists { existing_name, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(existing_name.as_deref(), Some("first"));
    }
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_key_that_is_there_with_other_usages_is_refused() {
    let house = House::new();
    let vault = house.create().await;
    let key = foreign_key(1);
    let namespace = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
    let other = ImportedKey {
        public: key.private.public_key(Some(namespace)).unwrap(),
        ..foreign_key(1)
    };
    import(&vault, key).await;
    let picture = Picture::of(&vault).await;
    assert_eq!(code(vault.import_key(&caller(), other).await), "KEY_EXISTS");
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_p256_signing_key_is_not_taken_for_encryption_as_well() {
    let house = House::new();
    let vault = house.create().await;
    let spec = KeySpec::Signing(SigningKeySpec::EcP256);
    let private = PrivateKey::generate(spec, &SystemRandom).unwrap();
    let pkcs8 = private.to_pkcs8().unwrap();
    let signing = ImportedKey {
        public: private.public_key(Some(protocol())).unwrap(),
        private,
        name: None,
    };
    let key = import(&vault, signing).await;
    let private = PrivateKey::from_file(&pkcs8, KeyPurpose::Encryption).unwrap();
    let encryption = ImportedKey {
        public: private.public_key(None).unwrap(),
        private,
        name: None,
    };
    assert_eq!(encryption.public.fingerprint(), key.fingerprint());
    let refused = vault.import_key(&caller(), encryption).await;
    assert_eq!(code(refused), "KEY_EXISTS");
    check_signs(&vault, &key.fingerprint()).await;
}

#[tokio::test]
async fn the_private_half_joins_a_public_key_that_was_there_alone() {
    let house = House::new();
    let vault = house.create().await;
    let key = named(foreign_key(1), "complete");
    let public = vault.import_public_key(&caller(), public_half(&key)).await;
    assert!(public.unwrap().private.is_none());
    let entry = import(&vault, key).await;
    assert!(entry.private.is_some());
    assert_eq!(vault.key_count(), 1);
    check_signs(&vault, &entry.fingerprint()).await;
    let picture = Picture::of(&vault).await;
    drop(vault);
    let vault = house.open().await;
    assert_eq!(Picture::of(&vault).await, picture);
    check_signs(&vault, &entry.fingerprint()).await;
}

#[tokio::test]
async fn halves_that_differ_are_refused() {
    let house = House::new();
    let vault = house.create().await;
    let picture = Picture::of(&vault).await;
    let mixed = ImportedKey {
        public: foreign_key(2).public,
        ..foreign_key(1)
    };
    assert_eq!(
        code(vault.import_key(&caller(), mixed).await),
        "KEY_HALVES_DIFFER"
    );
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_private_key_does_not_come_in_under_a_public_key_of_another_spec() {
    let house = House::new();
    let vault = house.create().await;
    let spec = KeySpec::Encryption(EncryptionKeySpec::EcP256);
    let other = PrivateKey::generate(spec, &SystemRandom).unwrap();
    let PublicKey::Encryption(_) = other.public_key(None).unwrap() else {
        panic!("an encryption key");
    };
    let mixed = ImportedKey {
        public: other.public_key(None).unwrap(),
        ..foreign_key(1)
    };
    let outcome = vault.import_key(&caller(), mixed).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert_eq!(vault.key_count(), 0);
}

#[tokio::test]
async fn importing_a_retired_key_again_does_not_revive_it() {
    let house = House::new();
    let vault = house.create().await;
    let key = import(&vault, foreign_key(1)).await.fingerprint();
    vault.retire_key(&caller(), &key).await.unwrap();
    import(&vault, foreign_key(1)).await;
    let refused = crate::house::sign(&vault, &key).await;
    assert_eq!(code(refused), "KEY_RETIRED");
}

#[tokio::test]
async fn a_generated_key_is_known_when_it_is_imported() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let form = strongroom_vault::ExportForm::Pkcs8Der;
    let exported = vault.export_key(&caller(), &key, &form).await.unwrap();
    let private = PrivateKey::from_file(&exported, KeyPurpose::Signing).unwrap();
    let again = ImportedKey {
        public: private.public_key(Some(protocol())).unwrap(),
        private,
        name: None,
    };
    let picture = Picture::of(&vault).await;
    import(&vault, again).await;
    assert_eq!(Picture::of(&vault).await, picture);
}
