//! What can happen between a vault and its driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use strongroom_crypto::SigningKeySpec;
use strongroom_errors::Coded;
use strongroom_kms::{
    Answer, Call, Capabilities, ExternalKeyRequest, ExternalKeys, Guarded, KeyWrapper, KmsError,
    KmsHealth, KmsOperation, KmsProvider, Next, Policy, WrapperKeyRequest, current_trace, in_trace,
};
use strongroom_kms_driver::{DriverKms, DriverServer, DriverSettings, bind_unix_socket};
use strongroom_test_support::kms::{Alteration, AlteredKms};
use tokio::sync::Notify;

use crate::house::{House, context, key, secret};

#[tokio::test(flavor = "current_thread")]
async fn a_driver_that_is_gone_is_unavailable_and_one_that_is_back_is_used_again() {
    let house = House::new();
    let kms = Arc::new(house.local_kms());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let listener = bind_unix_socket(&house.socket()).unwrap();
    let server = DriverServer::new(kms.clone());
    let serving = tokio::spawn(server.serve(listener, async {
        let _ = ended.await;
    }));
    let driver = house.connect().await;
    let wrapper_key = driver
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await
        .unwrap();

    end.send(()).unwrap();
    serving.await.unwrap();
    let gone = driver.wrapper_key_state(&wrapper_key).await.unwrap_err();
    assert!(matches!(gone, KmsError::Unavailable { .. }), "{gone:?}");
    assert!(gone.is_retryable());
    assert!(matches!(driver.health().await, KmsHealth::Failed { .. }));

    house.serve(kms);
    assert!(driver.wrapper_key_state(&wrapper_key).await.is_ok());
    assert_eq!(driver.health().await, KmsHealth::Ok);
}

#[tokio::test(flavor = "current_thread")]
async fn nobody_listening_is_unavailable_from_the_beginning() {
    let settings = DriverSettings::unix_socket(House::new().socket());
    let error = DriverKms::connect(settings).await.unwrap_err();
    assert!(matches!(error, KmsError::Unavailable { .. }), "{error:?}");
}

/// Time is paused: it jumps to the deadline as soon as everybody waits.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_driver_that_says_nothing_is_not_waited_for_when_connecting() {
    let house = House::new();
    let _silent = bind_unix_socket(&house.socket()).unwrap();
    let settings = DriverSettings::unix_socket(house.socket());
    let error = DriverKms::connect(settings).await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_DRIVER_NO_ANSWER");
    assert!(error.is_retryable());
}

/// Lets nothing through while it is closed, and counts who gave up.
#[derive(Debug, Default)]
struct Closed {
    arrived: Notify,
    given_up: Notify,
    hangs: AtomicUsize,
}

struct GivesUp<'a>(&'a Notify);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[derive(Debug)]
struct Gate(Arc<Closed>);

impl Policy for Gate {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let hangs = self.0.hangs.load(Ordering::SeqCst) > 0;
        if hangs && call.operation() == KmsOperation::WrapKey {
            let _seen = GivesUp(&self.0.given_up);
            self.0.arrived.notify_one();
            std::future::pending::<()>().await;
        }
        next(call).await
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_call_that_is_dropped_while_the_driver_hangs_does_no_harm() {
    let house = House::new();
    let closed = Arc::new(Closed::default());
    let guarded = Guarded::around(Arc::new(house.local_kms()), Gate(Arc::clone(&closed)));
    house.serve(Arc::new(guarded));
    let driver = house.connect().await;
    let wrapper_key = driver
        .generate_wrapper_key(&WrapperKeyRequest::default())
        .await
        .unwrap();

    closed.hangs.store(1, Ordering::SeqCst);
    {
        let (context, secret) = (context(), secret());
        let hanging = driver.wrap_key(&wrapper_key, &context, &secret);
        tokio::select! {
            answer = hanging => panic!("{answer:?}"),
            () = closed.arrived.notified() => {}
        }
        // Others go on beside it.
        assert!(driver.wrapper_key_state(&wrapper_key).await.is_ok());
    }
    // The driver learns of it and drops its call too.
    closed.given_up.notified().await;
    closed.hangs.store(0, Ordering::SeqCst);
    let wrapped = driver.wrap_key(&wrapper_key, &context(), &secret()).await;
    let opened = driver.unwrap_key(&wrapped.unwrap(), &context()).await;
    assert_eq!(opened.unwrap(), secret());
}

/// Notes the trace of each call.
#[derive(Debug, Default)]
struct Traces(Arc<Mutex<Vec<Option<String>>>>);

impl Policy for Traces {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        self.0.lock().push(current_trace());
        next(call).await
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_trace_of_the_caller_arrives() {
    let house = House::new();
    let traces = Traces::default();
    let seen = Arc::clone(&traces.0);
    house.serve(Arc::new(Guarded::around(
        Arc::new(house.local_kms()),
        traces,
    )));
    let driver = house.connect().await;
    let unknown = key("local:00000000000000000000000000000000");
    let w3c = "4bf92f3577b34da6a3ce929d0e0e4736";
    for trace in [w3c, "request-7"] {
        let call = driver.sign(&unknown, SigningKeySpec::EcP256, b"message");
        in_trace(trace, call).await.unwrap_err();
    }
    driver.wrapper_key_state(&unknown).await.unwrap_err();
    let expected = [Some(w3c.to_owned()), Some("request-7".to_owned()), None];
    assert_eq!(*seen.lock(), expected);
}

/// A provider whose capabilities promise more than the contract allows.
#[derive(Debug)]
struct Boastful;

impl Alteration for Boastful {
    fn capabilities(&self, there: Capabilities) -> Capabilities {
        Capabilities {
            max_wrap_bytes: 1 << 30,
            max_message_bytes: 1 << 20,
            ..there
        }
    }

    fn health(&self, _there: KmsHealth) -> KmsHealth {
        KmsHealth::Degraded {
            reason: "one\nof two".to_owned(),
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn limits_over_those_of_the_contract_and_garbled_reasons_are_cut() {
    let house = House::new();
    let kms = Arc::new(house.local_kms());
    house.serve(Arc::new(AlteredKms::around(kms, Boastful)));
    let driver = house.connect().await;
    assert_eq!(driver.capabilities().max_wrap_bytes, 4096);
    assert_eq!(driver.capabilities().max_message_bytes, 4096);
    let reason = "one of two".to_owned();
    assert_eq!(driver.health().await, KmsHealth::Degraded { reason });
}

#[tokio::test(flavor = "current_thread")]
async fn a_request_over_the_size_of_a_message_is_refused_and_the_connection_stays() {
    let house = House::new();
    house.serve(Arc::new(house.local_kms()));
    let driver = house.connect().await;
    let wanted = ExternalKeyRequest {
        label: None,
        tags: vec![("a".to_owned(), "x".repeat(65 * 1024))],
    };
    let spec = SigningKeySpec::EcP256;
    let error = driver.generate_signing_key(spec, &wanted).await;
    let error = error.unwrap_err();
    assert_eq!(error.code().name(), "KMS_PAYLOAD_TOO_LARGE");
    let wanted = ExternalKeyRequest::default();
    assert!(driver.generate_signing_key(spec, &wanted).await.is_ok());
}
