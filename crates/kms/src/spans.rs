//! A span for each attempt of a call, for whoever follows traces.

use strongroom_errors::Coded as _;
use tracing::{Instrument as _, field::Empty};

use crate::error::KmsError;
use crate::guarded::{Answer, Call, Next, Policy};
use crate::trace::SPANS;

/// Opens a span named `kms <operation>` around what is really sent: how long the KMS took, which key it used, and the code of what
/// went wrong. Costs nothing while nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spans;

impl Policy for Spans {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let operation = call.operation().name();
        let span = tracing::info_span!(
            target: SPANS,
            "kms",
            otel.name = Empty,
            otel.kind = "client",
            otel.status_code = Empty,
            error.type = Empty,
            kms.operation = operation,
            kms.key = Empty,
        );
        if span.is_disabled() {
            return next(call).await;
        }
        span.record("otel.name", format!("kms {operation}"));
        if let Some(key) = &call.subject().key {
            span.record("kms.key", key.as_str());
        }
        let answer = next(call).instrument(span.clone()).await;
        if let Err(error) = &answer {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.code().name());
        }
        answer
    }
}
