//! Canton's status services.

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_server::{
    LogLevel, ServerSettings, SetLogLevel,
    contract::canton_admin::{
        health::v30::{
            SetLogLevelRequest, component_status::Status as ComponentState,
            status_service_client::StatusServiceClient,
        },
        participant::v30::{
            ParticipantStatusRequest, participant_status_response::Kind,
            participant_status_service_client::ParticipantStatusServiceClient,
        },
        sequencer::v30::{
            SequencerStatusRequest, sequencer_status_service_client::SequencerStatusServiceClient,
        },
    },
};
use strongroom_topology::MemberCode;
use strongroom_vault::{Caller, NewIdentity};

use crate::house::{House, Plan, told};

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
    assert_eq!(names, ["crypto", "db-storage", "kms-local"]);
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
}
