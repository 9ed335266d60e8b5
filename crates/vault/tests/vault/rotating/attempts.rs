//! Which wrapper key is taken up after an interruption: the one that was made for the attempt, and no other.

use std::{collections::BTreeSet, fs, sync::Arc};

use strongroom_kms::KmsKeyId;
use strongroom_kms_local::LocalKms;
use strongroom_store::Sealing;
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{NewWrapperKey, RotationRequest, Vault};

use super::{Estate, rotate};
use crate::{
    backups::{back_up, file_of, restore},
    faults::kms::open_with,
    house::{House, KMS_NAME, caller, code},
    wraps::wraps,
};

fn wrapper_keys(house: &House) -> BTreeSet<KmsKeyId> {
    house
        .kms
        .list_keys()
        .into_iter()
        .map(|key| key.id)
        .collect()
}

fn in_use(vault: &Vault) -> KmsKeyId {
    let wraps = wraps(vault);
    assert_eq!(wraps.len(), 1);
    KmsKeyId::try_new(wraps[0].1.as_str()).unwrap()
}

/// A vault whose rotation made a wrapper key and came no further.
async fn interrupted(house: &House) -> (FlakyKms, Vault) {
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let vault = open_with(house, &kms).await;
    // It is made, and the answer lost.
    kms.fail_at(1, Fault::AnswerLost);
    assert_eq!(code(rotate(&vault).await), "KMS_TIMED_OUT");
    (kms, vault)
}

#[tokio::test]
async fn a_wrapper_key_from_after_the_backup_does_not_come_back_by_itself_after_a_restore() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let (_kms, vault) = interrupted(house).await;
    fs::remove_file(file_of(house)).unwrap();
    // The log in the backup knows of the attempt, and not how it ended.
    let backup = back_up(house, &vault).await;
    rotate(&vault).await.unwrap();
    let compromised = in_use(&vault);
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    let ever = wrapper_keys(house);
    assert_eq!(ever.len(), 3, "what was left behind was taken up");
    assert!(ever.contains(&compromised));

    fs::remove_dir_all(house.vault_folder()).unwrap();
    let vault = restore(house, &backup, true).await.unwrap().vault;
    vault.release(&caller()).await.unwrap();
    vault.add_wrap(&caller(), KMS_NAME, None).await.unwrap();
    assert!(
        wraps(&vault)
            .iter()
            .all(|(_, id)| *id != compromised.as_str())
    );
    let first = wraps(&vault).into_iter().find(|(_, id)| {
        let id = KmsKeyId::try_new(id.as_str()).unwrap();
        ever.contains(&id)
    });
    let (kms, first) = first.unwrap();
    vault.remove_wrap(&caller(), &kms, &first).await.unwrap();
    rotate(&vault).await.unwrap();
    let new = in_use(&vault);
    assert!(
        !ever.contains(&new),
        "{new} is from the time that was given up"
    );
    estate.check(vault, house, "restored and rotated").await;
}

#[tokio::test]
async fn nor_does_one_from_before_a_state_was_accepted() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let (_kms, vault) = interrupted(house).await;
    vault.close().await.unwrap();
    let older = house.copy();
    let vault = house.open().await;
    rotate(&vault).await.unwrap();
    rotate(&vault).await.unwrap();
    vault.close().await.unwrap();
    let ever = wrapper_keys(house);

    house.put_back(&older);
    let vault = house.accept().await.unwrap();
    rotate(&vault).await.unwrap();
    let new = in_use(&vault);
    assert!(
        !ever.contains(&new),
        "{new} is from the time that was given up"
    );
}

#[tokio::test]
async fn whoever_cuts_the_end_of_an_attempt_out_of_the_log_brings_nothing_back() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let (_kms, vault) = interrupted(house).await;
    rotate(&vault).await.unwrap();
    let compromised = in_use(&vault);
    rotate(&vault).await.unwrap();
    let edit = "UPDATE audit SET body = CAST(replace(body, '\"attempt\":', '\"attempts\":') AS BLOB) \
         WHERE CAST(body AS TEXT) LIKE '%begin_wrapper_key_rotation%'";
    assert_eq!(house.database().execute(edit, ()).unwrap(), 2);
    assert_eq!(code(rotate(&vault).await), "AUDIT_BROKEN");
    assert_ne!(in_use(&vault), compromised);
}

#[tokio::test]
async fn one_with_other_attributes_than_were_asked_for_is_not_taken_up() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let (_kms, vault) = interrupted(house).await;
    let left_behind = wrapper_keys(house);
    assert_eq!(left_behind.len(), 2);
    let multi_region = RotationRequest {
        to: NewWrapperKey::Generated { multi_region: true },
        ..RotationRequest::default()
    };
    // The key file makes no such keys; the one that is there is not what was asked for.
    let refused = vault
        .rotate_wrapper_key(&caller(), &multi_region, &|_| {})
        .await;
    assert_eq!(code(refused), "KMS_UNSUPPORTED_REQUEST");
    assert_eq!(vault.wrapper_key_rotation(), None);
    rotate(&vault).await.unwrap();
    assert_eq!(wrapper_keys(house), left_behind, "that one is");
    estate.check(vault, house, "rotated").await;
}

#[tokio::test]
async fn an_interrupted_attempt_at_another_wrap_is_taken_up_too() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let vault = open_with(house, &kms).await;
    // Making it; then wrapping under what is there, and trying that.
    for (call, fault, expected) in [
        (1, Fault::AnswerLost, "KMS_TIMED_OUT"),
        (1, Fault::Denied, "KMS_DENIED"),
        (2, Fault::Denied, "KMS_DENIED"),
    ] {
        kms.fail_at(call, fault);
        let refused = vault.add_wrap(&caller(), KMS_NAME, None).await;
        assert_eq!(code(refused), expected, "call {call}");
        kms.heal();
        assert_eq!(wrapper_keys(house).len(), 2, "call {call}");
    }
    let added = vault.add_wrap(&caller(), KMS_NAME, None).await.unwrap();
    assert!(wraps(&vault).iter().any(|(_, id)| *id == added.as_str()));
    assert_eq!(wrapper_keys(house).len(), 2);
    // That attempt is over: the next one is another wrapper key.
    vault.add_wrap(&caller(), KMS_NAME, None).await.unwrap();
    assert_eq!(wrapper_keys(house).len(), 3);
    assert!(vault.check_wraps().await.all_open());
}
