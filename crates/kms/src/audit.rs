//! Writes down every request to a KMS and its outcome, in Canton's lines.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::KmsError;
use crate::guarded::{Answer, Call, Facts, Next, Policy};
use crate::trace::current_trace;

mod body;
mod frame;
mod ids;
mod request_id;
mod terms;

pub use frame::AuditFrame;
pub use ids::{RandomIds, RequestIds};
pub use request_id::report_request_id;

use frame::Outcome;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditSeverity {
    /// Requests, answers, and requests that end with the process.
    Info,
    /// Failures.
    Warn,
}

/// One line of the KMS audit log, without the time, which its sink adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// How loud it is.
    pub severity: AuditSeverity,
    /// The text; no control characters.
    pub message: String,
    /// Code and text of the error, where Canton's line has an exception beside its text; no control characters.
    pub error: Option<String>,
    /// The trace of the caller, see [`in_trace`](crate::in_trace).
    pub trace_id: Option<String>,
}

/// Where the lines go: a rolling file, a collector, a test.
pub trait AuditSink: fmt::Debug + Send + Sync {
    /// Takes a line. Called on the task of the call, before a request and after its outcome, so it must not block for
    /// long; what to do when it cannot write is its own decision.
    fn write(&self, line: AuditLine);
}

/// Writes down every request and its outcome, as Canton does (reference: kms, section 7), so that what reads Canton's log
/// reads this one.
///
/// Redaction is structural: a line is made of the [`Subject`](crate::Subject) of the call, the [`Facts`] of the answer, and
/// code and text of a [`KmsError`], whose fields hold ids, names and sizes. The sources of an error, which may quote
/// anything, are not written. Each attempt is a request; put the policy outside of the attempt's deadline, so that it sees
/// the call time out.
#[derive(Debug)]
pub struct Audit {
    frame: AuditFrame,
    sink: Arc<dyn AuditSink>,
    ids: Arc<dyn RequestIds>,
    shutting_down: AtomicBool,
}

impl Audit {
    /// Lines in the form of `frame`, to `sink`; `ids` name the requests: see [`AuditFrame`] for their form.
    #[must_use]
    pub fn new(frame: AuditFrame, sink: Arc<dyn AuditSink>, ids: Arc<dyn RequestIds>) -> Self {
        Self {
            frame,
            sink,
            ids,
            shutting_down: AtomicBool::new(false),
        }
    }

    /// Requests that are dropped from now on are written down as ended by the shutdown.
    pub fn begin_shutdown(&self) {
        self.shutting_down.store(true, Ordering::Relaxed);
    }

    fn ending(&self) -> Outcome<'static> {
        if self.shutting_down.load(Ordering::Relaxed) {
            Outcome::ShutDown
        } else {
            Outcome::GivenUp
        }
    }
}

impl Policy for Audit {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let mut entry = Entry {
            audit: self,
            call: &call,
            id: self.ids.next(),
            trace_id: current_trace(),
            open: true,
        };
        entry.write_request();
        let (answer, reported) = request_id::collect(next(call.clone())).await;
        match &answer {
            Ok(answer) => entry.write_answer(&answer.facts(), reported.as_deref()),
            Err(error) => entry.write_outcome(&Outcome::Failed(error)),
        }
        answer
    }
}

/// Names from the configuration, such as an endpoint or a provider, stand in lines too: none of them may start a new one.
fn one_line(text: String) -> String {
    if text.contains(char::is_control) {
        text.replace(char::is_control, " ")
    } else {
        text
    }
}

/// A request whose outcome is not written yet. One that is dropped is written down too: no request stays open.
struct Entry<'a> {
    audit: &'a Audit,
    call: &'a Call,
    id: Option<String>,
    trace_id: Option<String>,
    open: bool,
}

impl Entry<'_> {
    fn write_request(&self) {
        let frame = &self.audit.frame;
        let body = body::request(frame.terms(), self.call);
        self.write(AuditSeverity::Info, frame.request(self.id(), &body), None);
    }

    fn write_answer(&mut self, facts: &Facts, reported: Option<&str>) {
        self.open = false;
        let frame = &self.audit.frame;
        let body = body::response(frame.terms(), self.call, facts);
        let message = frame.response(self.id(), reported, &body);
        self.write(AuditSeverity::Info, message, None);
    }

    fn write_outcome(&mut self, outcome: &Outcome<'_>) {
        self.open = false;
        let (severity, message, error) = self.audit.frame.outcome(self.id(), outcome);
        self.write(severity, message, error);
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn write(&self, severity: AuditSeverity, message: String, error: Option<String>) {
        self.audit.sink.write(AuditLine {
            severity,
            message: one_line(message),
            error: error.map(one_line),
            trace_id: self.trace_id.clone(),
        });
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.open {
            self.write_outcome(&self.audit.ending());
        }
    }
}
