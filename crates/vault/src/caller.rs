//! Who asks for an operation.

use std::sync::Arc;

/// Who asks, for the audit log. A copy costs no allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    name: Arc<str>,
    trace_id: Option<Arc<str>>,
}

impl Caller {
    /// A caller known by `name`, for example `os-user:alice` or a certificate's subject.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            trace_id: None,
        }
    }

    /// The same caller, acting within the trace `trace_id` (W3C trace context, 32 hex digits).
    #[must_use]
    pub fn with_trace_id(self, trace_id: impl Into<Arc<str>>) -> Self {
        Self {
            trace_id: Some(trace_id.into()),
            ..self
        }
    }

    /// The same caller, in no trace.
    #[must_use]
    pub(crate) fn without_trace(self) -> Self {
        Self {
            trace_id: None,
            ..self
        }
    }

    /// The name that the audit log shows.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, to be kept.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The trace that the operation belongs to.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}
