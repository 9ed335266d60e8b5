//! What a vault finds out about itself.

use strongroom_config::Config;
use strongroom_server::vault_metrics;

use super::Client;
use crate::{args::Global, remote::Server, session};

/// The configuration that is meant: the one here, or the one that a server was started with.
pub(crate) async fn configuration(global: &Global) -> anyhow::Result<Config> {
    match Server::connect(global).await? {
        Some(server) => server.configuration().await,
        None => session::read_config(global),
    }
}

impl Client {
    /// Numbers for monitoring, as OpenMetrics text. Each KMS is asked for the state of its wrapper keys.
    pub(crate) async fn numbers(&self) -> anyhow::Result<String> {
        match self {
            Self::Here(session) => Ok(vault_metrics(&session.vault.numbers().await)?),
            Self::There(server) => server.numbers().await,
        }
    }
}
