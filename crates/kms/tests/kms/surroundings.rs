//! All of it together, when the KMS is at its worst.

use strongroom_errors::Coded;
use strongroom_kms::{
    BreakerSettings, BreakerState, BudgetSettings, KmsError, KmsHealth, KmsOperation, KmsProvider,
    MicroDollars, PriceTable, Quota, RetrySettings, Surroundings, SurroundingsSettings,
};
use tokio::time::{Duration, Instant, advance, sleep};

use crate::house::{
    House, OK, Script, Step, THROTTLED, TIMED_OUT, UNAVAILABLE, millis, retries, secs, seeded,
};

fn settings() -> SurroundingsSettings {
    SurroundingsSettings {
        deadline: secs(10),
        attempt_deadline: secs(2),
        retry: retries(),
        budget: Some(BudgetSettings::Shared(Quota {
            per_second: 100,
            burst: 50,
        })),
        prices: Some(PriceTable::AWS_LIST_2026_06),
        ..SurroundingsSettings::default()
    }
}

fn surrounded(script: &Script, settings: &SurroundingsSettings) -> House<Surroundings> {
    script.behind(Surroundings::new(settings, seeded(), None))
}

/// Callers that sign as often as they can until `end`; the longest that one of them waited, and how many calls they made.
async fn crowd(house: &House<Surroundings>, callers: usize, end: Instant) -> (Duration, usize) {
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let house = house.clone();
        tasks.push(tokio::spawn(async move {
            let (mut longest, mut calls) = (Duration::ZERO, 0);
            while Instant::now() < end {
                let start = Instant::now();
                let _ = house.sign().await;
                longest = longest.max(start.elapsed());
                calls += 1;
                sleep(millis(10)).await;
            }
            (longest, calls)
        }));
    }
    let (mut longest, mut calls) = (Duration::ZERO, 0);
    for task in tasks {
        let (one, made) = task.await.unwrap();
        longest = longest.max(one);
        calls += made;
    }
    (longest, calls)
}

