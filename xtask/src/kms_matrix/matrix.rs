//! Who kept what.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::{
    backends::{BACKENDS, Backend},
    record::{Capabilities, Outcome, Trial},
    rules::Role,
};

/// What was tried on one KMS.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) backend: &'static Backend,
    pub(super) capabilities: Capabilities,
    outcomes: BTreeMap<String, Outcome>,
}

impl Column {
    /// None: it was not tried there.
    pub(super) fn outcome(&self, rule: &str) -> Option<Outcome> {
        self.outcomes.get(rule).copied()
    }

    fn of(backend: &'static Backend, trials: &[Trial]) -> Result<Self> {
        let mut own = trials
            .iter()
            .filter(|trial| trial.subject == backend.subject)
            .peekable();
        let first = own.peek().with_context(|| {
            format!(
                "no test of {} ran, which are those of '{}'",
                backend.subject, backend.title
            )
        })?;
        let capabilities = first.capabilities.clone();
        let mut outcomes = BTreeMap::new();
        for trial in own {
            ensure!(
                trial.capabilities == capabilities,
                "'{}' does not always promise the same",
                backend.title
            );
            let before = outcomes.insert(trial.rule.clone(), trial.outcome);
            ensure!(
                before.is_none(),
                "{} was tried twice on '{}'",
                trial.rule,
                backend.title
            );
        }
        Ok(Self {
            backend,
            capabilities,
            outcomes,
        })
    }
}

/// Every rule, and every KMS of the list with what was tried on it.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) roles: Vec<Role>,
    pub(super) columns: Vec<Column>,
}

impl Matrix {
    /// Refuses a rule that no KMS keeps, a KMS on which nothing was tried, and whatever is not in the list.
    pub(super) fn try_new(roles: Vec<Role>, trials: Vec<Trial>) -> Result<Self> {
        for trial in &trials {
            let listed = |backend: &Backend| backend.subject == trial.subject;
            ensure!(
                BACKENDS.iter().any(listed),
                "{} runs the suite: name it in xtask/src/kms_matrix/backends.rs",
                trial.subject
            );
        }
        let columns = BACKENDS
            .iter()
            .map(|backend| Column::of(backend, &trials))
            .collect::<Result<Vec<_>>>()?;
        for rule in roles.iter().flat_map(|role| &role.rules) {
            let kept = |column: &Column| column.outcome(rule) == Some(Outcome::Kept);
            if !columns.iter().any(kept) {
                bail!("the rule {rule} was kept nowhere: does the macro kms_conformance! run it?");
            }
        }
        Ok(Self { roles, columns })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn roles() -> Vec<Role> {
        vec![Role {
            name: "wrapping".to_owned(),
            rules: vec!["it_wraps".to_owned(), "it_unwraps".to_owned()],
        }]
    }

    fn trial(subject: &str, rule: &str, outcome: Outcome) -> Trial {
        Trial {
            subject: subject.to_owned(),
            rule: rule.to_owned(),
            outcome,
            capabilities: Capabilities {
                signing: vec!["ec-p256".to_owned()],
                encryption: Vec::new(),
                import: vec!["ec-p256".to_owned()],
                multi_region: true,
                rewraps_inside: false,
                max_wrap_bytes: 4096,
                max_message_bytes: 4096,
            },
        }
    }

    /// Both rules on every KMS; the second one in all three ways.
    pub(in super::super) fn trials() -> Vec<Trial> {
        let on = |(number, backend): (usize, &Backend)| {
            let second = match number {
                0 => Outcome::Kept,
                1 => Outcome::KnownWrong,
                _ => Outcome::NotOffered,
            };
            [
                trial(backend.subject, "it_wraps", Outcome::Kept),
                trial(backend.subject, "it_unwraps", second),
            ]
        };
        BACKENDS.iter().enumerate().flat_map(on).collect()
    }

    fn refusal(trials: Vec<Trial>) -> String {
        Matrix::try_new(roles(), trials).unwrap_err().to_string()
    }

    #[test]
    fn a_rule_that_nobody_keeps_is_named() {
        let mut trials = trials();
        trials.retain(|trial| trial.rule != "it_unwraps" || trial.outcome != Outcome::Kept);
        assert!(refusal(trials).starts_with("the rule it_unwraps was kept nowhere"));
    }

    #[test]
    fn a_kms_on_which_nothing_was_tried_is_named() {
        let mut trials = trials();
        trials.retain(|trial| trial.subject != "kms_aws::moto");
        assert_eq!(
            refusal(trials),
            "no test of kms_aws::moto ran, which are those of 'AWS, moto'"
        );
    }

    #[test]
    fn a_kms_that_is_not_in_the_list_is_named() {
        let mut trials = trials();
        trials.push(trial("kms_new::conformance", "it_wraps", Outcome::Kept));
        assert!(refusal(trials).starts_with("kms_new::conformance runs the suite"));
    }

    #[test]
    fn two_outcomes_of_one_trial_are_refused() {
        let mut trials = trials();
        trials.push(trial("kms_aws::moto", "it_wraps", Outcome::KnownWrong));
        assert_eq!(refusal(trials), "it_wraps was tried twice on 'AWS, moto'");
    }

    #[test]
    fn promises_that_change_are_refused() {
        let mut trials = trials();
        trials.last_mut().unwrap().capabilities.multi_region = false;
        assert!(refusal(trials).ends_with("does not always promise the same"));
    }
}
