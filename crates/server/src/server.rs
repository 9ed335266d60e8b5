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
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::{
    access::Access,
    api_info::ApiInfoFace,
    concurrency::ConcurrencyLimits,
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
            key_service_server::KeyServiceServer,
            operations_service_server::OperationsServiceServer,
            signing_service_server::SigningServiceServer,
            topology_service_server::TopologyServiceServer,
        },
        topology::{
            identity_initialization_service_server::IdentityInitializationServiceServer,
            topology_aggregation_service_server::TopologyAggregationServiceServer,
            topology_manager_read_service_server::TopologyManagerReadServiceServer,
            topology_manager_write_service_server::TopologyManagerWriteServiceServer,
        },
        vault::vault_service_server::VaultServiceServer,
    },
    gate::{Gate, Gated},
    health,
    http::{self, Calls, KmsNumbers, Pages},
    identity::IdentityFace,
    key_service::KeyFace,
    listen::{Accepting, ConnectionState, Http2, Incoming, Listener, Slots, serve_http2},
    long_work::Ongoing,
    operations_service::OperationsFace,
    refusals::Refusals,
    scheduled_backups::ScheduledBackups,
    signing_service::SigningFace,
    spool::Spool,
    status::{About, SetLogLevel, StatusFace},
    stranger_log::StrangerLog,
    tasks::Tasks,
    tokens::Tokens,
    topology::{
        aggregation::TopologyAggregationFace, read::TopologyReadFace, write::TopologyWriteFace,
    },
    topology_service::TopologyFace,
    trace::Traces,
    vault_service::{DefaultSpecs, VaultFace},
};

/// A message may have so many bytes; Canton's own limit.
pub(crate) const MOST_MESSAGE_BYTES: usize = 10 * 1024 * 1024;

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
    /// The configuration as text, without secrets, for who looks for a fault; none: it is not told.
    pub configuration: Option<String>,
    /// Where backups are written before they are handed out; none: no backup is made over the network.
    pub spool: Option<Spool>,
    /// Backups that the server makes by itself; none: it makes none.
    pub backups: Option<ScheduledBackups>,
    /// From when on something is told by whoever looks the vault over.
    pub finding_limits: FindingLimits,
    /// Connections at the same time. For more of them, those are cut on which no call is under way; else they wait.
    pub most_connections: usize,
    /// Connections of one address, or of one user of this machine, at the same time. For more of them, idle ones of the same
    /// are cut; else they are refused.
    pub most_connections_of_one: usize,
    /// A connection on which no call is under way for so long is ended.
    pub idle_limit: Duration,
    /// Whoever has large answers waiting, and takes nothing of them for so long, is cut: they hold memory. The same holds for a stream
    /// that should have ended.
    pub reading_limit: Duration,
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
            configuration: None,
            spool: None,
            backups: None,
            finding_limits: FindingLimits::default(),
            access: Access::open(),
            tokens: Tokens::default(),
            features: Features::default(),
            specs: DefaultSpecs::default(),
            most_connections: 12_000,
            most_connections_of_one: 6_000,
            idle_limit: Duration::from_secs(15 * 60),
            reading_limit: Duration::from_secs(120),
            grace: Duration::from_secs(30),
        }
    }
}

/// Why the server did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The description of the services is not what the compiler made.
    #[error("the services could not be described")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Serves `vault` to whoever comes through `listeners`, until `end` is there and every call that was under way then has
