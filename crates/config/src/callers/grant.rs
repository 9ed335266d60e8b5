//! `[[callers.grants]]`: some operations, with some keys.

use serde::{Deserialize, Serialize};
use strongroom_crypto::KeyUsage;

/// Some operations, with some keys. What roles and operations there are, the server knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GrantConfig {
    /// A bundle of operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Or: operations by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<String>>,
    /// Fingerprints, and names of keys that may end in `*`; left out: every key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// What may be signed for; left out: everything that the key may be used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usages: Option<Vec<String>>,
}

impl GrantConfig {
    pub(super) fn validate(&self) -> Result<(), String> {
        match (&self.role, &self.operations) {
            (Some(_), None) => {}
            (None, Some(operations)) if !operations.is_empty() => {}
            _ => return Err("a grant has a role, or operations, and never both".to_owned()),
        }
        // An empty list would look like none, and be read as all.
        if self.keys.as_ref().is_some_and(Vec::is_empty) {
            return Err("keys: leave it out for every key, or name some".to_owned());
        }
        if self.usages.as_ref().is_some_and(Vec::is_empty) {
            return Err("usages: leave it out for every usage, or name some".to_owned());
        }
        for pattern in self.keys.iter().flatten() {
            let beginning = pattern.strip_suffix('*').unwrap_or(pattern);
            if pattern.is_empty() || beginning.contains('*') {
                return Err(format!(
                    "keys: {pattern:?} is neither a fingerprint nor a name that may end in *"
                ));
            }
        }
        for usage in self.usages.iter().flatten() {
            usage
                .parse::<KeyUsage>()
                .map_err(|error| format!("usages: {error}"))?;
        }
        Ok(())
    }
}
