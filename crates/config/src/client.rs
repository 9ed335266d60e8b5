//! A file beside the flags: where the server is, and what proves who we are.

use std::path::PathBuf;

use serde::Deserialize;

use crate::error::ConfigError;

/// Where the server is, and what proves who we are. Flags go before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClientConfig {
    /// `https://HOST:PORT`, `http://ADDRESS:PORT` of this machine, or `unix:/PATH`.
    pub endpoint: Option<String>,
    /// The certificates of the authorities that may vouch for the server.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, and behind it those between it and its authority.
    pub certificate_file: Option<PathBuf>,
    /// The private key of that certificate.
    pub private_key_file: Option<PathBuf>,
    /// A token for the server.
    pub token_file: Option<PathBuf>,
}

impl ClientConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] names line and column.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_where_the_server_is_and_what_proves_who_we_are() {
        let example = include_str!("../../../config/client.example.toml");
        let example = ClientConfig::parse(example).unwrap();
        assert!(example.endpoint.is_some() && example.ca_file.is_some());
        let text = "endpoint = \"unix:/run/strongroom.sock\"\ntoken-file = \"token\"\n";
        let config = ClientConfig::parse(text).unwrap();
        assert_eq!(
            config.endpoint.as_deref(),
            Some("unix:/run/strongroom.sock")
        );
        assert_eq!(config.token_file, Some("token".into()));
        assert!(ClientConfig::parse("token = \"XYZZY\"").is_err());
        assert_eq!(ClientConfig::parse("").unwrap(), ClientConfig::default());
    }
}
