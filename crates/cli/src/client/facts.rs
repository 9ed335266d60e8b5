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

/// Numbers of a server, as they are known there: no KMS is asked. None where no server is meant.
pub(crate) async fn numbers_of_server(global: &Global) -> anyhow::Result<Option<String>> {
    match Server::connect(global).await? {
        Some(server) => Ok(Some(server.numbers_as_known().await?)),
        None => Ok(None),
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
