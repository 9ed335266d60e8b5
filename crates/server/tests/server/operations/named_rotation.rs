//! A rotation of the wrapper key to a key that somebody named.

use std::sync::Arc;

use strongroom_kms::{KmsProvider, WrapperKeyRequest};
use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::{strongroom::ResumeWrapperKeyRotationRequest, vault},
};
use strongroom_vault::{Caller, NewWrapperKey, RotationProgress, RotationRequest};
use tonic::Code;

use super::{client, many_keys, to_the_end};
use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
};

#[tokio::test]
async fn a_rotation_to_a_named_key_is_finished_only_by_whoever_may_begin_it() {
    let issuer = TokenIssuer::new();
    let rule = |name: &str, operations: &[Operation]| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![Grant::of(operations.iter().copied())],
        rate_limit: None,
    };
    let (rotate, rotate_to) = (Operation::WrapperKeysRotate, Operation::WrapperKeysRotateTo);
    let house = House::planned(Plan {
        server: ServerSettings {
            access: Access::of(vec![
                rule("rotates", &[rotate]),
                rule("rotates-to", &[rotate, rotate_to]),
            ]),
            tokens: tokens(vec![issuer.service()]),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    many_keys(&house, 5000).await;
    for named in [true, false] {
        interrupted_rotation(&house, named).await;
        let mut client = client(&house).await;
        let mut resume = async |name: &str| {
            let token = issuer.token(name);
            let request = with_token(ResumeWrapperKeyRotationRequest {}, Some(&token));
            let events = client.resume_wrapper_key_rotation(request).await;
            to_the_end(events.unwrap().into_inner()).await
        };
        let mut canton = house.vault_service().await;
        let mut again = async |name: &str| {
            let token = issuer.token(name);
            let request = vault::RotateWrapperKeyRequest::default();
            canton
                .rotate_wrapper_key(with_token(request, Some(&token)))
                .await
        };
        if named {
            let status = resume("rotates").await.unwrap_err();
            assert_eq!(told(&status).0, "PERMISSION_DENIED");
            let status = again("rotates").await.unwrap_err();
            assert_eq!(status.code(), Code::PermissionDenied);
            assert!(house.vault.wrapper_key_rotation().is_some());
            again("rotates-to").await.unwrap();
        } else {
            resume("rotates").await.unwrap();
        }
        assert!(house.vault.wrapper_key_rotation().is_none());
    }
}

/// Begins a rotation, to a named key or to a new one, that stops on the way.
async fn interrupted_rotation(house: &House, named: bool) {
    let to = if named {
        let wrapper = house.kms.key_wrapper().unwrap();
        let request = WrapperKeyRequest::default();
        NewWrapperKey::Existing(wrapper.generate_wrapper_key(&request).await.unwrap())
    } else {
        NewWrapperKey::default()
    };
    let request = RotationRequest {
        to,
        ..RotationRequest::default()
    };
    let (began, moving) = tokio::sync::oneshot::channel();
    let vault = Arc::clone(&house.vault);
    let rotating = tokio::spawn(async move {
        let began = parking_lot::Mutex::new(Some(began));
        let tell = |progress: RotationProgress| {
            if progress.moved > 0
                && let Some(began) = began.lock().take()
            {
                let _gone = began.send(());
            }
        };
        vault
            .rotate_wrapper_key(&Caller::new("test"), &request, &tell)
            .await
    });
    moving.await.unwrap();
    rotating.abort();
    let _aborted = rotating.await;
    assert!(
        house.vault.wrapper_key_rotation().is_some(),
        "it was interrupted"
    );
}
