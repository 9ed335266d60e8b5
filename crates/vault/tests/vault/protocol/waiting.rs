//! Many who want to sign while a session key is made.

use std::{
    num::NonZeroU32,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all, poll};
use strongroom_errors::Coded;
use strongroom_kms::{
    Answer, Call, Guarded, KmsError, KmsProvider, Next, Policy, Surrounded, SurroundingsSettings,
};
use strongroom_kms_local::LocalKms;
use strongroom_store::Custody;
use strongroom_test_support::{
    SeededRandom,
    kms::{Fault, FlakyKms},
};
use strongroom_vault::{SessionSigningSettings, Settings, SigningTime, VaultError};

use super::{Node, Slow, custody_of_protocol, session_key};
use crate::house::caller;

const CROWD: usize = 1000;

/// A node whose KMS fails on demand and takes 40 ms, with what surrounds any KMS.
async fn node() -> (Node, FlakyKms) {
    node_with(custody_of_protocol(Custody::External)).await
}

async fn node_with(settings: Settings) -> (Node, FlakyKms) {
    let mut flaky = None;
    let node = Node::with(settings, |house| {
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
        flaky = Some(kms.clone());
        let slow = Slow::around(Arc::new(kms), Duration::from_millis(40));
        let settings = SurroundingsSettings::default();
        let random = Arc::new(SeededRandom::new(5));
        let surrounded: Arc<dyn KmsProvider> =
            Arc::new(Surrounded::surround(slow, &settings, random, None));
        Some(surrounded)
    })
    .await;
    // Topology is read now, so that nobody waits for a disk afterwards: time stands still for disks.
    node.vault.topology_stores().await.unwrap();
    tokio::time::pause();
    (node, flaky.unwrap())
}

#[tokio::test]
async fn a_thousand_signers_at_once_have_one_session_key_made_and_all_sign_with_it() {
    let (node, kms) = node().await;
    let before = kms.calls();
    let signing = (0..CROWD).map(|_| node.signed_now());
    let signatures = join_all(signing).await;
    let key = session_key(&signatures[0]);
    assert!(signatures.iter().all(|it| session_key(it) == key));
    assert_eq!(kms.calls() - before, 1);
    assert_eq!(node.vault.session_keys(), 1);
}

