//! What a token must say (RFC 7519, section 4.1).

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use strongroom_crypto::Timestamp;

use super::error::TokenError;

/// Which of a service's tokens are for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// For whom they must be.
    pub addressee: Addressee,
    /// Who must have given them out; none: anybody whose signature is right.
    pub issuer: Option<String>,
    /// How far clocks may be apart.
    pub leeway: Duration,
    /// A token that is valid for longer from now is refused.
    pub max_lifetime: Duration,
}

/// For whom a token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// It names this audience.
    Audience(String),
    /// It has this scope among others.
    Scope(String),
}

/// A token that is good.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verified {
    /// The service that gave it out, by its name.
    pub(super) service: Option<Arc<str>>,
    pub(super) subject: Arc<str>,
    /// Until when, in seconds since 1970.
    pub(super) until: f64,
}

/// What a token says, as it came. Nothing here is true before its signature was verified.
#[derive(Deserialize)]
pub(super) struct Claims {
    sub: Option<String>,
    iss: Option<String>,
    aud: Option<Audience>,
    scope: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Claims {
    pub(super) fn parse(text: &[u8]) -> Result<Self, TokenError> {
        serde_json::from_slice(text)
            .map_err(|_what| TokenError::Malformed("its claims cannot be read"))
    }
}

impl TokenRules {
    /// Whether a token can be good here at all. Its signature need not be verified: this accepts nothing, it only saves asking
    /// a service for keys whose tokens say themselves that they are of another.
    pub(super) fn may_accept(&self, claims: &Claims) -> Result<(), TokenError> {
        match &self.issuer {
            Some(issuer) if claims.iss.as_ref() != Some(issuer) => {
                Err(TokenError::Claim("is from another issuer"))
            }
            _ => Ok(()),
        }
    }

    /// Whose token of the service it is. Its signature has been verified.
    pub(super) fn check(
        &self,
        service: Option<&Arc<str>>,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<Verified, TokenError> {
        self.may_accept(claims)?;
        let (now, leeway) = (seconds(now), self.leeway.as_secs_f64());
        let until = claims.exp.ok_or(TokenError::Claim("never expires"))?;
        // Written so that what is no number is refused.
        let holds = |good: bool, wrong| good.then_some(()).ok_or(TokenError::Claim(wrong));
        holds(now < until + leeway, "has expired")?;
        let longest = now + leeway + self.max_lifetime.as_secs_f64();
        holds(until <= longest, "is valid for too long")?;
        let begun = |from: Option<f64>| from.is_none_or(|from| from <= now + leeway);
        holds(begun(claims.nbf), "is not valid yet")?;
        holds(begun(claims.iat), "was given out in the future")?;
        match &self.addressee {
            Addressee::Audience(ours) => {
                let is_ours = claims.aud.as_ref().is_some_and(|audience| match audience {
                    Audience::One(one) => one == ours,
                    Audience::Several(all) => all.contains(ours),
                });
                holds(is_ours, "is for another audience")?;
            }
            Addressee::Scope(ours) => {
                let scope = claims.scope.as_deref().unwrap_or_default();
                holds(scope.split(' ').any(|one| one == ours), "has not the scope")?;
            }
        }
        match claims.sub.as_deref() {
            Some(subject) if !subject.is_empty() => Ok(Verified {
                service: service.cloned(),
                subject: subject.into(),
                until: until + leeway,
            }),
            _ => Err(TokenError::Claim("has no subject")),
        }
    }
}

/// Seconds since 1970, as claims count them; microseconds are exact for 200 years.
pub(super) fn seconds(time: Timestamp) -> f64 {
    time.as_micros() as f64 / 1e6
}
