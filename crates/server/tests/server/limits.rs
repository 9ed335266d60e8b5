//! Messages and headers over the limit: refused, and nobody else notices.

use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::strongroom::{
        SignRequest, SignStreamResponse, sign_item::Content,
        signing_service_client::SigningServiceClient,
    },
};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, transport::Channel};

use crate::{
    ending::{is_signed, item},
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::{HalfCaller, call, send, with_token},
    vault_service::key,
};

const MEGABYTES_10: usize = 10 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_the_limit_are_refused_and_those_below_are_read() {
    let house = House::new().await;
    let channel = house.channel().await;
    for (path, most) in [
        (Rpc::SigningServiceSign.path(), MEGABYTES_10),
        (Rpc::VaultServiceImportKeyPair.path(), MEGABYTES_10),
        (
            Rpc::TopologyManagerWriteServiceImportTopologySnapshotV2.path(),
            MEGABYTES_10,
        ),
        (Rpc::HealthCheck.path(), 4096),
        (Rpc::ApiInfoServiceGetApiInfo.path(), 4096),
    ] {
        // Bytes that are no message: whoever reads them says so.
        let refused = send(&channel, path, vec![0xff; most + 1]).await;
        let refused = refused.expect_err(path);
        assert_eq!(refused.code(), Code::OutOfRange, "{path}: {refused:?}");
        let read = send(&channel, path, vec![0xff; most]).await;
        let code = read.err().map(|status| status.code());
        assert_ne!(code, Some(Code::OutOfRange), "{path}");
    }
    // On the same connection.
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    call(&channel, path, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_the_limit_reach_no_service_and_others_are_served() {
    let house = House::new().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let large = "x".repeat(9 * 1024);
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let answer = caller.begin(path, &[("large", &large)]).await;
    let is_served = answer.is_ok_and(|headers| headers.contains_key("grpc-status"));
    assert!(!is_served);
    call(&house.channel().await, path, None).await.unwrap();
}

/// A caller that signs, by its token.
struct Signing {
    client: SigningServiceClient<Channel>,
    token: String,
    key: String,
}

impl Signing {
    /// A stream that has been answered once, and goes on as long as both ends are kept.
    async fn stream(&mut self) -> Result<impl Sized + use<>, Status> {
        let (items, receiver) = mpsc::channel(1);
        items.send(item(&self.key)).await.unwrap();
        let request = with_token(ReceiverStream::new(receiver), Some(&self.token));
        let mut signed: Streaming<SignStreamResponse> =
            self.client.sign_stream(request).await?.into_inner();
        assert!(is_signed(&signed.message().await?.unwrap()));
        Ok((items, signed))
    }

    /// One signature, in a message of about so many bytes.
    async fn sign(&mut self, bytes: usize) -> Result<(), Status> {
        let mut item = item(&self.key).item.unwrap();
        item.content = Some(Content::Message(vec![7; bytes]));
        let request = with_token(SignRequest { item: Some(item) }, Some(&self.token));
        self.client.sign(request).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_caller_take_so_much_memory_and_others_have_their_own() {
    let issuer = TokenIssuer::new();
    let rule = |name: &str| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![Grant::of([Operation::Sign])],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule("one"), rule("other")]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let key = key(&house.vault, "one").await.to_string();
    let mut callers = Vec::new();
    for name in ["one", "other"] {
        let channel = house.channel().await;
        callers.push(Signing {
            client: SigningServiceClient::new(channel).max_encoding_message_size(MEGABYTES_10),
            token: issuer.token(name),
            key: key.clone(),
        });
    }
    let [one, other] = callers.try_into().ok().unwrap();
    let (mut one, mut other): (Signing, Signing) = (one, other);
    let mut streams = Vec::new();
    let refused = loop {
        match one.stream().await {
            Ok(stream) => streams.push(stream),
            Err(refused) => break refused,
        }
    };
    assert_eq!(streams.len(), 25, "of 10 MiB each, in 256 MiB");
    assert_eq!(told(&refused).0, "SERVER_BUSY");
    // What is left is 6 MiB.
    assert_eq!(told(&one.sign(7 << 20).await.unwrap_err()).0, "SERVER_BUSY");
    one.sign(5 << 20).await.unwrap();
    one.sign(5 << 20).await.unwrap();
    other.sign(7 << 20).await.unwrap();
    let _stream = other.stream().await.unwrap();
    // One that ends gives its room back, once the server has seen it.
    drop(streams.pop());
    while one.sign(7 << 20).await.is_err() {}
}
