//! What a server says when it refuses, and what a broken connection says.

use std::{error::Error, fmt};

use strongroom_errors::{Category, ErrorCode, in_words};
use strongroom_server::contract::strongroom::Problem;
use tokio_rustls::rustls;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{Endpoint, RemoteError};
use crate::failure;

/// A refusal, as the server told it.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The code; empty if it told none.
    pub(crate) id: String,
    pub(crate) category: Category,
    /// What to try next; empty if it did not say.
    pub(crate) advice: String,
    /// By which its log finds the call; empty if it did not say.
    pub(crate) request: String,
    /// What happened.
    cause: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl Refusal {
    /// The code, if this release knows it.
    pub(super) fn known(&self) -> Option<ErrorCode> {
        let codes = failure::all_codes();
        codes.into_iter().find(|code| code.name() == self.id)
    }
}

/// What a failed call means.
impl From<Status> for RemoteError {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let request = details.request_info().map(|it| it.request_id.clone());
        let Some(info) = details.error_info() else {
            return without_id(&status, request.unwrap_or_default());
        };
        let said = info.metadata.get("category").and_then(|it| it.parse().ok());
        let mut refusal = Refusal {
            id: info.reason.clone(),
            category: said.map_or_else(|| category_of(status.code()), category_of_number),
            advice: info.metadata.get("advice").cloned().unwrap_or_default(),
            request: request.unwrap_or_default(),
            cause: cause(status.message(), &info.reason),
        };
        // Several of our categories are one of Canton's. What is redacted comes without advice.
        if let Some(code) = refusal.known() {
            refusal.category = code.category();
            if refusal.advice.is_empty() {
                code.advice().clone_into(&mut refusal.advice);
            }
        }
        Self::Refused(Box::new(refusal))
    }
}

impl RemoteError {
    /// What ended work that was told of as far as it came.
    pub(super) fn of(problem: Problem) -> Self {
        let mut refusal = Refusal {
            id: problem.code,
            category: Category::Internal,
            advice: problem.advice,
            request: String::new(),
            cause: problem.message,
        };
        if let Some(code) = refusal.known() {
            refusal.category = code.category();
        }
        Self::Refused(Box::new(refusal))
    }
}

/// What a text `ID(category,correlation): cause` says.
fn cause(text: &str, id: &str) -> String {
    let rest = text.strip_prefix(id).filter(|rest| rest.starts_with('('));
    let cause = rest.and_then(|rest| rest.split_once("): "));
    cause.map_or(text, |(_numbers, cause)| cause).to_owned()
}

/// A failure without an id: of a transport, of HTTP/2, or of a server that is not ours.
fn without_id(status: &Status, request: String) -> RemoteError {
    if let Some(failed) = status.source() {
        let reason = in_words(failed);
        return match verdict(failed) {
            Some(_) => RemoteError::Refusing { reason },
            None => RemoteError::Gone { reason },
        };
    }
    let reason = || status.message().to_owned();
    match status.code() {
        Code::Unimplemented => RemoteError::Unimplemented,
        Code::Unavailable | Code::Cancelled | Code::Unknown if request.is_empty() => {
            RemoteError::Gone { reason: reason() }
        }
        Code::Unauthenticated | Code::PermissionDenied if request.is_empty() => {
            RemoteError::Refusing { reason: reason() }
        }
        code => RemoteError::Refused(Box::new(Refusal {
            id: String::new(),
            category: category_of(code),
            advice: String::new(),
            request,
            cause: reason(),
        })),
    }
}

/// Why nothing was reached.
pub(super) fn unreachable(endpoint: &Endpoint, error: &tonic::transport::Error) -> RemoteError {
    let (endpoint, reason) = (endpoint.clone(), in_words(error));
    match verdict(error) {
        Some(Verdict::OnThem) => RemoteError::Untrusted { endpoint, reason },
        Some(Verdict::OnUs) => RemoteError::Refusing { reason },
        None => RemoteError::Unreachable { endpoint, reason },
    }
}

