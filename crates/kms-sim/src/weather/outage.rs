//! When the cloud does not answer as it should.

use serde::{Deserialize, Serialize};

use crate::scenario::ScenarioError;

/// A time in which calls fail without being heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Outage {
    /// How they fail.
    pub kind: OutageKind,
    /// When it begins, in milliseconds after this weather came.
    #[serde(default)]
    pub from_ms: u64,
    /// When it ends, in milliseconds after this weather came; none: until there is other weather.
    pub until_ms: Option<u64>,
    /// The region that is out; none: all. Not for [`OutageKind::Refuse`].
    pub region: Option<String>,
    /// The operations that are out; none: all. Not for [`OutageKind::Refuse`].
    #[serde(default)]
    pub operations: Vec<String>,
}

/// How calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutageKind {
    /// Nobody listens: connections are refused, and open ones are reset.
    Refuse,
    /// Answers with status 500 and the error of a cloud that is broken.
    InternalError,
    /// Half of an answer, then a reset.
    Reset,
    /// No answer, until the caller gives up.
    Hang,
}

impl Outage {
    /// An outage of everything that begins at once and lasts until there is other weather.
    #[must_use]
    pub const fn of(kind: OutageKind) -> Self {
        Self {
            kind,
            from_ms: 0,
            until_ms: None,
            region: None,
            operations: Vec::new(),
        }
    }

    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        let partial = self.region.is_some() || !self.operations.is_empty();
        if self.kind == OutageKind::Refuse && partial {
            return Err(ScenarioError::Weather(
                "who refuses connections does not know their region and operation",
            ));
        }
        if self.until_ms.is_some_and(|until| until <= self.from_ms) {
            return Err(ScenarioError::Weather("an outage ends after it began"));
        }
        Ok(())
    }

    /// Whether it is on, so many milliseconds after its weather came.
    pub(super) fn is_on(&self, millis: u64) -> bool {
        self.from_ms <= millis && self.until_ms.is_none_or(|until| millis < until)
    }

    pub(super) fn concerns(&self, region: &str, operation: &str) -> bool {
        self.region.as_deref().is_none_or(|of| of == region)
            && (self.operations.is_empty() || self.operations.iter().any(|of| of == operation))
    }
}
