//! `[[kms]]` with `type = "driver"`: a program that reaches a KMS for us.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a KMS driver listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub enum DriverConfig {
    /// On a Unix socket of this machine.
    Socket {
        /// The socket.
        socket: PathBuf,
        /// The numeric id of the user that the driver runs as; none is our own user or root.
        user: Option<u32>,
    },
    /// On an address, through TLS with certificates of both sides.
    Tls(DriverTlsConfig),
}

/// A KMS driver behind TLS: who it must be, and who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverTlsConfig {
    /// `host:port`; the driver's certificate must be for the host.
    pub address: String,
    /// The certificates of the authorities that may vouch for the driver, in PEM.
    pub ca_file: PathBuf,
    /// Our certificate and those between it and its authority, in PEM.
    pub certificate_file: PathBuf,
    /// The private key of our certificate, in PEM, in a file that nobody but its owner may read.
    pub private_key_file: PathBuf,
}

/// As it stands in the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_file: Option<PathBuf>,
}

const EXPECTED: &str = "a driver has either socket, and perhaps user, or all of address, ca-file, certificate-file and private-key-file";

impl TryFrom<Fields> for DriverConfig {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match fields {
            Fields {
                socket: Some(socket),
                user,
                address: None,
                ca_file: None,
                certificate_file: None,
                private_key_file: None,
            } => Ok(Self::Socket { socket, user }),
            Fields {
                socket: None,
                user: None,
                address: Some(address),
                ca_file: Some(ca_file),
                certificate_file: Some(certificate_file),
                private_key_file: Some(private_key_file),
            } => Ok(Self::Tls(DriverTlsConfig {
                address,
                ca_file,
                certificate_file,
                private_key_file,
            })),
            _ => Err(EXPECTED),
        }
    }
}

impl From<DriverConfig> for Fields {
    fn from(config: DriverConfig) -> Self {
        match config {
            DriverConfig::Socket { socket, user } => Self {
                socket: Some(socket),
                user,
                ..Self::default()
            },
            DriverConfig::Tls(tls) => Self {
                address: Some(tls.address),
                ca_file: Some(tls.ca_file),
                certificate_file: Some(tls.certificate_file),
                private_key_file: Some(tls.private_key_file),
                ..Self::default()
            },
        }
    }
}

impl DriverConfig {
    /// A field that is wrong, and what it must be.
    pub(crate) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let relative = |field, path: &PathBuf| {
            let expected = "an absolute path";
            (!path.is_absolute()).then_some((field, expected))
        };
        match self {
            Self::Socket { socket, user: _ } => relative("socket", socket),
            Self::Tls(tls) => {
                let wrong_address = (!has_port(&tls.address))
                    .then_some(("address", "host:port, an IPv6 address in brackets"));
                wrong_address
                    .or_else(|| relative("ca-file", &tls.ca_file))
                    .or_else(|| relative("certificate-file", &tls.certificate_file))
                    .or_else(|| relative("private-key-file", &tls.private_key_file))
            }
        }
    }
}

fn has_port(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else {
        return false;
    };
    let in_brackets = host.starts_with('[') && host.ends_with(']');
    let fits = !host.is_empty() && (in_brackets || !host.contains(':'));
    fits && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use crate::{Config, EXAMPLE};

    const TLS: &str = "address = \"kms.example:7443\"\nca-file = \"/etc/ca.pem\"\n\
        certificate-file = \"/etc/node.pem\"\nprivate-key-file = \"/etc/node.key\"\n";

    fn driver(fields: &str) -> Result<Config, String> {
        let section = format!("[[kms]]\nname = \"remote\"\ntype = \"driver\"\n{fields}");
        Config::parse(&format!("{EXAMPLE}\n{section}")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_driver_is_written_as_it_is_read() {
        for fields in [
            "socket = \"/run/kms.sock\"",
            "socket = \"/run/kms.sock\"\nuser = 990",
            TLS,
        ] {
            let read = driver(fields).unwrap();
            assert_eq!(Config::parse(&read.to_toml().unwrap()).unwrap(), read);
        }
    }

    #[test]
    fn a_driver_listens_on_a_socket_or_behind_tls_with_certificates_of_both_sides() {
        let without = |field: &str| {
            let lines = TLS.lines().filter(|line| !line.starts_with(field));
            lines.collect::<Vec<_>>().join("\n")
        };
        for wrong in [
            String::new(),
            "user = 990".to_owned(),
            format!("socket = \"/run/kms.sock\"\n{TLS}"),
            format!("user = 990\n{TLS}"),
            without("address"),
            without("ca-file"),
            without("certificate-file"),
            without("private-key-file"),
        ] {
            let error = driver(&wrong).unwrap_err();
            assert!(error.contains("either socket"), "{wrong}: {error}");
        }
        assert!(driver("socket = \"/a\"\nport = 1").is_err());
    }

    #[test]
    fn an_address_has_a_port_and_paths_are_absolute() {
        for address in ["kms.example:7443", "[::1]:7443", "127.0.0.1:1"] {
            let fields = TLS.replace("kms.example:7443", address);
            assert!(driver(&fields).is_ok(), "{address}");
        }
        for address in [
            "",
            "kms",
            "kms:",
            ":7443",
            "kms:0",
            "::1:7443",
            "https://kms:7443",
        ] {
            let fields = TLS.replace("kms.example:7443", address);
            assert!(driver(&fields).is_err(), "{address}");
        }
        assert!(driver("socket = \"kms.sock\"").is_err());
        assert!(driver(&TLS.replace("/etc/node.key", "node.key")).is_err());
    }
}
