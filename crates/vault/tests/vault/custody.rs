//! Where private keys are kept: sealed, unless their owner wants it otherwise.

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages};
use strongroom_store::{Custody, Sealing};
use strongroom_vault::{
    AuditOperation, CustodyDefaults, KeyFilter, NewSigningKey, Settings, Vault,
};

use crate::house::{
    House, KeyPicture, Picture, caller, check_signs, code, encryption_key, foreign_key,
    new_protocol_key, settings, signing_key,
};

fn half(vault: &Vault, key: &Fingerprint) -> crate::house::HalfPicture {
    KeyPicture::of(&vault.key(key).unwrap()).private.unwrap()
}

fn clear() -> Settings {
    settings(Custody::Clear, Sealing::DataKey)
}

#[tokio::test]
async fn a_key_is_sealed_under_the_data_key_unless_the_settings_say_otherwise() {
    let house = House::new();
    let vault = house.create().await;
    for key in [signing_key(&vault).await, encryption_key(&vault).await] {
        let half = half(&vault, &key);
        assert_eq!(
            (half.custody, half.sealing, half.exposed),
            (Custody::Envelope, Sealing::DataKey, false)
        );
        assert_eq!(half.wrapper_key_id.unwrap(), wrapper_key(&house));
    }
    assert!(!Settings::default().keeps_clear_keys());
}

fn wrapper_key(house: &House) -> String {
    house.kms.list_keys()[0].id.as_str().to_owned()
}

#[tokio::test]
async fn a_directly_sealed_key_names_its_wrapper_key() {
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::Direct));
    let vault = house.create().await;
    let half = half(&vault, &signing_key(&vault).await);
    assert_eq!(
        (half.custody, half.sealing, half.exposed),
        (Custody::Envelope, Sealing::Direct, false)
    );
    assert_eq!(half.wrapper_key_id.unwrap(), wrapper_key(&house));
}

#[tokio::test]
async fn a_clear_key_is_readable_in_the_database_and_marked_exposed() {
    let house = House::new().with_settings(clear());
    assert!(house.settings.keeps_clear_keys());
    let vault = house.create().await;
    let keys = [signing_key(&vault).await, encryption_key(&vault).await];
    for key in &keys {
        let half = half(&vault, key);
        assert_eq!((half.custody, half.exposed), (Custody::Clear, true));
        assert_eq!(half.wrapper_key_id, None);
    }
    let found = vault
        .find_private_keys(&keys, &house.database_bytes())
        .await;
    assert_eq!(found.unwrap(), keys);
    let mut listed = vault.clear_keys();
    listed.sort_unstable();
    let mut expected = keys.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn sealing_a_clear_key_scrubs_its_bytes_and_leaves_it_exposed() {
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let house = House::new().with_settings(clear());
        let vault = house.create().await;
        let (key, other) = (signing_key(&vault).await, encryption_key(&vault).await);
        vault.close().await.unwrap();

        let house = house.with_settings(settings(Custody::Envelope, sealing));
        let vault = house.open().await;
        check_signs(&vault, &key).await;
        for clear in [&key, &other] {
            let sealed = vault.seal_clear_key(&caller(), clear).await.unwrap();
            let half = KeyPicture::of(&sealed).private.unwrap();
            assert_eq!(
                (half.custody, half.sealing, half.exposed),
                (Custody::Envelope, sealing, true)
            );
        }
        // While the vault is open: neither the database nor its log holds them any more.
        let keys = [key, other];
        let found = vault
            .find_private_keys(&keys, &house.database_bytes())
            .await;
        assert!(found.unwrap().is_empty());
        assert!(vault.clear_keys().is_empty());
        let picture = Picture::of(&vault).await;
        vault.close().await.unwrap();

        let vault = house.open().await;
        assert_eq!(Picture::of(&vault).await, picture);
        assert!(half(&vault, &key).exposed);
        check_signs(&vault, &key).await;
    }
}

