//! Canton's status services (reference: admin services, section 6). A vault knows which kind of node it belongs to once it
//! has an identity; the service of another kind says so.

mod components;
mod dump;
mod log_level;

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Instant};

use futures_util::stream;
use strongroom_topology::MemberCode;
use strongroom_vault::{Identity, Role, Vault};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

pub(crate) use self::components::{Condition, parts};
pub use self::log_level::{LogLevel, SetLogLevel};
use crate::{
    context::Shared,
    contract::canton_admin::{
        health::v30::{
            self as health, HealthDumpRequest, HealthDumpResponse, NotInitialized,
            SetLogLevelRequest, SetLogLevelResponse, TopologyQueueStatus, WaitingForExternalInput,
            status_service_server::StatusService,
        },
        mediator::v30 as mediator,
        participant::v30 as participant,
        sequencer::v30 as sequencer,
    },
    failure::{Face, Failure, codes},
    http::KmsNumbers,
    scheduled_backups::ScheduledBackups,
};

/// The release of Canton whose services these are: consoles of it take what is answered, and say in turn who they are.
const RELEASE: &str = "3.6.0";

/// The services.
#[derive(Clone, Debug)]
pub(crate) struct StatusFace {
    pub(crate) shared: Shared,
    pub(crate) about: Arc<About>,
}

/// What is known of the server beside its vault.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) began: Instant,
    /// Name and number of each port.
    pub(crate) ports: HashMap<String, i32>,
    pub(crate) log_level: Option<Arc<dyn SetLogLevel>>,
    pub(crate) kms_numbers: Option<Arc<dyn KmsNumbers>>,
    /// The configuration, which has no secret in it.
    pub(crate) configuration: Option<String>,
    pub(crate) backups: Option<ScheduledBackups>,
}

/// A node with an identity, or what it waits for.
enum NodeStatus {
    Running(health::Status),
    NotInitialized(NotInitialized),
}

impl StatusFace {
    /// Answers for a node of this kind, with what `running` or `waiting` makes of its status.
    async fn answer_for<M, A>(
        &self,
        code: MemberCode,
        request: Request<M>,
        running: fn(health::Status) -> A,
        waiting: fn(NotInitialized) -> A,
    ) -> Result<Response<A>, Status> {
        let about = Arc::clone(&self.about);
        let by_hand = self.shared.features.identity_by_hand;
        let answer = |vault: Arc<Vault>, _context, _message| async move {
            Ok(match of_node(&about, by_hand, &vault, code).await? {
                NodeStatus::Running(status) => running(status),
                NodeStatus::NotInitialized(status) => waiting(status),
            })
        };
        self.shared.answer(Face::Canton, request, answer).await
    }
}

async fn of_node(
    about: &About,
    identity_by_hand: bool,
    vault: &Vault,
    code: MemberCode,
) -> Result<NodeStatus, Failure> {
    let active = vault.standing().await.role != Role::Replica;
    let Some(Identity { member, .. }) = vault.identity() else {
        let waits_for = if identity_by_hand {
            WaitingForExternalInput::Id
        } else {
            WaitingForExternalInput::Initialization
        };
        return Ok(NodeStatus::NotInitialized(NotInitialized {
            active,
            waiting_for_external_input: waits_for.into(),
            version: RELEASE.to_owned(),
        }));
    };
    if member.code != code {
        return Err(Failure::own(
            codes::OTHER_KIND_OF_NODE,
            format!("this is the vault of a {}, not of a {code}", member.code),
        ));
    }
    Ok(NodeStatus::Running(health::Status {
        uid: member.uid.to_string(),
        uptime: prost_types::Duration::try_from(about.began.elapsed()).ok(),
        ports: about.ports.clone(),
        active,
        // What is announced is in force at once, or it is the node that announces it.
        topology_queues: Some(TopologyQueueStatus::default()),
        components: components::of(vault, about.backups.as_ref()),
        version: RELEASE.to_owned(),
    }))
}

