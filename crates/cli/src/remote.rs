//! A vault that a server offers: the connection, and what goes over it.
//!
//! The messages of the contract stay in here: commands see what they see of a vault that is opened here.

mod approvals;
mod audit;
mod backups;
mod connect;
mod credentials;
mod custody;
mod endpoint;
mod error;
mod exchange;
mod facts;
mod flags;
mod keys;
mod migration;
mod node_keys;
mod operations;
mod parties;
mod payloads;
mod refusal;
mod replicas;
mod tls;
mod topology;
mod wrapper_keys;
mod wraps;

use strongroom_server::contract::strongroom::{
    key_service_client::KeyServiceClient, operations_service_client::OperationsServiceClient,
    signing_service_client::SigningServiceClient, topology_service_client::TopologyServiceClient,
};
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use self::credentials::Credentials;
pub(crate) use self::{
    audit::FollowedAudit, endpoint::Endpoint, error::RemoteError, flags::ServerFlags,
    refusal::Refusal,
};

use crate::args::Global;

/// The most bytes of one answer; the server has the same limit.
const MOST_MESSAGE_BYTES: usize = 10 * 1024 * 1024;

type Connection = InterceptedService<Channel, Credentials>;

/// A server that was reached.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    channel: Channel,
    credentials: Credentials,
}

impl Server {
    /// Connects to the server that `global` names; none if it names none.
    pub(crate) async fn connect(global: &Global) -> anyhow::Result<Option<Self>> {
        let flags = &global.server;
        let Some(settings) = flags.settings()? else {
            return Ok(None);
        };
        let credentials =
            Credentials::read(settings.token.as_ref(), global.break_glass.as_deref())?;
        let channel = match flags.kept() {
            Some(channel) => channel,
            None => flags.keep(connect::connect(&settings).await?),
        };
        Ok(Some(Self {
            channel,
            credentials,
        }))
    }

    fn connection(&self) -> Connection {
        InterceptedService::new(self.channel.clone(), self.credentials.clone())
    }

    fn keys(&self) -> KeyServiceClient<Connection> {
        KeyServiceClient::new(self.connection()).max_decoding_message_size(MOST_MESSAGE_BYTES)
    }

    fn signing(&self) -> SigningServiceClient<Connection> {
        SigningServiceClient::new(self.connection()).max_decoding_message_size(MOST_MESSAGE_BYTES)
    }

    fn operations(&self) -> OperationsServiceClient<Connection> {
        OperationsServiceClient::new(self.connection())
            .max_decoding_message_size(MOST_MESSAGE_BYTES)
    }

    fn topology(&self) -> TopologyServiceClient<Connection> {
        TopologyServiceClient::new(self.connection()).max_decoding_message_size(MOST_MESSAGE_BYTES)
    }
}

/// The one of `all` whose name a server says; one of a later release may know more.
pub(crate) fn known_of<T: Copy, const N: usize>(
    all: [T; N],
    name: impl Fn(T) -> &'static str,
    said: &str,
) -> Result<T, RemoteError> {
    let found = all.into_iter().find(|it| name(*it) == said);
    found.ok_or_else(|| RemoteError::Unreadable {
        what: said.chars().take(80).collect(),
    })
}

/// The name among `names` that a server says.
fn known<const N: usize>(
    names: [&'static str; N],
    said: &str,
) -> Result<&'static str, RemoteError> {
    known_of(names, |name| name, said)
}
