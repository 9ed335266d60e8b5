use strongroom_crypto::{EncryptionKeySpec, KeySpec, SigningKeySpec};
use strongroom_errors::ErrorCode;

use super::*;

fn id() -> KmsKeyId {
    KmsKeyId::try_new("alias/vault").unwrap()
}

#[derive(Debug, thiserror::Error)]
#[error("the paper is out")]
struct OutOfPaper(Category);

impl Coded for OutOfPaper {
    fn code(&self) -> ErrorCode {
        ErrorCode::new("KMS_PRINTER_OUT_OF_PAPER", self.0, "Put paper into tray 1.")
    }
}

/// One of each variant, and more where a variant has several.
fn all() -> Vec<KmsError> {
    let operation = KmsOperation::WrapKey;
    let provider = || "toy".to_owned();
    vec![
        KmsError::AnswerInvalid {
            operation,
            source: "no id".into(),
        },
        KmsError::CredentialsRejected {
            source: "expired".into(),
        },
        KmsError::DecryptFailed { id: id() },
        KmsError::Denied {
            operation,
            id: Some(id()),
        },
        KmsError::Denied {
            operation,
            id: None,
        },
        KmsError::ImportInterrupted {
            id: id(),
            source: "no answer".into(),
        },
        KmsError::ImportUnsupported {
            provider: provider(),
            spec: KeySpec::Signing(SigningKeySpec::MlDsa65),
        },
        KmsError::InvalidPrivateKey {
            source: "no key".into(),
        },
        KmsError::InvalidKeyId(KmsKeyIdError::Empty),
        KmsError::InvalidKeyId(KmsKeyIdError::ControlCharacter),
        KmsError::InvalidKeyId(KmsKeyIdError::TooLong { chars: 301 }),
        KmsError::InvalidWrapContext(WrapContextError::EmptyName),
        KmsError::InvalidWrapContext(WrapContextError::RepeatedName {
            name: "a".to_owned(),
        }),
        KmsError::KeyDisabled { id: id() },
        KmsError::KeyLimitReached,
        KmsError::KeyNotFound { id: id() },
        KmsError::KeyNotReady { id: id() },
        KmsError::KeyPendingDeletion { id: id() },
        KmsError::PayloadTooLarge {
            operation,
            max: 4096,
            actual: 4097,
        },
        KmsError::Throttled { retry_after: None },
        KmsError::Throttled {
            retry_after: Some(Duration::from_millis(250)),
        },
        KmsError::TimedOut { operation },
        KmsError::Unavailable {
            source: "reset".into(),
        },
        KmsError::UnwrapFailed { id: id() },
        KmsError::UnsupportedRequest {
            provider: provider(),
            property: MULTI_REGION,
        },
        KmsError::UnsupportedSpec {
            provider: provider(),
            spec: KeySpec::Signing(SigningKeySpec::MlDsa65),
        },
        KmsError::UnsupportedSpec {
            provider: provider(),
            spec: KeySpec::Encryption(EncryptionKeySpec::Rsa2048),
        },
        KmsError::WrongPurpose {
            id: id(),
            operation,
        },
    ]
}

/// Through the bytes of the details, as they travel; asked about another key and operation.
fn there_and_back(error: &KmsError) -> KmsError {
    let status = to_status(error);
    let details = status.details().to_vec().into();
    let received = Status::with_details(status.code(), status.message(), details);
    from_status(&received, KmsOperation::DeleteKey, None)
}

#[test]
fn every_error_of_a_kms_arrives_as_what_it_was() {
    let codes: std::collections::BTreeSet<_> =
        all().iter().map(|error| error.code().name()).collect();
    let listed = KmsError::CODES.iter().map(ErrorCode::name).collect();
    assert_eq!(codes, listed, "an error is missing in this test");
    for error in all() {
        let arrived = there_and_back(&error);
        assert_eq!(arrived.code(), error.code());
        assert_eq!(arrived.is_retryable(), error.is_retryable(), "{error}");
        assert_eq!(arrived.to_string(), error.to_string());
        assert_eq!(format!("{arrived:?}"), format!("{error:?}"));
    }
}

