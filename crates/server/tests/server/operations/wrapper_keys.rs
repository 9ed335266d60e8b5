//! Wrapper keys, and one in the place of another.

use strongroom_kms::{KmsProvider, WrapperKeyRequest};
use strongroom_server::contract::strongroom::{
    PlanWrapperKeyRotationRequest, ResumeWrapperKeyRotationRequest, RewrapDataKeyRequest,
    RotateWrapperKeyEvent, RotateWrapperKeyRequest, ShowWrapperKeysRequest,
    rotate_wrapper_key_event::{Done, Event, Progress},
};
use tonic::{Status, Streaming};

use super::{client, with_many_keys};
use crate::house::{House, KMS, told};

/// What was told on the way, and how it ended.
async fn to_the_end(
    events: Streaming<RotateWrapperKeyEvent>,
) -> Result<(Vec<Progress>, Done), Status> {
    let mut on_the_way = Vec::new();
    for event in super::to_the_end(events).await? {
        match event.event.unwrap() {
            Event::Progress(progress) => on_the_way.push(progress),
            Event::Done(done) => return Ok((on_the_way, done)),
        }
    }
    panic!("it ended without a last event");
}

#[tokio::test]
async fn the_wrapper_key_is_rotated_and_tells_how_far_it_is() {
    let house = with_many_keys(3000).await;
    let mut client = client(&house).await;
    let before = client.show_wrapper_keys(ShowWrapperKeysRequest {}).await;
    let before = before.unwrap().into_inner();
    assert!(before.rotation.is_none());
    let request = RotateWrapperKeyRequest::default();
    let events = client
        .rotate_wrapper_key(request)
        .await
        .unwrap()
        .into_inner();
    let (on_the_way, done) = to_the_end(events).await.unwrap();
    assert!(
        on_the_way
            .iter()
            .all(|progress| progress.moved <= progress.of)
    );
    assert!(on_the_way.len() > 1, "{on_the_way:?}");
    assert!(done.moved >= 3000, "{done:?}");
    let rotation = done.rotation.unwrap();
    let after = client.show_wrapper_keys(ShowWrapperKeysRequest {}).await;
    let after = after.unwrap().into_inner();
    let [old] = before.wraps.as_slice() else {
        panic!("{before:?}");
    };
    let [new] = after.wraps.as_slice() else {
        panic!("{after:?}");
    };
    assert_eq!(rotation.goes[0].wrapper_key_id, old.wrapper_key_id);
    assert_eq!(rotation.comes[0].wrapper_key_id, new.wrapper_key_id);
    assert!(new.configured);
}

#[tokio::test]
async fn a_rotation_goes_on_when_its_caller_goes() {
    let house = with_many_keys(3000).await;
    let first = house.vault.opening().wrapper_key_id;
    let mut client = client(&house).await;
    let request = RotateWrapperKeyRequest::default();
    let mut events = client
        .rotate_wrapper_key(request)
        .await
        .unwrap()
        .into_inner();
    events.message().await.unwrap().unwrap();
    drop(events);
    drop(client);
    // Whoever asks meanwhile is told; afterwards there is nothing to go on with.
    while house.vault.wrapper_key_rotation().is_some()
        || house.vault.opening().wrapper_key_id == first
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_meant_is_refused() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let resumed = client
        .resume_wrapper_key_rotation(ResumeWrapperKeyRotationRequest {})
        .await;
    let status = to_the_end(resumed.unwrap().into_inner()).await.unwrap_err();
    assert_eq!(told(&status).0, "NO_WRAPPER_KEY_ROTATION");
    let wrapper = house.kms.key_wrapper().unwrap();
    let named = wrapper
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await;
    let both = RotateWrapperKeyRequest {
        to: named.unwrap().as_str().to_owned(),
        multi_region: true,
        ..RotateWrapperKeyRequest::default()
    };
    let unknown = RotateWrapperKeyRequest {
        kms: "unknown".to_owned(),
        ..RotateWrapperKeyRequest::default()
    };
    let too_long = RotateWrapperKeyRequest {
        to: "x".repeat(10_000),
        ..RotateWrapperKeyRequest::default()
    };
    for (request, id) in [
        (both, "PROTO_DESERIALIZATION_FAILURE"),
        (too_long, "PROTO_DESERIALIZATION_FAILURE"),
        (unknown, "KMS_NOT_CONFIGURED"),
    ] {
        let events = client
            .rotate_wrapper_key(request)
            .await
            .unwrap()
            .into_inner();
        let status = to_the_end(events).await.unwrap_err();
        assert_eq!(told(&status).0, id);
    }
    assert!(house.vault.wrapper_key_rotation().is_none());
}

#[tokio::test]
async fn a_rotation_is_planned_before_anything_is_done() {
    let house = with_many_keys(10).await;
    let before = house.vault.opening().wrapper_key_id;
    let mut client = client(&house).await;
    let request = PlanWrapperKeyRotationRequest::default();
    let plan = client.plan_wrapper_key_rotation(request).await.unwrap();
    let plan = plan.into_inner();
    assert_eq!((plan.kms.as_str(), plan.wrapper_key_id.as_str()), (KMS, ""));
    assert_eq!(plan.replaces.unwrap().wrapper_key_id, before);
    let rows = plan.rows.unwrap();
    assert!(rows.sealed == 10 && rows.total >= 10, "{rows:?}");
    let calls: Vec<_> = plan.calls.iter().map(|calls| calls.calls).collect();
    assert_eq!(calls, [1, 1, 1], "{:?}", plan.calls);
    assert_eq!(house.vault.opening().wrapper_key_id, before);
}

#[tokio::test]
async fn the_same_data_key_is_wrapped_anew() {
    let house = with_many_keys(1).await;
    let before = house.vault.opening().wrapper_key_id;
    let mut client = client(&house).await;
    let rewrapped = client
        .rewrap_data_key(RewrapDataKeyRequest::default())
        .await;
    let rewrapped = rewrapped.unwrap().into_inner();
    assert_eq!(rewrapped.goes.unwrap().wrapper_key_id, before);
    let after = house.vault.opening().wrapper_key_id;
    assert_eq!(rewrapped.comes.unwrap().wrapper_key_id, after);
    assert_ne!(before, after);
    let shown = client.show_wrapper_keys(ShowWrapperKeysRequest {}).await;
    let shown = shown.unwrap().into_inner();
    assert!(shown.retired_data_key_ids.is_empty());
    assert_eq!(shown.vault_id, house.vault.id().to_string());
    assert!(shown.failed.is_empty() && shown.without_wrap.is_empty());
}
