//! A span of OpenTelemetry for each call, for whoever follows traces.

use std::{
    pin::Pin,
    task::{Context as Poller, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use strongroom_kms::SPANS;
use tonic::{Code, Status, body::Body};
use tracing::{Instrument as _, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{
    access::{Operation, operation_of},
    rpc::Rpc,
    trace::{TRACEPARENT, named},
};

/// Begins a span for a call: a child of the span that the caller names in `traceparent`. What is further in finds the new span
/// there, so a call without a trace gets the one of its span. None: nobody listens, or nobody wants to hear of it, or `may` says that
/// there are enough.
pub(crate) fn begin(request: &mut Request<Body>, may: impl FnOnce() -> bool) -> Option<Span> {
    let rpc = Rpc::of_path(request.uri().path())?;
    // Probes come every few seconds and mean nothing.
    if operation_of(rpc) == Operation::Health || !may() {
        return None;
    }
    let span = span_of(rpc)?;
    attach(&span, request.headers_mut());
    Some(span)
}

/// Answers a call within its span, which ends when all of the answer was sent.
pub(crate) async fn within<B>(
    span: Option<Span>,
    answering: impl Future<Output = Response<B>>,
) -> Response<Within<B>> {
    let Some(span) = span else {
        return answering.await.map(|body| Within { body, call: None });
    };
    let answer = answering.instrument(span.clone()).await;
    let call = Call {
        span,
        code: code_in(answer.headers()),
    };
    answer.map(|body| Within {
        body,
        call: Some(call),
    })
}

fn span_of(rpc: Rpc) -> Option<Span> {
    let path = rpc.path().trim_start_matches('/');
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    let span = tracing::info_span!(
        target: SPANS,
        "rpc",
        otel.name = path,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
    );
    (!span.is_disabled()).then_some(span)
}

/// Makes the span a child of the one that the caller names, and names it in its place.
fn attach(span: &Span, headers: &mut HeaderMap) {
    if let Some(parent) = parent(headers) {
        let parent = opentelemetry::Context::new().with_remote_span_context(parent);
        // It fails if nobody listens any more, and then there is nothing to attach.
        let _unheard = span.set_parent(parent);
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    if !own.is_valid() {
        return;
    }
    let (trace, id, flags) = (own.trace_id(), own.span_id(), own.trace_flags().to_u8());
    if let Ok(value) = HeaderValue::try_from(format!("00-{trace}-{id}-{flags:02x}")) {
        headers.insert(TRACEPARENT, value);
    }
}

fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let named = named(headers)?;
    Some(SpanContext::new(
        TraceId::from_hex(named.trace).ok()?,
        SpanId::from_hex(named.parent).ok()?,
        TraceFlags::new(u8::from_str_radix(named.flags, 16).ok()?),
        true,
        TraceState::default(),
    ))
}

/// The status in the headers, or in the trailers, of an answer.
fn code_in(headers: &HeaderMap) -> Option<Code> {
    Status::from_header_map(headers).map(|status| status.code())
}

/// A body that belongs to a span, if there is one: the span ends when it was sent.
pub(crate) struct Within<B> {
    body: B,
    call: Option<Call>,
}

/// A call and how it ended: none yet, and who lets it be dropped then has called it off.
struct Call {
    span: Span,
    code: Option<Code>,
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        let number = i64::from(i32::from(code));
        self.span.record("rpc.grpc.status_code", number);
        // What the caller did wrong is no fault of the server (OpenTelemetry, semantic conventions of gRPC).
        if matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        ) {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

impl<B: HttpBody + Unpin> HttpBody for Within<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(poller);
        if let Some(call) = &mut self.call
            && let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            call.code = code_in(trailers).or(call.code);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    /// How a call ended whose answer begins and ends with these.
    async fn told(headers: HeaderMap, trailers: HeaderMap) -> Option<Code> {
        let frames = stream::iter([Ok::<_, Status>(Frame::<&[u8]>::trailers(trailers))]);
        let mut within = Within {
            body: StreamBody::new(frames),
            call: Some(Call {
                span: Span::none(),
                code: code_in(&headers),
            }),
        };
        within.frame().await.unwrap().unwrap();
        within.call.take().unwrap().code
    }

    fn status(code: Code) -> HeaderMap {
        let mut headers = HeaderMap::new();
        Status::new(code, "").add_header(&mut headers).unwrap();
        headers
    }

    #[tokio::test]
    async fn what_began_well_is_told_as_it_ended() {
        let none = HeaderMap::new;
        assert_eq!(told(none(), status(Code::Ok)).await, Some(Code::Ok));
        let late = told(none(), status(Code::Unavailable)).await;
        assert_eq!(late, Some(Code::Unavailable));
        let refused = told(status(Code::NotFound), none()).await;
        assert_eq!(refused, Some(Code::NotFound));
        assert_eq!(told(none(), none()).await, None);
    }
}
