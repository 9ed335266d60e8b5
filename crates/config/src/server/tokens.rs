//! `[[server.tokens]]`: services that give out tokens.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// A service that gives out tokens (RFC 7519), and which of its tokens are for us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenServiceConfig {
    /// By which callers say that their tokens are of it; none only if there is no other service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its certificate or public key, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Where it publishes its keys (RFC 7517).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The authorities that vouch for the host of `jwks-url`, in PEM, instead of those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_ca_file: Option<PathBuf>,
    /// How long published keys are used before they are fetched again.
    #[serde(default = "five_minutes", with = "duration")]
    pub jwks_cache: Duration,
    /// A token must be for this audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Or: a token must have this scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// A token must be from this issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// How far the clocks of the service and of this machine may be apart.
    #[serde(default, with = "duration")]
    pub leeway: Duration,
    /// A token that is valid for longer from now is refused.
    #[serde(default = "five_minutes", with = "duration")]
    pub max_lifetime: Duration,
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

impl TokenServiceConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "server.tokens",
                field,
                expected,
            })
        };
        match (&self.key_file, &self.jwks_url) {
            (Some(_), None) | (None, Some(_)) => {}
            _ => return bad("key-file", "given, or jwks-url, and never both"),
        }
        for (field, path) in [
            ("key-file", &self.key_file),
            ("jwks-ca-file", &self.jwks_ca_file),
        ] {
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                return bad(field, "an absolute path");
            }
        }
        if self.jwks_ca_file.is_some() && self.jwks_url.is_none() {
            return bad("jwks-ca-file", "left out without jwks-url");
        }
        let filled = |text: &Option<String>| text.as_ref().map(|text| !text.trim().is_empty());
        match (filled(&self.audience), filled(&self.scope)) {
            (Some(true), None) | (None, Some(true)) => {}
            _ => return bad("audience", "given, or scope, and never both"),
        }
        if filled(&self.name) == Some(false) {
            return bad("name", "left out rather than empty");
        }
        if filled(&self.issuer) == Some(false) {
            return bad("issuer", "left out rather than empty");
        }
        if self.leeway > Duration::from_secs(300) {
            return bad("leeway", "a duration of at most '5m'");
        }
        let a_day = Duration::from_secs(86_400);
        if self.max_lifetime.is_zero() || self.max_lifetime > a_day {
            return bad("max-lifetime", "a duration of at most '24h', and not zero");
        }
        if self.jwks_cache < Duration::from_secs(1) || self.jwks_cache > a_day {
            return bad("jwks-cache", "a duration from '1s' to '24h'");
        }
        Ok(())
    }
}
