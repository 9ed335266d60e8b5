//! Errors of a KMS as gRPC statuses, and back.

use std::fmt::Write;
use std::time::Duration;

use prost::Message;
use strongroom_errors::{Category, Coded, in_words};
use strongroom_kms::{KmsError, KmsKeyId, KmsKeyIdError, KmsOperation, WrapContextError};
use tonic::{Code, Status};

use crate::contract::{KmsErrorDetail, KmsErrorKind as Kind, RpcStatus};
use crate::error::DriverError;
use crate::foreign_code::{foreign_code, passes};
use crate::specs;

/// The type of our details among others, as Protocol Buffers name types.
const TYPE_URL: &str = "type.googleapis.com/strongroom.kms.v1.KmsErrorDetail";

/// In characters.
const LONGEST_CAUSE: usize = 1000;

/// The one property that a provider can lack so far.
const MULTI_REGION: &str = "multi-region";

/// The status that carries `error` over the wire.
pub(crate) fn to_status(error: &KmsError) -> Status {
    let code = code_of(error.code().category());
    let message = plain(&error.to_string());
    let details = RpcStatus {
        code: code as i32,
        message: message.clone(),
        details: vec![prost_types::Any {
            type_url: TYPE_URL.to_owned(),
            value: detail(error).encode_to_vec(),
        }],
    };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// The error that `status`, the end of `operation` on `key`, stands for.
pub(crate) fn from_status(
    status: &Status,
    operation: KmsOperation,
    key: Option<&KmsKeyId>,
) -> KmsError {
    match detail_in(status) {
        Some(detail) => from_detail(detail, operation, key),
        None => untyped(status, operation, key),
    }
}

fn detail(error: &KmsError) -> KmsErrorDetail {
    let kind = |kind: Kind| KmsErrorDetail {
        kind: kind as i32,
        retryable: error.is_retryable(),
        ..KmsErrorDetail::default()
    };
    let about = |it: Kind, id: &KmsKeyId| KmsErrorDetail {
        key_id: id.to_string(),
        ..kind(it)
    };
    let during = |it: Kind, operation: &KmsOperation| KmsErrorDetail {
        operation: operation.name().to_owned(),
        ..kind(it)
    };
    match error {
        KmsError::AnswerInvalid { operation, source } => KmsErrorDetail {
            cause: chain(source.as_ref()),
            ..during(Kind::AnswerInvalid, operation)
        },
        KmsError::CredentialsRejected { source } => KmsErrorDetail {
            cause: chain(source.as_ref()),
            ..kind(Kind::CredentialsRejected)
        },
        KmsError::DecryptFailed { id } => about(Kind::DecryptFailed, id),
        KmsError::Denied { operation, id } => KmsErrorDetail {
            key_id: id.as_ref().map(ToString::to_string).unwrap_or_default(),
            ..during(Kind::Denied, operation)
        },
        KmsError::ImportInterrupted { id, source } => KmsErrorDetail {
            cause: chain(source.as_ref()),
            ..about(Kind::ImportInterrupted, id)
        },
        KmsError::ImportUnsupported { provider, spec } => KmsErrorDetail {
            provider: plain(provider),
            spec: Some(specs::spec_of_error(*spec)),
            ..kind(Kind::ImportUnsupported)
        },
        KmsError::InvalidPrivateKey { source } => KmsErrorDetail {
            cause: chain(source.as_ref()),
            ..kind(Kind::InvalidPrivateKey)
        },
        KmsError::InvalidKeyId(source) => {
            let (rule, actual) = match source {
                KmsKeyIdError::ControlCharacter => ("control-character", 0),
                KmsKeyIdError::TooLong { chars } => ("too-long", *chars),
                _ => ("empty", 0),
            };
            KmsErrorDetail {
                rule: rule.to_owned(),
                actual: number(actual),
                ..kind(Kind::InvalidKeyId)
            }
        }
        KmsError::InvalidWrapContext(source) => {
            let (rule, name) = match source {
                WrapContextError::RepeatedName { name } => ("repeated-name", plain(name)),
                _ => ("empty-name", String::new()),
            };
            KmsErrorDetail {
                rule: rule.to_owned(),
                name,
                ..kind(Kind::InvalidWrapContext)
            }
        }
        KmsError::KeyDisabled { id } => about(Kind::KeyDisabled, id),
        KmsError::KeyLimitReached => kind(Kind::KeyLimitReached),
        KmsError::KeyNotFound { id } => about(Kind::KeyNotFound, id),
        KmsError::KeyNotReady { id } => about(Kind::KeyNotReady, id),
        KmsError::KeyPendingDeletion { id } => about(Kind::KeyPendingDeletion, id),
        KmsError::PayloadTooLarge {
            operation,
            max,
            actual,
        } => KmsErrorDetail {
            max: number(*max),
            actual: number(*actual),
            ..during(Kind::PayloadTooLarge, operation)
        },
        KmsError::Throttled { retry_after } => KmsErrorDetail {
            retry_after_ms: retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            ..kind(Kind::Throttled)
        },
        KmsError::TimedOut { operation } => during(Kind::TimedOut, operation),
        KmsError::Unavailable { source } => KmsErrorDetail {
            cause: chain(source.as_ref()),
            ..kind(Kind::Unavailable)
        },
        KmsError::UnwrapFailed { id } => about(Kind::UnwrapFailed, id),
        KmsError::UnsupportedRequest { provider, property } => KmsErrorDetail {
            provider: plain(provider),
            property: (*property).to_owned(),
            ..kind(Kind::UnsupportedRequest)
        },
        KmsError::UnsupportedSpec { provider, spec } => KmsErrorDetail {
            provider: plain(provider),
            spec: Some(specs::spec_of_error(*spec)),
            ..kind(Kind::UnsupportedSpec)
        },
        KmsError::WrongPurpose { id, operation } => KmsErrorDetail {
            key_id: id.to_string(),
            ..during(Kind::WrongPurpose, operation)
        },
        KmsError::Provider(source) => provided(source, kind(Kind::Provider)),
        // Errors that the contract has no kind for yet keep their code.
        other => provided(other, kind(Kind::Provider)),
    }
}

fn provided(error: &dyn Coded, detail: KmsErrorDetail) -> KmsErrorDetail {
    let code = error.code();
    KmsErrorDetail {
        code: code.name().to_owned(),
        category: specs::category(code.category()) as i32,
        advice: code.advice().to_owned(),
        cause: chain(error),
        ..detail
    }
}

fn from_detail(
    detail: KmsErrorDetail,
    asked: KmsOperation,
    asked_about: Option<&KmsKeyId>,
) -> KmsError {
    // A driver of an older version may not say what we know anyway.
    let operation = specs::read_operation(&detail.operation).unwrap_or(asked);
    let named = KmsKeyId::try_new(detail.key_id.as_str()).ok();
    let id = named.or_else(|| asked_about.cloned());
    let cause = plain(&detail.cause);
    let incomplete = |field| KmsError::from(DriverError::InvalidAnswer { field });
    let about = |make: fn(KmsKeyId) -> KmsError| match id.clone() {
        Some(id) => make(id),
        None => incomplete("key_id"),
    };
    match Kind::try_from(detail.kind).unwrap_or_default() {
        Kind::Unspecified => DriverError::UnknownErrorKind {
            kind: detail.kind,
            retryable: detail.retryable,
            cause,
        }
        .into(),
        Kind::AnswerInvalid => KmsError::AnswerInvalid {
            operation,
            source: cause.into(),
        },
        Kind::CredentialsRejected => KmsError::CredentialsRejected {
            source: cause.into(),
        },
        Kind::DecryptFailed => about(|id| KmsError::DecryptFailed { id }),
        Kind::Denied => KmsError::Denied { operation, id },
        Kind::ImportInterrupted => match id {
            Some(id) => KmsError::ImportInterrupted {
                id,
                source: cause.into(),
            },
            None => incomplete("key_id"),
        },
        Kind::ImportUnsupported => match detail.spec.and_then(specs::read_spec_of_error) {
            Some(spec) => KmsError::ImportUnsupported {
                provider: plain(&detail.provider),
                spec,
            },
            None => incomplete("spec"),
        },
        Kind::InvalidPrivateKey => KmsError::InvalidPrivateKey {
            source: cause.into(),
        },
        Kind::InvalidKeyId => KmsError::InvalidKeyId(match detail.rule.as_str() {
            "control-character" => KmsKeyIdError::ControlCharacter,
            "too-long" => KmsKeyIdError::TooLong {
                chars: size(detail.actual),
            },
            _ => KmsKeyIdError::Empty,
        }),
        Kind::InvalidWrapContext => KmsError::InvalidWrapContext(match detail.rule.as_str() {
            "repeated-name" => WrapContextError::RepeatedName {
                name: plain(&detail.name),
            },
            _ => WrapContextError::EmptyName,
        }),
        Kind::KeyDisabled => about(|id| KmsError::KeyDisabled { id }),
        Kind::KeyLimitReached => KmsError::KeyLimitReached,
        Kind::KeyNotFound => about(|id| KmsError::KeyNotFound { id }),
        Kind::KeyNotReady => about(|id| KmsError::KeyNotReady { id }),
        Kind::KeyPendingDeletion => about(|id| KmsError::KeyPendingDeletion { id }),
        Kind::PayloadTooLarge => KmsError::PayloadTooLarge {
            operation,
            max: size(detail.max),
            actual: size(detail.actual),
        },
        Kind::Provider => foreign(&detail, cause),
        Kind::Throttled => KmsError::Throttled {
            retry_after: detail.retry_after_ms.map(Duration::from_millis),
        },
        Kind::TimedOut => KmsError::TimedOut { operation },
        Kind::Unavailable => KmsError::Unavailable {
            source: cause.into(),
        },
        Kind::UnwrapFailed => about(|id| KmsError::UnwrapFailed { id }),
        Kind::UnsupportedRequest => KmsError::UnsupportedRequest {
            provider: plain(&detail.provider),
            property: if detail.property == MULTI_REGION {
                MULTI_REGION
            } else {
                "a property that this version does not know"
            },
        },
        Kind::UnsupportedSpec => match detail.spec.and_then(specs::read_spec_of_error) {
            Some(spec) => KmsError::UnsupportedSpec {
                provider: plain(&detail.provider),
                spec,
            },
            None => incomplete("spec"),
        },
        Kind::WrongPurpose => match id {
            Some(id) => KmsError::WrongPurpose { id, operation },
            None => incomplete("key_id"),
        },
    }
}

fn foreign(detail: &KmsErrorDetail, cause: String) -> KmsError {
    let said = specs::read_category(detail.category);
    // Whether to try again is what matters most, so the flag wins over a category that contradicts it.
    let category = match (said, detail.retryable) {
        (Some(category), retryable) if passes(category) == retryable => category,
        (_, true) => Category::Unavailable,
        (_, false) => Category::Internal,
    };
    let code = foreign_code(&detail.code, category, &detail.advice);
    DriverError::Foreign { code, cause }.into()
}

/// Statuses without our details: of gRPC itself, of the connection, of a driver that breaks the contract.
fn untyped(status: &Status, operation: KmsOperation, key: Option<&KmsKeyId>) -> KmsError {
    // A status that came over the wire has no source; one of our own side of the connection has.
    let from_connection = std::error::Error::source(status).is_some();
    if let Some(refused) = std::error::Error::source(status).and_then(of_connector) {
        return refused.into();
    }
    let mut cause = plain(status.message());
    if let Some(source) = std::error::Error::source(status) {
        let _ = write!(cause, ": {}", chain(source));
    }
    // TLS 1.3 lets the other side look at our certificate when it is our turn already; of its answer HTTP/2 keeps the text.
    if from_connection && let Some((_, alert)) = cause.split_once("received fatal alert: ") {
        let reason = alert.to_owned();
        return DriverError::Refused { reason }.into();
    }
    match status.code() {
        Code::Unavailable => KmsError::Unavailable {
            source: cause.into(),
        },
        _ if from_connection => KmsError::Unavailable {
            source: cause.into(),
        },
        // Ours as well: an answer that is too long or no message.
        Code::OutOfRange | Code::DataLoss => KmsError::AnswerInvalid {
            operation,
            source: cause.into(),
        },
        Code::DeadlineExceeded => KmsError::TimedOut { operation },
        Code::ResourceExhausted => KmsError::Throttled { retry_after: None },
        Code::Unauthenticated => KmsError::CredentialsRejected {
            source: cause.into(),
        },
        Code::PermissionDenied => KmsError::Denied {
            operation,
            id: key.cloned(),
        },
        Code::Unimplemented => DriverError::NotOffered {
            what: operation.name().to_owned(),
        }
        .into(),
        status => DriverError::Untyped { status, cause }.into(),
    }
}

/// What our side found out about the other one, among the reasons why there is no connection.
fn of_connector(error: &(dyn std::error::Error + 'static)) -> Option<DriverError> {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        let inner = io.and_then(|error| error.get_ref()?.downcast_ref::<DriverError>());
        match inner {
            Some(DriverError::Stranger { actual, wanted }) => {
                let (actual, wanted) = (*actual, *wanted);
                return Some(DriverError::Stranger { actual, wanted });
            }
            Some(DriverError::Unknown { actual }) => {
                return Some(DriverError::Unknown { actual: *actual });
            }
            Some(DriverError::Untrusted { reason }) => {
                let reason = reason.clone();
                return Some(DriverError::Untrusted { reason });
            }
            Some(DriverError::Refused { reason }) => {
                let reason = reason.clone();
                return Some(DriverError::Refused { reason });
            }
            _ => {}
        }
        next = error.source();
    }
    None
}

fn detail_in(status: &Status) -> Option<KmsErrorDetail> {
    let all = RpcStatus::decode(status.details()).ok()?.details;
    let ours = all.into_iter().find(|it| it.type_url == TYPE_URL)?;
    KmsErrorDetail::decode(ours.value.as_slice()).ok()
}

const fn code_of(category: Category) -> Code {
    match category {
        Category::InvalidRequest => Code::InvalidArgument,
        Category::FailedPrecondition => Code::FailedPrecondition,
        Category::NotFound => Code::NotFound,
        Category::AlreadyExists => Code::AlreadyExists,
        Category::PermissionDenied => Code::PermissionDenied,
        Category::Unavailable => Code::Unavailable,
        Category::Contention => Code::Aborted,
        Category::ResourceExhausted => Code::ResourceExhausted,
        Category::Unsupported => Code::Unimplemented,
        // Also of stored data: gRPC's data loss would be read as a broken connection.
        _ => Code::Internal,
    }
}

/// What an error and those behind it say.
fn chain(error: &dyn std::error::Error) -> String {
    plain(&in_words(error))
}

/// Texts from outside, for a log: one line, of a bounded length.
pub(crate) fn plain(text: &str) -> String {
    let harmless = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    harmless.take(LONGEST_CAUSE).collect()
}

fn number(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
