//! `strongroom.v1.SigningService`.

use std::collections::BTreeSet;

use strongroom_crypto::{
    EncryptionKeySpec, Fingerprint, KeyUsage, KeyUsages, Signature, SigningKeySpec,
};
use strongroom_proto::{read_signature, v30};
use strongroom_server::contract::strongroom::{
    DecryptRequest, EncryptRequest, MemberKey, SignBatchRequest, SignItem, SignRequest, SignResult,
    SignStreamRequest, VerifyRequest, encrypt_request,
    sign_item::{Content, Key},
    sign_result::Result as Outcome,
    signing_service_client::SigningServiceClient,
    verify_request,
};
use strongroom_topology::MemberCode;
use strongroom_vault::{
    AuditOperation, Caller, NewEncryptionKey, NewIdentity, NewSigningKey, Settings, UseRecords,
};
use tonic::{Code, transport::Channel};

use crate::{
    house::{House, Plan, told},
    vault_service::key,
};

const PROTOCOL: i32 = v30::SigningKeyUsage::Protocol as i32;
const NAMESPACE: i32 = v30::SigningKeyUsage::Namespace as i32;

async fn client(house: &House) -> SigningServiceClient<Channel> {
    SigningServiceClient::new(house.channel().await)
}

fn item(key: &Fingerprint, message: &[u8]) -> SignItem {
    SignItem {
        key: Some(Key::Fingerprint(key.to_string())),
        content: Some(Content::Message(message.to_vec())),
        usages: vec![PROTOCOL],
    }
}

fn signature(result: SignResult) -> Signature {
    match result.result {
        Some(Outcome::Signature(signature)) => read_signature(signature).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn verify(house: &House, message: &[u8], signature: &Signature) {
    let usages = KeyUsages::only(KeyUsage::Protocol);
    house.vault.verify(message, signature, usages).unwrap();
}

#[tokio::test]
async fn a_message_is_signed_by_the_named_key() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let request = SignRequest {
        item: Some(item(&key, b"message")),
    };
    let answer = client(&house)
        .await
        .sign(request)
        .await
        .unwrap()
        .into_inner();
    let signature = read_signature(answer.signature.unwrap()).unwrap();
    assert_eq!(signature.signed_by, key);
    verify(&house, b"message", &signature);
}

#[tokio::test]
async fn a_hash_is_signed_only_if_it_is_one() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let mut client = client(&house).await;
    let mut sign = async |hash: Vec<u8>| {
        let item = SignItem {
            content: Some(Content::Hash(hash)),
            ..item(&key, b"")
        };
        client.sign(SignRequest { item: Some(item) }).await
    };
    let hash = [&[0x12, 0x20][..], &[7; 32]].concat();
    let answer = sign(hash.clone()).await.unwrap().into_inner();
    verify(
        &house,
        &hash,
        &read_signature(answer.signature.unwrap()).unwrap(),
    );
    for wrong in [Vec::new(), vec![7; 32], hash[..33].to_vec()] {
        let status = sign(wrong).await.unwrap_err();
        assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_meant_is_refused() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let mut client = client(&house).await;
    let mut refused = async |item: Option<SignItem>| {
        let status = client.sign(SignRequest { item }).await.unwrap_err();
        (status.code(), told(&status).0)
    };
    let unreadable = (
        Code::InvalidArgument,
        "PROTO_DESERIALIZATION_FAILURE".to_owned(),
    );
    let whole = || item(&key, b"message");
    for item in [
        None,
        Some(SignItem {
            key: None,
            ..whole()
        }),
        Some(SignItem {
            content: None,
            ..whole()
        }),
        Some(SignItem {
            usages: Vec::new(),
            ..whole()
        }),
        Some(SignItem {
            usages: vec![99],
            ..whole()
        }),
        Some(SignItem {
            key: Some(Key::Fingerprint("garbage".to_owned())),
            ..whole()
        }),
    ] {
        assert_eq!(refused(item).await, unreadable);
    }
    let other_usage = SignItem {
        usages: vec![NAMESPACE],
        ..whole()
    };
    let (code, _id) = refused(Some(other_usage)).await;
    assert_ne!(code, Code::Ok);
    let unknown: Fingerprint = format!("1220{}", "ab".repeat(32)).parse().unwrap();
    let not_found = (Code::NotFound, "KEY_NOT_FOUND".to_owned());
    assert_eq!(refused(Some(item(&unknown, b"message"))).await, not_found);
}

#[tokio::test]
async fn each_item_of_a_batch_has_its_own_result() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let unknown: Fingerprint = format!("1220{}", "ab".repeat(32)).parse().unwrap();
    let items = (0..100_u8).map(|number| {
        let key = if number == 50 { &unknown } else { &key };
        item(key, &[number])
    });
    let request = SignBatchRequest {
        items: items.collect(),
    };
    let results = client(&house)
        .await
        .sign_batch(request)
        .await
        .unwrap()
        .into_inner()
        .results;
    assert_eq!(results.len(), 100);
    for (number, result) in (0_u8..).zip(results) {
        if number == 50 {
            let Some(Outcome::Error(error)) = result.result else {
                panic!("an unknown key signed");
            };
            assert_eq!(Code::from(error.code), Code::NotFound);
            assert!(
                error.message.starts_with("KEY_NOT_FOUND(11,"),
                "{}",
                error.message
            );
        } else {
            verify(&house, &[number], &signature(result));
        }
    }
}

