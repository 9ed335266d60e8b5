//! Calls, as they were answered. Names of Canton's where it has one: `daml.signing.latency`, `daml.decryption.latency`.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use tonic::Code;

use crate::rpc::Rpc;

/// What is counted of calls. Clones count into one place.
#[derive(Clone)]
pub(crate) struct Calls(Arc<Counted>);

struct Counted {
    /// What is looked up in the two families for each call, found once.
    of_rpc: [OnceLock<Numbers>; Rpc::ALL.len()],
    answered: Family<Answered, Counter>,
    latency: Family<OfRpc, Histogram>,
    signing: Histogram,
    decryption: Histogram,
}

/// The numbers of one rpc.
struct Numbers {
    succeeded: Counter,
    latency: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    rpc: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRpc {
    rpc: &'static str,
}

impl Default for Calls {
    fn default() -> Self {
        Self(Arc::new(Counted {
            of_rpc: [const { OnceLock::new() }; Rpc::ALL.len()],
            answered: Family::default(),
            latency: Family::new_with_constructor(latency),
            signing: latency(),
            decryption: latency(),
        }))
    }
}

/// From 16 microseconds, which a signature in memory takes, to 16 seconds.
fn latency() -> Histogram {
    Histogram::new(exponential_buckets(16e-6, 2.0, 21))
}

impl Calls {
    /// A call of this rpc was answered.
    pub(crate) fn answered(&self, rpc: Rpc, code: Code, took: Duration) {
        let Some(numbers) = self.0.of_rpc.get(rpc as usize) else {
            return;
        };
        let numbers = numbers.get_or_init(|| Numbers {
            succeeded: self.of_code(rpc, Code::Ok),
            latency: {
                let labels = OfRpc { rpc: name(rpc) };
                self.0.latency.get_or_create(&labels).clone()
            },
        });
        match code {
            Code::Ok => numbers.succeeded.inc(),
            failed => self.of_code(rpc, failed).inc(),
        };
        numbers.latency.observe(took.as_secs_f64());
    }

    fn of_code(&self, rpc: Rpc, code: Code) -> Counter {
        let labels = Answered {
            rpc: name(rpc),
            code: code_name(code),
        };
        self.0.answered.get_or_create(&labels).clone()
    }

    /// A message was signed, or was not.
    pub(crate) fn signed(&self, took: Duration) {
        self.0.signing.observe(took.as_secs_f64());
    }

    /// A message was decrypted, or was not.
    pub(crate) fn decrypted(&self, took: Duration) {
        self.0.decryption.observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let canton = registry.sub_registry_with_prefix("daml");
        for (name, help, histogram) in [
            (
                "signing_latency",
                "Signing, from the request to the signature",
                &self.0.signing,
            ),
            (
                "decryption_latency",
                "Decryption, from the request to the message",
                &self.0.decryption,
            ),
        ] {
            canton.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
        let ours = registry.sub_registry_with_prefix("strongroom");
        let help = "Calls that were answered";
        ours.register("grpc_calls", help, self.0.answered.clone());
        let help = "Calls, from the first byte of the request to that of the answer";
        ours.register_with_unit("grpc_latency", help, Unit::Seconds, self.0.latency.clone());
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}

fn name(rpc: Rpc) -> &'static str {
    rpc.path().trim_start_matches('/')
}

/// The name of a status, as gRPC writes it.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
