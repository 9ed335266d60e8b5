//! A KMS driver, as flags name it.

use std::path::{Path, PathBuf};

use clap::Args;
use strongroom_config::{DriverConfig, DriverTlsConfig};

use crate::failure::CliError;

/// Where a KMS driver listens.
#[derive(Args, Debug)]
#[group(skip)]
pub(super) struct DriverArgs {
    /// Driver: its Unix socket.
    #[arg(
        long = "driver-socket",
        value_name = "PATH",
        requires = "kms",
        conflicts_with = "address"
    )]
    socket: Option<PathBuf>,
    /// Driver: the numeric id of the user that it runs as [default: ours or root].
    #[arg(long = "driver-user", value_name = "UID", requires = "socket")]
    user: Option<u32>,
    /// Driver: its address on another machine, reached through TLS.
    #[arg(long = "driver-address", value_name = "HOST:PORT", requires = "kms")]
    address: Option<String>,
    /// Driver: the certificates of the authorities that may vouch for it.
    #[arg(long = "driver-ca-file", value_name = "FILE", requires = "address")]
    ca_file: Option<PathBuf>,
    /// Driver: our certificate.
    #[arg(
        long = "driver-certificate-file",
        value_name = "FILE",
        requires = "address"
    )]
    certificate_file: Option<PathBuf>,
    /// Driver: the private key of our certificate.
    #[arg(
        long = "driver-private-key-file",
        value_name = "FILE",
        requires = "address"
    )]
    private_key_file: Option<PathBuf>,
}

impl DriverArgs {
    pub(super) fn to_config(&self) -> anyhow::Result<DriverConfig> {
        if let Some(socket) = &self.socket {
            return Ok(DriverConfig::Socket {
                socket: std::path::absolute(socket)?,
                user: self.user,
            });
        }
        let Some(address) = &self.address else {
            return Err(missing("--driver-socket"));
        };
        Ok(DriverConfig::Tls(DriverTlsConfig {
            address: address.clone(),
            ca_file: file(self.ca_file.as_deref(), "--driver-ca-file")?,
            certificate_file: file(
                self.certificate_file.as_deref(),
                "--driver-certificate-file",
            )?,
            private_key_file: file(
                self.private_key_file.as_deref(),
                "--driver-private-key-file",
            )?,
        }))
    }
}

fn file(given: Option<&Path>, flag: &'static str) -> anyhow::Result<PathBuf> {
    let path = given.ok_or_else(|| missing(flag))?;
    Ok(std::path::absolute(path)?)
}

fn missing(flag: &'static str) -> anyhow::Error {
    CliError::FlagMissing { flag }.into()
}
