//! The same data key under another wrapper key.

use strongroom_store::Sealing;
use strongroom_vault::RotationRequest;

use super::{Estate, data_keys_named, other_wrapper_key, to};
use crate::{
    house::{KMS_NAME, caller, code},
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
