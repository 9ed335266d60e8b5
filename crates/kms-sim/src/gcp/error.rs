//! Errors in the words of Google: `google.rpc.Status` as JSON.

use serde_json::{Value, json};

use super::enums::ProtoEnum as _;
use super::version_states::State;
use crate::face::Refusal;
use crate::keys::KeyError;
use crate::weather::FaultKind;

/// The canonical codes that the simulator answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
}

/// An error as Google answers it.
#[derive(Debug, thiserror::Error)]
#[error("{code:?}: {message}")]
pub(crate) struct GcpError {
    code: Code,
    message: String,
}

impl GcpError {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, message)
    }

    pub(super) fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(Code::Unimplemented, message)
    }

    pub(super) fn exists(subject: &str) -> Self {
        Self::new(Code::AlreadyExists, format!("{subject} already exists."))
    }

    pub(super) fn not_found(subject: &str) -> Self {
        Self::new(Code::NotFound, format!("{subject} not found."))
    }

    /// A version whose state forbids it.
    pub(super) fn not_enabled(version: &str, state: State) -> Self {
        Self::precondition(format!(
            "{version} is not enabled, current state is: {}.",
            state.name()
        ))
    }

    /// What the keys answered about `subject`, which is a resource name.
    pub(super) fn of_key(error: KeyError, subject: &str) -> Self {
        match error {
            KeyError::Unknown | KeyError::AliasUnknown => Self::not_found(subject),
            KeyError::Exists => Self::exists(subject),
            KeyError::Disabled => Self::not_enabled(subject, State::Disabled),
            KeyError::PendingDeletion => Self::not_enabled(subject, State::DestroyScheduled),
            KeyError::NotPendingDeletion => {
                Self::precondition(format!("{subject} is not scheduled for destruction."))
            }
            KeyError::PendingImport | KeyError::IncorrectMaterial => {
                Self::precondition(format!("{subject} cannot take in this material."))
            }
            KeyError::Limit(what) => Self::new(
                Code::ResourceExhausted,
                format!("The project has reached its limit of {what}."),
            ),
            KeyError::Unsupported(what) => {
                Self::invalid(format!("{subject} is not of a kind that can {what}."))
            }
            // It does not say why.
            KeyError::IncorrectKey | KeyError::Undecryptable | KeyError::SignatureInvalid => {
                Self::invalid("Decryption failed: the ciphertext is invalid.")
            }
            KeyError::Library(_) | KeyError::Random(_) => Self::internal(error.to_string()),
        }
    }
}

impl Refusal for GcpError {
    fn internal(message: String) -> Self {
        Self::new(Code::Internal, message)
    }

    fn too_long() -> Self {
        Self::invalid("Request payload size exceeds the limit.")
    }

    fn of_fault(fault: FaultKind) -> Self {
        let (code, message) = match fault {
            FaultKind::AccessDenied => (
                Code::PermissionDenied,
                "Permission denied on the resource (or it may not exist).",
            ),
            FaultKind::ExpiredCredentials => (
                Code::Unauthenticated,
                "Request had invalid authentication credentials.",
            ),
            FaultKind::Internal => (Code::Internal, "Internal error encountered."),
            FaultKind::KeyUnavailable => {
                (Code::Unavailable, "The service is currently unavailable.")
            }
            FaultKind::LimitExceeded => {
                (Code::ResourceExhausted, "The project has reached a limit.")
            }
            FaultKind::Throttled => (
                Code::ResourceExhausted,
                "Quota exceeded for quota metric 'Cryptographic requests' and limit 'Cryptographic requests per minute'.",
            ),
            FaultKind::TimedOut => (
                Code::DeadlineExceeded,
                "Deadline expired before operation could complete.",
            ),
        };
        Self::new(code, message)
    }

    fn status(&self) -> u16 {
        match self.code {
            Code::InvalidArgument | Code::FailedPrecondition => 400,
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::NotFound => 404,
            Code::AlreadyExists => 409,
            Code::ResourceExhausted => 429,
            Code::Internal => 500,
            Code::Unimplemented => 501,
            Code::Unavailable => 503,
            Code::DeadlineExceeded => 504,
        }
    }

    fn body(&self) -> Value {
        let status = match self.code {
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Internal => "INTERNAL",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::NotFound => "NOT_FOUND",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Unavailable => "UNAVAILABLE",
            Code::Unimplemented => "UNIMPLEMENTED",
        };
        json!({"error": {"code": self.status(), "message": self.message, "status": status}})
    }
}
