//! What Google says when it does not do what it was asked.

use std::time::Duration;

use google_cloud_gax::error::rpc::{Code, Status, StatusDetails};
use google_cloud_kms_v1::Error;
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use crate::{error::GcpKmsError, settings::in_one_line};

/// A call that failed, before it is said which key it was about.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Google does not take the request: the key is of another kind, or the ciphertext does not open.
    Argument(String),
    /// The credentials are good, the permission lacks.
    Denied,
    NotFound,
    /// The state of the key forbids it; which state it is must be asked for.
    State(String),
    /// Nothing that a key has to do with.
    Other(KmsError),
}

impl Refusal {
    /// Reads what became of a call. Of an answer that cannot be read nothing is kept: after an unwrap or a decryption the
    /// plaintext may be in it.
    pub(crate) fn of(operation: KmsOperation, error: &Error) -> Self {
        if let Some(status) = error.status() {
            return Self::of_status(operation, status);
        }
        let unavailable = || KmsError::Unavailable {
            source: in_one_line(error).into(),
        };
        Self::Other(match error.http_status_code() {
            Some(status) => Self::of_http(operation, status),
            None if error.is_timeout() => KmsError::TimedOut { operation },
            None if error.is_authentication() => why_no_token(error),
            None if error.is_deserialization() => {
                KmsError::answer_invalid(operation, "the answer cannot be read")
            }
            None if error.is_binding() || error.is_serialization() => {
                let reason = in_one_line(error);
                GcpKmsError::RequestRefused { operation, reason }.into()
            }
            None => unavailable(),
        })
    }

    fn of_status(operation: KmsOperation, status: &Status) -> Self {
        let reason = format!("{}: {}", status.code.name(), one_line(&status.message));
        Self::Other(match status.code {
            Code::InvalidArgument | Code::OutOfRange => return Self::Argument(reason),
            Code::FailedPrecondition => return Self::State(reason),
            Code::NotFound => return Self::NotFound,
            Code::PermissionDenied => return Self::Denied,
            Code::Unauthenticated => KmsError::CredentialsRejected {
                source: reason.into(),
            },
            Code::ResourceExhausted => KmsError::Throttled {
                retry_after: retry_after(status),
            },
            Code::DeadlineExceeded => KmsError::TimedOut { operation },
            Code::Aborted
            | Code::Cancelled
            | Code::DataLoss
            | Code::Internal
            | Code::Unavailable
            | Code::Unknown => KmsError::Unavailable {
                source: reason.into(),
            },
            _ => GcpKmsError::RequestRefused { operation, reason }.into(),
        })
    }

    /// An answer without the words of Google: of a proxy on the way.
    fn of_http(operation: KmsOperation, status: u16) -> KmsError {
        let reason = format!("HTTP status {status}");
        match status {
            401 | 407 => KmsError::CredentialsRejected {
                source: reason.into(),
            },
            408 | 504 => KmsError::TimedOut { operation },
            429 => KmsError::Throttled { retry_after: None },
            500.. => KmsError::Unavailable {
                source: reason.into(),
            },
            _ => GcpKmsError::RequestRefused { operation, reason }.into(),
        }
    }

    /// The error, where no key was named.
    pub(crate) fn without_key(self, operation: KmsOperation) -> KmsError {
        match self {
            Self::Denied => KmsError::Denied {
                operation,
                id: None,
            },
            Self::NotFound => {
                let reason = "NOT_FOUND: there is no such key ring".to_owned();
                GcpKmsError::RequestRefused { operation, reason }.into()
            }
            Self::Argument(reason) | Self::State(reason) => {
                GcpKmsError::RequestRefused { operation, reason }.into()
            }
            Self::Other(error) => error,
        }
    }

    /// The error about `key`; of which kind it is and what its state is was not asked for.
    pub(crate) fn about(self, operation: KmsOperation, key: &KmsKeyId) -> KmsError {
        let id = key.clone();
        match self {
            Self::Argument(_) if operation == KmsOperation::Decrypt => {
                KmsError::DecryptFailed { id }
            }
            Self::Argument(_) if operation == KmsOperation::UnwrapKey => {
                KmsError::UnwrapFailed { id }
            }
            Self::Denied => KmsError::Denied {
                operation,
                id: Some(id),
            },
            Self::NotFound => KmsError::KeyNotFound { id },
            other => other.without_key(operation),
        }
    }
}

