//! What stands around a body.

use strongroom_errors::Coded;

use super::AuditSeverity;
use super::terms::{AWS, GCP, Terms};
use crate::error::KmsError;

/// Whose lines to write: what stands around a message, and which words stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFrame {
    /// As for AWS. Requests are named by span ids of 16 hex digits ([`RandomIds::spans`](super::RandomIds::spans)).
    Aws {
        /// Where requests go, as shown in the log: `https://kms.eu-central-1.amazonaws.com/`. No credentials in it.
        endpoint: String,
    },
    /// As for GCP, and for every other provider. Requests are named by UUIDs
    /// ([`RandomIds::uuids`](super::RandomIds::uuids)).
    Gcp,
}

/// How a request ended that was not answered.
#[derive(Debug)]
pub(super) enum Outcome<'e> {
    Failed(&'e KmsError),
    /// Nobody waits for the answer any more.
    GivenUp,
    ShutDown,
}

const GIVEN_UP: &str = "nobody waits for the answer any more";

/// What Canton's log shows for a request outside of any span.
const NO_ID: &str = "no-id";

/// What the SDK that Canton uses shows for a request id that AWS did not send.
const UNKNOWN: &str = "UNKNOWN";

impl AuditFrame {
    pub(super) const fn terms(&self) -> &'static Terms {
        match self {
            Self::Aws { .. } => &AWS,
            Self::Gcp => &GCP,
        }
    }

    pub(super) fn request(&self, id: Option<&str>, body: &str) -> String {
        let id = id.unwrap_or(NO_ID);
        match self {
            Self::Aws { endpoint } => format!("Sending request [{id}]: {body} to {endpoint}"),
            Self::Gcp => format!("Sending request [{id}]: {body}."),
        }
    }

    /// `reported`: the id that the KMS gave the request.
    pub(super) fn response(&self, id: Option<&str>, reported: Option<&str>, body: &str) -> String {
        let id = id.unwrap_or(NO_ID);
        match self {
            Self::Aws { .. } => {
                let reported = reported.unwrap_or(UNKNOWN);
                format!("Received response [{id}]: [Aws-Id: {reported}] - {body}")
            }
            Self::Gcp => format!("Received response {body}. Original request [{id}]"),
        }
    }

    /// Severity, message, and the error beside it.
    pub(super) fn outcome(
        &self,
        id: Option<&str>,
        outcome: &Outcome<'_>,
    ) -> (AuditSeverity, String, Option<String>) {
        use AuditSeverity::{Info, Warn};
        let id = id.unwrap_or(NO_ID);
        let beside = match outcome {
            Outcome::Failed(error) => Some(text_of(error)),
            Outcome::GivenUp => Some(GIVEN_UP.to_owned()),
            Outcome::ShutDown => None,
        };
        match (self, outcome) {
            (Self::Aws { .. }, _) => (Warn, format!("Request [{id}] failed."), beside),
            (Self::Gcp, Outcome::Failed(error)) => {
                let message = format!("Request {id} failed with: {}", text_of(error));
                (Warn, message, None)
            }
            (Self::Gcp, Outcome::GivenUp) => (Warn, format!("Request {id} failed"), beside),
            (Self::Gcp, Outcome::ShutDown) => {
                (Info, format!("Request {id} aborted due to shutdown."), None)
            }
        }
    }
}

/// Code and text, without the sources: they belong to client libraries, which may quote what was sent.
fn text_of(error: &KmsError) -> String {
    format!("{}: {error}", error.code().name())
}
