//! The server: the services, what comes before them, and an orderly end.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::Random;
use strongroom_vault::Vault;
use tokio::sync::watch;
use tonic::{service::Routes, transport};
use tower::ServiceBuilder;

use crate::{
    access::Access,
    api_info::ApiInfoFace,
    context::{Features, Shared},
    contract::{
        DESCRIPTORS, connection::api_info_service_server::ApiInfoServiceServer,
        strongroom::signing_service_server::SigningServiceServer,
        vault::vault_service_server::VaultServiceServer,
    },
    gate::Gate,
    listen::{Listener, incoming},
    signing_service::SigningFace,
    tasks::Tasks,
    tokens::Tokens,
    vault_service::{DefaultSpecs, VaultFace},
};

/// A message may have so many bytes; Canton's own limit.
const MOST_MESSAGE_BYTES: usize = 10 * 1024 * 1024;

/// The headers of a call may have so many bytes; Canton's own limit.
const MOST_HEADER_BYTES: u32 = 8 * 1024;

/// Calls of one connection at the same time; more of them wait.
const MOST_CALLS: u32 = 1024;

/// A silent connection is asked for a sign of life this often, and ended without one.
const LIFE_EVERY: Duration = Duration::from_secs(30);
const LIFE_WITHIN: Duration = Duration::from_secs(10);

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Who may do what.
    pub access: Access,
    /// Whose tokens are accepted.
    pub tokens: Tokens,
    /// What the operator lets it do.
    pub features: Features,
    /// The specs of keys of which a request says nothing.
    pub specs: DefaultSpecs,
    /// Connections at the same time; more of them wait.
    pub most_connections: usize,
    /// How long calls that are under way may take once the server is to end.
    pub grace: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
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
    let shared = Shared {
        vault,
        tasks: tasks.clone(),
        features: settings.features,
    };
    let gate = Gate {
        access: Arc::new(settings.access),
        tokens: settings.tokens,
        random,
        ending: ending.clone(),
    };
    let routes = routes(&shared, settings.specs)?;
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
    accepting.abort_all();
    let served = match served {
        Some(served) => served,
        // Whoever holds a connection open beyond that is cut off.
        None => tokio::time::timeout(settings.grace, serving)
            .await
            .unwrap_or(Ok(())),
    };
    while accepting.join_next().await.is_some() {}
    tasks.finished().await;
    Ok(served?)
}

fn routes(shared: &Shared, specs: DefaultSpecs) -> Result<Routes, ServerError> {
    let vault = VaultServiceServer::new(VaultFace {
        shared: shared.clone(),
        specs,
    })
    .max_decoding_message_size(MOST_MESSAGE_BYTES)
    .max_encoding_message_size(MOST_MESSAGE_BYTES);
    let signing = SigningServiceServer::new(SigningFace {
        shared: shared.clone(),
    })
    .max_decoding_message_size(MOST_MESSAGE_BYTES)
    .max_encoding_message_size(MOST_MESSAGE_BYTES);
    let describe = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut routes = Routes::builder();
    routes
        .add_service(vault)
        .add_service(signing)
        .add_service(ApiInfoServiceServer::new(ApiInfoFace))
        .add_service(describe().build_v1()?)
        .add_service(describe().build_v1alpha()?);
    Ok(routes.routes())
}
