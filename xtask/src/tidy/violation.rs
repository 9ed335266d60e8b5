//! What breaks a rule.

use std::fmt;

/// A place and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    place: String,
    rule: String,
}

impl Violation {
    /// About a whole file, crate or package.
    pub(super) fn of(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            rule: rule.into(),
        }
    }

    /// About one line of a file, counted from 1.
    pub(super) fn at(path: &str, line: usize, rule: impl Into<String>) -> Self {
        Self::of(format!("{path}:{line}"), rule)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

/// What the violations say, for assertions.
#[cfg(test)]
pub(super) fn texts(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(ToString::to_string).collect()
}
