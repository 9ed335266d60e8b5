//! What a token proves ends, also for calls that go on.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::{
        strongroom::{
            CreateBackupRequest, operations_service_client::OperationsServiceClient,
            signing_service_client::SigningServiceClient,
        },
        topology::{
            ImportTopologySnapshotV2Request,
            topology_manager_write_service_client::TopologyManagerWriteServiceClient,
        },
    },
    tokens::Tokens,
};
use strongroom_test_support::FixedClock;
use tokio::{net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::{
    ending::{is_signed, item},
    house::{House, Plan},
    issuer::{TokenIssuer, claims, now},
    operations::{RECIPIENT, is_forgotten, many_keys},
    raw::{HalfCaller, with_token},
    vault_service::key,
};

/// A token that holds for so many seconds, as the server's clock has it, which stands still: each new call with it is let in.
const HOLDS: i64 = 3;

async fn house() -> (House, String) {
    let issuer = TokenIssuer::new();
    let rule = CallerRule {
        name: "node".to_owned(),
        identities: vec![Identity::token("node")],
        grants: vec![Grant::of([
            Operation::Sign,
            Operation::TopologyWrite,
            Operation::BackupCreate,
        ])],
        rate_limit: None,
    };
    let clock = FixedClock::default();
    let now = now();
    clock.set(strongroom_crypto::Timestamp::from_micros(now * 1_000_000));
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: Tokens::of(vec![issuer.service()], Arc::new(clock)),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let mut claims = claims("node");
    claims["iat"] = json!(now);
    claims["exp"] = json!(now + HOLDS);
    let token = issuer.sign(&json!({ "alg": "EdDSA" }), &claims);
    (house, token)
}

#[tokio::test]
async fn a_stream_of_signatures_ends_with_the_token_of_its_caller() {
    let (house, token) = house().await;
    let fingerprint = key(&house.vault, "one").await.to_string();
    let mut client = SigningServiceClient::new(house.channel().await);
    let (items, receiver) = mpsc::channel(4);
    items.send(item(&fingerprint)).await.unwrap();
    let request = with_token(ReceiverStream::new(receiver), Some(&token));
    let mut signed = client.sign_stream(request).await.unwrap().into_inner();
    assert!(is_signed(&signed.message().await.unwrap().unwrap()));
    let status = loop {
        let _ended = items.send(item(&fingerprint)).await;
        match signed.message().await {
            Ok(answer) => assert!(is_signed(&answer.expect("an end is told"))),
            Err(status) => break status,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
}

/// Whoever has a token for minutes must not use it for hours.
#[tokio::test]
async fn a_call_whose_message_comes_after_the_token_has_expired_is_refused() {
    let (house, token) = house().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let bearer = format!("Bearer {token}");
    for path in [
        Rpc::SigningServiceSign.path(),
        Rpc::TopologyManagerWriteServiceAddTransactions.path(),
        Rpc::OperationsServiceCreateBackup.path(),
    ] {
        let headers = caller.begin(path, &[("authorization", &bearer)]).await;
        let headers = headers.unwrap();
        assert_eq!(headers["grpc-status"], "16", "{path}: {headers:?}");
    }
}

#[tokio::test]
async fn a_snapshot_that_comes_for_longer_than_the_token_holds_is_broken_off() {
    let (house, token) = house().await;
    let mut client = TopologyManagerWriteServiceClient::new(house.channel().await);
    let (_pieces, receiver) = mpsc::channel::<ImportTopologySnapshotV2Request>(1);
    let request = with_token(ReceiverStream::new(receiver), Some(&token));
    let status = client.import_topology_snapshot_v2(request).await;
    assert_eq!(status.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn events_end_with_the_token_and_a_backup_that_was_not_taken_is_forgotten() {
    let (house, token) = house().await;
    // A file that does not fit into what is on the way.
    many_keys(&house, 12_000).await;
    let mut client = OperationsServiceClient::new(house.channel().await);
    let request = CreateBackupRequest {
        recipients: vec![RECIPIENT.to_owned()],
    };
    let events = client
        .create_backup(with_token(request, Some(&token)))
        .await;
    let mut events = events.unwrap().into_inner();
    tokio::time::sleep(Duration::from_secs(HOLDS.unsigned_abs())).await;
    let status = loop {
        match events.message().await {
            Ok(event) => assert!(event.is_some(), "it went on to its end"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    while !is_forgotten(&house).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(house.vault.backups().is_empty());
}
