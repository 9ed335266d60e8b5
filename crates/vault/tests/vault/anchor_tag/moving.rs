//! Commits that give the tag another wrapper key, or the vault another data key.

use strongroom_kms::KmsOperation::SetTag;
use strongroom_test_support::kms::Fault;
use strongroom_vault::{RotationRequest, Vault};

use super::{Estate, generations, tag, tagged};
use crate::{
    house::{House, KMS_NAME, caller, code, signing_key},
    rotating::rotate,
    wraps::{SECOND, wraps},
};

#[tokio::test]
async fn a_database_from_before_a_rotation_is_refused_by_either_wrapper_key() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    let (before, old) = (estate.house.copy(), estate.key());
    let (rotated, asked) = estate.asked(rotate(&vault)).await;
    rotated.unwrap();
    // Prepared on the new key, closed on the old one, settled on the new one.
    assert_eq!(asked.iter().filter(|call| **call == SetTag).count(), 3);
    let (generation, remembered) = generations(&vault).await;
    assert_eq!(Some(generation), remembered);
    let (kms, key) = wraps(&vault).remove(0);
    assert_eq!(kms, KMS_NAME);
    assert_eq!(tag(&vault).await.wrapper_key_id, Some(key.clone()));
    assert_ne!(key, old.as_str());
    vault.close().await.unwrap();
    estate.open().await.close().await.unwrap();
    // The old wrapper key still works, and so does the tag that was left on it.
    estate.house.put_back(&before);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_rotation_whose_tag_cannot_be_prepared_waits_and_goes_on() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    let mut failed = 0;
    for number in 1.. {
        let before = estate.first.calls();
        estate.first.fail_at(number, Fault::Denied);
        let outcome = rotate(&vault).await;
        let struck = estate.first.calls() - before >= number;
        estate.first.heal();
        // Whatever it is, a crash now locks nobody out.
        let copy = estate.house.copy();
        Estate::around(copy).open().await;
        if outcome.is_ok() && !struck {
            break;
        }
        if vault.wrapper_key_rotation().is_none() && outcome.is_ok() {
            break;
        }
        failed += 1;
    }
    assert!(failed >= 3, "{failed}");
    vault.close().await.unwrap();
    estate.open().await;
}

/// The tag stays on its wrapper key in one KMS while the wrapper key of another one is rotated.
#[tokio::test]
async fn a_new_data_key_under_the_same_wrapper_key_is_accepted_and_the_old_one_no_more() {
    let estate = Estate::around(House::new().without_anchor());
    let vault = estate.create().await;
    vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    vault.close().await.unwrap();
    let estate = estate.with_settings(tagged(SECOND, None));
    let vault = estate.open().await;
    signing_key(&vault).await;
    vault.write_anchor_tag().await.unwrap();
    let seat = tag(&vault).await.wrapper_key_id;
    let before = estate.house.copy();
    rotate(&vault).await.unwrap();
    assert_eq!(tag(&vault).await.wrapper_key_id, seat);
    vault.close().await.unwrap();
    estate.open().await.close().await.unwrap();
    estate.house.put_back(&before);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_tag_that_still_accepts_two_data_keys_is_settled_before_one_is_pruned() {
    let estate = Estate::around(House::new().without_anchor());
    let vault = estate.create().await;
    vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    vault.close().await.unwrap();
    let estate = estate.with_settings(tagged(SECOND, None));
    let vault = estate.open().await;
    // The second KMS: it wraps, is asked for the tag, takes it, and is away when it is settled.
    let prune = |vault: Vault| async move {
        let pruned = vault.prune_data_keys(&caller(), &[].into()).await;
        (vault, pruned)
    };
    rotate_with_settling_denied(&estate, &vault).await;
    assert!(tag(&vault).await.failure.is_some());
    estate.second.fail_from(1, Fault::Denied);
    let (vault, pruned) = prune(vault).await;
    assert!(code(pruned).starts_with("ANCHOR_TAG_UN"));
    estate.second.heal();
    let (vault, pruned) = prune(vault).await;
    assert_eq!(pruned.unwrap().len(), 1);
    vault.close().await.unwrap();
    estate.open().await;
}

/// Rotates so that the last write of the tag fails.
async fn rotate_with_settling_denied(estate: &Estate, vault: &Vault) {
    // Everything until the tag is prepared passes. Where that is, a copy with KMSs of its own tells.
    let house = estate.house.copy_with_key_file().with_key_file_again();
    let key_file = |house: &House| house.root().join("second.key");
    std::fs::copy(key_file(&estate.house), key_file(&house)).unwrap();
    let copy = Estate::around(house.without_anchor());
    let other = copy.open().await;
    let start = copy.second.operations().len();
    rotate(&other).await.unwrap();
    let calls = copy.second.operations().split_off(start);
    let first = calls.iter().position(|call| *call == SetTag).unwrap();
    estate.second.fail_from(first + 2, Fault::Denied);
    rotate(vault).await.unwrap();
    estate.second.heal();
}

#[tokio::test]
async fn rewrapping_moves_the_tag() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    signing_key(&vault).await;
    let before = estate.house.copy();
    let request = RotationRequest {
        kms: Some(KMS_NAME.to_owned()),
        ..RotationRequest::default()
    };
    let (_, key) = vault.rewrap_data_key(&caller(), &request).await.unwrap();
    let after = tag(&vault).await;
    assert_eq!(after.wrapper_key_id.as_deref(), Some(key.as_str()));
    assert_eq!(after.remembered, Some(after.generation));
    vault.close().await.unwrap();
    estate.open().await.close().await.unwrap();
    estate.house.put_back(&before);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn the_wrap_whose_wrapper_key_has_the_tag_is_not_taken_away() {
    let estate = Estate::new().await;
    let vault = estate.open().await;
    vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    let key = estate.key();
    let refused = vault.remove_wrap(&caller(), KMS_NAME, key.as_str()).await;
    assert_eq!(code(refused), "ANCHOR_TAG_WITHOUT_WRAP");
    // Another one in the same KMS takes the tag over.
    let other = vault.add_wrap(&caller(), KMS_NAME, None).await.unwrap();
    let before = estate.house.copy();
    let removed = vault.remove_wrap(&caller(), KMS_NAME, key.as_str()).await;
    removed.unwrap();
    assert_eq!(
        tag(&vault).await.wrapper_key_id.as_deref(),
        Some(other.as_str())
    );
    vault.close().await.unwrap();
    estate.open().await.close().await.unwrap();
    estate.house.put_back(&before);
    assert_eq!(estate.refusal().await, "ROLLED_BACK");
}

#[tokio::test]
async fn a_tag_that_is_configured_before_its_wrap_begins_with_the_wrap() {
    let house = House::new();
    house.create().await.close().await.unwrap();
    let estate = Estate::around(house.with_settings(tagged(SECOND, None)));
    let vault = estate.open().await;
    assert_eq!(tag(&vault).await.wrapper_key_id, None);
    let key = vault.add_wrap(&caller(), SECOND, None).await.unwrap();
    let after = tag(&vault).await;
    assert_eq!(after.wrapper_key_id.as_deref(), Some(key.as_str()));
    assert_eq!(after.remembered, Some(after.generation));
    vault.close().await.unwrap();
    estate.open().await;
}
