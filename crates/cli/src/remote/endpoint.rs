//! Where a server listens.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use super::RemoteError;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Behind TLS: `https://HOST:PORT`.
    Tls { host: String, port: u16 },
    /// On this machine, readable by whoever listens in on it: `http://127.0.0.1:PORT`.
    Loopback { address: IpAddr, port: u16 },
    /// A socket in the file system: `unix:/PATH`.
    Socket(PathBuf),
}

impl FromStr for Endpoint {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, RemoteError> {
        let wrong = || RemoteError::Endpoint {
            // A password in it, which some would put there, is not repeated.
            endpoint: text
                .rsplit('@')
                .next()
                .unwrap_or_default()
                .chars()
                .take(200)
                .collect(),
        };
        if let Some(path) = text.strip_prefix("unix:") {
            // `unix:///path` is how gRPC writes the same.
            let path = path.strip_prefix("//").unwrap_or(path);
            let is_absolute = path.starts_with('/');
            return is_absolute
                .then(|| Self::Socket(path.into()))
                .ok_or_else(wrong);
        }
        let (is_tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(wrong()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_not_a_port| wrong())?;
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        if host.is_empty() || !host.chars().all(is_name) {
            return Err(wrong());
        }
        if is_tls {
            let host = host.to_owned();
            return Ok(Self::Tls { host, port });
        }
        let address = match host {
            "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
            host => host.parse().ok(),
        };
        match address.filter(IpAddr::is_loopback) {
            Some(address) => Ok(Self::Loopback { address, port }),
            None => Err(RemoteError::Unprotected {
                host: host.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls { host, port } if host.contains(':') => write!(f, "https://[{host}]:{port}"),
            Self::Tls { host, port } => write!(f, "https://{host}:{port}"),
            Self::Loopback { address, port } => {
                write!(
                    f,
                    "http://{}",
                    std::net::SocketAddr::from((*address, *port))
                )
            }
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_as_it_is_written() {
        for (text, written) in [
            ("https://vault.example:5012", "https://vault.example:5012"),
            ("https://[fd00::1]:5012/", "https://[fd00::1]:5012"),
            ("http://localhost:5012", "http://127.0.0.1:5012"),
            ("http://[::1]:5012", "http://[::1]:5012"),
            ("unix:/run/strongroom.sock", "unix:/run/strongroom.sock"),
            ("unix:///run/strongroom.sock", "unix:/run/strongroom.sock"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_endpoint_or_goes_unprotected_over_a_network_is_refused() {
        for text in [
            "",
            "vault.example:5012",
            "https://vault.example",
            "https://:5012",
            "https://vault.example:99999",
            "https://vault.example:5012/path",
            "unix:relative",
            "ftp://vault.example:5012",
        ] {
            let refused = text.parse::<Endpoint>();
            assert!(
                matches!(refused, Err(RemoteError::Endpoint { .. })),
                "{text}"
            );
        }
        for text in ["http://vault.example:5012", "http://10.0.0.1:5012"] {
            let refused = text.parse::<Endpoint>();
            assert!(
                matches!(refused, Err(RemoteError::Unprotected { .. })),
                "{text}"
            );
        }
        let refused = "https://me:XYZZY@vault.example:5012x".parse::<Endpoint>();
        assert!(!refused.unwrap_err().to_string().contains("XYZZY"));
    }
}