#[tokio::test]
async fn sealing_a_sealed_key_changes_nothing() {
    let house = House::new();
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    let picture = Picture::of(&vault).await;
    vault.seal_clear_key(&caller(), &key).await.unwrap();
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn custody_is_chosen_by_the_first_named_usage_of_a_key() {
    let custody = CustodyDefaults {
        by_usage: vec![
            (KeyUsage::Namespace, Custody::Envelope),
            (KeyUsage::Protocol, Custody::Clear),
        ],
        signing: Custody::Envelope,
        encryption: Custody::Clear,
        sealing: Sealing::DataKey,
        external_kms: None,
        ..CustodyDefaults::default()
    };
    let house = House::new().with_settings(Settings {
        custody,
        ..Settings::default()
    });
    let vault = house.create().await;
    for (usages, expected) in [
        (vec![KeyUsage::Namespace], Custody::Envelope),
        (vec![KeyUsage::Protocol], Custody::Clear),
        (vec![KeyUsage::SequencerAuthentication], Custody::Envelope),
        (
            vec![KeyUsage::Protocol, KeyUsage::Namespace],
            Custody::Envelope,
        ),
        (
            vec![KeyUsage::Protocol, KeyUsage::SequencerAuthentication],
            Custody::Clear,
        ),
    ] {
        let new = NewSigningKey {
            usages: KeyUsages::try_new(usages).unwrap(),
            ..new_protocol_key()
        };
        let key = vault.generate_signing_key(&caller(), new).await.unwrap();
        let half = key.private.as_ref().unwrap();
        assert_eq!(half.custody, expected, "{:?}", key.usages());
    }
    let encryption = encryption_key(&vault).await;
    assert_eq!(half(&vault, &encryption).custody, Custody::Clear);
    // An imported key is kept as a generated one.
    let imported = vault.import_key(&caller(), foreign_key(1)).await.unwrap();
    assert_eq!(imported.private.as_ref().unwrap().custody, Custody::Clear);
}

#[tokio::test]
async fn keys_of_all_custodies_live_in_one_vault() {
    let mut house = House::new().with_settings(clear());
    drop(house.create().await);
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let vault = house.open().await;
        signing_key(&vault).await;
        encryption_key(&vault).await;
        vault.close().await.unwrap();
        house = house.with_settings(settings(Custody::Envelope, sealing));
    }
    let vault = house.open().await;
    signing_key(&vault).await;
    let kinds: std::collections::BTreeSet<_> = Picture::of(&vault)
        .await
        .keys
        .values()
        .map(|key| key.private.as_ref().unwrap())
        .map(|half| (half.custody.name(), half.sealing.name()))
        .collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            ("clear", "none"),
            ("envelope", "data-key"),
            ("envelope", "direct")
        ]
    );
    for key in vault.list(&KeyFilter::default()).unwrap() {
        if key.usages().is_some() {
            check_signs(&vault, &key.fingerprint()).await;
        }
    }
}

#[tokio::test]
async fn a_kms_takes_no_keys_in() {
    let house = House::new().with_settings(settings(Custody::External, Sealing::DataKey));
    let vault = house.create().await;
    let picture = Picture::of(&vault).await;
    let refused = vault.import_key(&caller(), foreign_key(1)).await;
    assert_eq!(code(refused), "CUSTODY_UNSUPPORTED");
    assert_eq!(Picture::of(&vault).await, picture);
}

#[tokio::test]
async fn moving_a_key_out_of_the_clear_is_on_record() {
    let house = House::new().with_settings(clear());
    let vault = house.create().await;
    let key = signing_key(&vault).await;
    vault.seal_clear_key(&caller(), &key).await.unwrap();
    let mut records = Vec::new();
    vault.walk_audit(|entry| records.push(entry)).await.unwrap();
    let last = records.last().unwrap();
    assert_eq!(last.operation, AuditOperation::SealKey);
    assert_eq!(last.key, Some(key.to_string()));
    assert_eq!(last.details["custody"], "envelope");
}