/// What one side of TLS thinks of the other.
enum Verdict {
    OnThem,
    OnUs,
}

fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
    links(error).find_map(|link| match of_tls(link)? {
        rustls::Error::InvalidCertificate(_) => Some(Verdict::OnThem),
        rustls::Error::AlertReceived(_) => Some(Verdict::OnUs),
        _ => None,
    })
}

/// Errors of TLS travel inside errors of I/O.
fn of_tls<'e>(link: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let inner = link
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
        .and_then(|inner| inner.downcast_ref());
    inner.or_else(|| link.downcast_ref())
}

fn links<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |link| (*link).source())
}

/// Canton's numbers (reference: vault service, section 2).
const fn category_of_number(number: u32) -> Category {
    match number {
        1 => Category::Unavailable,
        2 => Category::Contention,
        6 | 7 => Category::PermissionDenied,
        5 | 8 => Category::InvalidRequest,
        9 => Category::FailedPrecondition,
        10 => Category::AlreadyExists,
        11 => Category::NotFound,
        14 => Category::Unsupported,
        _ => Category::Internal,
    }
}

const fn category_of(code: Code) -> Category {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Category::InvalidRequest,
        Code::NotFound => Category::NotFound,
        Code::AlreadyExists => Category::AlreadyExists,
        Code::FailedPrecondition => Category::FailedPrecondition,
        Code::PermissionDenied | Code::Unauthenticated => Category::PermissionDenied,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Category::Unavailable,
        Code::Aborted => Category::Contention,
        Code::ResourceExhausted => Category::ResourceExhausted,
        Code::Unimplemented => Category::Unsupported,
        Code::DataLoss => Category::DataCorrupted,
        Code::Ok | Code::Unknown | Code::Internal => Category::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use strongroom_errors::Coded as _;
    use tonic_types::ErrorDetails;

    use super::*;

    fn refused(id: &str, text: &str, metadata: &[(&str, &str)]) -> Refusal {
        let mut details = ErrorDetails::new();
        let metadata = metadata.iter();
        let metadata: HashMap<_, _> = metadata
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        details.set_error_info(id, "", metadata);
        details.set_request_info("4bf92f35", "");
        let status = Status::with_error_details(Code::NotFound, text, details);
        match RemoteError::from(status) {
            RemoteError::Refused(refusal) => *refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_keeps_its_code_its_text_and_its_advice() {
        let refusal = refused(
            "KEY_NOT_FOUND",
            "KEY_NOT_FOUND(11,4bf92f35): no key 1220: none",
            &[("category", "11"), ("advice", "Look.")],
        );
        assert_eq!(refusal.to_string(), "no key 1220: none");
        assert_eq!(refusal.category, Category::NotFound);
        assert_eq!((&*refusal.advice, &*refusal.request), ("Look.", "4bf92f35"));
        let error = RemoteError::Refused(Box::new(refusal));
        assert_eq!(error.code().name(), "KEY_NOT_FOUND");
    }

    #[test]
    fn a_code_that_this_release_does_not_know_is_told_all_the_same() {
        let refusal = refused(
            "OF_TOMORROW",
            "OF_TOMORROW(10,4bf92f35): x",
            &[("category", "10")],
        );
        assert_eq!(refusal.id, "OF_TOMORROW");
        assert_eq!(refusal.category, Category::AlreadyExists);
        assert!(refusal.known().is_none());
    }

    #[test]
    fn what_is_redacted_has_the_advice_that_its_code_has_here() {
        let refusal = refused(
            "PERMISSION_DENIED",
            "An error occurred.",
            &[("category", "7")],
        );
        assert_eq!(refusal.category, Category::PermissionDenied);
        assert!(refusal.advice.contains("[[callers]]"), "{}", refusal.advice);
    }

    #[test]
    fn a_server_that_has_no_such_rpc_is_of_another_release() {
        let error = RemoteError::from(Status::unimplemented(""));
        assert_eq!(error.code().name(), "SERVER_OF_OTHER_RELEASE");
    }
}
