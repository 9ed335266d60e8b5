//! Traces that a collector of OpenTelemetry takes.

use std::{
    net::SocketAddr,
    sync::mpsc::{self, Receiver, Sender},
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use serde_json::json;
use tokio::{net::TcpListener, runtime::Runtime};
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use super::{Serving, VAULT, client, with_server};

/// A collector on loopback.
struct Collector {
    address: SocketAddr,
    received: Receiver<(Option<String>, ExportTraceServiceRequest)>,
    _runtime: Runtime,
}

struct Receiving(Sender<(Option<String>, ExportTraceServiceRequest)>);

#[tonic::async_trait]
impl TraceService for Receiving {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let shown = request.metadata().get("x-collector-token");
        let shown = shown.map(|token| token.to_str().unwrap().to_owned());
        let _over = self.0.send((shown, request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = mpsc::channel();
        let serving = Server::builder()
            .add_service(TraceServiceServer::new(Receiving(sender)))
            .serve_with_incoming(TcpIncoming::from(listener));
        runtime.spawn(serving);
        Self {
            address,
            received,
            _runtime: runtime,
        }
    }

    /// Everything that has come until the server has ended, each span with the name of the service.
    fn spans(&self) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        while let Ok((token, request)) = self.received.recv_timeout(Duration::from_secs(1)) {
            assert_eq!(token.as_deref(), Some("open sesame"));
            for from in request.resource_spans {
                let resource = from.resource.unwrap();
                let service = text(&resource.attributes, "service.name").unwrap();
                for scope in from.scope_spans {
                    spans.extend(scope.spans.into_iter().map(|span| (service.clone(), span)));
                }
            }
        }
        spans
    }
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}

fn named<'a>(spans: &'a [(String, Span)], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|(_, span)| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:?}");
    &found[0].1
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[test]
fn a_collector_gets_a_span_of_each_call_below_that_of_its_caller_and_one_of_each_call_to_a_kms() {
    let collector = Collector::start();
    let sandbox = with_server("");
    let serving = Serving::start_with(&sandbox, |command| {
        command
            .env(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("http://{}", collector.address),
            )
            .env(
                "OTEL_EXPORTER_OTLP_HEADERS",
                "x-collector-token=open sesame",
            );
    });
    let rotate = format!("{VAULT}/RotateWrapperKey");
    let delete = format!("{VAULT}/DeleteKeyPair");
    let list = format!("{VAULT}/ListMyKeys");
    let headers = json!({ "traceparent": format!("00-{TRACE}-{PARENT}-01") });
    let steps = json!([
        [rotate, {}, headers],
        [delete, { "fingerprint": "nonsense" }, headers],
        [list, {}],
    ]);
    client(&sandbox, &serving, &steps);
    assert!(serving.end().success());

    let spans = collector.spans();
    assert!(spans.iter().all(|(service, _)| service == "strongroom"));
    let rotating = named(&spans, &rotate);
    assert_eq!(data_encoding::HEXLOWER.encode(&rotating.trace_id), TRACE);
    assert_eq!(
        data_encoding::HEXLOWER.encode(&rotating.parent_span_id),
        PARENT
    );
    assert_eq!(rotating.kind(), SpanKind::Server);
    assert_eq!(
        text(&rotating.attributes, "rpc.grpc.status_code").as_deref(),
        Some("0")
    );
    let wrapping = named(&spans, "kms wrap_key");
    assert_eq!(wrapping.trace_id, rotating.trace_id);
    assert_eq!(wrapping.parent_span_id, rotating.span_id);
    assert!(
        text(&wrapping.attributes, "kms.key")
            .unwrap()
            .starts_with("local:")
    );

    // What the caller did wrong is told, and is no fault of the server.
    let deleting = named(&spans, &delete);
    assert_eq!(
        text(&deleting.attributes, "rpc.grpc.status_code").as_deref(),
        Some("3")
    );
    assert!(
        deleting
            .status
            .as_ref()
            .is_none_or(|status| status.code() == StatusCode::Unset)
    );

    // Who names no trace gets one of his own.
    let listing = named(&spans, &list);
    assert!(listing.parent_span_id.is_empty());
    assert_ne!(listing.trace_id, rotating.trace_id);
}

#[test]
fn an_audit_record_and_the_span_of_a_call_without_a_trace_have_the_same_one() {
    let collector = Collector::start();
    let sandbox = with_server("");
    let serving = Serving::start_with(&sandbox, |command| {
        command
            .env(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("http://{}", collector.address),
            )
            .env(
                "OTEL_EXPORTER_OTLP_HEADERS",
                "x-collector-token=open sesame",
            )
            .env("OTEL_SERVICE_NAME", "vault-of-participant1");
    });
    let generate = format!("{VAULT}/GenerateSigningKey");
    let message = json!({ "name": "traced", "usageV30": ["SIGNING_KEY_USAGE_PROTOCOL"] });
    client(&sandbox, &serving, &json!([[generate, message]]));
    assert!(serving.end().success());
    let spans = collector.spans();
    assert!(
        spans
            .iter()
            .all(|(service, _)| service == "vault-of-participant1")
    );
    let trace = data_encoding::HEXLOWER.encode(&named(&spans, &generate).trace_id);
    let log = sandbox.json(["audit", "list"]);
    let records = log["records"].as_array().unwrap();
    let made = records
        .iter()
        .rfind(|record| record["operation"] == "generate-signing-key");
    assert_eq!(made.unwrap()["trace_id"], trace, "{records:?}");
}

#[test]
fn a_collector_that_is_not_there_or_cannot_be_used_keeps_nobody_from_anything() {
    let sandbox = with_server("");
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ] {
        let mut command = sandbox.command(["keys", "list"]);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
            .env(variable, value);
        crate::support::Ran::of(command).succeeded();
    }
}
