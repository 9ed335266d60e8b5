//! Keys that a KMS sealed itself belong to that KMS, whichever one opened the vault.

use strongroom_store::{Custody, Sealing};
use strongroom_test_support::kms::Fault;
use strongroom_vault::Settings;

use super::{Regions, SECOND, named};
use crate::house::{KMS_NAME, KeyPicture, caller, check_signs, code, settings, sign, signing_key};

fn direct() -> Settings {
    settings(Custody::Envelope, Sealing::Direct)
}

#[tokio::test]
async fn a_directly_sealed_key_is_opened_by_the_kms_that_sealed_it() {
    let regions = Regions::with_two_wraps(direct()).await;
    let vault = regions.open().await;
    let of_first = signing_key(&vault).await;
    vault.close().await.unwrap();

    // The second one opens the vault, and the first one is back when the key is used.
    regions.first.fail_at(1, Fault::Unavailable);
    let vault = regions.open().await;
    assert_eq!(vault.opening().kms, SECOND);
    let asked = regions.second.calls();
    check_signs(&vault, &of_first).await;
    assert_eq!(regions.second.calls(), asked);

    regions.first.fail_from(1, Fault::Unavailable);
    vault.close().await.unwrap();
    let vault = regions.open().await;
    assert_eq!(code(sign(&vault, &of_first).await), "KMS_UNAVAILABLE");
}

#[tokio::test]
async fn a_new_key_is_sealed_by_the_next_kms_while_the_first_is_down() {
    let regions = Regions::with_two_wraps(direct()).await;
    regions.first.fail_from(1, Fault::Unavailable);
    let vault = regions.open().await;
    let of_second = signing_key(&vault).await;
    let sealed_by = |key| {
        let half = KeyPicture::of(&vault.key(key).unwrap()).private.unwrap();
        half.wrapper_key_id.unwrap()
    };
    assert_eq!(sealed_by(&of_second), regions.second_key().as_str());
    regions.first.heal();
    let of_first = signing_key(&vault).await;
    assert_eq!(sealed_by(&of_first), regions.first_key().as_str());
    vault.close().await.unwrap();
    let vault = regions.open().await;
    check_signs(&vault, &of_first).await;
    check_signs(&vault, &of_second).await;
}

#[tokio::test]
async fn a_kms_that_refuses_is_not_passed_over_when_a_key_is_sealed() {
    let regions = Regions::with_two_wraps(direct()).await;
    let vault = regions.open().await;
    regions.first.fail_from(1, Fault::Denied);
    let asked = regions.second.calls();
    let new = crate::house::new_protocol_key();
    let refused = vault.generate_signing_key(&caller(), new).await;
    assert_eq!(code(refused), "KMS_DENIED");
    assert_eq!(regions.second.calls(), asked);
}

#[tokio::test]
async fn a_wrapper_key_that_seals_keys_keeps_its_wrap() {
    let regions = Regions::with_two_wraps(direct()).await;
    let vault = regions.open().await;
    let key = signing_key(&vault).await;
    let first = regions.first_key();
    assert_eq!(vault.wraps()[0].direct_keys, 1);
    let refused = vault.remove_wrap(&caller(), KMS_NAME, first.as_str()).await;
    assert_eq!(code(refused), "WRAPPER_KEY_SEALS");
    vault.delete_key(&caller(), &key).await.unwrap();
    vault
        .remove_wrap(&caller(), KMS_NAME, first.as_str())
        .await
        .unwrap();
    check_signs(&vault, &signing_key(&vault).await).await;
}

#[tokio::test]
async fn a_key_whose_wrapper_key_lost_its_wrap_while_it_was_sealed_is_not_kept() {
    let regions = Regions::with_two_wraps(direct()).await;
    let vault = regions.open().await;
    let first = regions.first_key();
    regions.first.fail_at(1, Fault::Stalled);
    let new = crate::house::new_protocol_key();
    let caller = caller();
    {
        let mut sealing = std::pin::pin!(vault.generate_signing_key(&caller, new));
        let asked = regions.first.calls();
        let mut reached = std::pin::pin!(async {
            while regions.first.calls() == asked {
                tokio::task::yield_now().await;
            }
        });
        tokio::select! {
            outcome = &mut sealing => panic!("{outcome:?}"),
            () = &mut reached => {}
        }
        // No unit waits for a KMS, so the wrap goes meanwhile.
        let removed = vault.remove_wrap(&caller, KMS_NAME, first.as_str());
        removed.await.unwrap();
    }
    regions.first.heal();
    let vault_again = signing_key(&vault).await;
    let half = KeyPicture::of(&vault.key(&vault_again).unwrap())
        .private
        .unwrap();
    assert_eq!(half.wrapper_key_id.unwrap(), regions.second_key().as_str());
}

#[tokio::test]
async fn a_check_says_what_would_be_lost_with_each_provider() {
    let regions = Regions::with_two_wraps(direct()).await;
    let vault = regions.open().await;
    let of_first = signing_key(&vault).await;
    let check = vault.check_wraps().await;
    assert!(check.all_open(), "{check:?}");
    assert!(check.wraps.iter().all(|wrap| wrap.latency.is_some()));
    let [first, second] = &check.losses[..] else {
        panic!("{check:?}");
    };
    assert_eq!((first.kms.as_str(), first.vault_lost), (KMS_NAME, false));
    assert_eq!(first.keys_lost, [of_first]);
    let (remaining, key) = (SECOND.to_owned(), regions.second_key().as_str().to_owned());
    assert_eq!(first.remaining, [(remaining, key)]);
    assert!(second.keys_lost.is_empty() && !second.vault_lost);

    // While the second does not open, all hangs on the first.
    regions.second.fail_from(1, Fault::Unavailable);
    let check = vault.check_wraps().await;
    let failures: Vec<_> = check.wraps.iter().map(|wrap| wrap.failure).collect();
    assert_eq!(failures, [None, Some("KMS_UNAVAILABLE")]);
    assert!(check.losses[0].vault_lost && check.losses[0].remaining.is_empty());
    assert!(!check.losses[1].vault_lost);
    vault.close().await.unwrap();

    let vault = regions
        .open_with(vec![named(KMS_NAME, &regions.first)])
        .await;
    let unconfigured = &vault.check_wraps().await.wraps[1];
    assert_eq!(unconfigured.failure, Some("KMS_NOT_CONFIGURED"));
    assert_eq!(unconfigured.latency, None);
}
