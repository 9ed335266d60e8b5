//! Single calls that go wrong.

use serde::{Deserialize, Serialize};

use super::chance::Chance;
use crate::scenario::ScenarioError;

/// A call whose work is done, but whose answer never comes: the connection closes. It happens once, and not to a call
/// that an outage, a quota or a fault refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LostAnswer {
    /// The operation; none: any.
    pub operation: Option<String>,
    /// Which call of it since this weather came, counted from 1; none: the next.
    pub call: Option<u64>,
}

impl LostAnswer {
    /// The next call of an operation.
    #[must_use]
    pub fn next(operation: &str) -> Self {
        Self {
            operation: Some(operation.to_owned()),
            call: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        if self.call == Some(0) {
            return Err(ScenarioError::Weather("calls are counted from 1"));
        }
        Ok(())
    }
}

/// Calls that are refused with an error; nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fault {
    /// The error.
    pub error: FaultKind,
    /// The operation; none: any.
    pub operation: Option<String>,
    /// The id of the key that the call, or else its ciphertext, names, at Google the id of the crypto key; none: any, and
    /// calls that name no key.
    pub key: Option<String>,
    /// How many calls it hits; none: all, until there is other weather.
    pub times: Option<u64>,
    /// How many of a hundred of these calls it hits, by chance; none: each.
    #[serde(default)]
    pub percent: Option<u8>,
}

/// Errors that can be scripted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The credentials do not allow this.
    AccessDenied,
    /// The credentials were good, but are not any more.
    ExpiredCredentials,
    /// The cloud is broken.
    Internal,
    /// The key cannot be used just now.
    KeyUnavailable,
    /// There would be too many of something.
    LimitExceeded,
    /// Too many calls.
    Throttled,
    /// Something inside of the cloud did not answer in time.
    TimedOut,
}

impl Fault {
    /// A fault of the next so many calls of an operation.
    #[must_use]
    pub fn of(error: FaultKind, operation: &str, times: u64) -> Self {
        Self {
            error,
            operation: Some(operation.to_owned()),
            key: None,
            times: Some(times),
            percent: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        if self.percent.is_some_and(|percent| percent > 100) {
            return Err(ScenarioError::Weather(
                "a fault hits 0 to 100 of a hundred calls",
            ));
        }
        Ok(())
    }

    /// Whether chance lets it hit.
    pub(super) fn strikes(&self, chance: &mut Chance) -> bool {
        self.percent
            .is_none_or(|percent| chance.unit() * 100.0 <= f64::from(percent))
    }

    pub(super) fn hits(&self, operation: &str, key: Option<&str>) -> bool {
        self.times != Some(0)
            && self.operation.as_deref().is_none_or(|of| of == operation)
            && self.key.as_deref().is_none_or(|of| Some(of) == key)
    }
}
