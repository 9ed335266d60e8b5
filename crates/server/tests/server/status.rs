//! Canton's status services.

use std::{
    io::{Cursor, Read as _},
    sync::Arc,
    time::Duration,
};

use data_encoding::{BASE64, HEXLOWER};
use parking_lot::Mutex;
use serde_json::Value;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_server::{
    LogLevel, ServerSettings, SetLogLevel,
    access::{Access, CallerRule, Grant, Identity, Operation},
    contract::{
        canton_admin::{
            health::v30::{
                HealthDumpRequest, SetLogLevelRequest, component_status::Status as ComponentState,
                status_service_client::StatusServiceClient,
            },
            participant::v30::{
                ParticipantStatusRequest, participant_status_response::Kind,
                participant_status_service_client::ParticipantStatusServiceClient,
            },
            sequencer::v30::{
                SequencerStatusRequest,
                sequencer_status_service_client::SequencerStatusServiceClient,
            },
        },
        strongroom::{StepDownRequest, operations_service_client::OperationsServiceClient},
    },
};
use strongroom_store::Replicas as _;
use strongroom_topology::MemberCode;
use strongroom_vault::{
    AuditEntry, AuditOperation, Caller, ExportForm, NewIdentity, ReplicaSettings, Settings,
};
use zip::ZipArchive;

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::with_token,
    vault_service::key,
};

#[tokio::test]
async fn a_participant_says_what_it_waits_for_and_then_how_it_is() {
    let house = House::new().await;
    let mut client = ParticipantStatusServiceClient::new(house.channel().await);
    let mut ask = async || {
        let answer = client.participant_status(ParticipantStatusRequest {}).await;
        answer.unwrap().into_inner().kind.unwrap()
    };
    let Kind::NotInitialized(waiting) = ask().await else {
        panic!("it has an identity");
    };
    assert!(waiting.active && !waiting.version.is_empty());
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
    let Kind::Status(status) = ask().await else {
        panic!("it has no identity");
    };
    let common = status.common_status.unwrap();
    assert_eq!(common.uid, keys.member.uid.to_string());
    assert!(status.active && common.active);
    let names: Vec<_> = common
        .components
        .iter()
        .map(|part| part.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["crypto", "db-storage", "jce-private-crypto", "local-kms"]
    );
    for part in &common.components {
        assert!(
            matches!(part.status, Some(ComponentState::Ok(_))),
            "{part:?}"
        );
    }
    let mut client = SequencerStatusServiceClient::new(house.channel().await);
    let status = client
        .sequencer_status(SequencerStatusRequest {})
        .await
        .unwrap_err();
    assert_eq!(told(&status).0, "OTHER_KIND_OF_NODE");
}

#[derive(Debug, Default)]
struct Log(Mutex<Option<LogLevel>>);

impl SetLogLevel for Log {
    fn set(&self, level: LogLevel) {
        *self.0.lock() = Some(level);
    }
}

