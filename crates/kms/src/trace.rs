//! Whose trace a call belongs to.

use std::sync::Arc;

use tokio::task_local;

/// The target of every span that is meant for others (OpenTelemetry): those that listen look for it, and the log leaves it out.
pub const SPANS: &str = "strongroom::spans";

task_local! {
    static TRACE_ID: Arc<str>;
}

/// Runs `work` as a part of the trace `trace_id` (W3C trace context, 32 hex digits): the KMS audit log shows it beside
/// every call that the same task makes. Only ASCII letters, digits and hyphens of the id are kept, at most 64: it may come
/// from outside.
///
/// It travels beside the calls and not in them, since it is nothing that a KMS needs: a parameter would stand in every
/// method of every provider for the sake of one log. A task that is spawned inside starts without a trace.
pub async fn in_trace<T>(trace_id: impl Into<Arc<str>>, work: impl Future<Output = T>) -> T {
    TRACE_ID.scope(trace_id.into(), work).await
}

/// The trace of the running task.
#[must_use]
pub fn current_trace() -> Option<String> {
    let harmless = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let told = |id: &Arc<str>| id.chars().filter(harmless).take(64).collect();
    TRACE_ID.try_with(told).ok()
}
