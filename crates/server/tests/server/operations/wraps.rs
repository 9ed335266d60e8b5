//! Wraps come and go, and each is tried.

use strongroom_server::contract::strongroom::{
    AddWrapRequest, CheckWrapsRequest, PruneDataKeysRequest, RemoveWrapRequest,
    RotateWrapperKeyRequest, ShowWrapperKeysRequest,
};
use tonic::Code;

use super::{client, to_the_end, with_many_keys};
use crate::house::{House, KMS, told};

#[tokio::test]
async fn a_wrap_is_added_tried_and_taken_away() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let first = house.vault.opening().wrapper_key_id;
    let add = AddWrapRequest {
        kms: KMS.to_owned(),
        wrapper_key_id: String::new(),
    };
    let added = client.add_wrap(add).await.unwrap().into_inner();
    let shown = client.show_wrapper_keys(ShowWrapperKeysRequest {}).await;
    let shown = shown.unwrap().into_inner();
    let ids: Vec<_> = shown
        .wraps
        .iter()
        .map(|wrap| &wrap.wrapper_key_id)
        .collect();
    assert_eq!(ids, [&first, &added.wrapper_key_id]);

    let checked = client.check_wraps(CheckWrapsRequest {}).await.unwrap();
    let checked = checked.into_inner();
    assert_eq!(checked.wraps.len(), 2);
    for tried in &checked.wraps {
        assert!(
            tried.code.is_empty() && tried.latency.is_some(),
            "{tried:?}"
        );
    }
    assert!(checked.wrapper_keys.iter().all(|key| key.state == "usable"));
    assert_eq!(checked.alone, [KMS]);
    // Both are in the one KMS: with it everything is lost.
    assert!(checked.losses.len() == 1 && checked.losses[0].vault_lost);

    let remove = |id: &str| RemoveWrapRequest {
        kms: KMS.to_owned(),
        wrapper_key_id: id.to_owned(),
    };
    client.remove_wrap(remove(&first)).await.unwrap();
    let status = client.remove_wrap(remove(&first)).await.unwrap_err();
    assert_eq!(told(&status).0, "WRAP_NOT_FOUND");
    let last = client.remove_wrap(remove(&added.wrapper_key_id)).await;
    assert_eq!(told(&last.unwrap_err()).0, "LAST_WRAP");
}

#[tokio::test]
async fn a_wrap_nowhere_is_refused() {
    let house = House::new().await;
    let mut client = client(&house).await;
    for (kms, code) in [("", Code::InvalidArgument), ("elsewhere", Code::NotFound)] {
        let add = AddWrapRequest {
            kms: kms.to_owned(),
            wrapper_key_id: String::new(),
        };
        let status = client.add_wrap(add).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
    assert_eq!(house.vault.wraps().len(), 1);
}

#[tokio::test]
async fn retired_data_keys_are_pruned_once() {
    let house = with_many_keys(1).await;
    let mut client = client(&house).await;
    let rotated = client.rotate_wrapper_key(RotateWrapperKeyRequest::default());
    to_the_end(rotated.await.unwrap().into_inner())
        .await
        .unwrap();
    let retired = house.vault.retired_data_keys();
    let mut prune = async || {
        let pruned = client
            .prune_data_keys(PruneDataKeysRequest::default())
            .await;
        pruned.unwrap().into_inner().data_key_ids
    };
    assert_eq!(prune().await, [retired[0].to_string()]);
    assert!(prune().await.is_empty());
}
