//! One rule at one KMS.

use std::panic::{AssertUnwindSafe, catch_unwind};

use strongroom_kms::Capabilities;

use super::record::{Outcome, record};
use super::subject::{Failure, KmsUnderTest, NotOffered, run};

/// Which rule is tried on what.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// The module of the test, which names the KMS: `module_path!()`.
    pub subject: &'static str,
    /// The name of the rule.
    pub rule: &'static str,
}

/// Checks that the KMS keeps the rule, as far as it offers what the rule is about.
///
/// # Errors
/// What the rule says, that there is no KMS, or that the outcome cannot be recorded.
pub fn keeps<S: KmsUnderTest>(
    trial: Trial,
    subject: impl Future<Output = Result<S, Failure>>,
    rule: impl AsyncFnOnce(&dyn KmsUnderTest) -> Result<(), Failure>,
) -> Result<(), Failure> {
    run(async {
        let kms = subject.await?;
        let outcome = match rule(&kms).await {
            Ok(()) => Outcome::Kept,
            Err(failure) if failure.is::<NotOffered>() => Outcome::NotOffered,
            Err(failure) => return Err(failure),
        };
        record(trial, outcome, kms.provider().capabilities())
    })
}

/// Checks that the KMS breaks the rule, for the reason that is known.
///
/// # Errors
/// That there is no KMS, that it keeps the rule now, or that the outcome cannot be recorded.
pub fn breaks<S: KmsUnderTest>(
    trial: Trial,
    reason: &str,
    subject: impl Future<Output = Result<S, Failure>>,
    rule: impl AsyncFnOnce(&dyn KmsUnderTest) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut seen: Option<Capabilities> = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        run(async {
            let kms = subject.await?;
            seen = Some(kms.provider().capabilities().clone());
            rule(&kms).await
        })
    }));
    // A KMS that is not there breaks no rule.
    let capabilities = seen.ok_or_else(|| format!("there is no KMS to try: {outcome:?}"))?;
    match outcome {
        Ok(Ok(())) => {
            Err(format!("it keeps this rule now, although it was known that {reason}").into())
        }
        Ok(Err(failure)) if failure.is::<NotOffered>() => Err(failure),
        Ok(Err(_)) | Err(_) => record(trial, Outcome::KnownWrong, &capabilities),
    }
}
