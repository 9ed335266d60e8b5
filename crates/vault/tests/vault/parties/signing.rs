//! What becomes of signatures for a party when keys fail or are not taken, and what the audit log says of them.

use std::{cell::Cell, sync::Arc};

use strongroom_crypto::{Fingerprint, KeyUsage, SigningKeySpec, SigningPublicKey};
use strongroom_kms_local::LocalKms;
use strongroom_store::Custody;
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_topology::{At, PartyId, StoreId};
use strongroom_vault::{
    AuditOperation, AuditSettings, Caller, CustodyDefaults, NamedKms, RequiredSchemes, Settings,
    SignatureCheckError, SynchronizerSchemes, UseRecords, Vault, VaultError,
};

use super::{STORE, deprecated, party, submission, verify};
use crate::{
    audit::records,
    house::{House, KMS_NAME, caller, code},
    protocol::{follow, synchronizer},
    topology::node,
};

/// A party of which one key is sealed here and the others are held by a KMS, which is then gone.
async fn party_whose_kms_is_gone(
    house: &House,
    threshold: u32,
) -> (Vault, FlakyKms, PartyId, Vec<SigningPublicKey>) {
    let (vault, party, all) = party(house, 4, threshold).await;
    vault.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let mut environment = house.environment(house.store().await.unwrap());
    environment.kms = vec![NamedKms {
        name: KMS_NAME.to_owned(),
        provider: Arc::new(kms.clone()),
    }];
    let vault = Vault::open(environment, house.settings.clone())
        .await
        .unwrap();
    kms.fail_from(1, Fault::Unavailable);
    (vault, kms, party, all)
}

/// Keys with the usage of a namespace are sealed, the others are held by the KMS.
fn keys_in_two_places() -> Settings {
    Settings {
        custody: CustodyDefaults {
            by_usage: vec![
                (KeyUsage::Namespace, Custody::Envelope),
                (KeyUsage::Protocol, Custody::External),
            ],
            ..CustodyDefaults::default()
        },
        ..Settings::default()
    }
}

/// Each use of a key is on record.
fn each_use() -> AuditSettings {
    AuditSettings {
        uses: UseRecords::Each,
        ..AuditSettings::default()
    }
}

#[tokio::test]
async fn a_key_of_the_party_that_fails_gives_way_to_one_that_signs() {
    let house = House::new().with_settings(Settings {
        audit: each_use(),
        ..keys_in_two_places()
    });
    let (vault, kms, party, all) = party_whose_kms_is_gone(&house, 1).await;
    let (before, recorded) = (kms.calls(), records(&vault).await.unwrap().len());
    let message = submission().to_multihash();
    let signed = vault
        .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, &[])
        .await
        .unwrap();
    let tried = (kms.calls() - before) as u64;
    assert!(tried > 0, "no other key was tried");
    assert_eq!(signed.signatures[0].signed_by, all[0].fingerprint());
    assert_eq!(verify(&vault, &party, &signed.signatures).await.unwrap(), 1);
    // Only what leaves is a use.
    let uses = records(&vault).await.unwrap().split_off(recorded);
    let used: Vec<_> = uses.into_iter().filter_map(|it| it.key).collect();
    assert_eq!(used, [all[0].fingerprint().to_string()]);
    let numbers = vault.numbers_as_known().await;
    assert_eq!(numbers.party_keys_passed_over, tried);
}

#[tokio::test]
async fn whoever_counts_what_signing_costs_hears_of_each_key_that_gives_way() {
    let house = House::new().with_settings(keys_in_two_places());
    let (vault, kms, party, _all) = party_whose_kms_is_gone(&house, 1).await;
    let (before, heard) = (kms.calls(), Cell::new(0));
    let may = |_key: &Fingerprint| Ok::<_, VaultError>(());
    let signers = vault.party_signers(&STORE, (&party, At::Head), &[], may);
    let signers = signers.await.unwrap();
    assert_eq!(signers.number(), 1);
    let (by, message) = (caller(), submission().to_multihash());
    let signed = signers.sign(&by, &message, || heard.set(heard.get() + 1));
    signed.await.unwrap();
    assert_eq!(heard.get(), kms.calls() - before);
}