#[tokio::test]
async fn a_kms_that_dies_while_a_thousand_wait_gives_all_a_clear_answer_in_bounded_time() {
    for fault in [Fault::Stalled, Fault::Unavailable, Fault::Denied] {
        let (node, kms) = node().await;
        kms.fail_from(1, fault);
        let (before, start) = (kms.calls(), tokio::time::Instant::now());
        let signing = (0..CROWD).map(|_| node.sign(node.about_now()));
        let answers = join_all(signing).await;
        for answer in answers {
            let error = answer.unwrap_err();
            let name = error.code().name();
            let is_clear = name.starts_with("KMS_") || name == "SESSION_KEY_UNAVAILABLE";
            assert!(is_clear, "{fault:?}: {error}");
        }
        let calls = kms.calls() - before;
        assert!(calls <= 60, "{fault:?}: {calls} calls");
        assert!(start.elapsed() < Duration::from_secs(600), "{fault:?}");
        assert_eq!(node.vault.session_keys(), 0);
        // It comes back, and so does everything else.
        kms.heal();
        tokio::time::advance(Duration::from_secs(3600)).await;
        session_key(&node.signed_now().await);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn whoever_has_waited_for_six_failures_gives_up_and_says_what_the_last_one_was() {
    let mut flaky = None;
    let node = Node::with(custody_of_protocol(Custody::External), |house| {
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
        flaky = Some(kms.clone());
        Some(Slow::around(Arc::new(kms), Duration::from_millis(40)))
    })
    .await;
    node.vault.topology_stores().await.unwrap();
    tokio::time::pause();
    let kms = flaky.unwrap();
    let (before, start) = (kms.calls(), tokio::time::Instant::now());
    kms.fail_from(1, Fault::Unavailable);
    let signing = (0..CROWD).map(|_| node.sign(node.about_now()));
    let answers = join_all(signing).await;
    let errors: Vec<_> = answers.into_iter().map(Result::unwrap_err).collect();
    let exhausted = |error: &&VaultError| error.code().name() == "SESSION_KEY_UNAVAILABLE";
    // Six tried, one after the other; everybody else has heard of all of them.
    assert_eq!(errors.iter().filter(exhausted).count(), CROWD - 6);
    assert_eq!(kms.calls() - before, 6);
    assert!(start.elapsed() < Duration::from_secs(1));
    let told = errors.iter().find(exhausted).unwrap().to_string();
    assert!(
        told.contains("6 attempts failed, the last with KMS_UNAVAILABLE"),
        "{told}"
    );
}

#[tokio::test]
async fn a_caller_that_leaves_has_paid_for_the_key_of_those_who_come_after_it() {
    let mut flaky = None;
    let node = Node::with(custody_of_protocol(Custody::External), |house| {
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
        flaky = Some(kms.clone());
        Some(Slow::around(Arc::new(kms), Duration::from_millis(300)))
    })
    .await;
    node.vault.topology_stores().await.unwrap();
    tokio::time::pause();
    let kms = flaky.unwrap();
    let before = kms.calls();
    let impatience = Duration::from_millis(10);
    let impatient = || tokio::time::timeout(impatience, node.signed_now());
    // One after the other: each would have the KMS called anew.
    for _ in 0..20 {
        assert!(impatient().await.is_err(), "300 ms are more than 10");
    }
    // Nobody waits for it, and it is made.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(node.vault.session_keys(), 1);
    let signature = impatient().await.unwrap();
    session_key(&signature);
    node.verify(&signature).await.unwrap();
    assert_eq!(kms.calls() - before, 1);
}

/// So many session keys are made at the same time.
const AT_ONCE: usize = 32;

/// A node, and more moments than session keys are made at once, each of which wants one of its own.
async fn moments() -> (Node, FlakyKms, Vec<SigningTime>) {
    let session_signing = SessionSigningSettings {
        validity: NonZeroU32::new(10).unwrap(),
        tolerance: Duration::from_secs(5),
        cut_off: Duration::ZERO,
        ..SessionSigningSettings::default()
    };
    let (node, kms) = node_with(Settings {
        session_signing: Some(session_signing),
        ..custody_of_protocol(Custody::External)
    })
    .await;
    let times = (0..40).map(|number| SigningTime::Exact(node.now(-890 + 20 * number)));
    let times = times.collect();
    (node, kms, times)
}

#[tokio::test]
async fn so_many_session_keys_are_made_at_once_and_beyond_them_the_long_term_key_signs() {
    let (node, kms, times) = moments().await;
    let before = kms.calls();
    let signatures = join_all(times.iter().map(|time| node.signed(*time))).await;
    let delegated = signatures.iter().filter(|it| it.delegation().is_some());
    assert_eq!(delegated.count(), AT_ONCE);
    assert_eq!(kms.calls() - before, 40);
    let numbers = node.vault.numbers_as_known().await;
    let counted = (numbers.session_keys_made, numbers.session_key_fallbacks);
    assert_eq!(counted, (32, 8));
    // Once those are made, others are.
    for time in times {
        session_key(&node.signed(time).await);
    }
    assert_eq!(node.vault.session_keys(), 40);
}

#[tokio::test]
async fn session_keys_that_nobody_waits_for_any_more_are_among_those_that_are_made_at_once() {
    let (node, _kms, times) = moments().await;
    let (abandoned, other) = (&times[..AT_ONCE], times[AT_ONCE]);
    let impatient = abandoned.iter().map(|time| {
        let signing = node.signed(*time);
        tokio::time::timeout(Duration::from_millis(10), signing)
    });
    assert!(join_all(impatient).await.iter().all(Result::is_err));
    assert!(node.signed(other).await.delegation().is_none());
    assert_eq!(node.vault.session_keys(), AT_ONCE);
    session_key(&node.signed(other).await);
}

#[tokio::test]
async fn whoever_waits_for_a_key_gets_it_although_the_one_who_asked_first_has_left() {
    let (node, kms) = node().await;
    let before = kms.calls();
    let impatient = tokio::time::timeout(Duration::from_millis(20), node.signed_now());
    let patient = node.signed_now();
    let (left, signature) = tokio::join!(impatient, patient);
    assert!(left.is_err(), "40 ms are more than 20");
    session_key(&signature);
    assert_eq!(kms.calls() - before, 1);
    assert_eq!(node.vault.session_keys(), 1);
}

#[tokio::test]
async fn a_vault_that_closes_lets_no_key_be_made_any_more() {
    let (node, kms) = node().await;
    let before = kms.calls();
    let impatient = tokio::time::timeout(Duration::from_millis(20), node.signed_now());
    assert!(impatient.await.is_err());
    let Node { vault, .. } = node;
    tokio::time::resume();
    vault.close().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The KMS takes its call after 40 ms.
    assert_eq!(kms.calls() - before, 0);
}

/// A KMS that panics unless it is told to work.
#[derive(Clone, Debug)]
struct Panicking(Arc<AtomicBool>);

impl Policy for Panicking {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert!(self.0.load(Ordering::Relaxed), "on purpose");
        next(call).await
    }
}

#[tokio::test]
async fn a_task_that_panics_while_it_makes_the_key_is_succeeded_by_one_who_waits() {
    let mut panicking = None;
    let node = Node::with(custody_of_protocol(Custody::External), |house| {
        let kms = Arc::<LocalKms>::clone(&house.kms);
        let policy = Panicking(Arc::new(AtomicBool::new(true)));
        panicking = Some(Arc::clone(&policy.0));
        Some(Arc::new(Guarded::around(kms, policy)))
    })
    .await;
    node.vault.topology_stores().await.unwrap();
    tokio::time::pause();
    let panicking = panicking.unwrap();
    panicking.store(false, Ordering::Relaxed);
    let start = tokio::time::Instant::now();
    let unlucky = async {
        let outcome = AssertUnwindSafe(node.signed_now()).catch_unwind().await;
        panicking.store(true, Ordering::Relaxed);
        outcome
    };
    let patient = join_all((0..CROWD).map(|_| node.signed_now()));
    let (outcome, signatures) = tokio::join!(unlucky, patient);
    assert!(outcome.is_err());
    let key = session_key(&signatures[0]);
    assert!(signatures.iter().all(|it| session_key(it) == key));
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_task_that_asked_for_the_key_first_and_is_held_for_ever_holds_nobody_up() {
    let (node, kms) = node().await;
    let before = kms.calls();
    let mut held = Box::pin(node.signed_now());
    assert!(poll!(held.as_mut()).is_pending());
    let start = tokio::time::Instant::now();
    let signatures = join_all((0..CROWD).map(|_| node.signed_now())).await;
    let key = session_key(&signatures[0]);
    assert!(signatures.iter().all(|it| session_key(it) == key));
    assert_eq!(kms.calls() - before, 1);
    assert!(start.elapsed() < Duration::from_secs(1));
    // It goes on after all.
    assert_eq!(session_key(&held.await), key);
}

/// A KMS that takes its time from a moment on, and then fails.
#[derive(Clone, Debug, Default)]
struct Failing(Arc<Mutex<Option<Duration>>>);

impl Policy for Failing {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let delay = *self.0.lock().unwrap();
        let Some(delay) = delay else {
            return next(call).await;
        };
        tokio::time::sleep(delay).await;
        let source = "on purpose".into();
        Err(KmsError::Unavailable { source })
    }
}

#[tokio::test]
async fn nobody_waits_for_longer_than_a_minute_however_many_tried_to_make_the_key() {
    // Without what surrounds any KMS: nothing else ends a call.
    for delay in [Duration::from_secs(25), Duration::from_secs(3600)] {
        let failing = Failing::default();
        let node = Node::with(custody_of_protocol(Custody::External), |house| {
            let kms = Arc::<LocalKms>::clone(&house.kms);
            Some(Arc::new(Guarded::around(kms, failing.clone())))
        })
        .await;
        node.vault.topology_stores().await.unwrap();
        tokio::time::pause();
        *failing.0.lock().unwrap() = Some(delay);
        let start = tokio::time::Instant::now();
        let signing = (0..CROWD).map(|_| node.sign(node.about_now()));
        let answers = join_all(signing).await;
        assert!(start.elapsed() <= Duration::from_secs(61), "{delay:?}");
        for answer in answers {
            let name = answer.unwrap_err().code().name();
            let expected = [
                "SESSION_KEY_UNAVAILABLE",
                "KMS_UNAVAILABLE",
                "KMS_TIMED_OUT",
            ];
            assert!(expected.contains(&name), "{name}");
        }
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_session_key_that_was_made_in_time_signs_no_more_once_its_long_term_key_is_retired() {
    let (node, _kms) = node().await;
    let key = node.protocol_key().await;
    let mut signing = Box::pin(node.sign(node.about_now()));
    assert!(poll!(signing.as_mut()).is_pending());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(node.vault.session_keys(), 1);
    tokio::time::resume();
    node.vault.retire_key(&caller(), &key).await.unwrap();
    assert_eq!(signing.await.unwrap_err().code().name(), "KEY_RETIRED");
}

#[tokio::test]
async fn a_long_term_key_that_is_retired_while_a_session_key_is_made_leaves_none_behind() {
    let (node, _kms) = node().await;
    let key = node.protocol_key().await;
    let signing = node.sign(node.about_now());
    // The clock of the runtime stands still, so retiring is done before the KMS answers.
    tokio::time::resume();
    let by = caller();
    let retiring = node.vault.retire_key(&by, &key);
    let (signed, retired) = tokio::join!(signing, retiring);
    retired.unwrap();
    assert_eq!(node.vault.session_keys(), 0);
    if let Err(error) = signed {
        let name = error.code().name();
        assert!(["KEY_RETIRED", "NO_CURRENT_KEY"].contains(&name), "{error}");
    }
}