/// A token that could not be fetched now may be had later, one that is refused not.
fn why_no_token(error: &Error) -> KmsError {
    let source = in_one_line(error).into();
    if error.is_transient_and_before_rpc() {
        KmsError::Unavailable { source }
    } else {
        KmsError::CredentialsRejected { source }
    }
}

fn retry_after(status: &Status) -> Option<Duration> {
    status.details.iter().find_map(|detail| match detail {
        StatusDetails::RetryInfo(info) => {
            let delay = info.retry_delay.as_ref()?;
            let seconds = u64::try_from(delay.seconds()).ok()?;
            Some(Duration::new(seconds, delay.nanos().unsigned_abs()))
        }
        _ => None,
    })
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::CredentialsError;
    use strongroom_errors::Coded;

    use super::*;

    fn refused(operation: KmsOperation, error: &Error) -> KmsError {
        let key = KmsKeyId::try_new("key").unwrap();
        Refusal::of(operation, error).about(operation, &key)
    }

    fn of_code(operation: KmsOperation, code: Code) -> &'static str {
        let status = Status::default().set_code(code).set_message("so it is");
        refused(operation, &Error::service(status)).code().name()
    }

    #[test]
    fn a_ciphertext_that_does_not_open_is_named_after_what_was_asked() {
        for (operation, code) in [
            (KmsOperation::Decrypt, "KMS_DECRYPT_FAILED"),
            (KmsOperation::UnwrapKey, "KMS_UNWRAP_FAILED"),
            (KmsOperation::Sign, "KMS_GCP_REQUEST_REFUSED"),
        ] {
            assert_eq!(of_code(operation, Code::InvalidArgument), code);
        }
    }

    #[test]
    fn codes_of_google_say_whose_fault_it_is() {
        for (code, ours) in [
            (Code::Unauthenticated, "KMS_CREDENTIALS_REJECTED"),
            (Code::PermissionDenied, "KMS_DENIED"),
            (Code::NotFound, "KMS_KEY_NOT_FOUND"),
            (Code::ResourceExhausted, "KMS_THROTTLED"),
            (Code::DeadlineExceeded, "KMS_TIMED_OUT"),
            (Code::Internal, "KMS_UNAVAILABLE"),
            (Code::Unavailable, "KMS_UNAVAILABLE"),
            (Code::Unimplemented, "KMS_GCP_REQUEST_REFUSED"),
        ] {
            assert_eq!(of_code(KmsOperation::Sign, code), ours, "{code:?}");
        }
    }

    #[test]
    fn how_long_google_asks_to_wait_is_heard() {
        let answer = br#"{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slowly",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]}}"#;
        let bytes = google_cloud_bytes(answer);
        let status = Status::try_from(&bytes).unwrap();
        let error = refused(KmsOperation::Sign, &Error::service(status));
        let KmsError::Throttled { retry_after } = error else {
            panic!("{error:?}");
        };
        assert_eq!(retry_after, Some(Duration::from_millis(1500)));
    }

    fn google_cloud_bytes(text: &[u8]) -> bytes::Bytes {
        bytes::Bytes::copy_from_slice(text)
    }

    #[test]
    fn a_token_that_may_come_is_waited_for_and_one_that_is_refused_is_not() {
        let token = |transient| {
            let why = CredentialsError::from_msg(transient, "no token");
            refused(KmsOperation::Sign, &Error::authentication(why))
        };
        assert!(token(true).is_retryable());
        assert_eq!(token(false).code().name(), "KMS_CREDENTIALS_REJECTED");
        assert!(!token(false).is_retryable());
    }

    #[test]
    fn what_a_proxy_says_is_not_shown() {
        let headers = http::HeaderMap::new();
        let body = google_cloud_bytes(b"<html>aHVudGVyMg</html>");
        let error = refused(KmsOperation::UnwrapKey, &Error::http(502, headers, body));
        assert_eq!(error.code().name(), "KMS_UNAVAILABLE");
        assert!(!format!("{error:?}").contains("aHVudGVyMg"), "{error:?}");
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_shown() {
        let failed = Error::deser("invalid type: string \"aHVudGVyMg\", expected a number");
        assert!(format!("{failed:?}").contains("aHVudGVyMg"));
        let error = refused(KmsOperation::UnwrapKey, &failed);
        assert_eq!(error.code().name(), "KMS_ANSWER_INVALID");
        assert!(!format!("{error:?}").contains("aHVudGVyMg"), "{error:?}");
    }
}
