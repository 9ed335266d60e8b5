//! Where a KMS elsewhere is reached.

use std::net::SocketAddr;

/// The URL of a KMS, of a proxy in front of it, or of a simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a>(pub &'a str);

/// Why nothing is sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointRefused {
    /// What is sent there could be read on its way: data keys, credentials.
    Insecure,
    /// Whoever rehearses, without credentials or with made-up ones, stays on this machine.
    RehearsalElsewhere,
}

impl Endpoint<'_> {
    /// Refuses an endpoint before anything is sent; `configured` is none where the provider knows its own, which is far and
    /// encrypted.
    ///
    /// # Errors
    /// [`EndpointRefused::RehearsalElsewhere`] if `rehearses` and it is not on this machine; [`EndpointRefused::Insecure`].
    pub fn check(configured: Option<Endpoint<'_>>, rehearses: bool) -> Result<(), EndpointRefused> {
        if configured.is_some_and(Endpoint::is_here) {
            return Ok(());
        }
        if rehearses {
            return Err(EndpointRefused::RehearsalElsewhere);
        }
        if configured.is_none_or(Endpoint::is_safe) {
            return Ok(());
        }
        Err(EndpointRefused::Insecure)
    }

    /// Whether nobody reads on its way what is sent there: it is encrypted, or does not leave this machine.
    #[must_use]
    pub fn is_safe(self) -> bool {
        self.is_encrypted() || self.is_here()
    }

    fn is_encrypted(self) -> bool {
        let scheme = self.0.get(..8);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }

    /// An address of this machine itself. A name such as `localhost` is looked up, and not believed.
    fn is_here(self) -> bool {
        let authority = self
            .0
            .strip_prefix("http://")
            .and_then(|rest| rest.split(['/', '?', '#']).next());
        authority
            .and_then(|authority| authority.parse::<SocketAddr>().ok())
            .is_some_and(|address| address.ip().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: [&str; 3] = [
        "http://127.0.0.1:5055",
        "http://[::1]:80/",
        "http://127.8.9.1:1/path",
    ];
    const ENCRYPTED: [&str; 3] = [
        "https://kms.eu-central-1.amazonaws.com",
        "HTTPS://kms.example",
        "https://127.0.0.1:443",
    ];
    const READABLE: [&str; 9] = [
        "http://10.0.0.1:80",
        "http://localhost:80",
        "http://127.0.0.1@evil.example:80",
        "http://127.0.0.1.evil.example:80",
        "127.0.0.1:80",
        "kms.example",
        "https:/kms.example",
        "https",
        "",
    ];

    #[test]
    fn whoever_rehearses_stays_on_this_machine() {
        for url in HERE {
            assert_eq!(Endpoint::check(Some(Endpoint(url)), true), Ok(()), "{url}");
        }
        let elsewhere = Err(EndpointRefused::RehearsalElsewhere);
        for url in ENCRYPTED.iter().chain(&READABLE) {
            assert_eq!(
                Endpoint::check(Some(Endpoint(url)), true),
                elsewhere,
                "{url}"
            );
        }
        assert_eq!(Endpoint::check(None, true), elsewhere);
    }

    #[test]
    fn secrets_travel_encrypted_or_not_at_all() {
        for url in HERE.iter().chain(&ENCRYPTED) {
            assert_eq!(Endpoint::check(Some(Endpoint(url)), false), Ok(()), "{url}");
            assert!(Endpoint(url).is_safe(), "{url}");
        }
        for url in READABLE {
            let refused = Endpoint::check(Some(Endpoint(url)), false);
            assert_eq!(refused, Err(EndpointRefused::Insecure), "{url}");
            assert!(!Endpoint(url).is_safe(), "{url}");
        }
        assert_eq!(Endpoint::check(None, false), Ok(()));
    }
}
