//! `strongroom.v1.OperationsService`.

use std::sync::Arc;

use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_kms::{KmsProvider, WrapperKeyRequest};
use strongroom_server::{
    ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::{
        strongroom::{
            CreateBackupRequest, ListAuditRequest, ResumeWrapperKeyRotationRequest,
            RotateWrapperKeyEvent, RotateWrapperKeyRequest, ShowReplicaRequest,
            ShowWrapperKeysRequest, StepDownRequest, create_backup_event as backup_event,
            operations_service_client::OperationsServiceClient,
            rotate_wrapper_key_event::{Done, Event, Progress},
        },
        vault,
    },
};
use strongroom_vault::{
    AuditEntry, AuditOperation, Caller, NewSigningKey, NewWrapperKey, RotationProgress,
    RotationRequest,
};
use tonic::{Code, Status, Streaming, transport::Channel};

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
    vault_service::key,
};

/// A public key whose secret half nobody here has.
pub(crate) const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

async fn client(house: &House) -> OperationsServiceClient<Channel> {
    OperationsServiceClient::new(house.channel().await)
}

/// What was told on the way, and how it ended.
async fn to_the_end(
    mut events: Streaming<RotateWrapperKeyEvent>,
) -> Result<(Vec<Progress>, Done), Status> {
    let mut on_the_way = Vec::new();
    while let Some(event) = events.message().await? {
        match event.event.unwrap() {
            Event::Progress(progress) => on_the_way.push(progress),
            Event::Done(done) => return Ok((on_the_way, done)),
        }
    }
    panic!("it ended without a last event");
}

async fn with_many_keys(number: usize) -> House {
    let house = House::new().await;
    many_keys(&house, number).await;
    house
}

pub(crate) async fn many_keys(house: &House, number: usize) {
    let new = NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::only(KeyUsage::Protocol),
        name: None,
    };
    let keys = vec![new; number];
    let caller = Caller::new("test");
    let made = house.vault.generate_signing_keys(&caller, keys);
    made.await.unwrap();
}

/// Whether some backup was made and is forgotten.
pub(crate) async fn is_forgotten(house: &House) -> bool {
    let mut found = false;
    let look = |entry: AuditEntry| found |= entry.operation == AuditOperation::ForgetBackup;
    house.vault.walk_audit(look).await.unwrap();
    found
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
async fn the_audit_log_is_read_in_parts_and_verified() {
    let house = House::new().await;
    for name in ["one", "two", "three"] {
        key(&house.vault, name).await;
    }
    let mut client = client(&house).await;
    let mut list = async |after: u64, limit: u32| {
        let request = ListAuditRequest { after, limit };
        client.list_audit(request).await.unwrap().into_inner()
    };
    let all = list(0, 0).await;
    assert_eq!(all.verified, all.records.len() as u64);
    let sequences: Vec<_> = all.records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=all.verified).collect::<Vec<_>>());
    let last = all.records.last().unwrap();
    assert_eq!(
        (last.caller.as_str(), last.outcome.as_str()),
        ("test", "done")
    );
    assert_eq!(last.details["name"], "three");
    let part = list(1, 2).await;
    assert_eq!(part.records, all.records[1..3]);
    assert!(list(all.verified, 10).await.records.is_empty());
}

#[tokio::test]
async fn a_process_that_is_alone_says_so_and_has_nobody_to_leave_writing_to() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let standing = client
        .show_replica(ShowReplicaRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(standing.role, "alone");
    assert!(standing.in_touch && standing.degraded.is_empty());
    client.step_down(StepDownRequest {}).await.unwrap();
    key(&house.vault, "still").await;
}

/// The file, and what was said of it in the end.
async fn backup(
    client: &mut OperationsServiceClient<Channel>,
    recipients: &[&str],
) -> Result<(Vec<u8>, backup_event::Done), Status> {
    let request = CreateBackupRequest {
        recipients: recipients.iter().map(|text| (*text).to_owned()).collect(),
    };
    let mut events = client.create_backup(request).await?.into_inner();
    let mut file = Vec::new();
    while let Some(event) = events.message().await? {
        match event.event.unwrap() {
            backup_event::Event::Progress(_) => {}
            backup_event::Event::Chunk(piece) => file.extend(piece),
            backup_event::Event::Done(done) => return Ok((file, done)),
        }
    }
    panic!("it ended without a last event");
}

#[tokio::test]
async fn a_backup_is_handed_out_whole_and_remembered() {
    let house = with_many_keys(5000).await;
    let mut client = client(&house).await;
    let (file, done) = backup(&mut client, &[RECIPIENT]).await.unwrap();
    assert!(file.len() > 1 << 20, "more than one piece: {}", file.len());
    assert_eq!(done.bytes, file.len() as u64);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file);
    assert_eq!(done.file_hash, hash.as_ref());
    let known = house.vault.backups();
    let [only] = known.as_slice() else {
        panic!("{known:?}");
    };
    assert_eq!(only.id.to_string(), done.id);
    assert!(file.starts_with(b"age-encryption.org/v1"));
}

#[tokio::test]
async fn a_backup_that_nobody_takes_is_forgotten() {
    let house = with_many_keys(5000).await;
    let mut client = client(&house).await;
    let request = CreateBackupRequest {
        recipients: vec![RECIPIENT.to_owned()],
    };
    let events = client.create_backup(request).await.unwrap().into_inner();
    drop(events);
    drop(client);
    while !is_forgotten(&house).await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(house.vault.backups().is_empty());
}

#[tokio::test]
async fn a_backup_for_nobody_or_for_no_recipient_is_not_made() {
    let house = House::new().await;
    let mut client = client(&house).await;
    for recipients in [&[][..], &["age1nonsense"], &["passphrase"]] {
        let status = backup(&mut client, recipients).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    assert!(house.vault.backups().is_empty());
}

#[tokio::test]
async fn a_rotation_to_a_named_key_is_finished_only_by_whoever_may_begin_it() {
    let issuer = TokenIssuer::new();
    let rule = |name: &str, operations: &[Operation]| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::Token(name.to_owned())],
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
