//! A call, before anybody knows whose it is.

use http::{HeaderMap, Request};
use tonic::Status;

use super::deadline;
use crate::{
    access::{Operation, operation_of},
    context::Trace,
    failure::{Face, Failure},
    rpc::Rpc,
    trace::Traces,
};

/// The header by which a caller goes on without a second person: its value says why.
const BREAK_GLASS: &str = "strongroom-break-glass";

/// A call of an rpc of ours.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) rpc: Rpc,
    pub(crate) operation: Operation,
    pub(crate) face: Face,
    pub(crate) trace: Trace,
    /// When its caller does not wait any more.
    pub(crate) deadline: Option<tokio::time::Instant>,
    /// Why it shall be done without a second person.
    pub(crate) break_glass: Option<String>,
}

impl Call {
    /// None for a path that is no rpc.
    pub(super) fn of<B>(request: &Request<B>, traces: &Traces) -> Option<Self> {
        let path = request.uri().path();
        let rpc = Rpc::of_path(path)?;
        Some(Self {
            rpc,
            operation: operation_of(rpc),
            face: Face::of_path(path),
            trace: traces.of_request(request.headers()),
            deadline: deadline::of_request(request.headers()),
            break_glass: reason(request.headers()),
        })
    }

    /// Whether its caller does not wait any more: then it is not begun, since nobody would hear that it was done.
    pub(crate) fn is_too_late(&self) -> bool {
        let passed = |deadline| deadline <= tokio::time::Instant::now();
        self.deadline.is_some_and(passed)
    }

    /// Says why not, to the log as well: but what anybody may ask does not fill it.
    pub(crate) fn refuse(&self, failure: Failure) -> Status {
        if self.operation == Operation::Health {
            return failure.status(self.face, &self.trace);
        }
        failure.into_status(self.face, &self.trace)
    }
}

/// Why the caller goes on without a second person; one that is no text is as good as none, and is refused where it is needed.
fn reason(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(BREAK_GLASS)?;
    Some(value.to_str().unwrap_or_default().to_owned())
}
