//! One caller who calls all the time.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use prost::Message as _;
use strongroom_crypto::Fingerprint;
use strongroom_proto::v30::Signature;
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::{
        strongroom::{
            AddTransactionsRequest, SignBatchRequest, SignItem, SignTransactionsRequest, Signing,
            VerifyForPartyRequest, VerifyProtocolGroupRequest, verify_for_party_request,
            verify_protocol_group_request,
        },
        topology,
        vault::{GetWrapperKeyIdRequest, vault_service_client::VaultServiceClient},
    },
};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::{begin, with_token},
};

async fn house(issuer: &TokenIssuer, limit: u32) -> House {
    let rule = |name: &str, rate_limit| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![Grant::of([
            Operation::WrapperKeysShow,
            Operation::Sign,
            Operation::Verify,
            Operation::TopologySign,
            Operation::TopologyWrite,
        ])],
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
    let wave = || -> JoinSet<_> { (0..500).map(|_call| ask(&client, &flood)).collect() };
    let mut flooding = wave();
    let other = house.vault_service().await;
    let worker: Arc<str> = worker.into();
    for _call in 0..100 {
        ask(&other, &worker).await.unwrap();
    }
    // Whoever is slower than the limit is no flood.
    let (mut served, mut stopped, longest) = (0, 0, Instant::now() + Duration::from_secs(300));
    while stopped == 0 {
        assert!(Instant::now() < longest, "none of {served} was stopped");
        for answer in flooding.join_all().await {
            match answer {
                Ok(_id) => served += 1,
                Err(status) => {
                    assert_eq!(status.code(), Code::Aborted, "{status:?}");
                    assert_eq!(told(&status).0, "RATE_LIMIT_EXCEEDED");
                    stopped += 1;
                }
            }
        }
        flooding = wave();
    }
    assert!(served >= 20, "{served} were served");
}

/// Whether a call was refused for its caller's limit; then for how long.
fn is_held_up(status: &Status) -> Option<Duration> {
    let details = status.get_error_details();
    let is_limit = told(status).0 == "RATE_LIMIT_EXCEEDED";
    is_limit.then(|| details.retry_info().unwrap().retry_delay.unwrap())
}

/// Each costs as many calls as it has items, also where those cannot be split and are more than a second's.
#[tokio::test]
async fn a_call_of_more_items_than_the_limit_goes_and_holds_up_the_next_until_it_is_paid_off() {
    let batch = SignBatchRequest {
        items: vec![SignItem::default(); 600],
    };
    let namespace = Fingerprint::from_bytes([7; 32]);
    let group = VerifyProtocolGroupRequest {
        synchronizer: format!("test::{namespace}::35-0"),
        threshold: 1,
        content: Some(verify_protocol_group_request::Content::Message(Vec::new())),
        signatures: vec![Signature::default(); 256],
        ..VerifyProtocolGroupRequest::default()
    };
    let party = VerifyForPartyRequest {
        party: format!("bob::{namespace}"),
        store: "authorized".to_owned(),
        content: Some(verify_for_party_request::Content::Message(Vec::new())),
        signatures: vec![Signature::default(); 64],
        ..VerifyForPartyRequest::default()
    };
    for (path, message) in [
        (Rpc::SigningServiceSignBatch.path(), batch.encode_to_vec()),
        (
            Rpc::SigningServiceVerifyProtocolGroup.path(),
            group.encode_to_vec(),
        ),
        (
            Rpc::SigningServiceVerifyForParty.path(),
            party.encode_to_vec(),
        ),
    ] {
        let issuer = TokenIssuer::new();
        let house = house(&issuer, 2).await;
        let (channel, token) = (house.channel().await, issuer.token("flood"));
        let call = async || begin(&channel, path, Some(&token), message.clone()).await;
        // Of those whose signatures are none the answer says that.
        if let Err(status) = call().await {
            assert_eq!(is_held_up(&status), None, "{path}: {status}");
        }
        let refused = call().await.expect_err(path);
        let wait = is_held_up(&refused).expect(path);
        assert!(wait > Duration::from_secs(5), "{path}: {wait:?}");
    }
}

/// Whoever may sign topology signs one transaction with each key that is named.
#[tokio::test]
async fn each_transaction_of_topology_costs_a_call_and_each_key_that_signs_it_one_more() {
    let [key, other] = [7, 8].map(|byte| Fingerprint::from_bytes([byte; 32]).to_string());
    let (messages, bytes) = (vec![Default::default(); 64], vec![Vec::new(); 64]);
    let sign = topology::SignTransactionsRequest {
        transactions: messages.clone(),
        ..Default::default()
    };
    let two_keys = SignTransactionsRequest {
        store: "authorized".to_owned(),
        transactions: vec![Vec::new(); 32],
        signing: Some(Signing {
            signed_by: vec![key.clone(), other, key],
            ..Signing::default()
        }),
    };
    let add = topology::AddTransactionsRequest {
        transactions: messages,
        ..Default::default()
    };
    let add_bytes = AddTransactionsRequest {
        store: "authorized".to_owned(),
        transactions: bytes,
        ..Default::default()
    };
    for (rpc, message) in [
        (
            Rpc::TopologyManagerWriteServiceSignTransactions,
            sign.encode_to_vec(),
        ),
        (
            Rpc::TopologyServiceSignTransactions,
            two_keys.encode_to_vec(),
        ),
        (
            Rpc::TopologyManagerWriteServiceAddTransactions,
            add.encode_to_vec(),
        ),
        (
            Rpc::TopologyServiceAddTransactions,
            add_bytes.encode_to_vec(),
        ),
    ] {
        let issuer = TokenIssuer::new();
        let house = house(&issuer, 2).await;
        let (channel, token) = (house.channel().await, issuer.token("flood"));
        let call = async || begin(&channel, rpc.path(), Some(&token), message.clone()).await;
        // What was sent are no transactions.
        let unreadable = call().await.unwrap_err();
        assert_eq!(is_held_up(&unreadable), None, "{rpc:?}: {unreadable}");
        let refused = call().await.unwrap_err();
        let wait = is_held_up(&refused).unwrap_or_default();
        assert!(wait > Duration::from_secs(20), "{rpc:?}: {refused}");
    }
}

#[tokio::test]
async fn more_transactions_than_one_call_may_have_are_refused() {
    let issuer = TokenIssuer::new();
    let house = house(&issuer, 2).await;
    let (channel, token) = (house.channel().await, issuer.token("worker"));
    let path = Rpc::TopologyServiceSignTransactions.path();
    let message = SignTransactionsRequest {
        store: "authorized".to_owned(),
        transactions: vec![vec![7; 40]; 4097],
        ..Default::default()
    };
    let refused = begin(&channel, path, Some(&token), message.encode_to_vec()).await;
    let (code, reason) = told(&refused.unwrap_err());
    assert_eq!(code, "PROTO_DESERIALIZATION_FAILURE");
    let wanted = "Field `transactions` has at most 4096 items, here 4097";
    assert_eq!(reason.as_deref(), Some(wanted));
}
