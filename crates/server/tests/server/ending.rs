//! An orderly end.

use std::{sync::Arc, time::Duration};

use strongroom_server::{
    Rpc, ServerSettings,
    contract::{
        strongroom::{
            SignItem, SignStreamRequest, SignStreamResponse,
            sign_item::{Content, Key},
            sign_result::Result as Outcome,
            signing_service_client::SigningServiceClient,
        },
        vault::GenerateSigningKeyRequest,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;

use crate::{
    house::{House, Plan, told},
    raw::{HalfCaller, NO_RPC},
    vault_service::key,
};

#[tokio::test]
async fn what_was_asked_for_is_answered_before_the_server_ends() {
    let mut house = House::new().await;
    let client = house.vault_service().await;
    let asked = (0..16).map(|_number| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let request = GenerateSigningKeyRequest {
                key_spec: 0,
                name: String::new(),
                usage_v30: vec![4],
                base_request: None,
            };
            client.generate_signing_key(request).await
        })
    });
    let asked: Vec<_> = asked.collect();
    tokio::task::yield_now().await;
    house.end();
    let vault = Arc::clone(&house.vault);
    house.ended().await;
    let mut made = 0;
    for answer in asked {
        match answer.await.unwrap() {
            Ok(_key) => made += 1,
            // It came too late, and was told so or not heard at all.
            Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}"),
        }
    }
    assert_eq!(vault.key_count(), made);
}

pub(crate) fn item(fingerprint: &str) -> SignStreamRequest {
    SignStreamRequest {
        id: 7,
        item: Some(SignItem {
            key: Some(Key::Fingerprint(fingerprint.to_owned())),
            content: Some(Content::Message(b"message".to_vec())),
            usages: vec![4],
        }),
    }
}

pub(crate) fn is_signed(answer: &SignStreamResponse) -> bool {
    let result = answer.result.as_ref().and_then(|it| it.result.as_ref());
    matches!(result, Some(Outcome::Signature(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_are_told_that_the_server_ends_and_do_not_hold_it_up() {
    let mut house = House::new().await;
    let fingerprint = key(&house.vault, "one").await.to_string();
    let mut client = SigningServiceClient::new(house.channel().await);
    let (items, receiver) = mpsc::channel(4);
    items.send(item(&fingerprint)).await.unwrap();
    let signed = client.sign_stream(ReceiverStream::new(receiver)).await;
    let mut signed = signed.unwrap().into_inner();
    assert!(is_signed(&signed.message().await.unwrap().unwrap()));
    let mut client = HealthClient::new(house.channel().await);
    let request = HealthCheckRequest {
        service: "liveness".to_owned(),
    };
    let mut watched = loop {
        match client.watch(request.clone()).await {
            Ok(watched) => break watched.into_inner(),
            // Nobody has looked yet.
            Err(_unknown) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    house.end();
    let status = signed.message().await.unwrap_err();
    assert_eq!(told(&status).0, "ABORTED_DUE_TO_SHUTDOWN");
    assert!(status.get_error_details().retry_info().is_some());
    let status = loop {
        match watched.message().await {
            Ok(Some(_news)) => {}
            Ok(None) => panic!("the end was not told"),
            Err(status) => break status,
        }
    };
    assert_eq!(told(&status).0, "ABORTED_DUE_TO_SHUTDOWN");
    let vault = Arc::clone(&house.vault);
    house.ended().await;
    assert_eq!(Arc::strong_count(&vault), 1, "somebody holds the vault");
}

/// A request over HTTP/1.1, as whoever watches makes it.
pub(crate) async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_ends_a_server_says_that_it_is_alive_and_not_ready() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let watched = listener.local_addr().unwrap();
    let mut house = House::planned(Plan {
        server: ServerSettings {
            http: Some(listener),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    assert!(get(watched, "/readyz").await.starts_with("HTTP/1.1 200"));
    // A call that is under way.
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let call = tokio::spawn(caller.begin(Rpc::VaultServiceGetWrapperKeyId.path(), &[]));
    let later = caller.begin(NO_RPC, &[]).await;
    assert_eq!(later.unwrap()["grpc-status"], "12");
    house.end();
    loop {
        let answer = get(watched, "/readyz").await;
        if answer.starts_with("HTTP/1.1 503") {
            assert!(answer.contains("the server is about to end"), "{answer}");
            break;
        }
    }
    assert!(get(watched, "/healthz").await.starts_with("HTTP/1.1 200"));
    call.abort();
    drop(caller);
    house.ended().await;
    assert!(TcpStream::connect(watched).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_never_end_are_cut_after_the_grace_and_nothing_holds_the_vault() {
    let mut house = House::planned(Plan {
        server: ServerSettings {
            grace: Duration::from_millis(300),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let call = tokio::spawn(caller.begin(Rpc::VaultServiceGenerateSigningKey.path(), &[]));
    // The server has the call once it has answered a later one of the same connection.
    let later = caller.begin(NO_RPC, &[]).await;
    assert_eq!(later.unwrap()["grpc-status"], "12");
    house.end();
    let vault = Arc::clone(&house.vault);
    house.ended().await;
    call.await.unwrap().unwrap_err();
    assert_eq!(Arc::strong_count(&vault), 1, "somebody holds the vault");
}

#[tokio::test]
async fn a_call_whose_deadline_passes_is_told_so() {
    let house = House::new().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    for path in [
        Rpc::TopologyManagerWriteServiceImportTopologySnapshotV2.path(),
        Rpc::VaultServiceGetWrapperKeyId.path(),
    ] {
        let headers = caller.begin(path, &[("grpc-timeout", "200m")]).await;
        let headers = headers.unwrap();
        assert_eq!(headers["grpc-status"], "4", "{headers:?}");
    }
}
