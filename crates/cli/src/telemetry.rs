//! Traces for OpenTelemetry, sent by OTLP over gRPC when the environment asks for it.
//!
//! The variables are those of the OpenTelemetry specification, so that one set of them serves all programs of a node:
//! `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`) turns it on, `OTEL_EXPORTER_OTLP_HEADERS` brings credentials,
//! `OTEL_EXPORTER_OTLP_CERTIFICATE` the authority of the collector, `OTEL_TRACES_SAMPLER` says how much.

use std::env;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, SpanExporter, WithTonicConfig as _,
    tonic_types::transport::{Certificate, ClientTlsConfig},
};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};

const DISABLED: &str = "OTEL_SDK_DISABLED";
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const NAME: &str = env!("CARGO_BIN_NAME");

/// Why nothing is exported although it was asked for. The vault works without.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    #[error("the variables of OpenTelemetry cannot be used")]
    Exporter(#[from] ExporterBuildError),
    #[error("OTEL_EXPORTER_OTLP_CERTIFICATE names {path}, which cannot be read")]
    Certificate {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}, and only grpc is spoken")]
    Protocol { protocol: String },
}

/// What sends spans away, from a thread of its own.
#[derive(Debug)]
pub(crate) struct Telemetry(SdkTracerProvider);

impl Telemetry {
    /// What the environment asks for; none if it names no collector. Call it within a runtime, which sends.
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub(crate) fn from_environment() -> Result<Option<Self>, TelemetryError> {
        let is_wanted = value(OTEL_EXPORTER_OTLP_ENDPOINT).is_some()
            || value(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT).is_some();
        let is_disabled = value(DISABLED).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        if !is_wanted || is_disabled {
            return Ok(None);
        }
        match value(OTEL_EXPORTER_OTLP_PROTOCOL) {
            Some(protocol) if protocol != "grpc" => {
                return Err(TelemetryError::Protocol { protocol });
            }
            _ => {}
        }
        let mut exporter = SpanExporter::builder().with_tonic();
        if let Some(path) = value(CERTIFICATE) {
            let pem = std::fs::read(&path)
                .map_err(|source| TelemetryError::Certificate { path, source })?;
            let authority = Certificate::from_pem(pem);
            exporter = exporter.with_tls_config(ClientTlsConfig::new().ca_certificate(authority));
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter.build()?)
            .with_resource(resource())
            .build();
        Ok(Some(Self(provider)))
    }

    /// What makes spans of ours into those of OpenTelemetry.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.0.tracer(NAME)
    }

    /// Sends what is left, for a few seconds at most. Call it while the runtime is there.
    pub(crate) fn end(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last spans may not have reached the collector");
        }
    }
}

/// Who sends: `strongroom`, unless the environment has another name for it.
fn resource() -> Resource {
    let resource = Resource::builder().with_attribute(opentelemetry::KeyValue::new(
        "service.version",
        env!("CARGO_PKG_VERSION"),
    ));
    match value(SERVICE_NAME) {
        Some(_named) => resource.build(),
        None => resource.with_service_name(NAME).build(),
    }
}

/// The value of a variable that is not empty: an empty one counts as not set (OpenTelemetry specification).
fn value(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
