//! No more calls than granted, the urgent ones first, and nobody beyond a deadline.

use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_kms::{Budget, Deadline, KmsError, PerClass, Quota};
use tokio::time::Instant;

use crate::house::{House, OK, Script, fail, millis, secs};

type Budgeted = House<(Deadline, Budget)>;

const TEN_PER_SECOND: Quota = Quota {
    per_second: 10,
    burst: 2,
};

fn shared(script: &Script) -> Budgeted {
    script.behind((Deadline::after(secs(2)), Budget::shared(&TEN_PER_SECOND)))
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_burst_are_sent_at_the_rate() {
    let script = Script::new([], OK);
    let house = shared(&script);
    let start = Instant::now();
    for _ in 0..12 {
        house.sign().await.unwrap();
    }
    let elapsed = start.elapsed();
    assert!(elapsed >= secs(1) && elapsed < millis(1020), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_turn_comes_too_late_is_refused_at_once_with_a_hint() {
    let script = Script::new([], OK);
    let house = shared(&script);
    let waiting: Vec<_> = (0..21)
        .map(|_| {
            let house = house.clone();
            tokio::spawn(async move { house.sign().await })
        })
        .collect();
    tokio::task::yield_now().await;
    let start = Instant::now();
    let error = house.sign().await.unwrap_err();
    assert_eq!(start.elapsed(), secs(0));
    let KmsError::Throttled {
        retry_after: Some(hint),
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(hint > millis(1990) && hint < millis(2010), "{hint:?}");
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    assert_eq!(script.calls(), 21);
    assert_eq!(house.policy().1.refused(), 1);
}

/// Starts calls one after another, waits for all, and says in which order they ended.
async fn order_of(house: &Budgeted, calls: &[&'static str]) -> Vec<&'static str> {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for name in calls.iter().copied() {
        let (house, ended) = (house.clone(), Arc::clone(&ended));
        tasks.push(tokio::spawn(async move {
            match name {
                "sign" => drop(house.sign().await.unwrap()),
                _ => drop(house.public_key().await.unwrap()),
            }
            ended.lock().push(name);
        }));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    let ended = ended.lock();
    ended.clone()
}

#[tokio::test(start_paused = true)]
async fn use_goes_before_administration() {
    let house = shared(&Script::new([], OK));
    let calls = ["read", "read", "read", "read", "sign", "sign"];
    let order = order_of(&house, &calls).await;
    assert_eq!(order, ["read", "read", "sign", "sign", "read", "read"]);
}

#[tokio::test(start_paused = true)]
async fn classes_do_not_wait_for_each_other() {
    let none = Quota {
        per_second: 0,
        burst: 1,
    };
    let quotas = PerClass {
        administration: none,
        symmetric: TEN_PER_SECOND,
        rsa: TEN_PER_SECOND,
        ecc: TEN_PER_SECOND,
    };
    let house = Script::new([], OK).behind((Deadline::after(secs(2)), Budget::per_class(&quotas)));
    house.public_key().await.unwrap();
    let error = house.public_key().await.unwrap_err();
    assert!(
        matches!(error, KmsError::Throttled { retry_after: None }),
        "nothing ever comes of it: {error:?}"
    );
    house.sign().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_gives_the_place_back() {
    let script = Script::new([], OK);
    let house = shared(&script);
    house.sign().await.unwrap();
    house.sign().await.unwrap();
    let impatient: Vec<_> = (0..10)
        .map(|_| {
            let house = house.clone();
            tokio::spawn(async move { house.sign().await })
        })
        .collect();
    tokio::task::yield_now().await;
    let start = Instant::now();
    let patient = tokio::spawn({
        let house = house.clone();
        async move { house.sign().await }
    });
    tokio::task::yield_now().await;
    for call in &impatient {
        call.abort();
    }
    patient.await.unwrap().unwrap();
    assert!(start.elapsed() < millis(110), "{:?}", start.elapsed());
    assert_eq!(script.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_pauses_the_class_and_forfeits_the_burst() {
    let asks = fail(|_| KmsError::Throttled {
        retry_after: Some(secs(1)),
    });
    let script = Script::new([asks], OK);
    let house = shared(&script);
    let start = Instant::now();
    house.sign().await.unwrap_err();
    house.sign().await.unwrap();
    let elapsed = start.elapsed();
    assert!(
        elapsed >= millis(1100) && elapsed < millis(1120),
        "{elapsed:?}"
    );
    assert_eq!(house.policy().1.paused(), 1);
}