#[test]
fn an_error_that_only_the_driver_knows_keeps_its_code_and_its_cause() {
    for category in [
        Category::InvalidRequest,
        Category::PermissionDenied,
        Category::Unavailable,
        Category::Contention,
        Category::Internal,
    ] {
        let error = KmsError::provider(OutOfPaper(category));
        let arrived = there_and_back(&error);
        assert_eq!(arrived.code(), error.code());
        assert_eq!(arrived.is_retryable(), error.is_retryable());
        assert!(format!("{arrived:?}").contains("the paper is out"));
    }
}

fn received(detail: &KmsErrorDetail) -> KmsError {
    let details = RpcStatus {
        code: 13,
        message: String::new(),
        details: vec![
            prost_types::Any {
                type_url: "type.googleapis.com/google.rpc.DebugInfo".to_owned(),
                value: vec![1, 2, 3],
            },
            prost_types::Any {
                type_url: TYPE_URL.to_owned(),
                value: detail.encode_to_vec(),
            },
        ],
    };
    let status = Status::with_details(Code::Internal, "", details.encode_to_vec().into());
    from_status(&status, KmsOperation::Sign, Some(&id()))
}

#[test]
fn a_kind_of_error_that_is_newer_than_we_is_named_and_keeps_whether_it_passes() {
    for (retryable, code) in [
        (false, "KMS_DRIVER_UNKNOWN_ERROR"),
        (true, "KMS_DRIVER_UNKNOWN_ERROR_FOR_NOW"),
    ] {
        let error = received(&KmsErrorDetail {
            kind: 77,
            retryable,
            cause: "the key sleeps".to_owned(),
            ..KmsErrorDetail::default()
        });
        assert_eq!(error.code().name(), code);
        assert_eq!(error.is_retryable(), retryable);
        let shown = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            shown.contains("77") && shown.contains("the key sleeps"),
            "{shown}"
        );
    }
}

#[test]
fn what_an_error_does_not_say_is_taken_from_the_call() {
    let kind = |kind: Kind| KmsErrorDetail {
        kind: kind as i32,
        ..KmsErrorDetail::default()
    };
    let error = received(&kind(Kind::WrongPurpose));
    assert_eq!(
        error.to_string(),
        "KMS key alias/vault is not made for sign"
    );
    let error = received(&kind(Kind::UnsupportedSpec));
    assert_eq!(error.code().name(), "KMS_DRIVER_INVALID_ANSWER");
}

#[test]
fn a_driver_may_say_only_that_it_is_worth_another_try() {
    let error = received(&KmsErrorDetail {
        kind: Kind::Provider as i32,
        retryable: true,
        cause: "line\nbreak".to_owned(),
        ..KmsErrorDetail::default()
    });
    assert_eq!(error.code().name(), "KMS_DRIVER_FAILED_FOR_NOW");
    assert!(error.is_retryable());
    assert!(format!("{error:?}").contains("line break"));
}

#[test]
fn statuses_without_details_are_understood_by_their_grpc_code() {
    for (status, code) in [
        (Code::Unavailable, "KMS_UNAVAILABLE"),
        (Code::DeadlineExceeded, "KMS_TIMED_OUT"),
        (Code::ResourceExhausted, "KMS_THROTTLED"),
        (Code::Unauthenticated, "KMS_CREDENTIALS_REJECTED"),
        (Code::PermissionDenied, "KMS_DENIED"),
        (Code::OutOfRange, "KMS_ANSWER_INVALID"),
        (Code::Unimplemented, "KMS_DRIVER_NOT_OFFERED"),
        (Code::Unknown, "KMS_DRIVER_UNTYPED_ERROR"),
        (Code::Internal, "KMS_DRIVER_UNTYPED_ERROR"),
    ] {
        let error = from_status(&Status::new(status, "so"), KmsOperation::Sign, Some(&id()));
        assert_eq!(error.code().name(), code, "{status:?}");
    }
}