#[tokio::test]
async fn a_batch_has_an_end() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let request = SignBatchRequest {
        items: vec![item(&key, b""); 4097],
    };
    let status = client(&house).await.sign_batch(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_stream_is_signed_in_order_and_goes_on_after_a_failure() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let requests = (0..200_u64).map(move |id| SignStreamRequest {
        id,
        item: (id != 100).then(|| item(&key, &id.to_be_bytes())),
    });
    let requests: Vec<_> = requests.collect();
    let stream = tokio_stream::iter(requests);
    let mut answers = client(&house)
        .await
        .sign_stream(stream)
        .await
        .unwrap()
        .into_inner();
    for id in 0..200_u64 {
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.id, id);
        let result = answer.result.unwrap();
        if id == 100 {
            assert!(matches!(result.result, Some(Outcome::Error(_))));
        } else {
            verify(&house, &id.to_be_bytes(), &signature(result));
        }
    }
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_signature_is_verified_and_a_wrong_one_says_why() {
    let house = House::new().await;
    let key = key(&house.vault, "one").await;
    let usages = KeyUsages::only(KeyUsage::Protocol);
    let signature = house.vault.sign(&key, b"message", usages).await.unwrap();
    let mut client = client(&house).await;
    let mut ask = async |message: &[u8], usage: i32| {
        let request = VerifyRequest {
            content: Some(verify_request::Content::Message(message.to_vec())),
            signature: Some((&signature).into()),
            usages: vec![usage],
        };
        client.verify(request).await.unwrap().into_inner()
    };
    assert!(ask(b"message", PROTOCOL).await.valid);
    let (other, usage) = (
        ask(b"other", PROTOCOL).await,
        ask(b"message", NAMESPACE).await,
    );
    assert!(!other.valid && !usage.valid);
    let reasons: BTreeSet<_> = [other.reason, usage.reason].into();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
}

