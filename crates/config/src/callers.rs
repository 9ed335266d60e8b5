//! `[[callers]]`: who may come over the network, and what each may do.

mod grant;

use std::{collections::BTreeSet, num::NonZeroU32};

use serde::{Deserialize, Serialize};

pub use self::grant::GrantConfig;
use crate::error::ConfigError;

/// Kinds of names in certificates.
const KINDS: [&str; 4] = ["dns:", "uri:", "email:", "cn:"];

/// Somebody who may come over the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CallerConfig {
    /// As the audit log names it.
    pub name: String,
    /// Names in its certificate, any of which it is known by: `dns:`, `uri:`, `email:` or `cn:` and the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<String>,
    /// Subjects of its tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<String>,
    /// The service that gives them out, by its name in `[[server.tokens]]`; none: the only one, which has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_service: Option<String>,
    /// Users that its processes run as, on this machine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unix_users: Vec<UnixUserConfig>,
    /// Calls per second, and as many at once; none: as many as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<NonZeroU32>,
    /// What it may do: the sum of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantConfig>,
}

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UnixUserConfig {
    /// By its number.
    Number(u32),
    /// By its name.
    Name(String),
}

impl CallerConfig {
    /// The names in its certificate as they are compared: those of hosts mean the same in any case (RFC 4343).
    pub fn certificate_names(&self) -> impl Iterator<Item = String> + '_ {
        self.certificates
            .iter()
            .map(|name| match name.strip_prefix("dns:") {
                Some(host) => format!("dns:{}", host.to_ascii_lowercase()),
                None => name.clone(),
            })
    }

    fn validate(&self) -> Result<(), String> {
        if !is_name(&self.name) {
            return Err("a name has 1 to 64 letters, digits and -_.@".to_owned());
        }
        for name in &self.certificates {
            let kind = KINDS.iter().find_map(|kind| name.strip_prefix(kind));
            if kind.is_none_or(|rest| rest.is_empty() || rest.contains('*')) {
                return Err(format!(
                    "certificates: {name} is not dns:, uri:, email: or cn: and one whole name"
                ));
            }
        }
        if self.tokens.iter().any(String::is_empty) {
            return Err("tokens: a subject is not empty".to_owned());
        }
        if self.token_service.is_some() && self.tokens.is_empty() {
            return Err("token-service: it has no tokens".to_owned());
        }
        if self.certificates.is_empty() && self.tokens.is_empty() && self.unix_users.is_empty() {
            return Err(
                "it is known by nothing: give certificates, tokens or unix-users".to_owned(),
            );
        }
        self.grants.iter().try_for_each(GrantConfig::validate)
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// Checks every caller, and that no two are the same.
pub(crate) fn validate(callers: &[CallerConfig]) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    let mut known = BTreeSet::new();
    for caller in callers {
        let bad = |problem: String| ConfigError::BadCaller {
            caller: caller.name.chars().take(64).collect(),
            problem,
        };
        caller.validate().map_err(bad)?;
        if !names.insert(&caller.name) {
            return Err(bad("two [[callers]] have this name".to_owned()));
        }
        let certificates = caller
            .certificate_names()
            .map(|name| format!("the certificate name {name}"));
        let tokens = caller
            .tokens
            .iter()
            .map(|name| match &caller.token_service {
                Some(service) => format!("the token subject {name} of {service}"),
                None => format!("the token subject {name}"),
            });
        let users = caller.unix_users.iter().map(|user| match user {
            UnixUserConfig::Number(number) => format!("the user {number}"),
            UnixUserConfig::Name(name) => format!("the user {name}"),
        });
        // Who is meant must not depend on the order.
        for identity in certificates.chain(tokens).chain(users) {
            if known.contains(&identity) {
                return Err(bad(format!("{identity} is named twice")));
            }
            known.insert(identity);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
