//! A second call when the first is slow, and never a third.

use std::sync::Arc;

use strongroom_errors::Coded;
use strongroom_kms::{Allowance, AllowanceSettings, Budget, Hedge, KmsError, Quota};
use tokio::time::Instant;

use crate::house::{NOT_FOUND, OK, Script, Step, UNAVAILABLE, millis, secs};

fn allowance(burst: u32) -> Arc<Allowance> {
    Arc::new(Allowance::new(AllowanceSettings {
        burst,
        per_call: 0.0,
        per_second: 0.0,
    }))
}

fn hedge() -> Hedge {
    Hedge::after(millis(100), allowance(5))
}

#[tokio::test(start_paused = true)]
async fn a_quick_answer_needs_no_second_call() {
    let script = Script::new([], Step::Ok(millis(90)));
    script.behind(hedge()).sign().await.unwrap();
    assert_eq!(script.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_sent_once_more_and_the_first_answer_is_taken() {
    let script = Script::new([Step::Silence], Step::Ok(millis(10)));
    let house = script.behind(hedge());
    let start = Instant::now();
    house.sign().await.unwrap();
    assert_eq!((script.calls(), start.elapsed()), (2, millis(110)));
    assert_eq!(house.policy().sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn at_most_one_more_call_is_sent() {
    let script = Script::new([], Step::Ok(secs(10)));
    let start = Instant::now();
    script.behind(hedge()).sign().await.unwrap();
    assert_eq!((script.calls(), start.elapsed()), (2, secs(10)));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_may_pass_waits_for_the_other_answer() {
    let slow_failure = Step::Fail(millis(150), |operation| KmsError::TimedOut { operation });
    for steps in [
        [slow_failure, Step::Ok(secs(1))],
        [Step::Ok(secs(1)), UNAVAILABLE],
    ] {
        let script = Script::new(steps, Step::Silence);
        script.behind(hedge()).sign().await.unwrap();
    }
    let script = Script::new([slow_failure, UNAVAILABLE], Step::Silence);
    let error = script.behind(hedge()).sign().await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_TIMED_OUT", "the first one's");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_settles_the_matter_is_taken() {
    let script = Script::new([Step::Silence, NOT_FOUND], Step::Silence);
    let error = script.behind(hedge()).sign().await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_KEY_NOT_FOUND");
}

#[tokio::test(start_paused = true)]
async fn generations_and_deletions_are_not_hedged() {
    let script = Script::new([], Step::Ok(secs(10)));
    let house = script.behind(hedge());
    house.generate().await.unwrap();
    house.delete().await.unwrap();
    assert_eq!(script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_allowance_there_is_no_second_call() {
    let script = Script::new([], Step::Ok(secs(10)));
    let house = script.behind(Hedge::after(millis(100), allowance(1)));
    house.sign().await.unwrap();
    house.sign().await.unwrap();
    assert_eq!(script.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_second_call_does_not_wait_for_the_budget() {
    let quota = Quota {
        per_second: 1,
        burst: 1,
    };
    let script = Script::new([Step::Ok(secs(5))], OK);
    let house = script.behind((hedge(), Budget::shared(&quota)));
    let start = Instant::now();
    house.sign().await.unwrap();
    assert_eq!((script.calls(), start.elapsed()), (1, secs(5)));
}
