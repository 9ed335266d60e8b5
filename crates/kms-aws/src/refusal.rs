//! What AWS says when it does not do what it was asked.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use crate::error::AwsKmsError;

/// A call that failed, before it is said which key it was about.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The ciphertext is not of this key, or not of this context, or was changed.
    Ciphertext,
    /// The credentials are good, the permission lacks.
    Denied,
    Disabled,
    NotFound,
    /// What should be imported is not what the key is made for.
    Material,
    /// The state of the key forbids it; which state it is must be asked for.
    State,
    /// The key is of another kind.
    WrongUsage,
    /// Nothing that a key has to do with.
    Other(KmsError),
}

impl Refusal {
    /// Reads what became of a call.
    pub(crate) fn of<E>(operation: KmsOperation, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        match &error {
            SdkError::TimeoutError(_) => Self::Other(KmsError::TimedOut { operation }),
            SdkError::ServiceError(failed) => {
                let (code, message) = (failed.err().code(), failed.err().message());
                let code = code.unwrap_or_default().to_owned();
                let reason = format!("{code}: {}", message.unwrap_or("no message"));
                Self::named(operation, &code).unwrap_or_else(|| {
                    Self::Other(match status {
                        Some(429) => KmsError::Throttled { retry_after: None },
                        Some(500..) => unavailable(&error),
                        _ => AwsKmsError::RequestRefused { operation, reason }.into(),
                    })
                })
            }
            SdkError::ResponseError(_)
                if status.is_some_and(|status| status < 500) && !broke_off(&error) =>
            {
                Self::Other(KmsError::answer_invalid(operation, in_one_line(&error)))
            }
            other if let Some(why) = why_no_credentials(other) => {
                Self::Other(KmsError::CredentialsRejected { source: why.into() })
            }
            other if let Some(endpoint) = insecure_endpoint(other) => {
                Self::Other(AwsKmsError::EndpointInsecure { endpoint }.into())
            }
            SdkError::ConstructionFailure(_) => {
                let reason = in_one_line(&error);
                Self::Other(AwsKmsError::RequestRefused { operation, reason }.into())
            }
            _ => Self::Other(unavailable(&error)),
        }
    }

    /// What the code of an answer means. Some are answered for every service of AWS, and not by the KMS.
    fn named(operation: KmsOperation, code: &str) -> Option<Self> {
        let other = |error| Some(Self::Other(error));
        match code {
            "InvalidCiphertextException" | "IncorrectKeyException" => Some(Self::Ciphertext),
            "AccessDeniedException" | "AccessDenied" => Some(Self::Denied),
            "DisabledException" => Some(Self::Disabled),
            "NotFoundException" | "InvalidArnException" => Some(Self::NotFound),
            "IncorrectKeyMaterialException" => Some(Self::Material),
            "KMSInvalidStateException" => Some(Self::State),
            "InvalidKeyUsageException" | "UnsupportedOperationException" => Some(Self::WrongUsage),
            "LimitExceededException" if !operation.is_idempotent() => {
                other(KmsError::KeyLimitReached)
            }
            "LimitExceededException"
            | "RequestLimitExceeded"
            | "Throttling"
            | "ThrottledException"
            | "ThrottlingException"
            | "TooManyRequestsException" => other(KmsError::Throttled { retry_after: None }),
            "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "RequestExpired"
            | "RequestTimeTooSkewed"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => other(KmsError::CredentialsRejected {
                source: code.into(),
            }),
            "DependencyTimeoutException"
            | "InternalFailure"
            | "KeyUnavailableException"
            | "KMSInternalException"
            | "ServiceUnavailable"
            | "ServiceUnavailableException" => other(KmsError::Unavailable {
                source: code.into(),
            }),
            _ => None,
        }
    }

    /// The error, where no key was named.
    pub(crate) fn without_key(self, operation: KmsOperation) -> KmsError {
        match self {
            Self::Denied => KmsError::Denied {
                operation,
                id: None,
            },
            Self::Other(error) => error,
            about_a_key => AwsKmsError::RequestRefused {
                operation,
                reason: format!("{about_a_key:?}, without a key"),
            }
            .into(),
        }
    }

    /// The error about `key`; what its state is was not asked for.
    pub(crate) fn about(self, operation: KmsOperation, key: &KmsKeyId) -> KmsError {
        let id = key.clone();
        match self {
            Self::Ciphertext if operation == KmsOperation::Decrypt => {
                KmsError::DecryptFailed { id }
            }
            // The wrapping key, or what was wrapped for it, changed on its way.
            Self::Ciphertext if operation == KmsOperation::ImportKey => {
                KmsError::answer_invalid(operation, "the wrapped key does not unwrap at AWS")
            }
            Self::Ciphertext => KmsError::UnwrapFailed { id },
            Self::Material => KmsError::InvalidPrivateKey {
                source: "AWS takes it for no key of this spec".into(),
            },
            Self::Denied => KmsError::Denied {
                operation,
                id: Some(id),
            },
            Self::Disabled => KmsError::KeyDisabled { id },
            Self::NotFound => KmsError::KeyNotFound { id },
            Self::State => KmsError::KeyNotReady { id },
            Self::WrongUsage => KmsError::WrongPurpose { id, operation },
            Self::Other(error) => error,
        }
    }
}

