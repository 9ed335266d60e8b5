//! `[server]`: where the vault is offered over the network.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// Where the vault is offered over the network, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServerConfig {
    /// The address for gRPC.
    pub address: SocketAddr,
    /// The address for probes and numbers over HTTP; none: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
    /// The kind of node that the vault becomes when it gets its identity over the network.
    pub node: NodeKindName,
    /// The physical id of a synchronizer whose store sequences by itself, for rehearsals without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal_synchronizer: Option<String>,
    /// Connections at the same time; more of them wait.
    pub most_connections: usize,
    /// How long calls that are under way may take once the server is to end.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// Whether private keys may leave over the network.
    pub export_private_keys: bool,
    /// Whether the node's identity may be set over the network.
    pub init_identity: bool,
}

/// A kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKindName {
    /// Hosts parties.
    Participant,
    /// Orders messages.
    Sequencer,
    /// Collects confirmations.
    Mediator,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 5012)),
            http: None,
            node: NodeKindName::Participant,
            rehearsal_synchronizer: None,
            most_connections: 12_000,
            grace: Duration::from_secs(30),
            export_private_keys: false,
            init_identity: false,
        }
    }
}

impl ServerConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// [`ConfigError::BadValue`] names the first field that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "server",
                field,
                expected,
            })
        };
        // Nobody is told apart, and nothing is hidden on the way.
        if !self.address.ip().is_loopback() {
            return bad(
                "address",
                "an address of this machine, such as 127.0.0.1:5012",
            );
        }
        if !(1..=1_000_000).contains(&self.most_connections) {
            return bad("most-connections", "1 to 1000000");
        }
        if self.grace > Duration::from_secs(3600) {
            return bad("grace", "a duration of at most '1h'");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_it_is_for_this_machine_only() {
        let config = ServerConfig::default();
        config.validate().unwrap();
        assert!(config.address.ip().is_loopback());
        assert!(!config.export_private_keys);
        assert!(!config.init_identity);
    }

    #[test]
    fn an_address_that_others_reach_is_refused_where_nobody_is_told_apart() {
        let config = ServerConfig {
            address: SocketAddr::from(([0, 0, 0, 0], 5012)),
            ..ServerConfig::default()
        };
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains("address"), "{error}");
    }
}
