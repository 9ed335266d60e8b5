//! Taking in the tables in which a node of Canton keeps its keys.

#[path = "canton/openers.rs"]
mod openers;
#[path = "canton/refused.rs"]
mod refused;
#[path = "canton/tables.rs"]
pub(crate) mod tables;

use strongroom_crypto::{EncryptionKeySpec, KeySpec, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_kms::{ExternalKeyRequest, KmsKeyId, KmsOperation, KmsProvider};
use strongroom_proto::tables::{KeyTables, KmsKeyRow, PrivateKeyData, PrivateKeyRow};
use strongroom_store::{Custody, KeyState, Sealing};
use strongroom_vault::{
    AuditEntry, CantonImport, CantonOrigin, CantonOutcome, CantonRow, Vault, VaultError,
};

use self::tables::{all_specs, encrypted, known_answers, pair, pair_of, private_row, public_row};
use crate::house::{House, Picture, caller, check_signs, protocol, secret, settings};

/// An import without any choices.
fn plain(tables: KeyTables) -> CantonImport {
    CantonImport {
        tables,
        kms: None,
        skip_unreadable: false,
        dry_run: false,
    }
}

async fn import(vault: &Vault, tables: KeyTables) -> Result<Vec<CantonRow>, VaultError> {
    vault.import_canton(&caller(), plain(tables)).await
}

/// What became of the rows, in the order of their keys.
fn outcomes(report: &[CantonRow]) -> Vec<&'static str> {
    report.iter().map(|row| row.outcome.name()).collect()
}

async fn audit(vault: &Vault) -> Vec<AuditEntry> {
    let mut records = Vec::new();
    vault.walk_audit(|entry| records.push(entry)).await.unwrap();
    records
}

/// A key of the KMS of this house, for signing.
pub(crate) async fn made_in_kms(house: &House, spec: SigningKeySpec) -> KmsKeyId {
    let keys = house.metered.external_keys().unwrap();
    let request = ExternalKeyRequest::default();
    keys.generate_signing_key(spec, &request).await.unwrap()
}

/// The row of a signing key that the KMS holds.
pub(crate) async fn kms_row(house: &House, key: &KmsKeyId) -> KmsKeyRow {
    let keys = house.metered.external_keys().unwrap();
    let public = keys.public_key(key).await.unwrap();
    KmsKeyRow {
        fingerprint: strongroom_crypto::Fingerprint::of(public.spec, &public.spki).to_string(),
        kms_key_id: key.as_str().to_owned(),
        purpose: 0,
        key_usage: Some(vec![3, 4]),
    }
}

#[tokio::test]
async fn keys_of_every_spec_that_were_readable_come_in_sealed_and_marked_as_exposed() {
    let house = House::new();
    let vault = house.create().await;
    let keys: Vec<_> = all_specs().map(pair).collect();
    let tables = KeyTables {
        private_keys: keys.iter().map(private_row).collect(),
        public_keys: keys.iter().map(public_row).collect(),
        ..KeyTables::default()
    };
    let report = import(&vault, tables).await.unwrap();
    assert_eq!(outcomes(&report), ["taken"; 7]);
    assert!(report.iter().all(|row| row.from == CantonOrigin::Clear));
    vault.close().await.unwrap();

    let vault = house.open().await;
    assert!(vault.clear_keys().is_empty());
    for key in &keys {
        let fingerprint = key.public.fingerprint();
        let entry = vault.key(&fingerprint).unwrap();
        assert_eq!((&entry.public, &entry.name), (&key.public, &key.name));
        let half = entry.private.as_ref().unwrap();
        assert_eq!(
            (half.custody, half.state),
            (Custody::Envelope, KeyState::Active)
        );
        assert!(half.exposed, "it was readable in the other database");
        if key.public.usages().is_some() {
            check_signs(&vault, &fingerprint).await;
        } else {
            let encrypted = vault.encrypt(&fingerprint, b"message").unwrap();
            assert_eq!(vault.decrypt(&encrypted).await.unwrap(), secret(b"message"));
        }
    }
    Picture::of(&vault).await;
    let records = audit(&vault).await;
    assert_eq!(records.len(), 1 + keys.len());
    for record in &records[1..] {
        assert_eq!(record.operation.name(), "import_key");
        assert_eq!(record.details["from"], "common_crypto_private_keys");
        assert_eq!(record.details["from_form"], "clear");
    }
}

