//! `[approvals]`: what needs a second person.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{duration, error::ConfigError};

/// What needs a second person, and who that may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ApprovalsConfig {
    /// The operations that need one, as grants name them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub operations: BTreeSet<String>,
    /// Who may approve, as the audit log names callers; none: everybody who is granted it, but the requester.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub approvers: BTreeSet<String>,
    /// A request counts for so long, with its unit.
    #[serde(with = "duration")]
    pub expire_after: Duration,
    /// Whether somebody may go on without a second person, for a reason.
    pub break_glass: bool,
}

impl Default for ApprovalsConfig {
    /// Nothing needs a second person.
    fn default() -> Self {
        Self {
            operations: BTreeSet::new(),
            approvers: BTreeSet::new(),
            expire_after: Duration::from_secs(86_400),
            break_glass: false,
        }
    }
}

impl ApprovalsConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let bad = |field, expected| {
            Err(ConfigError::BadValue {
                section: "approvals",
                field,
                expected,
            })
        };
        let allowed = Duration::from_secs(60)..=Duration::from_secs(31 * 86_400);
        if !allowed.contains(&self.expire_after) {
            return bad(
                "expire-after",
                "a duration from a minute to 31 days, such as '24h'",
            );
        }
        if self.operations.is_empty() && *self != Self::default() {
            return bad("operations", "named, or there is nothing to approve");
        }
        let is_name = |name: &String| (1..=128).contains(&name.len());
        if !self.approvers.iter().all(is_name) {
            return bad("approvers", "names of 1 to 128 bytes");
        }
        // Whoever asks is never the one who approves.
        if self.approvers.len() == 1 {
            return bad(
                "approvers",
                "at least two: nobody approves what he asked for himself",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, EXAMPLE};

    fn error(text: &str) -> String {
        let text = format!("{EXAMPLE}\n[approvals]\n{text}");
        Config::parse(&text).unwrap_err().to_string()
    }

    #[test]
    fn without_a_word_nothing_needs_a_second_person() {
        let config = Config::parse(EXAMPLE).unwrap();
        assert!(config.approvals.operations.is_empty());
        assert!(!config.approvals.break_glass);
    }

    #[test]
    fn what_needs_a_second_person_is_read_and_written() {
        let text = format!(
            "{EXAMPLE}\n[approvals]\noperations = [\"keys.delete\"]\napprovers = [\"a\", \"b\"]\n\
            expire-after = \"8h\"\nbreak-glass = true\n"
        );
        let config = Config::parse(&text).unwrap();
        assert!(config.approvals.operations.contains("keys.delete"));
        assert_eq!(config.approvals.expire_after.as_secs(), 8 * 3600);
        let written = config.to_toml().unwrap();
        assert_eq!(Config::parse(&written).unwrap(), config);
    }

    #[test]
    fn what_can_let_nothing_through_is_refused() {
        let operations = "operations = [\"keys.delete\"]\n";
        for (text, told) in [
            ("expire-after = \"10s\"", "expire-after"),
            ("break-glass = true", "operations"),
            ("approvers = [\"a\"]", "approvers"),
            ("approvers = [\"\", \"b\"]", "approvers"),
            ("aprovers = []", "aprovers"),
        ] {
            let error = error(&format!(
                "{}{text}",
                if told == "operations" { "" } else { operations }
            ));
            assert!(error.contains(told), "{error}");
        }
    }
}
