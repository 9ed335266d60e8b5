//! Where a driver listens, and who it is.

use std::path::PathBuf;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint, Uri};

use crate::error::DriverError;
use crate::tls::TlsIdentity;

mod tcp;
mod unix;

/// Where a driver listens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DriverEndpoint {
    /// On a Unix socket of this machine.
    UnixSocket {
        /// The socket.
        path: PathBuf,
        /// The numeric id of the user that the driver runs as: nobody else is talked to. `None`: our own user or root.
        user: Option<u32>,
    },
    /// At an address, through TLS with certificates of both sides.
    Tls {
        /// `host:port`. The driver's certificate must be for the host, a name or an IP address (IPv6 in brackets).
        address: String,
        /// Who we are, and who may vouch for the driver.
        identity: TlsIdentity,
    },
}

/// A driver to connect to.
#[derive(Clone, Debug)]
pub struct DriverSettings {
    /// The name of the KMS in errors, logs and capabilities. `None`: what the driver calls itself.
    pub name: Option<String>,
    /// Where it listens.
    pub endpoint: DriverEndpoint,
    /// How long it may take to say what it can do and how it feels. All other calls are bounded by what surrounds the
    /// provider, which these do not pass.
    pub answer_within: Duration,
    /// How long it may look for a key by its tags.
    pub search_within: Duration,
}

impl DriverSettings {
    /// The driver that our own user, or root, runs on the socket `path`; it has 10 seconds to answer, and a minute to look
    /// for a key.
    #[must_use]
    pub fn unix_socket(path: impl Into<PathBuf>) -> Self {
        Self::of(DriverEndpoint::UnixSocket {
            path: path.into(),
            user: None,
        })
    }

    /// The driver at `address`, `host:port`, with the same times to answer.
    #[must_use]
    pub fn tls(address: impl Into<String>, identity: TlsIdentity) -> Self {
        Self::of(DriverEndpoint::Tls {
            address: address.into(),
            identity,
        })
    }

    fn of(endpoint: DriverEndpoint) -> Self {
        Self {
            name: None,
            endpoint,
            answer_within: Duration::from_secs(10),
            search_within: Duration::from_secs(60),
        }
    }
}

impl DriverEndpoint {
    /// Connects when it is used, and anew after the connection broke.
    ///
    /// # Errors
    /// [`DriverError::Address`], [`DriverError::TlsMaterial`].
    pub(crate) fn channel(&self) -> Result<Channel, DriverError> {
        // The address is a formality: the connector decides where to go.
        let endpoint = Endpoint::from(Uri::from_static("http://kms-driver.invalid"));
        Ok(match self {
            Self::UnixSocket { path, user } => {
                let connector = unix::Connector::new(path.clone(), *user);
                endpoint.connect_with_connector_lazy(connector)
            }
            Self::Tls { address, identity } => {
                let connector = tcp::Connector::try_new(address, identity)?;
                endpoint.connect_with_connector_lazy(connector)
            }
        })
    }
}
