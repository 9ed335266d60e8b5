//! `[server.tls]`: certificates of both sides.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

/// What the server shows, and what callers must show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServerTlsConfig {
    /// The server's certificate and those between it and its authority, in PEM.
    pub certificate_file: PathBuf,
    /// Its private key, PKCS#8 in PEM, in a file that nobody but its owner may read.
    pub private_key_file: PathBuf,
    /// Whether callers must show certificates.
    #[serde(default)]
    pub client_certificates: ClientCertificates,
    /// The certificates of the authorities that may vouch for callers, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
    /// The oldest version that is spoken.
    #[serde(default)]
    pub oldest_version: TlsVersion,
}

/// Whether callers must show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificates {
    /// None are asked for.
    #[default]
    None,
    /// One that is shown is verified.
    Optional,
    /// Whoever shows none is refused.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2, with its good ciphers only.
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3.
    #[default]
    #[serde(rename = "1.3")]
    V13,
}

impl ServerTlsConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "server.tls",
                field,
                expected,
            })
        };
        for (field, path) in [
            ("certificate-file", Some(&self.certificate_file)),
            ("private-key-file", Some(&self.private_key_file)),
            ("client-ca-file", self.client_ca_file.as_ref()),
        ] {
            if path.is_some_and(|path| !path.is_absolute()) {
                return bad(field, "an absolute path");
            }
        }
        match (self.client_certificates, &self.client_ca_file) {
            (ClientCertificates::None, Some(_)) => bad(
                "client-certificates",
                "optional or required beside client-ca-file",
            ),
            (ClientCertificates::Optional | ClientCertificates::Required, None) => bad(
                "client-ca-file",
                "given where certificates of callers are verified",
            ),
            _ => Ok(()),
        }
    }
}