#[tokio::test]
async fn the_level_of_the_log_is_changed_where_that_can_be_done() {
    let log = Arc::new(Log::default());
    let house = House::planned(Plan {
        server: ServerSettings {
            log_level: Some(Arc::<Log>::clone(&log)),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    let set = async |house: &House, level: &str| {
        let mut client = StatusServiceClient::new(house.channel().await);
        let request = SetLogLevelRequest {
            level: level.to_owned(),
        };
        client.set_log_level(request).await
    };
    set(&house, "DEBUG").await.unwrap();
    assert_eq!(*log.0.lock(), Some(LogLevel::Debug));
    let status = set(&house, "LOUD").await.unwrap_err();
    assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    let status = set(&House::new().await, "DEBUG").await.unwrap_err();
    assert_eq!(told(&status).0, "LOG_LEVEL_FIXED");
    let mut changed = Vec::new();
    let look = |entry: AuditEntry| {
        if entry.operation == AuditOperation::SetLogLevel {
            changed.push((entry.caller, entry.details["level"].clone()));
        }
    };
    house.vault.walk_audit(look).await.unwrap();
    // What was not done is not there.
    assert_eq!(
        changed,
        [("network:127.0.0.1".to_owned(), "debug".to_owned())]
    );
}

/// Whoever has it log nothing would not be seen to.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_can_put_nothing_on_record_logs_on_as_it_does() {
    let log = Arc::new(Log::default());
    let settings = Settings {
        replica: ReplicaSettings {
            wait_for_lease: Duration::ZERO,
            ..ReplicaSettings::default()
        },
        ..Settings::default()
    };
    let house = House::planned(Plan {
        settings,
        shared: true,
        server: ServerSettings {
            log_level: Some(Arc::<Log>::clone(&log)),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    let (shared, handle) = house.shared.as_ref().unwrap();
    handle.fall_silent(true);
    shared.handle("other").take_lease().await.unwrap();
    let mut client = StatusServiceClient::new(house.channel().await);
    let level = "OFF".to_owned();
    let refused = client.set_log_level(SetLogLevelRequest { level }).await;
    assert_eq!(told(&refused.unwrap_err()).0, "STORE_NOT_WRITER");
    assert_eq!(*log.0.lock(), None);
    let mut client = OperationsServiceClient::new(house.channel().await);
    let refused = client.step_down(StepDownRequest {}).await;
    assert_eq!(told(&refused.unwrap_err()).0, "STORE_NOT_WRITER");
}

#[tokio::test]
async fn a_dump_has_the_configuration_only_for_who_may_see_it() {
    let issuer = TokenIssuer::new();
    let rule = |name: &str, operations: &[Operation]| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![Grant::of(operations.iter().copied())],
        rate_limit: None,
    };
    let (dump, show) = (Operation::HealthDump, Operation::ConfigurationShow);
    let house = House::planned(Plan {
        server: ServerSettings {
            access: Access::of(vec![rule("helper", &[dump]), rule("owner", &[dump, show])]),
            tokens: tokens(vec![issuer.service()]),
            configuration: Some("[server]\n".to_owned()),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    let mut client = StatusServiceClient::new(house.channel().await);
    for (name, sees) in [("helper", false), ("owner", true)] {
        let token = issuer.token(name);
        let request = with_token(HealthDumpRequest { chunk_size: None }, Some(&token));
        let mut pieces = client.health_dump(request).await.unwrap().into_inner();
        let mut archive = Vec::new();
        while let Some(piece) = pieces.message().await.unwrap() {
            archive.extend(piece.chunk);
        }
        let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
        let shown = archive.by_name("configuration.toml").is_ok();
        assert_eq!(shown, sees, "{name}");
        archive.by_name("status.json").unwrap();
    }
}

#[tokio::test]
async fn a_dump_has_status_versions_configuration_and_numbers_and_no_secret() {
    let configuration = "[server]\naddress = \"127.0.0.1:5012\"\n";
    let house = House::planned(Plan {
        server: ServerSettings {
            configuration: Some(configuration.to_owned()),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    let fingerprint = key(&house.vault, "one").await;
    let mut client = StatusServiceClient::new(house.channel().await);
    let request = HealthDumpRequest {
        chunk_size: Some(1024),
    };
    let mut pieces = client.health_dump(request).await.unwrap().into_inner();
    let (mut archive, mut number) = (Vec::new(), 0);
    while let Some(piece) = pieces.message().await.unwrap() {
        assert!(piece.chunk.len() <= 1024);
        archive.extend(piece.chunk);
        number += 1;
    }
    assert!(number > 1, "{number} pieces");
    let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut file = |name: &str| {
        let mut text = String::new();
        let mut file = archive.by_name(name).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    let status: Value = serde_json::from_str(&file("status.json")).unwrap();
    assert_eq!(status["keys"], 1);
    assert_eq!(status["role"], "alone");
    assert_eq!(status["components"][0]["condition"], "ok");
    let versions: Value = serde_json::from_str(&file("versions.json")).unwrap();
    assert!(versions["strongroom"].is_string(), "{versions}");
    assert_eq!(file("configuration.toml"), configuration);
    let numbers = file("metrics.txt");
    assert!(numbers.contains("strongroom_generation "), "{numbers}");
    // The private key, in each form in which it could have got there.
    let form = ExportForm::Pkcs8Der;
    let caller = Caller::new("test");
    let exported = house.vault.export_key(&caller, &fingerprint, &form);
    let exported = exported.await.unwrap();
    // RFC 8410: the seed is a string of 32 bytes in a string.
    let der = exported.expose();
    let seed = der.windows(4).position(|it| it == [4, 34, 4, 32]).unwrap() + 4;
    let private = &der[seed..seed + 32];
    let written = [
        HEXLOWER.encode(private),
        BASE64.encode(private),
        BASE64.encode(der),
    ];
    for name in [
        "status.json",
        "versions.json",
        "configuration.toml",
        "metrics.txt",
    ] {
        let text = file(name);
        for secret in &written {
            assert!(
                !text.to_lowercase().contains(&secret.to_lowercase()),
                "{name}"
            );
        }
    }
}
