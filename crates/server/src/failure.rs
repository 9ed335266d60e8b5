//! What a caller is told when something fails.
//!
//! The form is Canton's (reference: vault service, section 2; operations, section 6): the description
//! `ID(category,correlation): cause`, with the details of google.rpc behind it. Some categories are redacted: the caller
//! gets a number to ask the operator about, and the log has the rest.

mod category;
pub(crate) mod codes;
mod status;

use std::{collections::BTreeMap, error::Error, time::Duration};

use strongroom_errors::{Coded, ErrorCode};
use strongroom_proto::ProtoError;
use strongroom_topology::{Rejection, TopologyError};
use strongroom_vault::{ApprovalError, VaultError};
use tonic::{Code, Status};

use crate::{
    access::{Operation, Wait},
    contract::strongroom::Problem,
};

pub(crate) use strongroom_errors::in_words;

pub(crate) use self::{
    category::CantonCategory,
    status::{Face, MOST_CAUSE_CHARS},
};

/// What is said in the place of what is redacted.
pub(crate) const IN_THE_LOG: &str = "the log of the server says more";

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// With an id that programs know.
    Coded(Box<CodedFailure>),
    /// A bare status, where Canton gives one without an id.
    Plain(Code, String),
    /// A status that says all, and that the log has.
    Told(Box<Status>),
}

/// A failure with an id.
#[derive(Debug)]
pub(crate) struct CodedFailure {
    pub(crate) id: &'static str,
    pub(crate) category: CantonCategory,
    /// What happened, for people.
    pub(crate) cause: String,
    /// What programs may want to know.
    pub(crate) fields: BTreeMap<String, String>,
    /// When the same call may be made again; none: it will not help.
    pub(crate) retry_after: Option<Duration>,
    /// Somebody known may not do it, or not alone: that is put on record.
    pub(crate) is_refusal: bool,
}

impl Failure {
    /// A failure with an id of Canton's.
    pub(crate) fn coded(
        id: &'static str,
        category: CantonCategory,
        cause: impl Into<String>,
    ) -> Self {
        let cause = cause.into();
        let fields = BTreeMap::new();
        Self::Coded(Box::new(CodedFailure {
            id,
            category,
            cause,
            fields,
            retry_after: category.retry_after(),
            is_refusal: false,
        }))
    }

    /// A failure with an id of the server's own.
    pub(crate) fn own(code: ErrorCode, cause: impl Into<String>) -> Self {
        Self::coded(code.name(), code.category().into(), cause).with("advice", code.advice())
    }

    /// A request that cannot be read; `reason` says where.
    pub(crate) fn unreadable(reason: impl Into<String>) -> Self {
        Self::coded(
            "PROTO_DESERIALIZATION_FAILURE",
            CantonCategory::InvalidIndependentOfSystemState,
            "Deserialization of protobuf message failed",
        )
        .with("reason", reason)
    }

    /// A field that must be set and is not.
    pub(crate) fn not_set(field: &str) -> Self {
        Self::unreadable(format!("Field `{field}` is not set"))
    }

    /// Refuses more items of a field than one call may have.
    pub(crate) fn check_items(field: &str, sent: usize, most: usize) -> Result<(), Self> {
        if sent > most {
            return Err(Self::unreadable(format!(
                "Field `{field}` has at most {most} items, here {sent}"
            )));
        }
        Ok(())
    }

    /// The state of the system does not allow it, said without an id.
    pub(crate) fn plain_precondition(text: impl Into<String>) -> Self {
        Self::Plain(Code::FailedPrecondition, text.into())
    }

    /// The caller is known, and may not.
    pub(crate) fn forbidden(operation: Operation, caller: &str) -> Self {
        Self::own(
            codes::PERMISSION_DENIED,
            format!("{caller} may not {operation}"),
        )
        .with("operation", operation.name())
        .into_refusal()
    }

    fn into_refusal(mut self) -> Self {
        if let Self::Coded(failure) = &mut self {
            failure.is_refusal = true;
        }
        self
    }

    /// Nobody that the rules know.
    pub(crate) fn unauthenticated(why: impl Into<String>) -> Self {
        Self::coded(
            codes::UNAUTHENTICATED.name(),
            CantonCategory::InvalidAuthenticationCredentials,
            why,
        )
    }

    /// What the caller proved holds no more.
    pub(crate) fn proof_passed() -> Self {
        Self::unauthenticated("the token has expired while the call was under way")
    }

    /// What the caller asks for did not come. Nothing was done.
    pub(crate) fn not_asked() -> Self {
        Self::Plain(
            Code::DeadlineExceeded,
            "the message of the call did not come in time".to_owned(),
        )
    }

    /// A connection of somebody who is not known asks for very much at the same time.
    pub(crate) fn asks_too_much() -> Self {
        Self::own(
            codes::SERVER_BUSY,
            "other calls of the same connection, of which nobody knows whose it is, are under way",
        )
    }

    /// Messages and answers of the caller take all the memory that they may.
    pub(crate) fn too_many_bytes(caller: &str) -> Self {
        Self::own(
            codes::SERVER_BUSY,
            format!(
                "other messages of {caller} are under way or wait to be read, and they are large"
            ),
        )
    }

    /// A message that would take very many times its bytes once it is read.
    pub(crate) fn too_many_items() -> Self {
        Self::own(
            codes::TOO_MANY_ITEMS,
            "the message has more items than its bytes make likely, each of which is next to nothing",
        )
    }

