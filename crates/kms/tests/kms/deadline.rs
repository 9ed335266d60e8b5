//! Nobody waits for ever.

use strongroom_kms::{Deadline, KmsError, KmsOperation};
use tokio::time::Instant;

use crate::house::{OK, Script, Step, secs};

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let house = Script::new([], Step::Silence).behind(Deadline::after(secs(3)));
    let start = Instant::now();
    let error = house.sign().await.unwrap_err();
    let operation = KmsOperation::Sign;
    assert!(
        matches!(error, KmsError::TimedOut { operation: asked } if asked == operation),
        "{error:?}"
    );
    assert_eq!(start.elapsed(), secs(3));
    assert!(error.outcome_is_unknown());
}

#[tokio::test(start_paused = true)]
async fn an_import_has_the_time_of_all_its_round_trips() {
    let house = Script::new([], Step::Silence).behind(Deadline::after(secs(3)));
    let start = Instant::now();
    house.import().await.unwrap_err();
    assert_eq!(
        start.elapsed(),
        secs(3) * KmsOperation::ImportKey.round_trips()
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_passes() {
    let house = Script::new([], Step::Ok(secs(2))).behind(Deadline::after(secs(3)));
    assert_eq!(house.sign().await.unwrap(), b"message");
}

#[tokio::test(start_paused = true)]
async fn an_outer_deadline_is_not_lengthened_by_an_inner_one() {
    let both = (Deadline::after(secs(1)), Deadline::after(secs(5)));
    let house = Script::new([Step::Silence], OK).behind(both);
    let start = Instant::now();
    house.sign().await.unwrap_err();
    assert_eq!(start.elapsed(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_limit_beyond_all_time_is_none() {
    let house = Script::new([], OK).behind(Deadline::after(std::time::Duration::MAX));
    house.sign().await.unwrap();
}
