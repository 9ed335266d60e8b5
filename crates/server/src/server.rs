//! The server: the services, what comes before them, and an orderly end.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use strongroom_crypto::Random;
use strongroom_topology::MemberCode;
use strongroom_vault::{FindingLimits, Vault};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tonic::{service::Routes, transport};
use tower::ServiceBuilder;

use crate::{
    access::Access,
    api_info::ApiInfoFace,
    context::{Features, Shared},
    contract::{
        DESCRIPTORS,
        canton_admin::{
            health::v30::status_service_server::StatusServiceServer,
            mediator::v30::mediator_status_service_server::MediatorStatusServiceServer,
            participant::v30::participant_status_service_server::ParticipantStatusServiceServer,
            sequencer::v30::sequencer_status_service_server::SequencerStatusServiceServer,
        },
        connection::api_info_service_server::ApiInfoServiceServer,
        strongroom::{
            operations_service_server::OperationsServiceServer,
            signing_service_server::SigningServiceServer,
        },
        topology::{
            identity_initialization_service_server::IdentityInitializationServiceServer,
            topology_aggregation_service_server::TopologyAggregationServiceServer,
            topology_manager_read_service_server::TopologyManagerReadServiceServer,
            topology_manager_write_service_server::TopologyManagerWriteServiceServer,
        },
        vault::vault_service_server::VaultServiceServer,
    },
    gate::Gate,
    health,
    http::{self, Calls, KmsNumbers, Pages},
    identity::IdentityFace,
    listen::{Listener, incoming},
    operations_service::{OperationsFace, Spool},
    signing_service::SigningFace,
    status::{About, SetLogLevel, StatusFace},
    tasks::Tasks,
    tokens::Tokens,
    topology::{
        aggregation::TopologyAggregationFace, read::TopologyReadFace, write::TopologyWriteFace,
    },
    vault_service::{DefaultSpecs, VaultFace},
};

/// A message may have so many bytes; Canton's own limit.
const MOST_MESSAGE_BYTES: usize = 10 * 1024 * 1024;

/// The headers of a call may have so many bytes; Canton's own limit.
const MOST_HEADER_BYTES: u32 = 8 * 1024;

/// Calls of one connection at the same time; more of them wait.
const MOST_CALLS: u32 = 256;

/// A silent connection is asked for a sign of life this often, and ended without one.
const LIFE_EVERY: Duration = Duration::from_secs(30);
const LIFE_WITHIN: Duration = Duration::from_secs(10);

/// How the server behaves.
#[derive(Debug)]
pub struct ServerSettings {
    /// The kind of node that the vault belongs to.
    pub node: MemberCode,
    /// Who may do what.
    pub access: Access,
    /// Whose tokens are accepted.
    pub tokens: Tokens,
    /// What the operator lets it do.
    pub features: Features,
    /// The specs of keys of which a request says nothing.
    pub specs: DefaultSpecs,
    /// Who can change how much is logged; none: nobody can.
    pub log_level: Option<Arc<dyn SetLogLevel>>,
    /// Name and number of each port, as the status tells them.
    pub ports: HashMap<String, i32>,
    /// Where probes and numbers are served over HTTP; none: nowhere.
    pub http: Option<TcpListener>,
    /// Who knows the numbers of the key management systems; none: nobody.
    pub kms_numbers: Option<Arc<dyn KmsNumbers>>,
    /// Where backups are written before they are handed out; none: no backup is made over the network.
    pub spool: Option<Spool>,
    /// From when on something is told by whoever looks the vault over.
    pub finding_limits: FindingLimits,
    /// Connections at the same time; more of them wait.
    pub most_connections: usize,
    /// How long calls that are under way may take once the server is to end.
    pub grace: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            node: MemberCode::Participant,
            log_level: None,
            ports: HashMap::new(),
            http: None,
            kms_numbers: None,
            spool: None,
            finding_limits: FindingLimits::default(),
            access: Access::open(),
            tokens: Tokens::default(),
            features: Features::default(),
            specs: DefaultSpecs::default(),
            most_connections: 12_000,
            grace: Duration::from_secs(30),
        }
    }
}

/// Why the server did not begin, or did not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The description of the services is not what the compiler made.
    #[error("the services could not be described")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the server could not go on")]
    Transport(#[from] transport::Error),
}

