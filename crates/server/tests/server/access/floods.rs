//! One caller who calls all the time.

use std::{num::NonZeroU32, sync::Arc};

use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::{
        strongroom::{SignBatchRequest, SignItem, signing_service_client::SigningServiceClient},
        vault::{GetWrapperKeyIdRequest, vault_service_client::VaultServiceClient},
    },
};
use tonic::Code;

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
};

async fn house(issuer: &TokenIssuer, limit: u32) -> House {
    let rule = |name: &str, rate_limit| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![Grant::of([Operation::WrapperKeysShow, Operation::Sign])],
        rate_limit,
    };
    let server = ServerSettings {
        access: Access::of(vec![
            rule("flood", NonZeroU32::new(limit)),
            rule("worker", None),
        ]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_caller_is_stopped_and_another_is_served() {
    let issuer = TokenIssuer::new();
    let house = house(&issuer, 20).await;
    let (flood, worker) = (issuer.token("flood"), issuer.token("worker"));
    let ask = |client: &VaultServiceClient<_>, token: &Arc<str>| {
        let (mut client, token) = (client.clone(), Arc::clone(token));
        async move {
            let request = with_token(GetWrapperKeyIdRequest {}, Some(&token));
            client.get_wrapper_key_id(request).await
        }
    };
    let client = house.vault_service().await;
    let flood: Arc<str> = flood.into();
    let flooding = (0..500).map(|_call| tokio::spawn(ask(&client, &flood)));
    let flooding: Vec<_> = flooding.collect();
    let other = house.vault_service().await;
    let worker: Arc<str> = worker.into();
    for _call in 0..100 {
        ask(&other, &worker).await.unwrap();
    }
    let (mut served, mut stopped) = (0, 0);
    for answer in flooding {
        match answer.await.unwrap() {
            Ok(_id) => served += 1,
            Err(status) => {
                assert_eq!(status.code(), Code::Aborted, "{status:?}");
                assert_eq!(told(&status).0, "RATE_LIMIT_EXCEEDED");
                stopped += 1;
            }
        }
    }
    assert!(served >= 20, "{served} were served");
    assert!(stopped > 0, "none of {served} was stopped");
}

#[tokio::test]
async fn a_batch_counts_as_many_calls_as_it_has_items() {
    let issuer = TokenIssuer::new();
    let house = house(&issuer, 20).await;
    let token = issuer.token("flood");
    let mut client = SigningServiceClient::new(house.channel().await);
    let mut batch = async |items| {
        let request = SignBatchRequest {
            items: vec![SignItem::default(); items],
        };
        client.sign_batch(with_token(request, Some(&token))).await
    };
    batch(4).await.unwrap();
    // 64 are never there at once.
    let status = batch(64).await.unwrap_err();
    assert_eq!(told(&status).0, "RATE_LIMIT_EXCEEDED");
}
