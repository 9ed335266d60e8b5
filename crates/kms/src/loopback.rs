//! Which endpoints are on this machine.

use std::net::SocketAddr;

/// Whether a URL names an address of this machine itself, where made-up credentials may go, and unencrypted what is secret. A name such as
/// `localhost` is looked up, and not believed.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let authority = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split(['/', '?', '#']).next());
    authority
        .and_then(|authority| authority.parse::<SocketAddr>().ok())
        .is_some_and(|address| address.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_this_machine_is_loopback() {
        for near in [
            "http://127.0.0.1:5055",
            "http://[::1]:80/",
            "http://127.8.9.1:1/path",
        ] {
            assert!(is_loopback(near), "{near}");
        }
        for far in [
            "https://kms.eu-central-1.amazonaws.com",
            "https://cloudkms.googleapis.com",
            "http://10.0.0.1:80",
            "http://localhost:80",
            "http://127.0.0.1@evil.example:80",
            "http://127.0.0.1.evil.example:80",
            "127.0.0.1:80",
            "AWS",
        ] {
            assert!(!is_loopback(far), "{far}");
        }
    }
}