/// Serves `vault` to whoever comes through `listeners`, until `end` is there and every call that was under way then has
/// its answer, or the grace is over. What had begun to change something is finished in any case.
///
/// # Errors
/// [`ServerError`].
pub async fn serve(
    vault: Arc<Vault>,
    settings: ServerSettings,
    random: Arc<dyn Random>,
    listeners: Vec<Listener>,
    end: impl Future<Output = ()> + Send,
) -> Result<(), ServerError> {
    let (ending_sender, ending) = watch::channel(false);
    let tasks = Tasks::default();
    let calls = Calls::default();
    let shared = Shared {
        vault,
        tasks: tasks.clone(),
        features: settings.features,
        calls: calls.clone(),
    };
    let gate = Gate {
        access: Arc::new(settings.access),
        tokens: settings.tokens,
        random,
        ending: ending.clone(),
        calls: calls.clone(),
    };
    let faces = Faces {
        shared,
        spool: settings.spool,
        limits: settings.finding_limits,
        specs: settings.specs,
        node: settings.node,
        about: Arc::new(About {
            began: Instant::now(),
            ports: settings.ports,
            log_level: settings.log_level,
        }),
    };
    let (reporter, health) = tonic_health::server::health_reporter();
    let watching = tokio::spawn(health::keep(
        Arc::clone(&faces.shared.vault),
        reporter.clone(),
    ));
    let mut routes = faces.routes()?;
    routes = routes.add_service(health.max_decoding_message_size(MOST_BYTES_OF_ANYBODY));
    let mut pages = JoinSet::new();
    if let Some(listener) = settings.http {
        let told = Pages {
            vault: Arc::clone(&faces.shared.vault),
            calls,
            kms: settings.kms_numbers,
            ending: ending.clone(),
        };
        pages.spawn(http::serve(listener, told));
    }
    let (mut accepting, connections) = incoming(listeners, settings.most_connections);
    let mut ended = ending.clone();
    let until_the_end = async move {
        let _gone = ended.wait_for(|ending| *ending).await;
    };
    let serving = transport::Server::builder()
        .http2_keepalive_interval(Some(LIFE_EVERY))
        .http2_keepalive_timeout(Some(LIFE_WITHIN))
        .http2_max_header_list_size(Some(MOST_HEADER_BYTES))
        .max_concurrent_streams(Some(MOST_CALLS))
        .layer(ServiceBuilder::new().layer(gate))
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections, until_the_end);
    let mut serving = std::pin::pin!(serving);
    let served = tokio::select! {
        served = &mut serving => Some(served),
        () = end => None,
    };
    ending_sender.send_replace(true);
    watching.abort();
    health::end(&reporter).await;
    accepting.abort_all();
    let served = match served {
        Some(served) => served,
        // Whoever holds a connection open beyond that is cut off.
        None => tokio::time::timeout(settings.grace, serving)
            .await
            .unwrap_or(Ok(())),
    };
    while accepting.join_next().await.is_some() {}
    while pages.join_next().await.is_some() {}
    tasks.finished().await;
    Ok(served?)
}

/// Every service.
struct Faces {
    shared: Shared,
    spool: Option<Spool>,
    limits: FindingLimits,
    specs: DefaultSpecs,
    node: MemberCode,
    about: Arc<About>,
}

/// A message of whoever is not known may have so many bytes: what anybody may ask is small.
const MOST_BYTES_OF_ANYBODY: usize = 4096;

/// Sets the limits that every service has.
macro_rules! limited {
    ($service:expr) => {
        $service
            .max_decoding_message_size(MOST_MESSAGE_BYTES)
            .max_encoding_message_size(MOST_MESSAGE_BYTES)
    };
}

impl Faces {
    fn routes(&self) -> Result<Routes, ServerError> {
        let shared = || self.shared.clone();
        let (specs, code) = (self.specs, self.node);
        let status = StatusFace {
            shared: shared(),
            about: Arc::clone(&self.about),
        };
        let vault = VaultFace {
            shared: shared(),
            specs,
        };
        let identity = IdentityFace {
            shared: shared(),
            code,
            specs,
        };
        let aggregation = TopologyAggregationFace { shared: shared() };
        let read = TopologyReadFace { shared: shared() };
        let write = TopologyWriteFace { shared: shared() };
        let signing = SigningFace { shared: shared() };
        let operations = OperationsFace {
            shared: shared(),
            spool: self.spool.clone(),
            limits: self.limits,
        };
        let describe = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let mut routes = Routes::builder();
        routes
            .add_service(limited!(VaultServiceServer::new(vault)))
            .add_service(limited!(IdentityInitializationServiceServer::new(identity)))
            .add_service(limited!(TopologyManagerReadServiceServer::new(read)))
            .add_service(limited!(TopologyManagerWriteServiceServer::new(write)))
            .add_service(limited!(TopologyAggregationServiceServer::new(aggregation)))
            .add_service(limited!(StatusServiceServer::new(status.clone())))
            .add_service(limited!(ParticipantStatusServiceServer::new(
                status.clone()
            )))
            .add_service(limited!(SequencerStatusServiceServer::new(status.clone())))
            .add_service(limited!(MediatorStatusServiceServer::new(status)))
            .add_service(
                ApiInfoServiceServer::new(ApiInfoFace)
                    .max_decoding_message_size(MOST_BYTES_OF_ANYBODY),
            )
            .add_service(limited!(SigningServiceServer::new(signing)))
            .add_service(limited!(OperationsServiceServer::new(operations)))
            .add_service(describe().build_v1()?)
            .add_service(describe().build_v1alpha()?);
        Ok(routes.routes())
    }
}
