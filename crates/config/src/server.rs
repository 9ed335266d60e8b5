//! `[server]`: where the vault is offered over the network.

mod tls;
mod tokens;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

pub use self::{
    tls::{ClientCertificates, ServerTlsConfig, TlsVersion},
    tokens::TokenServiceConfig,
};
use crate::{callers::CallerConfig, duration, error::ConfigError};

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
    /// A socket in the file system, beside the address: the system says which user calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// Connections at the same time. For more of them idle ones are cut; if there are none, they wait.
    pub most_connections: usize,
    /// Connections of one address, or of one user of this machine, at the same time. For more of them idle ones of the same are
    /// cut; if there are none, they are refused. None: half of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_connections_of_one: Option<usize>,
    /// A connection on which no call is under way for so long is ended.
    #[serde(with = "duration")]
    pub idle_limit: Duration,
    /// How long calls that are under way may take once the server is to end.
    #[serde(with = "duration")]
    pub grace: Duration,
    /// Whether private keys may leave over the network.
    pub export_private_keys: bool,
    /// Whether the node's identity may be set over the network.
    pub init_identity: bool,
    /// Certificates of the server and of callers; none: what goes over the address can be read on the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTlsConfig>,
    /// Services that give out tokens; the first that accepts a token says whose it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenServiceConfig>,
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
            socket: None,
            most_connections: 12_000,
            most_connections_of_one: None,
            idle_limit: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(30),
            export_private_keys: false,
            init_identity: false,
            tls: None,
            tokens: Vec::new(),
        }
    }
}

impl ServerConfig {
    /// Checks what types cannot say, beside the callers that are configured.
    ///
    /// # Errors
    /// [`ConfigError::BadValue`] names the first field that is wrong.
    pub fn validate(&self, callers: &[CallerConfig]) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "server",
                field,
                expected,
            })
        };
        if let Some(tls) = &self.tls {
            tls.validate()?;
        }
        self.tokens
            .iter()
            .try_for_each(TokenServiceConfig::validate)?;
        if !self.address.ip().is_loopback() && (callers.is_empty() || self.tls.is_none()) {
            return bad(
                "address",
                "an address of this machine, such as 127.0.0.1:5012, unless there are [[callers]] and [server.tls]",
            );
        }
        // Somebody who configures how callers prove who they are does not want everybody to be let in.
        if callers.is_empty() && !self.tokens.is_empty() {
            return bad(
                "tokens",
                "left out, or there are [[callers]] whose tokens they are",
            );
        }
        let asks = |tls: &ServerTlsConfig| tls.client_certificates != ClientCertificates::None;
        if callers.is_empty() && self.tls.as_ref().is_some_and(asks) {
            return bad(
                "tls.client-certificates",
                "none, unless there are [[callers]] whose certificates they are",
            );
        }
        if self.socket.as_ref().is_some_and(|path| !path.is_absolute()) {
            return bad("socket", "an absolute path");
        }
        self.check_that_services_are_told_apart()?;
        self.check_that_callers_can_be_known(callers)?;
        if !(1..=1_000_000).contains(&self.most_connections) {
            return bad("most-connections", "1 to 1000000");
        }
        if self.most_connections_of_one == Some(0) {
            return bad("most-connections-of-one", "at least 1");
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&self.idle_limit) {
            return bad("idle-limit", "a duration from '1s' to '24h'");
        }
        if self.grace > Duration::from_secs(3600) {
            return bad("grace", "a duration of at most '1h'");
        }
        Ok(())
    }

    /// Of two services each could give out tokens with the subjects of the other.
    fn check_that_services_are_told_apart(&self) -> Result<(), ConfigError> {
        let mut names = BTreeSet::new();
        let several = self.tokens.len() > 1;
        let is_told = |service: &TokenServiceConfig| match &service.name {
            Some(name) => names.insert(name.clone()),
            None => !several,
        };
        if self.tokens.iter().all(is_told) {
            return Ok(());
        }
        Err(ConfigError::BadValue {
            section: "server.tokens",
            field: "name",
            expected: "given, and each its own, where there are several [[server.tokens]]",
        })
    }

    /// A way to be known that nothing verifies would look like a door, and be none.
    fn check_that_callers_can_be_known(&self, callers: &[CallerConfig]) -> Result<(), ConfigError> {
        let asks = |tls: &ServerTlsConfig| tls.client_certificates != ClientCertificates::None;
        let missing = |caller: &CallerConfig| {
            let certificates = self.tls.as_ref().is_some_and(asks);
            if !caller.certificates.is_empty() && !certificates {
                Some("certificates: nobody verifies them: set client-certificates in [server.tls]")
            } else if !caller.tokens.is_empty() && self.tokens.is_empty() {
                Some("tokens: nobody verifies them: there is no [[server.tokens]]")
            } else if !caller.tokens.is_empty()
                && !self.tokens.iter().any(|it| it.name == caller.token_service)
            {
                Some(
                    "token-service: it is the name of the one of [[server.tokens]] that gives its tokens out, and left out if that has none",
                )
            } else if !caller.unix_users.is_empty() && self.socket.is_none() {
                Some("unix-users: there is no socket in [server]")
            } else {
                None
            }
        };
        for caller in callers {
            if let Some(problem) = missing(caller) {
                return Err(ConfigError::BadCaller {
                    caller: caller.name.clone(),
                    problem: problem.to_owned(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
