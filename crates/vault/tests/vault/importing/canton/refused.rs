//! Rows that cannot be taken: nothing is, unless somebody says that they are to be left out.

use std::sync::Arc;

use strongroom_crypto::{EncryptionKeySpec, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_kms_local::LocalKms;
use strongroom_proto::tables::{KeyTables, KmsKeyRow, PrivateKeyData, PrivateKeyRow, PublicKeyRow};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{
    CantonImport, CantonOutcome, CantonRowError, ImportedKey, RefusedCantonRow, Vault, VaultError,
};

use super::{
    import, is_clear, kms_row, made_in_kms, outcomes, plain,
    tables::{encrypted, pair, private_row, public_row},
};
use crate::{
    house::{House, KMS_NAME, Picture, caller, code, foreign_key, name, secret},
    wraps::named,
};

/// A row that must not be taken, the code of that, and what is said of it.
struct Bad {
    tables: KeyTables,
    code: &'static str,
    says: &'static str,
}

fn bad_private(row: PrivateKeyRow, says: &'static str) -> Bad {
    Bad {
        tables: KeyTables {
            private_keys: vec![row],
            ..KeyTables::default()
        },
        code: "CANTON_ROW_UNREADABLE",
        says,
    }
}

fn bad_kms(row: KmsKeyRow, says: &'static str) -> Bad {
    Bad {
        tables: KeyTables {
            kms_keys: vec![row],
            ..KeyTables::default()
        },
        code: "CANTON_ROW_UNREADABLE",
        says,
    }
}

/// The key of a row that is right.
fn good() -> ImportedKey {
    pair(SigningKeySpec::EcCurve25519.into())
}

async fn bad_rows(house: &House, vault: &Vault) -> Vec<Bad> {
    let key = pair(SigningKeySpec::EcP256.into());
    let other = pair(SigningKeySpec::EcP384.into());
    let row = || private_row(&key);
    let ciphertext = encrypted(house, vault, row()).await;
    let PrivateKeyData::Encrypted {
        wrapper_key_id,
        ciphertext,
    } = ciphertext.data
    else {
        panic!("it is encrypted");
    };
    let sealed = |wrapper_key_id: &str, change: fn(&mut Vec<u8>)| {
        let mut ciphertext = ciphertext.clone();
        change(&mut ciphertext);
        let wrapper_key_id = wrapper_key_id.to_owned();
        let data = PrivateKeyData::Encrypted {
            wrapper_key_id,
            ciphertext,
        };
        PrivateKeyRow { data, ..row() }
    };
    let namespace = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
    let other_usages = ImportedKey {
        public: key.private.public_key(Some(namespace)).unwrap(),
        private: pair(SigningKeySpec::EcP256.into()).private,
        name: None,
    };
    let held = made_in_kms(house, SigningKeySpec::EcP256).await;
    let kms = kms_row(house, &held).await;
    let with_public = |bad: Bad, public: PublicKeyRow| Bad {
        tables: KeyTables {
            public_keys: vec![public],
            ..bad.tables
        },
        ..bad
    };
    let of_kms = |bad: Bad, code: &'static str| Bad { code, ..bad };
    let unreadable = "its contents cannot be read";
    let mut rows = vec![
        bad_private(
            PrivateKeyRow {
                key_id: "vault".to_owned(),
                ..row()
            },
            "it is not named by a fingerprint",
        ),
        bad_private(
            PrivateKeyRow {
                key_id: other.public.fingerprint().to_string(),
                ..row()
            },
            "the key in it is 1220",
        ),
        bad_private(
            PrivateKeyRow {
                purpose: 1,
                ..row()
            },
            unreadable,
        ),
        bad_private(
            PrivateKeyRow {
                purpose: 2,
                ..row()
            },
            unreadable,
        ),
        bad_private(
            PrivateKeyRow {
                name: Some("x".repeat(301)),
                ..row()
            },
            "its name cannot be kept",
        ),
        bad_private(
            PrivateKeyRow {
                // A ciphertext in a row that says it is readable.
                data: PrivateKeyData::Clear(secret(&[0xd7; 200])),
                ..row()
            },
            unreadable,
        ),
        with_public(
            bad_private(row(), "the row of its public half says something else"),
            PublicKeyRow {
                name: None,
                ..public_row(&other_usages)
            },
        ),
        with_public(
            bad_private(row(), "the key in it is 1220"),
            PublicKeyRow {
                data: public_row(&other).data,
                ..public_row(&key)
            },
        ),
        of_kms(
            bad_private(
                sealed(&wrapper_key_id, |bytes| bytes[40] ^= 1),
                "does not give it",
            ),
            "KMS_UNWRAP_FAILED",
        ),
        bad_kms(
            KmsKeyRow {
                key_usage: None,
                ..kms.clone()
            },
            "usages belong to signing keys",
        ),
        bad_kms(
            KmsKeyRow {
                key_usage: Some(vec![9]),
                ..kms.clone()
            },
            unreadable,
        ),
        bad_kms(
            KmsKeyRow {
                fingerprint: other.public.fingerprint().to_string(),
                ..kms.clone()
            },
            "the key in it is 1220",
        ),
        of_kms(
            bad_kms(
                KmsKeyRow {
                    purpose: 1,
                    key_usage: None,
                    ..kms.clone()
                },
                "the vault does not take it",
            ),
            "EXTERNAL_KEY_PURPOSE",
        ),
        of_kms(
            bad_kms(
                KmsKeyRow {
                    kms_key_id: "no-such-key".to_owned(),
                    ..kms.clone()
                },
                "does not give it",
            ),
            "KMS_KEY_NOT_FOUND",
        ),
    ];
    let twice = KmsKeyRow {
        fingerprint: key.public.fingerprint().to_string(),
        ..kms
    };
    let mut twice = bad_kms(twice, "the key is in two tables");
    twice.tables.private_keys.push(row());
    rows.push(twice);
    rows
}

#[tokio::test]
async fn a_bad_row_stops_the_import_is_named_and_nothing_is_taken() {
    let house = House::new();
    let vault = house.create().await;
    let picture = Picture::of(&vault).await;
    for bad in bad_rows(&house, &vault).await {
        let mut tables = bad.tables;
        tables.private_keys.push(private_row(&good()));
        let error = import(&vault, tables).await.unwrap_err();
        let VaultError::CantonRow(RefusedCantonRow { row, source, .. }) = &error else {
            panic!("{error:?}");
        };
        assert_ne!(*row, good().public.fingerprint().to_string());
        assert!(
            source.to_string().contains(bad.says),
            "{source} / {}",
            bad.says
        );
        assert_eq!(code(Err::<(), _>(error)), bad.code, "{}", bad.says);
        assert_eq!(Picture::of(&vault).await, picture);
    }
}

#[tokio::test]
async fn a_bad_row_that_may_be_left_out_is_listed_and_the_others_are_taken() {
    let house = House::new();
    let stage = house.create().await;
    for bad in bad_rows(&house, &stage).await {
        let copy = house.copy();
        let vault = copy.open().await;
        let mut tables = bad.tables;
        let is_twice = !tables.private_keys.is_empty() && !tables.kms_keys.is_empty();
        tables.private_keys.push(private_row(&good()));
        let lenient = CantonImport {
            skip_unreadable: true,
            ..plain(tables)
        };
        let report = vault.import_canton(&caller(), lenient).await.unwrap();
        let mut found = outcomes(&report);
        found.sort_unstable();
        let expected = if is_twice {
            &["taken", "taken", "unreadable"][..]
        } else {
            &["taken", "unreadable"]
        };
        assert_eq!(found, expected, "{}", bad.says);
        let mut unreadable = report.iter().filter_map(|row| match &row.outcome {
            CantonOutcome::Unreadable(error) => Some(error),
            _ => None,
        });
        assert!(unreadable.next().unwrap().to_string().contains(bad.says));
        assert!(vault.key(&good().public.fingerprint()).is_ok());
        vault.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_key_that_is_there_under_another_name_is_refused() {
    let house = House::new();
    let vault = house.create().await;
    let renamed = ImportedKey {
        name: name("another"),
        ..good()
    };
    vault.import_key(&caller(), renamed).await.unwrap();
    let picture = Picture::of(&vault).await;
    let tables = || KeyTables {
        private_keys: vec![private_row(&good())],
        ..KeyTables::default()
    };
    assert_eq!(code(import(&vault, tables()).await), "KEY_EXISTS");
    let lenient = CantonImport {
        skip_unreadable: true,
        ..plain(tables())
    };
    let report = vault.import_canton(&caller(), lenient).await.unwrap();
    assert_eq!(outcomes(&report), ["unreadable"]);
    assert_eq!(Picture::of(&vault).await, picture);
}

/// A KMS that is down has nothing to do with the row: leaving keys out because of it would lose them.
#[tokio::test]
async fn a_kms_that_is_down_ends_an_import_whatever_may_be_left_out() {
    let house = House::new();
    let vault = house.create().await;
    let key = pair(EncryptionKeySpec::EcP256.into());
    let row = encrypted(&house, &vault, private_row(&key)).await;
    assert!(!is_clear(&row));
    vault.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let mut environment = house.environment(house.store().await.unwrap());
    environment.wrappers = vec![named(KMS_NAME, &kms)];
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    let picture = Picture::of(&vault).await;
    kms.fail_at(1, Fault::Unavailable);
    let tables = KeyTables {
        private_keys: vec![row, private_row(&good())],
        ..KeyTables::default()
    };
    let lenient = CantonImport {
        skip_unreadable: true,
        ..plain(tables)
    };
    let error = vault.import_canton(&caller(), lenient).await.unwrap_err();
    assert!(matches!(
        &error,
        VaultError::CantonRow(refused) if matches!(*refused.source, CantonRowError::Kms(_))
    ));
    assert_eq!(code(Err::<(), _>(error)), "KMS_UNAVAILABLE");
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_kms_that_is_not_configured_opens_no_rows() {
    let house = House::new();
    let vault = house.create().await;
    let key = pair(EncryptionKeySpec::EcP256.into());
    let tables = KeyTables {
        private_keys: vec![encrypted(&house, &vault, private_row(&key)).await],
        ..KeyTables::default()
    };
    let import = CantonImport {
        kms: Some("cloud".to_owned()),
        ..plain(tables)
    };
    let refused = vault.import_canton(&caller(), import).await;
    assert_eq!(code(refused), "KMS_NOT_CONFIGURED");
}

#[tokio::test]
async fn a_row_of_which_no_kms_has_the_wrapper_key_is_not_left_out_as_unreadable() {
    let house = House::new();
    let vault = house.create().await;
    let picture = Picture::of(&vault).await;
    for skip_unreadable in [false, true] {
        let mut tables = KeyTables::default();
        tables.private_keys.push(private_row(&good()));
        let foreign = PrivateKeyData::Encrypted {
            wrapper_key_id: "no-such-key".to_owned(),
            ciphertext: vec![7; 80],
        };
        tables.private_keys.push(PrivateKeyRow {
            data: foreign,
            ..private_row(&foreign_key(77))
        });
        let import = CantonImport {
            skip_unreadable,
            ..plain(tables)
        };
        let refused = vault.import_canton(&caller(), import).await;
        assert_eq!(code(refused), "KMS_KEY_NOT_FOUND");
        assert_eq!(Picture::of(&vault).await, picture);
    }
}
