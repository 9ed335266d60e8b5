//! Errors in the words of AWS.

use serde_json::{Value, json};

use crate::face::Refusal;
use crate::keys::KeyError;
use crate::weather::FaultKind;

/// An error as AWS answers it.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct AwsError {
    code: &'static str,
    message: String,
}

impl AwsError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("UnsupportedOperationException", message)
    }

    /// What the keys answered about `subject`, which is an ARN.
    pub(super) fn of_key(error: KeyError, subject: &str) -> Self {
        match error {
            KeyError::AliasUnknown => Self::new(
                "NotFoundException",
                format!("Alias {subject} is not found."),
            ),
            KeyError::Unknown => Self::new(
                "NotFoundException",
                format!("Key '{subject}' does not exist"),
            ),
            KeyError::Disabled => Self::new("DisabledException", format!("{subject} is disabled.")),
            KeyError::PendingDeletion => Self::new(
                "KMSInvalidStateException",
                format!("{subject} is pending deletion."),
            ),
            KeyError::NotPendingDeletion => Self::new(
                "KMSInvalidStateException",
                format!("{subject} is not pending deletion."),
            ),
            KeyError::Exists => Self::new(
                "AlreadyExistsException",
                format!("{subject} already exists"),
            ),
            KeyError::Limit(what) => Self::new(
                "LimitExceededException",
                format!("The account has reached its limit of {what}"),
            ),
            KeyError::Unsupported(what) => {
                Self::unsupported(format!("{subject} is not of a kind that can {what}."))
            }
            KeyError::PendingImport => Self::new(
                "KMSInvalidStateException",
                format!("{subject} is pending import."),
            ),
            KeyError::IncorrectMaterial => Self::new("IncorrectKeyMaterialException", ""),
            KeyError::IncorrectKey => Self::new(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.",
            ),
            // AWS does not say why, and sends no text at all.
            KeyError::Undecryptable => Self::new("InvalidCiphertextException", ""),
            KeyError::SignatureInvalid => Self::new("KMSInvalidSignatureException", ""),
            KeyError::Library(_) | KeyError::Random(_) => Self::internal(error.to_string()),
        }
    }
}

impl Refusal for AwsError {
    fn internal(message: String) -> Self {
        Self::new("KMSInternalException", message)
    }

    fn too_long() -> Self {
        Self::new("RequestEntityTooLargeException", "")
    }

    fn of_fault(fault: FaultKind) -> Self {
        match fault {
            FaultKind::AccessDenied => Self::new(
                "AccessDeniedException",
                "The caller is not authorized to perform this operation on this resource",
            ),
            FaultKind::ExpiredCredentials => Self::new(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            FaultKind::Internal => Self::internal("An internal error occurred".to_owned()),
            FaultKind::KeyUnavailable => Self::new(
                "KeyUnavailableException",
                "The key is not available at present",
            ),
            FaultKind::LimitExceeded => {
                Self::new("LimitExceededException", "The account has reached a limit")
            }
            FaultKind::Throttled => Self::new(
                "ThrottlingException",
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
            ),
            FaultKind::TimedOut => {
                Self::new("DependencyTimeoutException", "A dependency timed out")
            }
        }
    }

    fn status(&self) -> u16 {
        match self.code {
            "UnknownOperationException" => 404,
            "RequestEntityTooLargeException" => 413,
            "KMSInternalException" | "KeyUnavailableException" => 500,
            "DependencyTimeoutException" => 503,
            _ => 400,
        }
    }

    fn body(&self) -> Value {
        if self.message.is_empty() {
            json!({"__type": self.code})
        } else {
            json!({"__type": self.code, "message": self.message})
        }
    }
}
