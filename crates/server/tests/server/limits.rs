//! Messages and headers over the limit: refused, and nobody else notices.

use std::time::{Duration, Instant};

use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use strongroom_crypto::EncryptionKeySpec;
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::strongroom::{
        EncryptRequest, SignRequest, SignStreamResponse, encrypt_request::Key, sign_item::Content,
        signing_service_client::SigningServiceClient,
    },
};
use strongroom_test_support::store::StoreCall;
use strongroom_vault::{Caller, NewEncryptionKey};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, transport::Channel};
use tonic_types::StatusExt as _;

use crate::{
    ending::{is_signed, item},
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::{HalfCaller, begin, call, send, with_token},
    stall::Stall,
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
    /// A stream that has been answered once, to a message of about so many bytes, and goes on as long as both ends are kept.
    async fn stream(&mut self, bytes: usize) -> Result<impl Sized + use<>, Status> {
        let (items, receiver) = mpsc::channel(1);
        let mut first = item(&self.key);
        let content = Content::Message(vec![7; bytes]);
        first.item.as_mut().unwrap().content = Some(content);
        items.send(first).await.unwrap();
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

/// A server that knows two callers, who sign, encrypt and generate keys, and these.
async fn two_callers(stall: Option<Stall>) -> (House, [Signing; 2]) {
    let issuer = TokenIssuer::new();
    let rule = |name: &str| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![Grant::of([
            Operation::Sign,
            Operation::Encrypt,
            Operation::KeysGenerate,
        ])],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule("one"), rule("other")]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        stall,
        ..Plan::default()
    })
    .await;
    let key = key(&house.vault, "one").await.to_string();
    let mut callers = Vec::new();
    for name in ["one", "other"] {
        let channel = house.channel().await;
        callers.push(Signing {
            client: SigningServiceClient::new(channel)
                .max_encoding_message_size(MEGABYTES_10)
                .max_decoding_message_size(MEGABYTES_10),
            token: issuer.token(name),
            key: key.clone(),
        });
    }
    (house, callers.try_into().ok().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_caller_take_so_much_memory_and_others_have_their_own() {
    let (_house, [mut one, mut other]) = two_callers(None).await;
    // Those that say little count for little.
    let mut small = Vec::new();
    for _stream in 0..100 {
        small.push(one.stream(100).await.unwrap());
    }
    let mut streams = Vec::new();
    let refused = loop {
        assert!(streams.len() < 50, "nothing is counted");
        match one.stream(8 << 20).await {
            Ok(stream) => streams.push(stream),
            Err(refused) => break refused,
        }
    };
    // While a message is worked on, it counts beside its stream.
    assert_eq!(streams.len(), 39, "of 8 MiB each, in 320 MiB");
    assert_eq!(told(&refused).0, "SERVER_BUSY");
    // What is left is little more than 8 MiB, once the server has seen the end of the last one.
    while one.sign(7 << 20).await.is_err() {}
    assert_eq!(told(&one.sign(9 << 20).await.unwrap_err()).0, "SERVER_BUSY");
    one.sign(7 << 20).await.unwrap();
    other.sign(9 << 20).await.unwrap();
    let _stream = other.stream(8 << 20).await.unwrap();
    // One that ends gives its room back, once the server has seen it.
    drop(streams.pop());
    while one.sign(9 << 20).await.is_err() {}
}

/// The answer to it is as large.
fn to_encrypt(key: &str, bytes: usize) -> EncryptRequest {
    let mut request = EncryptRequest::default();
    request.key = Some(Key::Fingerprint(key.to_owned()));
    request.plaintext = vec![7; bytes];
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_one_caller_does_not_read_take_so_much_memory_and_small_calls_and_others_go_on()
 {
    let (house, [mut one, mut other]) = two_callers(None).await;
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: None,
    };
    let caller = Caller::new("test");
    let made = house.vault.generate_encryption_key(&caller, new);
    let key = made.await.unwrap().fingerprint().to_string();
    let narrow = Channel::from_shared(format!("http://{}", house.address)).unwrap();
    let narrow = narrow.initial_stream_window_size(1 << 16).connect().await;
    let narrow = narrow.unwrap();
    let path = Rpc::SigningServiceEncrypt.path();
    let large = to_encrypt(&key, 9 << 20).encode_to_vec();
    // Each is answered at once, and its body is gone: what nobody takes lies with HTTP/2.
    let mut unread = Vec::new();
    let refused = loop {
        assert!(unread.len() < 50, "nothing is counted");
        match begin(&narrow, path, Some(&one.token), large.clone()).await {
            Ok(answer) => unread.push(answer),
            Err(refused) => break refused,
        }
    };
    assert_eq!(told(&refused).0, "SERVER_BUSY");
    assert!(
        (31..=36).contains(&unread.len()),
        "{} answers of 9 MiB in 320 MiB, and one or another that was refused instead",
        unread.len()
    );
    one.sign(10).await.unwrap();
    let encrypt = |mut by: SigningServiceClient<Channel>, token: &str| {
        let request = with_token(to_encrypt(&key, 9 << 20), Some(token));
        async move { by.encrypt(request).await.map(drop) }
    };
    encrypt(other.client.clone(), &other.token).await.unwrap();
    other.sign(7 << 20).await.unwrap();
    // Whoever gives up what it does not read has its room again, once the server has seen it.
    unread.truncate(20);
    while encrypt(one.client.clone(), &one.token).await.is_err() {}
    // What is read at last is whole.
    let mut whole = 0;
    for mut answer in unread {
        if let Ok(message) = answer.message().await {
            assert!(message.unwrap().len() > 9 << 20);
            whole += 1;
        }
    }
    assert!(whole >= 18, "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_very_many_empty_items_is_refused_before_anything_is_made_of_it() {
    let house = House::new().await;
    let channel = house.channel().await;
    for path in [
        Rpc::SigningServiceSignBatch.path(),
        Rpc::TopologyManagerWriteServiceAddTransactions.path(),
        Rpc::KeyServiceGenerateSigningKeys.path(),
    ] {
        let empty = [0x0a, 0].repeat(MEGABYTES_10 / 2);
        let refused = send(&channel, path, empty).await.expect_err(path);
        assert_eq!(refused.code(), Code::InvalidArgument, "{path}");
        assert_eq!(told(&refused).0, "TOO_MANY_ITEMS", "{path}");
        let details = refused.get_error_details();
        let info = details.error_info().unwrap();
        assert!(info.metadata["advice"].contains("several messages"));
        assert_eq!(info.metadata["tid"].len(), 32, "the trace of the call");
    }
}

/// How long a large call takes that comes beside all that there is; none: there is no room for it, and there stays none.
async fn time_of_one_that_fits(caller: &mut Signing) -> Option<Duration> {
    for _look in 0..20 {
        let began = Instant::now();
        match caller.sign(9 << 20).await {
            Ok(()) => return Some(began.elapsed()),
            Err(refused) => assert_eq!(told(&refused).0, "SERVER_BUSY"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn what_abandoned_work_holds_is_given_back_when_it_is_done() {
    let stall = Stall::of(StoreCall::Begin);
    let (house, [mut one, _other]) = two_callers(Some(stall.clone())).await;
    let before = house.vault.key_count();
    stall.close();
    let channel = house.channel().await;
    let path = Rpc::VaultServiceGenerateEncryptionKey.path();
    // What nobody understands takes room, too: field 1000.
    let mut large = Vec::new();
    encode_key(1000, WireType::LengthDelimited, &mut large);
    encode_varint(9 << 20, &mut large);
    large.resize(large.len() + (9 << 20), 7);
    // Each is given up when its work waits. In 320 MiB there is no room beside them, once they are enough. One that is given up
    // before all of it has come gives its room back, and is made up for by another.
    let longest = Instant::now() + Duration::from_secs(300);
    while let Some(took) = time_of_one_that_fits(&mut one).await {
        if Instant::now() > longest {
            // Or nobody would come to the end of this test.
            stall.open();
            panic!("what is given up holds nothing");
        }
        let call = begin(&channel, path, Some(&one.token), large.clone());
        let patience = 3 * took + Duration::from_millis(200);
        let _given_up = tokio::time::timeout(patience, call).await;
    }
    one.sign(10).await.unwrap();
    assert_eq!(house.vault.key_count(), before);
    stall.open();
    while one.sign(9 << 20).await.is_err() {}
    // What was begun is finished.
    assert!(house.vault.key_count() > before);
}
