//! It opens, probes and closes.

use std::sync::Arc;

use strongroom_crypto::RandomError;
use strongroom_kms::{
    Allowance, AllowanceSettings, Breaker, BreakerSettings, BreakerState, CircuitOpen, Deadline,
    KmsError, KmsHealth, KmsProvider, Retry,
};
use tokio::time::{Instant, advance};

use crate::house::{
    DENIED, House, NOT_FOUND, OK, Script, Step, THROTTLED, UNAVAILABLE, fail, millis, retries,
    secs, seeded,
};

fn settings() -> BreakerSettings {
    BreakerSettings {
        failures: 3,
        ..BreakerSettings::default()
    }
}

fn behind(script: &Script) -> House<Breaker> {
    script.behind(Breaker::new(settings()))
}

async fn open(house: &House<Breaker>) {
    for _ in 0..3 {
        house.sign().await.unwrap_err();
    }
    assert_eq!(house.policy().state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn it_opens_after_failures_in_a_row_and_then_fails_fast() {
    let script = Script::new([UNAVAILABLE, UNAVAILABLE, OK], UNAVAILABLE);
    let house = behind(&script);
    for _ in 0..5 {
        assert_eq!(house.policy().state(), BreakerState::Closed);
        let _ = house.sign().await;
    }
    open(&house.clone()).await;
    let sent = script.calls();
    let error = house.sign().await.unwrap_err();
    assert!(error.is_circuit_open(), "{error:?}");
    let KmsError::Unavailable { source } = error else {
        panic!("{error:?}");
    };
    let refusal = source.downcast_ref::<CircuitOpen>().unwrap();
    assert_eq!(refusal.retry_after, secs(5));
    assert_eq!(script.calls(), sent, "nothing is sent");
}

#[tokio::test(start_paused = true)]
async fn after_a_time_one_probe_is_let_through_and_its_success_closes_it() {
    let script = Script::new([], UNAVAILABLE);
    let house = behind(&script);
    open(&house).await;
    script.always(Step::Ok(secs(1)));
    advance(secs(5)).await;
    assert_eq!(house.policy().state(), BreakerState::HalfOpen);
    let probe = tokio::spawn({
        let house = house.clone();
        async move { house.sign().await }
    });
    tokio::task::yield_now().await;
    assert!(house.sign().await.unwrap_err().is_circuit_open());
    assert_eq!(script.calls(), 4);
    probe.await.unwrap().unwrap();
    assert_eq!(house.policy().state(), BreakerState::Closed);
    house.sign().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_bound() {
    let script = Script::new([], UNAVAILABLE);
    let house = behind(&script);
    open(&house).await;
    for seconds in [5, 10, 20, 40, 60, 60] {
        advance(secs(seconds) - millis(1)).await;
        assert_eq!(house.policy().state(), BreakerState::Open, "{seconds}");
        advance(millis(1)).await;
        assert_eq!(house.policy().state(), BreakerState::HalfOpen, "{seconds}");
        house.sign().await.unwrap_err();
    }
    assert_eq!(house.policy().opened(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_its_caller_gave_up_leaves_the_place_to_the_next() {
    let script = Script::new([], UNAVAILABLE);
    let house = behind(&script);
    open(&house).await;
    script.always(Step::Silence);
    advance(secs(5)).await;
    let probe = tokio::spawn({
        let house = house.clone();
        async move { house.sign().await }
    });
    tokio::task::yield_now().await;
    probe.abort();
    let _ = probe.await;
    script.always(OK);
    house.sign().await.unwrap();
    assert_eq!(house.policy().state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_fault_of_the_kms_does_not_open_it() {
    for step in [NOT_FOUND, DENIED, THROTTLED] {
        let house = behind(&Script::new([], step));
        for _ in 0..10 {
            house.sign().await.unwrap_err();
        }
        assert_eq!(house.policy().state(), BreakerState::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_that_only_the_provider_knows_count_by_their_category() {
    let house = behind(&Script::new(
        [],
        fail(|_| KmsError::provider(RandomError::Broken)),
    ));
    open(&house).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_from_before_it_opened_changes_nothing() {
    let script = Script::new([Step::Ok(secs(3))], UNAVAILABLE);
    let house = behind(&script);
    let slow = tokio::spawn({
        let house = house.clone();
        async move { house.sign().await }
    });
    tokio::task::yield_now().await;
    open(&house).await;
    slow.await.unwrap().unwrap();
    assert_eq!(house.policy().state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn late_failures_from_before_it_opened_do_not_open_it_again() {
    let late = Step::Fail(secs(7), |operation| KmsError::TimedOut { operation });
    let script = Script::new([late, late, late], UNAVAILABLE);
    let house = behind(&script);
    let slow = [house.clone(), house.clone(), house.clone()]
        .map(|house| tokio::spawn(async move { house.sign().await }));
    tokio::task::yield_now().await;
    open(&house).await;
    script.always(OK);
    advance(secs(5)).await;
    house.sign().await.unwrap();
    for call in slow {
        call.await.unwrap().unwrap_err();
    }
    assert_eq!(house.policy().state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_had_no_time_says_nothing_about_the_kms() {
    let hurried = (Breaker::new(settings()), Deadline::after(millis(10)));
    let house = Script::new([], Step::Silence).behind(hurried);
    for _ in 0..10 {
        house.sign().await.unwrap_err();
    }
    assert_eq!(house.policy().0.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_health_of_the_provider_tells_its_state() {
    let script = Script::new([], UNAVAILABLE);
    let house = behind(&script);
    assert_eq!(house.0.health().await, KmsHealth::Ok);
    open(&house).await;
    assert!(matches!(house.0.health().await, KmsHealth::Failed { .. }));
    advance(secs(5)).await;
    assert!(matches!(house.0.health().await, KmsHealth::Degraded { .. }));
    script.always(OK);
    house.sign().await.unwrap();
    assert_eq!(house.0.health().await, KmsHealth::Ok);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_not_asked_again() {
    let allowance = Arc::new(Allowance::new(AllowanceSettings::default()));
    let breaker = Breaker::new(settings());
    let script = Script::new([], UNAVAILABLE);
    let house = script.behind((Retry::new(retries(), allowance, seeded()), breaker));
    let error = house.sign().await.unwrap_err();
    assert!(error.is_circuit_open(), "the fourth attempt: {error:?}");
    assert_eq!(script.calls(), 3);
    let start = Instant::now();
    assert!(house.sign().await.unwrap_err().is_circuit_open());
    assert_eq!(start.elapsed(), secs(0));
}
