//! What goes wrong between a caller and a cloud: quotas, latency, outages, lost answers.
//!
//! All of it is deterministic for a seed and a sequence of calls, and measured on the simulator's clock, except that
//! latency really elapses.

mod chance;
mod fault;
mod latency;
mod outage;
mod quota;
mod sky;

use serde::{Deserialize, Serialize};

use crate::scenario::ScenarioError;

pub use fault::{Fault, FaultKind, LostAnswer};
pub use latency::Latency;
pub use outage::{Outage, OutageKind};
pub(crate) use quota::Load;
pub use quota::Quotas;
pub(crate) use sky::{Meeting, Sky, Subject};

/// The weather. The default is the best: no limits, no delays, nothing fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Weather {
    /// Calls per second before the cloud throttles.
    pub quotas: Quotas,
    /// How long each answer takes; none: no longer than it must.
    pub latency: Option<Latency>,
    /// When the cloud does not answer as it should.
    pub outages: Vec<Outage>,
    /// Calls whose work is done, but whose answer never comes.
    pub lost_answers: Vec<LostAnswer>,
    /// Calls that are refused with an error.
    pub faults: Vec<Fault>,
    /// How long new keys and replicas cannot be found, or at Google are being generated, in milliseconds.
    pub visibility_delay_ms: u64,
}

impl Weather {
    pub(crate) fn check(&self) -> Result<(), ScenarioError> {
        self.quotas.check()?;
        if let Some(latency) = &self.latency {
            latency.check()?;
        }
        for outage in &self.outages {
            outage.check()?;
        }
        for lost in &self.lost_answers {
            lost.check()?;
        }
        for fault in &self.faults {
            fault.check()?;
        }
        Ok(())
    }
}
