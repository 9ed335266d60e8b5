//! The same data key under another wrapper key.

use std::sync::Arc;

use strongroom_kms_local::LocalKms;
use strongroom_store::Sealing;
use strongroom_test_support::{kms::FlakyKms, store::FlakyStore};
use strongroom_vault::{RotationRequest, Vault};

use super::{Estate, data_keys_named, faults::FAULTS, other_wrapper_key, to};
use crate::{
    faults::{
        kms::open_with,
        store::{FAILURES, open_over},
    },
    house::{House, KMS_NAME, caller, code},
    wraps::wraps,
};

#[tokio::test]
async fn the_data_key_and_every_row_stay_and_only_the_wrap_is_another() {
    let estate = Estate::new(Sealing::DataKey).await;
    let house = &estate.house;
    let vault = house.open().await;
    let (named, old) = (data_keys_named(house), wraps(&vault));
    let calls = house.metered.calls().total();
    let request = RotationRequest::default();
    let (kms, id) = vault.rewrap_data_key(&caller(), &request).await.unwrap();
    assert_eq!(
        house.metered.calls().total() - calls,
        3,
        "made, rewrapped, tried"
    );
    assert_eq!(wraps(&vault), [(kms, id.as_str().to_owned())]);
    assert_ne!(wraps(&vault), old);
    assert_eq!(vault.retired_data_keys(), []);
    let vault = estate.check(vault, house, "rewrapped").await;
    assert_eq!(data_keys_named(house), named);

    let existing = other_wrapper_key(house).await;
    vault
        .rewrap_data_key(&caller(), &to(&existing))
        .await
        .unwrap();
    let expected = [(KMS_NAME.to_owned(), existing.as_str().to_owned())];
    assert_eq!(wraps(&vault), expected);
    for key in house.kms.list_keys() {
        if key.id != existing {
            house.kms.disable_key(&key.id).unwrap();
        }
    }
    estate.check(vault, house, "only the newest works").await;
}

#[tokio::test]
async fn a_wrapper_key_that_seals_keys_itself_is_not_left_behind() {
    let estate = Estate::new(Sealing::Direct).await;
    let vault = estate.house.open().await;
    let refused = vault
        .rewrap_data_key(&caller(), &RotationRequest::default())
        .await;
    assert_eq!(code(refused), "WRAPPER_KEY_SEALS");
    estate.check(vault, &estate.house, "refused").await;
}

/// Whether the wrap is the new one, in memory and on the disk alike; one of both is there, and opens.
async fn is_done(estate: &Estate, house: &House, vault: &Vault, when: &str) -> bool {
    let now = wraps(vault);
    assert_eq!(now.len(), 1, "{when}");
    assert!(vault.check_wraps().await.all_open(), "{when}");
    super::check_uses(estate, vault).await;
    let reopened = house.copy().open().await;
    assert_eq!(wraps(&reopened), now, "{when}");
    reopened.close().await.unwrap();
    now[0].1 != estate.house.kms.list_keys()[0].id.as_str()
}

#[tokio::test]
async fn a_kms_that_fails_at_any_call_leaves_the_old_wrap_and_what_it_made_is_taken_up() {
    let estate = Estate::new(Sealing::DataKey).await;
    let request = RotationRequest::default();
    for (fault, expected) in FAULTS {
        for number in 1.. {
            let when = format!("{expected} at call {number}");
            let house = estate.house.copy_with_key_file().with_key_file_again();
            let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
            let vault = open_with(&house, &kms).await;
            kms.fail_at(number, fault);
            let outcome = vault.rewrap_data_key(&caller(), &request).await;
            kms.heal();
            let done = is_done(&estate, &house, &vault, &when).await;
            if outcome.is_ok() {
                assert!(done, "{when}");
                assert_eq!(number, 4, "made, rewrapped and tried");
                break;
            }
            assert_eq!(code(outcome), expected, "{when}");
            assert!(!done, "{when}");
            let again = vault.rewrap_data_key(&caller(), &request).await;
            again.unwrap();
            assert!(is_done(&estate, &house, &vault, &when).await, "{when}");
            assert_eq!(house.kms.list_keys().len(), 2, "{when}");
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_leaves_the_old_wrap_and_a_vault_that_goes_on() {
    let estate = Estate::new(Sealing::DataKey).await;
    let request = RotationRequest::default();
    for (expected, failure) in FAILURES {
        for number in 1.. {
            let when = format!("{expected} at call {number}");
            let house = estate.house.copy_with_key_file().with_key_file_again();
            let store = Arc::new(FlakyStore::new(house.store().await.unwrap()));
            let vault = open_over(&house, Arc::<FlakyStore>::clone(&store) as _).await;
            store.hook().fail_call(number, failure);
            let outcome = vault.rewrap_data_key(&caller(), &request).await;
            let has_struck = store.hook().has_struck();
            store.hook().disarm();
            let done = is_done(&estate, &house, &vault, &when).await;
            if !has_struck {
                outcome.unwrap();
                assert!(done && number > 12, "it makes {number} calls only");
                break;
            }
            assert_eq!(code(outcome), expected, "{when}");
            assert!(!done, "{when}");
            let again = vault.rewrap_data_key(&caller(), &request).await;
            again.unwrap();
            assert!(is_done(&estate, &house, &vault, &when).await, "{when}");
            assert_eq!(house.kms.list_keys().len(), 2, "{when}");
        }
    }
}