#[tokio::test]
async fn where_too_few_keys_of_the_party_sign_it_is_said_why() {
    let house = House::new().with_settings(keys_in_two_places());
    let (vault, kms, party, all) = party_whose_kms_is_gone(&house, 2).await;
    let message = submission().to_multihash();
    let sign = async |keys: &[Fingerprint]| {
        vault
            .sign_for_party(&caller(), &STORE, (&party, At::Head), &message, keys)
            .await
    };
    assert_eq!(code(sign(&[]).await), "KMS_UNAVAILABLE");
    // A key that is named gives way to none.
    let [sealed, held] = [&all[0], &all[1]].map(SigningPublicKey::fingerprint);
    let passed_over = vault.numbers_as_known().await.party_keys_passed_over;
    assert_eq!(code(sign(&[held]).await), "KMS_UNAVAILABLE");
    let numbers = vault.numbers_as_known().await;
    assert_eq!(numbers.party_keys_passed_over, passed_over);
    assert_eq!(sign(&[sealed]).await.unwrap().missing(), 1);
    kms.heal();
    let signed = sign(&[]).await.unwrap();
    assert_eq!(verify(&vault, &party, &signed.signatures).await.unwrap(), 2);
}

#[tokio::test]
async fn the_audit_log_names_who_signed_for_a_party_and_with_which_keys() {
    let house = House::new().with_settings(Settings {
        audit: each_use(),
        ..Settings::default()
    });
    let (vault, party, _) = party(&house, 3, 2).await;
    let before = records(&vault).await.unwrap().len();
    let message = submission().to_multihash();
    let signed = vault
        .sign_for_party(
            &Caller::new("alice"),
            &STORE,
            (&party, At::Head),
            &message,
            &[],
        )
        .await
        .unwrap();
    let uses = records(&vault).await.unwrap().split_off(before);
    let uses: Vec<_> = uses
        .iter()
        .map(|it| (it.caller.as_str(), it.operation, it.key.clone()))
        .collect();
    let expected: Vec<_> = signed
        .signatures
        .iter()
        .map(|it| {
            (
                "alice",
                AuditOperation::Sign,
                Some(it.signed_by.to_string()),
            )
        })
        .collect();
    assert_eq!(uses, expected);
}

#[tokio::test]
async fn row_116_signatures_for_a_party_that_the_synchronizer_does_not_take_do_not_count() {
    let house = House::new();
    let (vault, _) = node(&house).await;
    let (party, _) = deprecated(&vault, 1).await;
    let member = vault.identity().unwrap().member;
    let synchronizer = synchronizer(&member, "da", 35);
    follow(&vault, &synchronizer).await;
    let store = StoreId::Synchronizer(synchronizer.clone());
    let message = submission().to_multihash();
    let by = caller();
    let signed = vault.sign_for_party(&by, &store, (&party, At::Head), &message, &[]);
    let signatures = signed.await.unwrap().signatures;
    let verify = async |vault: &Vault| {
        vault
            .verify_for_party(&store, &party, At::Head, &message, &signatures)
            .await
    };
    assert_eq!(verify(&vault).await.unwrap(), 1);
    vault.close().await.unwrap();
    let only_p256 = SynchronizerSchemes {
        signing: RequiredSchemes {
            keys: [SigningKeySpec::EcP256].into(),
            ..RequiredSchemes::default()
        },
        ..SynchronizerSchemes::default()
    };
    let settings = Settings {
        synchronizers: [(synchronizer, only_p256)].into(),
        ..house.settings.clone()
    };
    let environment = house.environment(house.store().await.unwrap());
    let vault = Vault::open(environment, settings).await.unwrap();
    let error = verify(&vault).await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("no signing keys of spec ec-curve-25519"),
        "{told}"
    );
    assert_eq!(code::<()>(Err(error)), "SIGNATURE_THRESHOLD_NOT_REACHED");
    // Nor is anything signed there that nobody would take.
    let keys = [signatures[0].signed_by];
    let named = vault.sign_for_party(&by, &store, (&party, At::Head), &message, &keys);
    let error = named.await.unwrap_err();
    assert!(
        matches!(
            &error,
            VaultError::SignatureCheck(SignatureCheckError::KeySpecNotAllowed { .. })
        ),
        "{error:?}"
    );
    let any = vault.sign_for_party(&by, &store, (&party, At::Head), &message, &[]);
    assert_eq!(code(any.await), "SIGNATURE_SCHEME_NOT_ALLOWED");
}
