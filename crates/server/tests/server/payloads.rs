//! `EncryptPayload` and `DecryptPayload`.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{EncryptionKeySpec, FrontReader, KeyUsage, SigningKeySpec};
use strongroom_server::contract::strongroom::{
    DecryptPayloadRequest, EncryptPayloadRequest, PayloadExpectation, PayloadOrder, PayloadOrigin,
    signing_service_client::SigningServiceClient,
};
use strongroom_topology::MemberCode;
use strongroom_vault::{Caller, NewIdentity, NodeKeys, Vault, VaultError};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, transport::Channel};

use crate::house::{House, told};

const PIECE: usize = 100_000;

async fn node() -> (House, NodeKeys, SigningServiceClient<Channel>) {
    let house = House::new().await;
    let new = NewIdentity {
        code: MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "participant1".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: EncryptionKeySpec::EcP256,
    };
    let keys = house.vault.initialize(&Caller::new("test"), &new).await;
    let client = SigningServiceClient::new(house.channel().await);
    (house, keys.unwrap(), client)
}

fn order(keys: &NodeKeys) -> PayloadOrder {
    PayloadOrder {
        purpose: "test".to_owned(),
        recipients: vec![keys.member.to_string()],
        store: "authorized".to_owned(),
        at: None,
        signed: true,
    }
}

fn expectation() -> PayloadExpectation {
    PayloadExpectation {
        purpose: "test".to_owned(),
        sender: String::new(),
        store: "authorized".to_owned(),
    }
}

async fn encrypt(
    client: &mut SigningServiceClient<Channel>,
    order: Option<PayloadOrder>,
    content: &[u8],
) -> Result<Vec<u8>, Status> {
    let mut first = EncryptPayloadRequest::default();
    first.order = order;
    let mut requests = vec![first];
    for piece in content.chunks(PIECE) {
        let mut request = EncryptPayloadRequest::default();
        request.content = piece.to_vec();
        requests.push(request);
    }
    requests.last_mut().unwrap().last = true;
    let answers = client.encrypt_payload(tokio_stream::iter(requests)).await?;
    let (mut answers, mut payload) = (answers.into_inner(), Vec::new());
    while let Some(answer) = answers.message().await? {
        payload.extend_from_slice(&answer.payload);
    }
    Ok(payload)
}

/// What came before the end or a failure.
async fn decrypt(
    client: &mut SigningServiceClient<Channel>,
    expected: Option<PayloadExpectation>,
    payload: &[u8],
    content: &mut Vec<u8>,
) -> Result<PayloadOrigin, Status> {
    let first = DecryptPayloadRequest {
        expected,
        payload: Vec::new(),
    };
    let mut requests = vec![first];
    requests.extend(payload.chunks(PIECE).map(|piece| DecryptPayloadRequest {
        expected: None,
        payload: piece.to_vec(),
    }));
    let answers = client.decrypt_payload(tokio_stream::iter(requests)).await?;
    let (mut answers, mut origin) = (answers.into_inner(), None);
    while let Some(answer) = answers.message().await? {
        origin = origin.or_else(|| answer.origin.clone());
        content.extend_from_slice(&answer.content);
    }
    Ok(origin.unwrap())
}

#[tokio::test]
async fn content_of_any_size_is_encrypted_to_members_and_comes_back_with_its_sender() {
    let (house, keys, mut client) = node().await;
    for length in [0, 1, 65_536, 1_000_000] {
        let content = content(length);
        let payload = encrypt(&mut client, Some(order(&keys)), &content).await;
        let payload = payload.unwrap();
        let mut found = Vec::new();
        let origin = decrypt(&mut client, Some(expectation()), &payload, &mut found).await;
        let origin = origin.unwrap();
        assert!(found == content, "{length}");
        assert_eq!(origin.sender, keys.member.to_string());
        let signer = house.vault.current_signing_key(KeyUsage::Protocol).await;
        assert_eq!(origin.signed_by, signer.unwrap().to_string());
        let key = house.vault.current_encryption_key().await.unwrap();
        assert_eq!(origin.opened_by, key.to_string());
    }
}