#[tokio::test]
async fn a_message_is_encrypted_and_decrypted() {
    let house = House::new().await;
    let new = NewEncryptionKey {
        spec: EncryptionKeySpec::EcP256,
        name: None,
    };
    let made = house
        .vault
        .generate_encryption_key(&Caller::new("test"), new)
        .await;
    let key = made.unwrap().fingerprint();
    let mut client = client(&house).await;
    let mut request = EncryptRequest::default();
    request.key = Some(encrypt_request::Key::Fingerprint(key.to_string()));
    request.plaintext = b"secret".to_vec();
    let encrypted = client
        .encrypt(request)
        .await
        .unwrap()
        .into_inner()
        .encrypted
        .unwrap();
    let request = DecryptRequest {
        encrypted: Some(encrypted.clone()),
    };
    let answer = client.decrypt(request).await.unwrap().into_inner();
    assert_eq!(answer.plaintext, b"secret");
    // What was changed on the way does not decrypt, and nobody is told why.
    let mut ciphertext = encrypted.ciphertext.clone();
    *ciphertext.last_mut().unwrap() ^= 1;
    let request = DecryptRequest {
        encrypted: Some(v30::AsymmetricEncrypted {
            ciphertext,
            ..encrypted
        }),
    };
    let status = client.decrypt(request).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
}

#[tokio::test]
async fn the_current_key_of_the_member_signs() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let mut sign = async |member: &str| {
        let item = SignItem {
            key: Some(Key::Current(MemberKey {
                member: member.to_owned(),
            })),
            content: Some(Content::Message(b"message".to_vec())),
            usages: vec![PROTOCOL],
        };
        client.sign(SignRequest { item: Some(item) }).await
    };
    let status = sign("").await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    let new = NewIdentity {
        code: MemberCode::Participant,
        identifier: "participant1".to_owned(),
        node: "participant1".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: EncryptionKeySpec::EcP256,
    };
    let keys = house
        .vault
        .initialize(&Caller::new("test"), &new)
        .await
        .unwrap();
    for member in ["", &keys.member.to_string()] {
        let answer = sign(member).await.unwrap().into_inner();
        let signature = read_signature(answer.signature.unwrap()).unwrap();
        assert!(keys.announced.contains(&signature.signed_by));
        verify(&house, b"message", &signature);
    }
    let status = sign("PAR::other::1220ab").await.unwrap_err();
    assert_eq!(
        (status.code(), told(&status).0.as_str()),
        (Code::NotFound, "OTHER_MEMBER")
    );
}

/// A signature of ML-DSA has 3309 bytes, so an answer holds fewer of them than a batch has items.
#[tokio::test]
async fn a_batch_whose_signatures_no_answer_can_hold_is_refused_before_one_is_made() {
    let mut settings = Settings::default();
    settings.audit.uses = UseRecords::Each;
    let house = House::planned(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    let new = NewSigningKey {
        spec: SigningKeySpec::MlDsa65,
        usages: KeyUsages::only(KeyUsage::Protocol),
        name: None,
    };
    let caller = Caller::new("test");
    let large = house.vault.generate_signing_key(&caller, new);
    let large = large.await.unwrap().fingerprint();
    let small = key(&house.vault, "small").await;
    let mut client = client(&house).await;
    client = client.max_decoding_message_size(10 * 1024 * 1024);
    let mut sign = async |key: &Fingerprint, items: usize| {
        let items = vec![item(key, b""); items];
        let signed = client.sign_batch(SignBatchRequest { items }).await;
        signed.map(|signed| signed.into_inner().results)
    };
    let (code, reason) = told(&sign(&large, 3200).await.unwrap_err());
    assert_eq!(code, "PROTO_DESERIALIZATION_FAILURE");
    assert!(reason.unwrap().contains("larger than an answer"));
    let mut signed = 0;
    let walk = house.vault.walk_audit(|entry| {
        signed += usize::from(entry.operation == AuditOperation::Sign);
    });
    walk.await.unwrap();
    assert_eq!(signed, 0);
    // Neither does it hold up what is shorter, nor those that only fail: their answers fit.
    assert_eq!(sign(&small, 4096).await.unwrap().len(), 4096);
    let unknown = Fingerprint::from_bytes([7; 32]);
    assert_eq!(sign(&unknown, 4096).await.unwrap().len(), 4096);
}
