//! What every command takes about a server.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use parking_lot::Mutex;
use strongroom_config::{ClientConfig, SecretSource};
use tonic::transport::Channel;

use super::{Endpoint, RemoteError};
use crate::{environment, session};

/// What every command takes about a server.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServerFlags {
    /// Work on the vault of a server instead of one that is here: https://HOST:PORT, http://127.0.0.1:PORT or unix:/PATH.
    #[arg(
        id = "server_endpoint",
        long = "endpoint",
        global = true,
        value_name = "URL",
        env = "STRONGROOM_ENDPOINT"
    )]
    endpoint: Option<Endpoint>,
    /// Read from this file where the server is and what proves who we are, as far as flags do not say it.
    #[arg(
        id = "client_config",
        long = "client-config",
        global = true,
        value_name = "FILE",
        env = "STRONGROOM_CLIENT_CONFIG"
    )]
    config: Option<PathBuf>,
    /// The certificates of the authorities that may vouch for the server.
    #[arg(
        id = "server_ca_file",
        long = "server-ca-file",
        global = true,
        value_name = "FILE",
        env = "STRONGROOM_SERVER_CA_FILE"
    )]
    ca_file: Option<PathBuf>,
    /// Our certificate, for a server that asks for one.
    #[arg(
        id = "client_certificate",
        long = "client-certificate-file",
        global = true,
        value_name = "FILE",
        env = "STRONGROOM_CLIENT_CERTIFICATE_FILE"
    )]
    certificate_file: Option<PathBuf>,
    /// The private key of our certificate.
    #[arg(
        id = "client_key",
        long = "client-key-file",
        global = true,
        value_name = "FILE",
        env = "STRONGROOM_CLIENT_KEY_FILE"
    )]
    private_key_file: Option<PathBuf>,
    /// The token that says who we are [or in the environment: STRONGROOM_TOKEN].
    #[arg(
        id = "server_token_file",
        long = "token-file",
        global = true,
        value_name = "FILE",
        env = "STRONGROOM_TOKEN_FILE"
    )]
    token_file: Option<PathBuf>,
    /// A console keeps its connection from one command to the next.
    #[arg(skip)]
    kept: Option<Arc<Mutex<Option<Channel>>>>,
}

/// A server to connect to.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) endpoint: Endpoint,
    pub(super) ca_file: Option<PathBuf>,
    /// Our certificate and its private key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) token: Option<SecretSource>,
}

impl ServerFlags {
    /// Where the server is; none if the vault is here.
    pub(crate) fn endpoint(&self) -> anyhow::Result<Option<Endpoint>> {
        Ok(self.settings()?.map(|settings| settings.endpoint))
    }

    /// The same flags for a console, which connects once.
    pub(crate) fn keeping(&self) -> Self {
        Self {
            kept: Some(Arc::default()),
            ..self.clone()
        }
    }

    pub(super) fn kept(&self) -> Option<Channel> {
        self.kept.as_ref()?.lock().clone()
    }

    pub(super) fn keep(&self, channel: Channel) -> Channel {
        if let Some(kept) = &self.kept {
            *kept.lock() = Some(channel.clone());
        }
        channel
    }

    pub(super) fn settings(&self) -> anyhow::Result<Option<Settings>> {
        let file = match &self.config {
            Some(path) => read_config(path)?,
            None => ClientConfig::default(),
        };
        let named = file.endpoint.as_deref().map(str::parse).transpose()?;
        let Some(endpoint) = self.endpoint.clone().or(named) else {
            return Ok(None);
        };
        let or = |flag: &Option<PathBuf>, file: Option<PathBuf>| flag.clone().or(file);
        let certificate = or(&self.certificate_file, file.certificate_file);
        let private_key = or(&self.private_key_file, file.private_key_file);
        let identity = match (certificate, private_key) {
            (Some(certificate), Some(private_key)) => Some((certificate, private_key)),
            (None, None) => None,
            _ => return Err(RemoteError::HalfIdentity.into()),
        };
        let token_file = or(&self.token_file, file.token_file).map(SecretSource::File);
        Ok(Some(Settings {
            endpoint,
            ca_file: or(&self.ca_file, file.ca_file),
            identity,
            token: token_file.or_else(environment::token),
        }))
    }
}

/// Whoever writes there says whom we trust.
fn read_config(path: &Path) -> anyhow::Result<ClientConfig> {
    let text = session::read_guarded_text(path)?;
    let mut config = ClientConfig::parse(&text)
        .map_err(|error| anyhow::Error::from(error).context(format!("in {}", path.display())))?;
    // What it names is beside it.
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    for file in [
        &mut config.ca_file,
        &mut config.certificate_file,
        &mut config.private_key_file,
        &mut config.token_file,
    ] {
        *file = file.take().map(|file| folder.join(file));
    }
    Ok(config)
}