#[tokio::test]
async fn a_payload_that_was_changed_or_cut_does_not_end_well_and_gives_only_what_is_authentic() {
    let (_house, keys, mut client) = node().await;
    let content = vec![7; 300_000];
    let payload = encrypt(&mut client, Some(order(&keys)), &content).await;
    let payload = payload.unwrap();
    let mut changed = payload.clone();
    changed[250_000] ^= 1;
    for broken in [&changed[..], &payload[..200_000]] {
        let mut found = Vec::new();
        let ended = decrypt(&mut client, Some(expectation()), broken, &mut found).await;
        let status = ended.unwrap_err();
        assert_eq!(told(&status).0, "PAYLOAD_NOT_AUTHENTIC");
        assert!(found.len() < content.len() && content.starts_with(&found));
    }
    for (cut, code) in [(0, "PAYLOAD_NOT_RECOGNISED"), (100, "PAYLOAD_MALFORMED")] {
        let mut found = Vec::new();
        let cut = &payload[..cut];
        let ended = decrypt(&mut client, Some(expectation()), cut, &mut found).await;
        assert_eq!(told(&ended.unwrap_err()).0, code);
        assert!(found.is_empty());
    }
}

fn reason(status: &Status) -> String {
    told(status).1.unwrap_or_default()
}

#[tokio::test]
async fn what_is_missing_or_unreadable_in_an_order_is_said() {
    let (_house, keys, mut client) = node().await;
    let status = encrypt(&mut client, None, b"content").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(reason(&status).contains("order"), "{status}");
    let status = decrypt(&mut client, None, b"payload", &mut Vec::new()).await;
    let status = status.unwrap_err();
    assert!(reason(&status).contains("expected"), "{status}");
    for (change, named) in [
        (
            &(|order: &mut PayloadOrder| order.purpose.clear()) as &dyn Fn(&mut PayloadOrder),
            "purpose",
        ),
        (
            &|order| order.recipients.push("nobody".to_owned()),
            "recipients",
        ),
        (&|order| order.store = "nowhere".to_owned(), "store"),
    ] {
        let mut order = order(&keys);
        change(&mut order);
        let status = encrypt(&mut client, Some(order), b"").await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(reason(&status).contains(named), "{status}");
    }
    let stranger = PayloadOrder {
        recipients: vec![keys.member.to_string().replace("PAR", "SEQ")],
        ..order(&keys)
    };
    let status = encrypt(&mut client, Some(stranger), b"").await.unwrap_err();
    assert_eq!(told(&status).0, "MEMBER_WITHOUT_ENCRYPTION_KEY");
}

/// What came of a payload whose pieces are these, and how that ended.
async fn sealed(
    client: &mut SigningServiceClient<Channel>,
    requests: Vec<EncryptPayloadRequest>,
) -> (Vec<u8>, Result<(), Status>) {
    let answers = client.encrypt_payload(tokio_stream::iter(requests)).await;
    let (mut answers, mut payload) = (answers.unwrap().into_inner(), Vec::new());
    loop {
        match answers.message().await {
            Ok(Some(answer)) => payload.extend_from_slice(&answer.payload),
            Ok(None) => return (payload, Ok(())),
            Err(status) => return (payload, Err(status)),
        }
    }
}

fn piece(content: &[u8], last: bool) -> EncryptPayloadRequest {
    let mut request = EncryptPayloadRequest::default();
    request.content = content.to_vec();
    request.last = last;
    request
}

#[tokio::test]
async fn content_that_ends_without_its_last_piece_becomes_no_payload() {
    let (_house, keys, mut client) = node().await;
    let mut first = piece(&[7; 200_000], false);
    first.order = Some(order(&keys));
    // Whoever is cut off ends its stream as whoever has said everything.
    let (payload, ended) = sealed(&mut client, vec![first.clone()]).await;
    let status = ended.unwrap_err();
    assert!(reason(&status).contains("last"), "{status}");
    let mut found = Vec::new();
    let opened = decrypt(&mut client, Some(expectation()), &payload, &mut found).await;
    assert_eq!(told(&opened.unwrap_err()).0, "PAYLOAD_NOT_AUTHENTIC");
    assert!(found.len() < 200_000);
    // Nor is anything taken behind it.
    let behind = vec![first, piece(b"", true), piece(b"more", true)];
    let (_, ended) = sealed(&mut client, behind).await;
    assert!(reason(&ended.unwrap_err()).contains("behind the last"));
}

#[tokio::test]
async fn a_seal_says_for_whom_a_payload_is_and_who_signed_that() {
    let (house, keys, mut client) = node().await;
    for signed in [true, false] {
        let mut request = piece(b"content", true);
        let order = order(&keys);
        request.order = Some(PayloadOrder { signed, ..order });
        let answers = client.encrypt_payload(tokio_stream::iter([request])).await;
        let mut answers = answers.unwrap().into_inner();
        let seal = answers.message().await.unwrap().unwrap().seal.unwrap();
        let key = house.vault.current_encryption_key().await.unwrap();
        assert_eq!(seal.recipients.len(), 1);
        assert_eq!(seal.recipients[0].member, keys.member.to_string());
        assert_eq!(seal.recipients[0].fingerprint, key.to_string());
        assert_eq!(!seal.signed_by.is_empty(), signed);
        while let Some(answer) = answers.message().await.unwrap() {
            assert!(answer.seal.is_none());
        }
    }
}