#[tokio::test]
async fn rows_as_canton_wrote_them_come_in() {
    let house = House::new();
    let vault = house.create().await;
    let namespace = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
    let rows = known_answers();
    let fingerprints: Vec<_> = rows.iter().map(|row| row.key_id.parse().unwrap()).collect();
    let tables = KeyTables {
        private_keys: rows,
        ..KeyTables::default()
    };
    assert_eq!(
        outcomes(&import(&vault, tables).await.unwrap()),
        ["taken"; 3]
    );
    for fingerprint in &fingerprints {
        assert_eq!(vault.key(fingerprint).unwrap().usages(), Some(namespace));
        let allowed = KeyUsages::only(KeyUsage::Namespace);
        let signature = vault.sign(fingerprint, b"message", allowed).await.unwrap();
        vault.verify(b"message", &signature, allowed).unwrap();
    }
}

#[tokio::test]
async fn rows_in_legacy_formats_come_in() {
    let house = House::new();
    let vault = house.create().await;
    let (private, public) = tables::legacy_rows();
    let key = private.key_id.parse().unwrap();
    let tables = KeyTables {
        private_keys: vec![private],
        public_keys: vec![public],
        ..KeyTables::default()
    };
    assert_eq!(outcomes(&import(&vault, tables).await.unwrap()), ["taken"]);
    let entry = vault.key(&key).unwrap();
    assert_eq!(entry.usages(), Some(KeyUsages::ALL), "none was all of them");
    check_signs(&vault, &key).await;
}

#[tokio::test]
async fn encrypted_rows_are_opened_by_the_kms_one_call_each_and_are_not_exposed() {
    let house = House::new();
    let vault = house.create().await;
    // ML-DSA keys exceed the 4096 bytes that a KMS encrypts: no such rows exist.
    let specs = all_specs().filter(|spec| *spec != SigningKeySpec::MlDsa65.into());
    let keys: Vec<_> = specs.map(pair).collect();
    let mut private_keys = Vec::new();
    for key in &keys {
        private_keys.push(encrypted(&house, &vault, private_row(key)).await);
    }
    // A table that holds both.
    let clear = pair_of(SigningKeySpec::EcP256.into(), "clear");
    private_keys.push(private_row(&clear));
    let before = house.metered.calls();
    let tables = KeyTables {
        private_keys,
        public_keys: keys.iter().map(public_row).collect(),
        ..KeyTables::default()
    };
    let report = import(&vault, tables).await.unwrap();
    assert_eq!(outcomes(&report), ["taken"; 7]);
    let after = house.metered.calls();
    let unwrap = KmsOperation::UnwrapKey;
    assert_eq!(after.of(unwrap) - before.of(unwrap), 6);
    assert_eq!(after.total() - before.total(), 6);
    for key in &keys {
        let entry = vault.key(&key.public.fingerprint()).unwrap();
        assert!(!entry.private.as_ref().unwrap().exposed);
    }
    let clear = vault.key(&clear.public.fingerprint()).unwrap();
    assert!(clear.private.as_ref().unwrap().exposed);
    let wrapper_key = &vault.wraps()[0].wrapper_key_id;
    let records = audit(&vault).await;
    let from: Vec<_> = records
        .iter()
        .flat_map(|r| r.details.get("from_wrapper_key"))
        .collect();
    assert_eq!(from, [wrapper_key; 6]);
    Picture::of(&vault).await;
}

