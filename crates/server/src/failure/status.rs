//! A failure as a gRPC status.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{CodedFailure, Failure};
use crate::context::Trace;

/// A whole status, text and encoded details, may have so many bytes.
const MOST_STATUS_BYTES: usize = 4096;

/// A cause is cut here, in characters.
pub(crate) const MOST_CAUSE_CHARS: usize = 512;

/// Whose manners a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// Redacted errors have no id.
    Canton,
    /// An id is always told: it says what to look up, and nothing about the inside.
    Strongroom,
}

impl Face {
    /// The face that the service of a path has.
    pub(crate) fn of_path(path: &str) -> Self {
        if path.starts_with("/strongroom.") {
            Self::Strongroom
        } else {
            Self::Canton
        }
    }
}

impl Failure {
    /// The status that the caller gets; the log gets the rest.
    pub(crate) fn into_status(self, face: Face, trace: &Trace) -> Status {
        self.log(trace);
        self.status(face, trace)
    }

    /// Says all of it in the log.
    pub(crate) fn log(&self, trace: &Trace) {
        match self {
            Self::Plain(code, text) => {
                tracing::info!(?code, text, tid = trace.id(), "a call failed");
            }
            Self::Coded(failure) => failure.log(trace),
            Self::Told(_) => {}
        }
    }

    /// What the caller may hear of it.
    pub(crate) fn status(self, face: Face, trace: &Trace) -> Status {
        match self {
            Self::Plain(code, text) => Status::new(code, text),
            Self::Coded(failure) if failure.category.is_redacted() => failure.redacted(face, trace),
            Self::Coded(failure) => failure.told(trace),
            Self::Told(status) => *status,
        }
    }
}

impl CodedFailure {
    fn log(&self, trace: &Trace) {
        let Self {
            id,
            category,
            cause,
            fields,
            retry_after: _,
            is_refusal: _,
        } = self;
        let tid = trace.id();
        match category.level() {
            tracing::Level::ERROR => tracing::error!(id, tid, ?fields, "{cause}"),
            tracing::Level::WARN => tracing::warn!(id, tid, ?fields, "{cause}"),
            _ => tracing::info!(id, tid, ?fields, "{cause}"),
        }
    }

    fn redacted(&self, face: Face, trace: &Trace) -> Status {
        let tid = trace.id();
        let text = format!(
            "An error occurred. Please contact the operator and inquire about the request {tid} with tid {tid}"
        );
        let mut details = ErrorDetails::new();
        if face == Face::Strongroom {
            let category = ("category".to_owned(), self.category.number().to_string());
            details.set_error_info(self.id, "", HashMap::from([category]));
        }
        details.set_request_info(tid, "");
        Status::with_error_details(self.category.grpc(), text, details)
    }

    fn told(&self, trace: &Trace) -> Status {
        let tid = trace.id();
        let short: String = tid.chars().take(8).collect();
        let cause: String = self.cause.chars().take(MOST_CAUSE_CHARS).collect();
        let text = format!("{}({},{short}): {cause}", self.id, self.category.number());
        let mut fields: HashMap<_, _> = self.fields.clone().into_iter().collect();
        fields.insert("category".to_owned(), self.category.number().to_string());
        fields.insert("tid".to_owned(), tid.to_owned());
        loop {
            let mut details = ErrorDetails::new();
            details.set_error_info(self.id, "", fields.clone());
            details.set_request_info(tid, "");
            if let Some(after) = self.retry_after {
                details.set_retry_info(Some(after));
            }
            let status = Status::with_error_details(self.category.grpc(), &text, details);
            if status.message().len() + status.details().len() <= MOST_STATUS_BYTES {
                return status;
            }
            // What does not fit is left out: the longest first, since most of it is prose.
            let longest = fields.iter().max_by_key(|(_key, value)| value.len());
            let Some(longest) = longest.map(|(key, _value)| key.clone()) else {
                return status;
            };
            fields.remove(&longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::failure::CantonCategory;

    fn trace() -> Trace {
        Trace::of("4bf92f3577b34da6a3ce929d0e0e4736")
    }

    #[test]
    fn a_failure_is_told_as_canton_tells_it() {
        let failure = Failure::not_set("usage");
        let status = failure.into_status(Face::Canton, &trace());
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "PROTO_DESERIALIZATION_FAILURE(8,4bf92f35): Deserialization of protobuf message failed"
        );
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.reason, "PROTO_DESERIALIZATION_FAILURE");
        assert_eq!(info.metadata["reason"], "Field `usage` is not set");
        assert!(details.retry_info().is_none());
    }

    #[test]
    fn what_is_about_the_inside_stays_inside() {
        let failed = || {
            Failure::coded(
                "WRAPPER_KEY_ROTATION_INTERNAL_ERROR",
                CantonCategory::SystemInternalAssumptionViolated,
                "XYZZY",
            )
            .with("reason", "XYZZY")
        };
        let canton = failed().into_status(Face::Canton, &trace());
        assert_eq!(canton.code(), Code::Internal);
        assert!(canton.get_error_details().error_info().is_none());
        let ours = failed().into_status(Face::Strongroom, &trace());
        let info = ours.get_error_details();
        let info = info.error_info().unwrap();
        assert_eq!(info.reason, "WRAPPER_KEY_ROTATION_INTERNAL_ERROR");
        for status in [canton, ours] {
            assert!(!format!("{status:?}").contains("XYZZY"), "{status:?}");
            let details = String::from_utf8_lossy(status.details()).into_owned();
            assert!(!details.contains("XYZZY"), "{details}");
        }
    }

    #[test]
    fn a_long_failure_fits_into_a_header() {
        let long = "x".repeat(10_000);
        let failure = Failure::unreadable(&long)
            .with("other", &long)
            .with("short", "y");
        let status = failure.into_status(Face::Canton, &trace());
        assert!(status.message().len() + status.details().len() <= 4096);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().metadata["short"], "y");
    }

    #[test]
    fn what_passes_says_when_to_come_back() {
        let category = CantonCategory::TransientServerFailure;
        let status =
            Failure::coded("STORE_BUSY", category, "later").into_status(Face::Canton, &trace());
        let details = status.get_error_details();
        assert!(details.retry_info().unwrap().retry_delay.is_some());
    }
}