/// Bounds: calls sent stay below burst + rate * time, since every attempt takes a token; repetitions stay within the
/// allowance of 10 + 0.1 per call + 0.5 per second; nobody waits beyond the deadline.
#[tokio::test(start_paused = true)]
async fn a_storm_of_throttling_is_not_amplified_and_ends_by_itself() {
    let script = Script::new([], THROTTLED);
    let house = surrounded(&script, &settings());
    let (longest, calls) = crowd(&house, 500, Instant::now() + secs(30)).await;
    // The last callers may still have waited for their deadline.
    let lasted = 40;
    assert!(
        script.calls() <= 50 + 100 * lasted,
        "{} sent",
        script.calls()
    );
    assert!(longest <= secs(10), "{longest:?}");
    let metrics = house.policy().metrics();
    let allowance = 10 + calls as u64 / 10 + lasted as u64 / 2;
    assert!(
        metrics.retries <= allowance,
        "{} of {allowance}",
        metrics.retries
    );
    assert_eq!(
        metrics.breaker,
        Some(BreakerState::Closed),
        "the KMS is there"
    );
    assert_eq!(metrics.throttled, script.calls() as u64);

    script.always(OK);
    let start = Instant::now();
    house.sign().await.unwrap();
    assert!(start.elapsed() <= millis(20), "after the storm");
    let (longest, _) = crowd(&house, 50, Instant::now() + secs(5)).await;
    assert!(longest < secs(2), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_opens_the_breaker_and_a_probe_ends_it() {
    let script = Script::new([], Step::Silence);
    let house = surrounded(&script, &settings());
    let (longest, calls) = crowd(&house, 20, Instant::now() + secs(60)).await;
    assert!(longest <= secs(10), "{longest:?}");
    assert!(calls > 1000, "refused fast, {calls} times");
    assert!(script.calls() < 60, "{} sent in a minute", script.calls());
    assert!(matches!(
        house.0.health().await,
        KmsHealth::Failed { .. } | KmsHealth::Degraded { .. }
    ));

    script.always(OK);
    advance(secs(60)).await;
    house.sign().await.unwrap();
    let metrics = house.policy().metrics();
    assert_eq!(metrics.breaker, Some(BreakerState::Closed));
    assert!(metrics.breaker_opened >= 2);
    assert_eq!(house.0.health().await, KmsHealth::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_generation_is_sent_once_whatever_becomes_of_its_answer() {
    for step in [TIMED_OUT, UNAVAILABLE, Step::Silence] {
        let script = Script::new([step], OK);
        let hedged = SurroundingsSettings {
            hedge_after: Some(millis(50)),
            ..settings()
        };
        let error = surrounded(&script, &hedged).generate().await.unwrap_err();
        assert!(error.outcome_is_unknown());
        assert_eq!(script.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_is_given_up_and_repeated() {
    let script = Script::new([Step::Silence], OK);
    let start = Instant::now();
    surrounded(&script, &settings()).sign().await.unwrap();
    assert_eq!(script.calls(), 2);
    assert!(start.elapsed() <= millis(2101));
}

#[tokio::test(start_paused = true)]
async fn the_whole_ends_at_its_deadline_even_if_retries_would_go_on() {
    let patient = SurroundingsSettings {
        deadline: secs(5),
        breaker: None,
        retry: RetrySettings {
            total: secs(3600),
            ..retries()
        },
        ..settings()
    };
    let script = Script::new([], Step::Silence);
    let start = Instant::now();
    let error = surrounded(&script, &patient).sign().await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_TIMED_OUT");
    assert_eq!(start.elapsed(), secs(5));
    assert_eq!(script.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_budget_is_not_held_against_the_kms() {
    let tight = SurroundingsSettings {
        deadline: secs(2),
        budget: Some(BudgetSettings::Shared(Quota {
            per_second: 1,
            burst: 1,
        })),
        breaker: Some(BreakerSettings {
            failures: 1,
            ..BreakerSettings::default()
        }),
        ..settings()
    };
    let script = Script::new([], OK);
    let house = surrounded(&script, &tight);
    let mut refused = 0;
    for _ in 0..5 {
        let calls = [house.clone(), house.clone(), house.clone(), house.clone()];
        let calls = calls.map(|house| tokio::spawn(async move { house.sign().await }));
        for call in calls {
            if let Err(error) = call.await.unwrap() {
                assert!(matches!(
                    error,
                    KmsError::Throttled {
                        retry_after: Some(_)
                    }
                ));
                refused += 1;
            }
        }
    }
    let metrics = house.policy().metrics();
    assert_eq!(metrics.refused_by_budget, refused);
    assert!(refused > 0 && metrics.throttled == 0);
    assert_eq!(metrics.breaker, Some(BreakerState::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_hedged_only_if_that_was_asked_for() {
    for (hedge_after, sent, hedges) in [(None, 1, 0), (Some(millis(50)), 2, 1)] {
        let script = Script::new([Step::Ok(secs(1))], OK);
        let hedged = SurroundingsSettings {
            hedge_after,
            ..settings()
        };
        let house = surrounded(&script, &hedged);
        house.sign().await.unwrap();
        assert_eq!(
            (script.calls(), house.policy().metrics().hedges),
            (sent, hedges)
        );
    }
}

/// One call a second, nobody waits for long, two failures open the breaker, nothing is repeated.
fn tight() -> SurroundingsSettings {
    let mut once = retries();
    once.failures.attempts = 1;
    SurroundingsSettings {
        deadline: millis(100),
        retry: once,
        budget: Some(BudgetSettings::Shared(Quota {
            per_second: 1,
            burst: 1,
        })),
        breaker: Some(BreakerSettings {
            failures: 2,
            ..BreakerSettings::default()
        }),
        ..settings()
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_budget_is_no_sign_of_life() {
    let house = surrounded(&Script::new([], UNAVAILABLE), &tight());
    let state = || house.policy().metrics().breaker;
    house.sign().await.unwrap_err();
    let refused = house.sign().await.unwrap_err();
    assert!(matches!(refused, KmsError::Throttled { .. }), "{refused:?}");
    assert_eq!(state(), Some(BreakerState::Closed));
    advance(secs(1)).await;
    house.sign().await.unwrap_err();
    assert_eq!(state(), Some(BreakerState::Open));
}

#[tokio::test(start_paused = true)]
async fn a_kms_that_is_down_is_not_waited_for() {
    let house = surrounded(&Script::new([], UNAVAILABLE), &tight());
    for _ in 0..2 {
        house.sign().await.unwrap_err();
        advance(secs(1)).await;
    }
    for _ in 0..3 {
        assert!(house.sign().await.unwrap_err().is_circuit_open());
    }
    let metrics = house.policy().metrics();
    assert_eq!((metrics.calls.total(), metrics.refused_by_budget), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn attempts_that_are_short_by_configuration_still_open_the_breaker() {
    let short = SurroundingsSettings {
        attempt_deadline: millis(200),
        ..settings()
    };
    let house = surrounded(&Script::new([], Step::Silence), &short);
    for _ in 0..2 {
        house.sign().await.unwrap_err();
    }
    assert_eq!(house.policy().metrics().breaker, Some(BreakerState::Open));
    assert_eq!(
        house.policy().breaker().unwrap().state(),
        BreakerState::Open
    );
}

#[tokio::test(start_paused = true)]
async fn the_numbers_tell_what_happened() {
    let script = Script::new([THROTTLED, Step::Ok(millis(30))], OK);
    let house = surrounded(&script, &settings());
    house.sign().await.unwrap();
    house.public_key().await.unwrap();
    let metrics = house.policy().metrics();
    assert_eq!((metrics.calls.total(), metrics.calls.failed()), (3, 1));
    assert_eq!(metrics.calls.of(KmsOperation::Sign), 2);
    assert_eq!(
        (metrics.by_class.ecc, metrics.by_class.administration),
        (2, 1)
    );
    assert_eq!(
        metrics.errors.into_iter().collect::<Vec<_>>(),
        [("KMS_THROTTLED", 1)]
    );
    assert_eq!(
        (metrics.throttled, metrics.retries, metrics.hedges),
        (1, 1, 0)
    );
    let (operation, latency) = metrics.latency[1];
    assert_eq!(operation, KmsOperation::Sign);
    assert_eq!((latency.count(), latency.sum), (2, millis(30)));
    // Two calls of 15 and one of 3 millionths.
    assert_eq!(metrics.estimated_cost, Some(MicroDollars(33)));
}

#[tokio::test(start_paused = true)]
async fn without_prices_no_cost_is_made_up() {
    let house = surrounded(&Script::new([], OK), &SurroundingsSettings::default());
    house.sign().await.unwrap();
    assert_eq!(house.policy().metrics().estimated_cost, None);
}
