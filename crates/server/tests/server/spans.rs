//! Which calls have spans.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use strongroom_kms::SPANS;
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, Grant, Role},
};
use strongroom_test_support::HeardLog;
use tonic::Code;
use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

use crate::{
    house::{House, Plan},
    issuer::{TokenIssuer, granted, tokens},
    raw::call,
};

/// Counts spans of this thread.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == SPANS
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

// The server is on the thread of the test, whose spans are counted.
#[tokio::test]
async fn a_few_calls_of_strangers_have_spans_and_all_of_known_callers() {
    const CALLS: u64 = 200;
    let issuer = TokenIssuer::new();
    let rule = granted("auditor", Grant::role(Role::Auditor));
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let (stranger, known) = (house.channel().await, house.channel().await);
    let token = issuer.token("auditor");
    call(&known, path, Some(&token)).await.unwrap();
    let (_another, counter) = (HeardLog::warnings().hear(), Counter::default());
    let _heard = tracing::subscriber::set_default(counter.clone());
    let spans = || counter.0.swap(0, Ordering::Relaxed);

    for _call in 0..CALLS {
        call(&known, path, Some(&token)).await.unwrap();
    }
    assert_eq!(spans(), CALLS);

    let began = Instant::now();
    for _call in 0..CALLS {
        let refused = call(&stranger, path, None).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    let most = 10 + 10 * (began.elapsed().as_secs() + 1);
    let spans = spans();
    assert!((9..=most).contains(&spans), "{spans} of at most {most}");
}
