//! How soon another process writes, by default.

use std::{sync::Arc, time::Duration};

use crate::{
    company::Company,
    history::Outcome,
    process::{Act, LONGEST_CHANGE, Pace},
};

/// What is promised.
const PROMISED: Duration = Duration::from_secs(10);

/// The first of these replicas that writes when it is asked to, and how long that took.
async fn next_writer(company: &Company, asked: &[usize]) -> (usize, Duration) {
    let began = company.history.now();
    loop {
        for replica in asked {
            if let Outcome::Done(_) = company.call(*replica, Act::Generate).await {
                return (*replica, company.history.now() - began);
            }
        }
        let waited = company.history.now() - began;
        assert!(waited < 6 * PROMISED, "nobody writes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn first_writer(company: &Company) -> usize {
    let made = company.call(0, Act::Generate).await;
    assert!(matches!(made, Outcome::Done(_)), "{made:?}");
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_another_process_writes_within_ten_seconds_when_the_writer_is_killed_or_stopped()
{
    let company = Company::with(Pace::Default).await;
    let first = first_writer(&company).await;
    let killing = tokio::spawn({
        let company = Arc::clone(&company);
        async move { company.kill(first, 2 * PROMISED).await }
    });
    let (second, took) = next_writer(&company, &[1, 2]).await;
    println!("after SIGKILL another process wrote after {took:?}");
    assert!(took < PROMISED, "{took:?}");

    let halting = tokio::spawn({
        let company = Arc::clone(&company);
        async move { company.halt(second, 2 * PROMISED).await }
    });
    let (_third, took) = next_writer(&company, &[3 - second]).await;
    println!("after SIGSTOP another process wrote after {took:?}");
    assert!(took < PROMISED, "{took:?}");
    killing.abort();
    halting.abort();
}

/// It beats, and its connections are there: nothing of it is silent but the change that does not end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_is_stuck_in_a_change_and_says_that_it_lives_loses_the_lease() {
    let company = Company::with(Pace::Patient).await;
    let first = first_writer(&company).await;
    company.call(first, Act::HangAnchor).await;
    let stuck = tokio::spawn({
        let company = Arc::clone(&company);
        async move { company.call(first, Act::Generate).await }
    });
    let (_second, took) = next_writer(&company, &[1, 2]).await;
    println!("after a change that did not end another process wrote after {took:?}");
    assert!(LONGEST_CHANGE < took, "{took:?}");
    assert!(!matches!(stuck.await.unwrap(), Outcome::Done(_)));
}