#[tokio::test]
async fn custody_is_that_of_the_settings() {
    for (custody, sealing) in [
        (Custody::Clear, Sealing::DataKey),
        (Custody::Envelope, Sealing::Direct),
    ] {
        let house = House::new().with_settings(settings(custody, sealing));
        let vault = house.create().await;
        let key = pair(SigningKeySpec::EcP256.into());
        let tables = KeyTables {
            private_keys: vec![encrypted(&house, &vault, private_row(&key)).await],
            ..KeyTables::default()
        };
        import(&vault, tables).await.unwrap();
        let entry = vault.key(&key.public.fingerprint()).unwrap();
        let half = entry.private.as_ref().unwrap();
        assert_eq!(half.custody, custody);
        assert_eq!(half.exposed, custody == Custody::Clear);
        check_signs(&vault, &key.public.fingerprint()).await;
    }
}

#[tokio::test]
async fn keys_that_a_kms_holds_stay_there_and_public_keys_alone_come_as_such() {
    let house = House::new();
    let vault = house.create().await;
    let held = made_in_kms(&house, SigningKeySpec::EcP256).await;
    let row = kms_row(&house, &held).await;
    let fingerprint = row.fingerprint.parse().unwrap();
    let alone = pair(SigningKeySpec::EcCurve25519.into());
    let tables = KeyTables {
        public_keys: vec![public_row(&alone)],
        kms_keys: vec![row],
        ..KeyTables::default()
    };
    let report = import(&vault, tables).await.unwrap();
    assert_eq!(outcomes(&report), ["taken"; 2]);
    vault.close().await.unwrap();

    let vault = house.open().await;
    let entry = vault.key(&fingerprint).unwrap();
    assert_eq!(entry.usages(), Some(protocol()));
    let kept = entry.private.as_ref().unwrap().external.clone().unwrap();
    assert_eq!(kept.key_id, held.as_str());
    check_signs(&vault, &fingerprint).await;
    let entry = vault.key(&alone.public.fingerprint()).unwrap();
    assert!(entry.private.is_none());
    assert_eq!(entry.name, alone.name);
    let records = audit(&vault).await;
    let done: Vec<_> = records[1..].iter().map(|r| r.operation.name()).collect();
    assert_eq!(
        done.iter()
            .copied()
            .collect::<std::collections::BTreeSet<_>>(),
        ["import_public_key", "register_key"].into()
    );
}

/// Two private rows, a key of the KMS, and a public key alone.
async fn mixed(house: &House, vault: &Vault, held: &KmsKeyId) -> KeyTables {
    let clear = pair(SigningKeySpec::EcP384.into());
    let sealed = pair(EncryptionKeySpec::EcP256.into());
    let alone = pair(SigningKeySpec::EcCurve25519.into());
    let sealed_row = encrypted(house, vault, private_row(&sealed)).await;
    KeyTables {
        private_keys: vec![private_row(&clear), sealed_row],
        public_keys: [&clear, &sealed, &alone].map(public_row).into(),
        kms_keys: vec![kms_row(house, held).await],
    }
}