#[tonic::async_trait]
impl participant::participant_status_service_server::ParticipantStatusService for StatusFace {
    async fn participant_status(
        &self,
        request: Request<participant::ParticipantStatusRequest>,
    ) -> Result<Response<participant::ParticipantStatusResponse>, Status> {
        use participant::{
            ParticipantStatusResponse as Answer,
            participant_status_response::{Kind, ParticipantStatusResponseStatus},
        };
        let running = |status: health::Status| Answer {
            kind: Some(Kind::Status(ParticipantStatusResponseStatus {
                active: status.active,
                common_status: Some(status),
                connected_synchronizers: Vec::new(),
                supported_protocol_versions: vec![34, 35],
            })),
        };
        let waiting = |status| Answer {
            kind: Some(Kind::NotInitialized(status)),
        };
        self.answer_for(MemberCode::Participant, request, running, waiting)
            .await
    }
}

#[tonic::async_trait]
impl sequencer::sequencer_status_service_server::SequencerStatusService for StatusFace {
    async fn sequencer_status(
        &self,
        request: Request<sequencer::SequencerStatusRequest>,
    ) -> Result<Response<sequencer::SequencerStatusResponse>, Status> {
        use sequencer::{
            SequencerStatusResponse as Answer,
            sequencer_status_response::{
                Kind, SequencerAdminStatus, SequencerHealthStatus, SequencerStatusResponseStatus,
            },
        };
        let running = |status: health::Status| Answer {
            kind: Some(Kind::Status(SequencerStatusResponseStatus {
                sequencer: Some(SequencerHealthStatus {
                    active: status.active,
                    details: Some("the vault of a sequencer".to_owned()),
                }),
                admin: Some(SequencerAdminStatus {
                    accepts_admin_changes: status.active,
                }),
                common_status: Some(status),
                ..SequencerStatusResponseStatus::default()
            })),
        };
        let waiting = |status| Answer {
            kind: Some(Kind::NotInitialized(status)),
        };
        self.answer_for(MemberCode::Sequencer, request, running, waiting)
            .await
    }
}

#[tonic::async_trait]
impl mediator::mediator_status_service_server::MediatorStatusService for StatusFace {
    async fn mediator_status(
        &self,
        request: Request<mediator::MediatorStatusRequest>,
    ) -> Result<Response<mediator::MediatorStatusResponse>, Status> {
        use mediator::{
            MediatorStatusResponse as Answer,
            mediator_status_response::{Kind, MediatorStatusResponseStatus},
        };
        let running = |status| Answer {
            kind: Some(Kind::Status(MediatorStatusResponseStatus {
                common_status: Some(status),
                ..MediatorStatusResponseStatus::default()
            })),
        };
        let waiting = |status| Answer {
            kind: Some(Kind::NotInitialized(status)),
        };
        self.answer_for(MemberCode::Mediator, request, running, waiting)
            .await
    }
}

type DumpStream = Pin<Box<dyn Stream<Item = Result<HealthDumpResponse, Status>> + Send>>;

#[tonic::async_trait]
impl StatusService for StatusFace {
    type HealthDumpStream = DumpStream;

    async fn health_dump(
        &self,
        request: Request<HealthDumpRequest>,
    ) -> Result<Response<Self::HealthDumpStream>, Status> {
        let (about, calls) = (Arc::clone(&self.about), self.shared.calls.clone());
        let dump = |vault, context, message| dump::dump(vault, context, message, about, calls);
        let pieces = self.shared.answer(Face::Canton, request, dump).await?;
        Ok(pieces.map(|pieces: Vec<Vec<u8>>| -> DumpStream {
            let answers = pieces
                .into_iter()
                .map(|chunk| Ok(HealthDumpResponse { chunk }));
            Box::pin(stream::iter(answers))
        }))
    }

    async fn set_log_level(
        &self,
        request: Request<SetLogLevelRequest>,
    ) -> Result<Response<SetLogLevelResponse>, Status> {
        let set = self.about.log_level.clone();
        let change = |vault, context, message| log_level::set(set, vault, context, message);
        self.shared.change(Face::Canton, request, change).await
    }
}
