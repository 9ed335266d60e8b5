//! What is tried again, how often and how soon.

use std::sync::Arc;

use strongroom_crypto::{Random, RandomError};
use strongroom_errors::Coded;
use strongroom_kms::{Allowance, AllowanceSettings, KmsError, KmsOperation, Retry, RetrySettings};
use tokio::time::Instant;

use crate::house::{
    DENIED, NOT_FOUND, NOT_READY, OK, Script, Step, THROTTLED, TIMED_OUT, UNAVAILABLE, fail, key,
    millis, retries, secs, seeded,
};

fn allowance() -> Arc<Allowance> {
    Arc::new(Allowance::new(AllowanceSettings {
        burst: 100,
        ..AllowanceSettings::default()
    }))
}

fn retry() -> Retry {
    Retry::new(retries(), allowance(), seeded())
}

/// Randomness whose every draw is the largest, or fails.
#[derive(Debug)]
struct Edge {
    fails: bool,
}

impl Random for Edge {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        buffer.fill(0xff);
        if self.fails {
            Err(RandomError::Broken)
        } else {
            Ok(())
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_by_itself_is_tried_again_until_it_succeeds() {
    let script = Script::new([UNAVAILABLE, TIMED_OUT, THROTTLED], OK);
    let house = script.behind(retry());
    house.sign().await.unwrap();
    assert_eq!(script.calls(), 4);
    assert_eq!(house.policy().retries(), 3);
}

#[tokio::test(start_paused = true)]
async fn it_ends_after_the_last_attempt_with_the_error_of_that_attempt() {
    let script = Script::new([TIMED_OUT, TIMED_OUT, TIMED_OUT], UNAVAILABLE);
    let error = script.behind(retry()).sign().await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_UNAVAILABLE");
    assert_eq!(script.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_by_itself_is_not_tried_again() {
    for step in [NOT_FOUND, DENIED] {
        let script = Script::new([step], OK);
        script.behind(retry()).sign().await.unwrap_err();
        assert_eq!(script.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_whose_answer_may_be_lost_is_never_repeated() {
    let invalid = fail(|operation| KmsError::AnswerInvalid {
        operation,
        source: "checksum".into(),
    });
    let own = fail(|_| KmsError::provider(RandomError::Broken));
    for step in [TIMED_OUT, UNAVAILABLE, invalid, own] {
        let script = Script::new([step], OK);
        script.behind(retry()).generate().await.unwrap_err();
        assert_eq!(script.operations(), [KmsOperation::GenerateSigningKey]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_import_that_left_a_key_behind_is_never_repeated_and_one_that_was_refused_is() {
    let interrupted = fail(|_| KmsError::ImportInterrupted {
        id: key(),
        source: "no answer".into(),
    });
    for (step, calls) in [(interrupted, 1), (TIMED_OUT, 1), (THROTTLED, 2)] {
        let script = Script::new([step], OK);
        let answer = script.behind(retry()).import().await;
        assert_eq!(answer.is_ok(), calls == 2);
        assert_eq!(script.operations(), vec![KmsOperation::ImportKey; calls]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_was_refused_is_repeated() {
    let script = Script::new([THROTTLED], OK);
    script.behind(retry()).generate().await.unwrap();
    assert_eq!(script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_bound_of_the_pause_doubles_up_to_the_cap() {
    for fails in [false, true] {
        let mut settings = retries();
        settings.failures.attempts = 7;
        let script = Script::new([], UNAVAILABLE);
        let house = script.behind(Retry::new(settings, allowance(), Arc::new(Edge { fails })));
        house.sign().await.unwrap_err();
        let times = script.times();
        let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let expected = [100, 200, 400, 800, 1000, 1000].map(millis);
        assert_eq!(pauses, expected, "without randomness: {fails}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_are_drawn_anew_and_never_exceed_their_bound() {
    let script = Script::new([], UNAVAILABLE);
    let house = script.behind(retry());
    for _ in 0..5 {
        house.sign().await.unwrap_err();
    }
    let times = script.times();
    let mut first_pauses = Vec::new();
    for call in times.chunks(4) {
        for (pair, bound) in call.windows(2).zip([100, 200, 400]) {
            assert!(pair[1] - pair[0] <= millis(bound + 1));
        }
        first_pauses.push(call[1] - call[0]);
    }
    first_pauses.sort();
    first_pauses.dedup();
    assert!(first_pauses.len() > 1, "no jitter: {first_pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn it_waits_at_least_as_long_as_the_kms_asks() {
    let asks = fail(|_| KmsError::Throttled {
        retry_after: Some(secs(7)),
    });
    let script = Script::new([asks], OK);
    let start = Instant::now();
    script.behind(retry()).sign().await.unwrap();
    assert!(start.elapsed() >= secs(7) && start.elapsed() <= millis(7101));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_starts_after_the_total_time() {
    let asks = fail(|_| KmsError::Throttled {
        retry_after: Some(secs(31)),
    });
    let script = Script::new([], asks);
    let start = Instant::now();
    script.behind(retry()).sign().await.unwrap_err();
    assert_eq!((script.calls(), start.elapsed()), (1, secs(0)));

    let slow = Step::Fail(secs(16), |operation| KmsError::TimedOut { operation });
    let script = Script::new([], slow);
    script.behind(retry()).sign().await.unwrap_err();
    assert_eq!(script.calls(), 2, "at 0 and at 16 seconds, not at 32");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_ready_has_attempts_of_its_own() {
    let script = Script::new([], NOT_READY);
    script.behind(retry()).sign().await.unwrap_err();
    assert_eq!(script.calls(), 7);
}

#[tokio::test(start_paused = true)]
async fn retries_of_all_callers_stay_within_one_allowance() {
    let settings = AllowanceSettings {
        burst: 5,
        per_call: 0.1,
        per_second: 0.0,
    };
    let allowance = Arc::new(Allowance::new(settings));
    let script = Script::new([], THROTTLED);
    let house = script.behind(Retry::new(retries(), allowance, seeded()));
    for _ in 0..100 {
        house.sign().await.unwrap_err();
    }
    let extra = script.calls() - 100;
    assert!((5..=15).contains(&extra), "{extra} repetitions");
    assert!(house.policy().withheld() > 0);
}

#[tokio::test(start_paused = true)]
async fn the_defaults_end() {
    let script = Script::new([], UNAVAILABLE);
    let start = Instant::now();
    let house = script.behind(Retry::new(RetrySettings::default(), allowance(), seeded()));
    house.sign().await.unwrap_err();
    assert_eq!(script.calls(), 5);
    assert!(start.elapsed() < secs(8), "{:?}", start.elapsed());
}