fn unavailable(error: &(dyn Error + 'static)) -> KmsError {
    KmsError::Unavailable {
        source: in_one_line(error).into(),
    }
}

/// What an error and its causes say. The error itself is not kept: its `Debug` shows the raw answer, which after an unwrap or
/// a decryption may hold the plaintext.
fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines: Vec<&str> = lines.map(str::trim).collect();
    lines.join("; ")
}

/// Whether an answer ended before its end.
fn broke_off(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<std::io::Error>())
}

/// The endpoint to which we did not want to send, if that is why the call was never made.
fn insecure_endpoint(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).find_map(|cause| match cause.downcast_ref()? {
        AwsKmsError::EndpointInsecure { endpoint } => Some(endpoint.clone()),
        _ => None,
    })
}

/// Why nobody gave us credentials, in one line, if that is why the call was never made.
fn why_no_credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let cause = causes(error).find(|cause| {
        let why = cause.downcast_ref::<CredentialsError>();
        why.is_some_and(|why| !matches!(why, CredentialsError::ProviderTimedOut(_)))
    })?;
    Some(in_one_line(cause))
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| Error::source(*error))
}

#[cfg(test)]
mod tests {
    use std::io;

    use aws_sdk_kms::operation::sign::SignError;
    use aws_sdk_kms::{config::http::HttpResponse, error::ConnectorError};
    use strongroom_errors::Coded;

    use super::*;

    fn refused(operation: KmsOperation, code: &str) -> Option<&'static str> {
        let key = KmsKeyId::try_new("key").unwrap();
        let refusal = Refusal::named(operation, code)?;
        Some(refusal.about(operation, &key).code().name())
    }

    #[test]
    fn a_limit_is_that_of_keys_where_one_is_made_and_of_calls_elsewhere() {
        let code = "LimitExceededException";
        let create = refused(KmsOperation::GenerateSigningKey, code);
        assert_eq!(create, Some("KMS_KEY_LIMIT_REACHED"));
        assert_eq!(refused(KmsOperation::Sign, code), Some("KMS_THROTTLED"));
    }

    #[test]
    fn a_ciphertext_that_does_not_open_is_named_after_what_was_asked() {
        let code = "InvalidCiphertextException";
        assert_eq!(
            refused(KmsOperation::Decrypt, code),
            Some("KMS_DECRYPT_FAILED")
        );
        assert_eq!(
            refused(KmsOperation::UnwrapKey, code),
            Some("KMS_UNWRAP_FAILED")
        );
        assert_eq!(
            refused(KmsOperation::RewrapKey, code),
            Some("KMS_UNWRAP_FAILED")
        );
    }

    #[test]
    fn expired_credentials_and_wrong_clocks_are_told_apart_from_lacking_permissions() {
        for code in [
            "ExpiredTokenException",
            "InvalidSignatureException",
            "RequestExpired",
        ] {
            let found = refused(KmsOperation::Sign, code);
            assert_eq!(found, Some("KMS_CREDENTIALS_REJECTED"), "{code}");
        }
        let denied = refused(KmsOperation::Sign, "AccessDeniedException");
        assert_eq!(denied, Some("KMS_DENIED"));
    }

    #[test]
    fn what_never_arrived_may_be_tried_again_unless_it_was_for_want_of_credentials() {
        let operation = KmsOperation::Sign;
        let of = |cause: ConnectorError| match Refusal::of::<SignError>(
            operation,
            SdkError::dispatch_failure(cause),
        ) {
            Refusal::Other(error) => error,
            other => panic!("{other:?}"),
        };
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(of(ConnectorError::io(reset.into())).is_retryable());
        let nobody = CredentialsError::not_loaded("nobody gave us any");
        let error = of(ConnectorError::other(nobody.into(), None));
        assert_eq!(error.code().name(), "KMS_CREDENTIALS_REJECTED");
        assert!(!error.is_retryable());
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_shown() {
        let raw = HttpResponse::new(
            200.try_into().unwrap(),
            r#"{"Plaintext": "aHVudGVyMg=="#.into(),
        );
        let failed = SdkError::<SignError>::response_error("it is cut", raw);
        assert!(
            format!("{failed:?}").contains("aHVudGVyMg"),
            "the client shows it"
        );
        let refusal = Refusal::of(KmsOperation::UnwrapKey, failed);
        let key = KmsKeyId::try_new("key").unwrap();
        let error = refusal.about(KmsOperation::UnwrapKey, &key);
        assert_eq!(error.code().name(), "KMS_ANSWER_INVALID");
        assert!(!format!("{error:?}").contains("aHVudGVyMg"), "{error:?}");
    }
}
