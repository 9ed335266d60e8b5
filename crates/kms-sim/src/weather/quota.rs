//! How many calls the cloud takes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_crypto::Timestamp;

use crate::keys::KeySpec;
use crate::scenario::ScenarioError;

/// Calls per second, for each kind of work; a second's worth may come at once. None: no limit.
///
/// As AWS has it, and the same for the Google face: cryptographic calls share one quota for each kind of key, every other operation has one for itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Quotas {
    /// Encrypting, decrypting and generating with symmetric keys, and random bytes, together.
    pub symmetric: Option<f64>,
    /// Encrypting and decrypting with RSA keys, together.
    pub rsa: Option<f64>,
    /// Signing and verifying on elliptic curves, together.
    pub ecc: Option<f64>,
    /// Signing and verifying with ML-DSA, together.
    pub ml_dsa: Option<f64>,
    /// Each operation of the control plane, for itself.
    pub control: Option<f64>,
    /// Operations with a quota of their own, which then is the only one that counts: `CreateKey = 5.0`.
    pub operations: BTreeMap<String, f64>,
}

impl Quotas {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        let all = [
            self.symmetric,
            self.rsa,
            self.ecc,
            self.ml_dsa,
            self.control,
        ];
        let all = all.into_iter().flatten();
        let mut rates = all.chain(self.operations.values().copied());
        if rates.all(|rate| rate > 0.0 && rate.is_finite()) {
            Ok(())
        } else {
            Err(ScenarioError::Weather("a quota is more than 0"))
        }
    }

    /// The bucket that a call is taken from, and its rate.
    fn bucket(&self, operation: &str, load: Load) -> Option<(String, f64)> {
        if let Some(rate) = self.operations.get(operation) {
            return Some((operation.to_owned(), *rate));
        }
        let (name, rate) = match load {
            Load::Control => (operation, self.control),
            Load::Key(KeySpec::Symmetric) => ("symmetric", self.symmetric),
            Load::Key(KeySpec::Rsa2048) => ("rsa", self.rsa),
            Load::Key(KeySpec::MlDsa65) => ("ml-dsa", self.ml_dsa),
            Load::Key(_) => ("ecc", self.ecc),
        };
        Some((name.to_owned(), rate?))
    }
}

/// What a call costs the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// It only looks at keys or changes them.
    Control,
    /// It computes with a key of this kind.
    Key(KeySpec),
}

/// What is left of the quotas.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_at: Timestamp,
}

impl Buckets {
    /// Takes a call from its bucket; false if there is none left.
    pub(super) fn take(
        &mut self,
        quotas: &Quotas,
        operation: &str,
        load: Load,
        now: Timestamp,
    ) -> bool {
        let Some((name, rate)) = quotas.bucket(operation, load) else {
            return true;
        };
        // A quota below one call a second still lets one through now and then.
        let most = rate.max(1.0);
        let bucket = self.0.entry(name).or_insert(Bucket {
            tokens: most,
            filled_at: now,
        });
        let micros = now.as_micros().saturating_sub(bucket.filled_at.as_micros());
        let seconds = micros.max(0) as f64 / 1_000_000.0;
        bucket.tokens = (bucket.tokens + seconds * rate).min(most);
        bucket.filled_at = now;
        let there = bucket.tokens >= 1.0;
        if there {
            bucket.tokens -= 1.0;
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1000)
    }

    #[test]
    fn a_second_of_calls_may_come_at_once_and_then_as_many_as_flow_in() {
        let quotas = Quotas {
            symmetric: Some(3.0),
            ..Quotas::default()
        };
        let mut buckets = Buckets::default();
        let mut taken = |operation, millis| {
            buckets.take(
                &quotas,
                operation,
                Load::Key(KeySpec::Symmetric),
                at(millis),
            )
        };
        assert!(taken("Encrypt", 0) && taken("Decrypt", 0) && taken("Encrypt", 0));
        assert!(!taken("Encrypt", 0), "one quota for all of its operations");
        assert!(!taken("Encrypt", 300));
        assert!(taken("Encrypt", 400));
        assert!(!taken("Encrypt", 400));
    }

    #[test]
    fn each_operation_of_the_control_plane_has_a_quota_for_itself() {
        let quotas = Quotas {
            control: Some(1.0),
            operations: [("CreateKey".to_owned(), 2.0)].into(),
            ..Quotas::default()
        };
        let mut buckets = Buckets::default();
        let mut taken = |operation| buckets.take(&quotas, operation, Load::Control, at(0));
        assert!(taken("DescribeKey") && taken("ListKeys"));
        assert!(!taken("DescribeKey") && !taken("ListKeys"));
        assert!(taken("CreateKey") && taken("CreateKey") && !taken("CreateKey"));
    }
}