#[tokio::test]
async fn a_second_time_everything_is_there_and_nothing_is_opened_or_changed() {
    let house = House::new();
    let vault = house.create().await;
    let held = made_in_kms(&house, SigningKeySpec::EcP256).await;
    let first = import(&vault, mixed(&house, &vault, &held).await).await;
    assert_eq!(outcomes(&first.unwrap()), ["taken"; 4]);
    let picture = Picture::of(&vault).await;
    let tables = mixed(&house, &vault, &held).await;
    let before = house.metered.calls();
    let again = import(&vault, tables).await.unwrap();
    assert_eq!(outcomes(&again), ["there"; 4]);
    let unwrap = KmsOperation::UnwrapKey;
    assert_eq!(house.metered.calls().of(unwrap), before.of(unwrap));
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn what_is_missing_is_taken_and_the_rest_is_left_as_it_is() {
    let house = House::new();
    let vault = house.create().await;
    let held = made_in_kms(&house, SigningKeySpec::EcP256).await;
    import(&vault, mixed(&house, &vault, &held).await)
        .await
        .unwrap();
    let gone = pair(SigningKeySpec::EcP384.into()).public.fingerprint();
    vault.delete_key(&caller(), &gone).await.unwrap();
    let retired = kms_row(&house, &held).await.fingerprint.parse().unwrap();
    vault.retire_key(&caller(), &retired).await.unwrap();
    let report = import(&vault, mixed(&house, &vault, &held).await)
        .await
        .unwrap();
    for row in &report {
        let expected = if row.key == gone.to_string() {
            "taken"
        } else {
            "there"
        };
        assert_eq!(row.outcome.name(), expected, "{row:?}");
    }
    let retired = vault.key(&retired).unwrap();
    assert_eq!(retired.private.as_ref().unwrap().state, KeyState::Retired);
}

#[tokio::test]
async fn a_public_key_that_is_there_gets_its_private_half() {
    let house = House::new();
    let vault = house.create().await;
    let key = pair(SigningKeySpec::EcP384.into());
    let half = || KeyTables {
        public_keys: vec![public_row(&key)],
        ..KeyTables::default()
    };
    import(&vault, half()).await.unwrap();
    let whole = KeyTables {
        private_keys: vec![private_row(&key)],
        ..half()
    };
    assert_eq!(outcomes(&import(&vault, whole).await.unwrap()), ["taken"]);
    check_signs(&vault, &key.public.fingerprint()).await;
}

#[tokio::test]
async fn a_dry_run_tells_what_would_come_and_keeps_nothing() {
    let house = House::new();
    let vault = house.create().await;
    let held = made_in_kms(&house, SigningKeySpec::EcP256).await;
    let there = pair(SigningKeySpec::EcP384.into());
    let tables = KeyTables {
        private_keys: vec![private_row(&there)],
        ..KeyTables::default()
    };
    import(&vault, tables).await.unwrap();
    let picture = Picture::of(&vault).await;
    let dry = CantonImport {
        dry_run: true,
        ..plain(mixed(&house, &vault, &held).await)
    };
    let report = vault.import_canton(&caller(), dry).await.unwrap();
    let missing = |row: &&CantonRow| matches!(row.outcome, CantonOutcome::Missing);
    assert_eq!(
        (report.len(), report.iter().filter(missing).count()),
        (4, 3)
    );
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn a_name_is_that_of_the_public_row_or_else_of_the_private_one() {
    let house = House::new();
    let vault = house.create().await;
    let specs = [
        SigningKeySpec::EcP256,
        SigningKeySpec::EcP384,
        SigningKeySpec::EcSecp256k1,
    ];
    let [both, private, none] = specs.map(|spec| pair(KeySpec::from(spec)));
    let named = |row: PrivateKeyRow, name: &str| PrivateKeyRow {
        name: Some(name.to_owned()),
        ..row
    };
    let nameless = PrivateKeyRow {
        // Canton takes an empty name for none.
        name: Some(String::new()),
        ..private_row(&none)
    };
    let tables = KeyTables {
        private_keys: vec![
            named(private_row(&both), "of the private row"),
            named(private_row(&private), "of the private row"),
            nameless,
        ],
        public_keys: vec![public_row(&both)],
        ..KeyTables::default()
    };
    import(&vault, tables).await.unwrap();
    let name = |key: &strongroom_vault::ImportedKey| {
        let entry = vault.key(&key.public.fingerprint()).unwrap();
        entry.name.as_ref().map(|name| name.as_str().to_owned())
    };
    assert_eq!(name(&both).as_deref(), Some("ec-p-256"));
    assert_eq!(name(&private).as_deref(), Some("of the private row"));
    assert_eq!(name(&none), None);
}

/// Whether the bytes of a row are readable.
fn is_clear(row: &PrivateKeyRow) -> bool {
    matches!(row.data, PrivateKeyData::Clear(_))
}