/// its answer, or the grace is over: then connections are cut, and long work stops at its next safe point. What else had begun to
/// change something is finished in any case, and nothing of the server is left that holds the vault.
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
    let stranger_log = Arc::new(StrangerLog::default());
    let ongoing = Ongoing::new(Arc::clone(&random));
    let refusals = Refusals::new(Arc::clone(&vault), tasks.clone());
    let shared = Shared {
        vault: Arc::clone(&vault),
        tasks: tasks.clone(),
        features: settings.features,
        calls: calls.clone(),
        concurrency: ConcurrencyLimits::default(),
        ongoing: ongoing.clone(),
    };
    let gate = Gate {
        access: settings.access,
        tokens: settings.tokens,
        traces: Traces::new(random.as_ref()),
        ending: ending.clone(),
        calls: calls.clone(),
        stranger_log: Arc::clone(&stranger_log),
        refusals: refusals.clone(),
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
            kms_numbers: settings.kms_numbers.clone(),
            configuration: settings.configuration,
            backups: settings.backups.clone(),
        }),
    };
    if let Some(spool) = &faces.spool {
        spool.remove_leftovers();
    }
    let (reporter, health) = tonic_health::server::health_reporter();
    let health = health.max_decoding_message_size(MOST_BYTES_OF_ANYBODY);
    let services = faces.routes()?.add_service(health).prepare();
    drop(faces);
    let pages = settings.http.map(|listener| {
        let told = Pages {
            vault: Arc::clone(&vault),
            calls,
            kms: settings.kms_numbers,
            backups: settings.backups.clone(),
            ending: ending.clone(),
        };
        http::open(listener, told, Arc::clone(&stranger_log))
    });
    let accepting = Accepting {
        slots: Slots::new(settings.most_connections, settings.most_connections_of_one),
        tasks: TaskTracker::new(),
        ending: ending.clone(),
    };
    let http2 = Http2 {
        services: Gated {
            gate: Arc::new(gate),
            services,
        },
        idle_limit: settings.idle_limit,
        reading_limit: settings.reading_limit,
        tasks: accepting.tasks.clone(),
        ending: ending.clone(),
    };
    let mut backing_up = JoinSet::new();
    if let Some(backups) = settings.backups.clone() {
        backing_up.spawn(backups.keep(Arc::clone(&vault), ending));
    }
    let mut noting = JoinSet::new();
    noting.spawn(refusals.clone().keep());
    let mut listening = JoinSet::new();
    for listener in listeners {
        let (http2, stranger_log) = (http2.clone(), Arc::clone(&stranger_log));
        listening.spawn(
            accepting
                .clone()
                .run(listener, move |incoming, connection| {
                    serve_connection(
                        http2.clone(),
                        Arc::clone(&stranger_log),
                        incoming,
                        connection,
                    )
                }),
        );
    }
    drop(http2);
    tokio::select! {
        () = end => {}
        never = health::keep(&vault, settings.backups.as_ref(), &reporter) => match never {},
    }
    health::end(&reporter).await;
    ending_sender.send_replace(true);
    let grace_ends = tokio::time::Instant::now() + settings.grace;
    while listening.join_next().await.is_some() {}
    accepting.tasks.close();
    if tokio::time::timeout_at(grace_ends, accepting.tasks.wait())
        .await
        .is_err()
    {
        let cut = accepting.tasks.len();
        tracing::warn!(
            cut,
            "calls were not answered within the grace: they are cut off"
        );
        accepting.slots.cut();
        accepting.tasks.wait().await;
    }
    let backed_up = tokio::time::timeout_at(grace_ends, backing_up.join_next());
    if backed_up.await.is_err() {
        tracing::warn!("a backup on schedule is given up: it took longer than the grace");
        backing_up.shutdown().await;
    }
    noting.shutdown().await;
    refusals.end();
    drop(refusals);
    if tokio::time::timeout_at(grace_ends, tasks.finished())
        .await
        .is_err()
    {
        let called_off = ongoing.call_off_all();
        tracing::warn!(
            called_off,
            "work was not done within the grace: what takes long is called off, and can be resumed"
        );
        tasks.finished().await;
    }
    // Until now they say that the server is about to end.
    if let Some(pages) = pages {
        pages.close().await;
    }
    Ok(())
}

/// Serves somebody who connected.
async fn serve_connection(
    http2: Http2,
    stranger_log: Arc<StrangerLog>,
    incoming: Incoming,
    connection: Arc<ConnectionState>,
) {
    if let Some((stream, peer)) = incoming.shake_hands(&stranger_log).await {
        serve_http2(http2, stream, peer, connection).await;
    }
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
        let keys = KeyFace {
            shared: shared(),
            specs,
        };
        let topology = TopologyFace { shared: shared() };
        let operations = OperationsFace {
            shared: shared(),
            spool: self.spool.clone(),
            limits: self.limits,
            about: Arc::clone(&self.about),
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
            .add_service(limited!(KeyServiceServer::new(keys)))
            .add_service(limited!(TopologyServiceServer::new(topology)))
            .add_service(limited!(OperationsServiceServer::new(operations)))
            .add_service(
                describe()
                    .build_v1()?
                    .max_decoding_message_size(MOST_BYTES_OF_ANYBODY),
            )
            .add_service(
                describe()
                    .build_v1alpha()?
                    .max_decoding_message_size(MOST_BYTES_OF_ANYBODY),
            );
        Ok(routes.routes())
    }
}