    /// Whether it is about somebody who is not known.
    pub(crate) fn is_of_a_stranger(&self) -> bool {
        matches!(self, Self::Coded(failure) if failure.category == CantonCategory::InvalidAuthenticationCredentials)
    }

    /// The caller does not wait any more. Whether it was done is not known.
    pub(crate) fn too_late() -> Self {
        Self::Plain(
            Code::DeadlineExceeded,
            "the deadline of the call has passed".to_owned(),
        )
    }

    /// The caller calls more often than it may.
    pub(crate) fn too_many_calls(caller: &str, Wait(wait): Wait) -> Self {
        let mut refused = Self::own(
            codes::RATE_LIMIT_EXCEEDED,
            format!(
                "{caller} calls more often than its rate-limit allows, where an item of a batch is a call: it may again in {} ms",
                wait.as_millis().saturating_add(1)
            ),
        );
        if let Self::Coded(failure) = &mut refused {
            failure.retry_after = Some(wait);
        }
        refused
    }

    /// Whether a token is good cannot be said now.
    pub(crate) fn token_keys_unavailable() -> Self {
        Self::own(
            codes::TOKEN_KEYS_UNAVAILABLE,
            "the keys of the service that gives out tokens cannot be fetched",
        )
    }

    /// The server is about to end.
    pub(crate) fn ending() -> Self {
        let mut ending = Self::coded(
            "ABORTED_DUE_TO_SHUTDOWN",
            CantonCategory::TransientServerFailure,
            "request aborted due to shutdown",
        );
        if let Self::Coded(failure) = &mut ending {
            failure.retry_after = Some(Duration::from_secs(10));
        }
        ending
    }

    /// What others than the caller may hear of it: no more than the caller.
    pub(crate) fn problem(&self) -> Problem {
        let problem = |code: &str, message: &str, advice: &str| Problem {
            code: code.to_owned(),
            message: message.to_owned(),
            advice: advice.to_owned(),
        };
        match self {
            Self::Coded(failure) => {
                let advice = failure.fields.get("advice").map_or("", String::as_str);
                let is_redacted = failure.category.is_redacted();
                let message = if is_redacted {
                    IN_THE_LOG
                } else {
                    &failure.cause
                };
                problem(failure.id, message, advice)
            }
            Self::Plain(_code, text) => problem("", text, ""),
            Self::Told(status) => problem("", status.message(), ""),
        }
    }

    /// The same failure with one more thing said.
    pub(crate) fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        if let Self::Coded(failure) = &mut self {
            failure.fields.insert(field.to_owned(), value.into());
        }
        self
    }

    /// A failure with the id, category and advice of `code`.
    pub(crate) fn of(code: ErrorCode, error: &(dyn Error + 'static)) -> Self {
        Self::coded(code.name(), code.category().into(), in_words(error))
            .with("advice", code.advice())
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        match (Self::of(error.code(), &error), &error) {
            (
                Self::Coded(mut failure),
                VaultError::Topology(TopologyError::Rejected(rejection)),
            ) if is_alarm(rejection) => {
                failure.category = CantonCategory::SecurityAlert;
                Self::Coded(failure)
            }
            // Files are the operator's: no request is wrong because of them.
            (Self::Coded(mut failure), VaultError::Anchor(_) | VaultError::File(_)) => {
                failure.category = CantonCategory::SystemInternalAssumptionViolated;
                Self::Coded(failure)
            }
            (failure, VaultError::Approval(ApprovalError::Required { id, operation })) => failure
                .with("approval", id.to_string())
                .with("operation", operation.clone())
                .into_refusal(),
            (failure, VaultError::Approval(why)) if is_refusal(why) => failure.into_refusal(),
            (failure, _) => failure,
        }
    }
}

/// Rejections that may be an attack: Canton tells the operator, and the caller nothing (reference: topology rules, section 10).
const fn is_alarm(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::MaxSerialReached
            | Rejection::NoDelegationFoundForKeys { .. }
            | Rejection::NotAuthorizedByNamespaceKey
            | Rejection::NotFullyAuthorized { .. }
            | Rejection::SignatureCheckFailed { .. }
    )
}

/// Whether somebody may not do it, or not alone; otherwise it came too late, or was not needed.
const fn is_refusal(why: &ApprovalError) -> bool {
    matches!(
        why,
        ApprovalError::Required { .. }
            | ApprovalError::Rejected { .. }
            | ApprovalError::Own { .. }
            | ApprovalError::NoApprover { .. }
            | ApprovalError::TooMany { .. }
            | ApprovalError::BreakGlassOff
            | ApprovalError::Configuration { .. }
    )
}

/// What came in could not be read: Canton has one id for all of it.
impl From<ProtoError> for Failure {
    fn from(error: ProtoError) -> Self {
        Self::unreadable(in_words(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_because_of_a_file_that_nobody_approved_is_on_record() {
        let differs = "access".to_owned();
        let refused = ApprovalError::Configuration { differs };
        let failure = Failure::from(VaultError::from(refused));
        assert!(matches!(failure, Failure::Coded(coded) if coded.is_refusal));
        // That something came too late, or was wrong, is none.
        let late = ApprovalError::BadReason { most: 1 };
        let failure = Failure::from(VaultError::from(late));
        assert!(matches!(failure, Failure::Coded(coded) if !coded.is_refusal));
    }
}