#[tokio::test]
async fn a_payload_whose_content_never_ends_ends_with_the_deadline_of_its_caller() {
    let (_house, keys, mut client) = node().await;
    let (pieces, receiver) = mpsc::channel(4);
    let mut first = piece(b"content", false);
    first.order = Some(order(&keys));
    pieces.send(first).await.unwrap();
    let mut request = Request::new(ReceiverStream::new(receiver));
    // As a header: this side waits for longer.
    let value = "1S".parse().unwrap();
    request.metadata_mut().insert("grpc-timeout", value);
    let mut answers = client.encrypt_payload(request).await.unwrap().into_inner();
    let ended = async {
        loop {
            match answers.message().await {
                Ok(Some(_)) => {}
                other => return other,
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
    let status = ended.expect("it ends").unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    drop(pieces);
}

/// Content of several pieces.
fn content(length: usize) -> Vec<u8> {
    let bytes = (0..length).map(|index| u8::try_from(index % 251).unwrap());
    bytes.collect()
}

/// What is in a payload, by the vault alone.
async fn opened(vault: &Vault, payload: &[u8]) -> Vec<u8> {
    let mut reader = FrontReader::default();
    let (front, length) = reader.push(payload).unwrap().unwrap();
    let expected = strongroom_vault::PayloadExpectation {
        purpose: "test".parse().unwrap(),
        sender: None,
        store: "authorized".parse().unwrap(),
    };
    let caller = Caller::new("test");
    let opened = vault.open_payload(&caller, &front, &expected).await;
    let (mut opener, mut found) = (opened.unwrap().opener, Vec::new());
    let mut chunks = payload[length..].to_vec();
    let mut take = |piece: &[u8]| {
        found.extend_from_slice(piece);
        Ok::<_, VaultError>(())
    };
    opener.push(&mut chunks, &mut take).unwrap();
    opener.finish(&mut [], &mut take).unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_that_are_under_way_when_the_server_ends_are_finished_and_right() {
    let (mut house, keys, mut client) = node().await;
    let content = content(5_000_000);
    let made = encrypt(&mut client, Some(order(&keys)), &content).await;
    let made = made.unwrap();
    let (pieces, receiver) = mpsc::channel(1);
    let mut first = piece(&content[..PIECE], false);
    first.order = Some(order(&keys));
    pieces.send(first).await.unwrap();
    let encrypting = client.encrypt_payload(ReceiverStream::new(receiver)).await;
    let mut encrypting = encrypting.unwrap().into_inner();
    let (parts, receiver) = mpsc::channel(1);
    let first = DecryptPayloadRequest {
        expected: Some(expectation()),
        payload: made[..PIECE].to_vec(),
    };
    parts.send(first).await.unwrap();
    let decrypting = client.decrypt_payload(ReceiverStream::new(receiver)).await;
    let mut decrypting = decrypting.unwrap().into_inner();
    // Both are under way.
    let mut payload = encrypting.message().await.unwrap().unwrap().payload;
    let origin = decrypting.message().await.unwrap().unwrap();
    assert!(origin.origin.is_some());
    house.end();
    while TcpStream::connect(house.address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let sending = async {
        for rest in content[PIECE..].chunks(PIECE) {
            pieces.send(piece(rest, false)).await.unwrap();
        }
        pieces.send(piece(b"", true)).await.unwrap();
        drop(pieces);
    };
    let sending_parts = async {
        for rest in made[PIECE..].chunks(PIECE) {
            let payload = rest.to_vec();
            let part = DecryptPayloadRequest {
                expected: None,
                payload,
            };
            parts.send(part).await.unwrap();
        }
        drop(parts);
    };
    let encrypted = async {
        while let Some(answer) = encrypting.message().await.unwrap() {
            payload.extend_from_slice(&answer.payload);
        }
    };
    let mut found = Vec::new();
    let decrypted = async {
        while let Some(answer) = decrypting.message().await.unwrap() {
            found.extend_from_slice(&answer.content);
        }
    };
    tokio::join!(sending, sending_parts, encrypted, decrypted);
    assert!(found == content);
    let vault = Arc::clone(&house.vault);
    house.ended().await;
    assert!(opened(&vault, &payload).await == content);
}
