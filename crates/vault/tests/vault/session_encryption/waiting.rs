//! Many who want one secret, and those who are not there any more when a KMS has decrypted it.

use std::{sync::Arc, time::Duration};

use futures_util::{future::join_all, poll};
use strongroom_crypto::AsymmetricEncrypted;
use strongroom_errors::Coded as _;
use strongroom_kms::{
    Answer, Call, Guarded, KmsError, KmsOperation, KmsProvider, MAX_CIPHERTEXT_BYTES, Next, Policy,
};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{Settings, VaultError};
use tokio::sync::Semaphore;

use super::{for_party, transaction, view};
use crate::{
    house::{House, caller, code},
    meeting::{Party, meeting_at_a_kms},
    protocol::Slow,
};

const CROWD: usize = 1000;
const DELAY: Duration = Duration::from_millis(40);

/// Bob, whose KMS fails on demand and takes its time, and a secret that Alice sent him.
async fn bob_behind_a_flaky_kms() -> (Party, FlakyKms, AsymmetricEncrypted) {
    bob_behind(DELAY).await
}

async fn bob_behind(delay: Duration) -> (Party, FlakyKms, AsymmetricEncrypted) {
    let meeting = meeting_at_a_kms(&Settings::default()).await;
    let keys = transaction(&meeting.alice, &[view(meeting.both())]).await;
    let received = for_party(&keys[0], &meeting.bob).await;
    let mut flaky = None;
    let behind = meeting.bob.over(|house| {
        let kms = FlakyKms::new(house.metered.clone());
        flaky = Some(kms.clone());
        Slow::around(Arc::new(kms), delay)
    });
    (behind.await, flaky.unwrap(), received)
}

#[tokio::test]
async fn many_who_wait_for_one_secret_cost_one_decryption() {
    let meeting = meeting_at_a_kms(&Settings::default()).await;
    let keys = transaction(&meeting.alice, &[view(meeting.both())]).await;
    let received = for_party(&keys[0], &meeting.bob).await;
    let session = meeting.bob.vault.session_encryption();
    let all = (0..1000).map(|_| session.secret(&received));
    let secrets = join_all(all).await;
    assert!(secrets.into_iter().all(|secret| secret.is_ok()));
    assert_eq!(meeting.bob.decrypted_by_kms(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_has_paid_for_the_secret_of_those_who_come_after_it() {
    let meeting = meeting_at_a_kms(&Settings::default()).await;
    let keys = transaction(&meeting.alice, &[view(meeting.both())]).await;
    let received = for_party(&keys[0], &meeting.bob).await;
    let bob = meeting.bob.behind(Duration::from_millis(300)).await;
    // Written now, so that nobody waits for a disk afterwards: time stands still for disks.
    let next = transaction(&meeting.alice, &[view([bob.member.clone()].into())]).await;
    let after = for_party(&next[0], &bob).await;
    tokio::time::pause();
    let session = bob.vault.session_encryption();
    let impatience = Duration::from_millis(10);
    let impatient = || tokio::time::timeout(impatience, session.secret(&received));
    let patient = || session.secret(&received);
    assert!(impatient().await.is_err(), "300 ms are more than 10");
    // Those who come while it is under way, and leave, cost nothing more.
    assert!(impatient().await.is_err());
    let waiting = (0..100).map(|_| patient());
    let secrets = join_all(waiting).await;
    assert!(secrets.into_iter().all(|secret| secret.is_ok()));
    impatient().await.expect("it is known").unwrap();
    assert_eq!(bob.decrypted_by_kms(), 1);
    // What nobody waits for any more is kept as well.
    let impatient = || tokio::time::timeout(impatience, session.secret(&after));
    assert!(impatient().await.is_err());
    tokio::time::sleep(Duration::from_millis(600)).await;
    impatient().await.expect("it is known").unwrap();
    assert_eq!(bob.decrypted_by_kms(), 2);
}

#[tokio::test]
async fn one_failure_costs_those_who_wait_one_more_call() {
    let (bob, kms, received) = bob_behind_a_flaky_kms().await;
    kms.fail_at(1, Fault::Unavailable);
    let before = kms.calls();
    let session = bob.vault.session_encryption();
    let all = join_all((0..CROWD).map(|_| session.secret(&received))).await;
    let failed: Vec<_> = all.into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), 1, "whoever asked first");
    assert_eq!(failed[0].code().name(), "KMS_UNAVAILABLE");
    assert_eq!(kms.calls() - before, 2);
}

#[tokio::test]
async fn a_kms_that_is_dead_is_asked_six_times_for_all_who_wait_and_for_no_longer_than_a_minute() {
    for (fault, name, calls) in [
        (Fault::Unavailable, "KMS_UNAVAILABLE", 6),
        (Fault::Throttled, "KMS_THROTTLED", 6),
        (Fault::Stalled, "KMS_TIMED_OUT", 1),
    ] {
        let (bob, kms, received) = bob_behind_a_flaky_kms().await;
        tokio::time::pause();
        kms.fail_from(1, fault);
        let (before, start) = (kms.calls(), tokio::time::Instant::now());
        let session = bob.vault.session_encryption();
        let all = join_all((0..CROWD).map(|_| session.secret(&received))).await;
        assert!(start.elapsed() <= Duration::from_secs(61), "{fault:?}");
        let exhausted = |error: &VaultError| error.code().name() == "SESSION_KEY_UNAVAILABLE";
        let (told, tried): (Vec<_>, Vec<_>) =
            all.into_iter().map(Result::unwrap_err).partition(exhausted);
        assert!(tried.len() <= calls, "{fault:?}: {tried:?}");
        assert!(tried.iter().all(|error| error.code().name() == name));
        assert!(told[0].to_string().contains(name), "{}", told[0]);
        assert!(kms.calls() - before <= calls, "{fault:?}");
        kms.heal();
        session.secret(&received).await.unwrap();
        tokio::time::resume();
    }
}

#[tokio::test]
async fn what_is_no_secret_is_told_at_once_to_all_who_wait_and_what_is_too_long_without_a_kms() {
    let (bob, kms, received) = bob_behind_a_flaky_kms().await;
    let garbage = |bytes: usize| AsymmetricEncrypted {
        ciphertext: vec![7; bytes],
        ..received.clone()
    };
    let (forged, before) = (garbage(received.ciphertext.len()), kms.calls());
    let session = bob.vault.session_encryption();
    for refused in join_all((0..CROWD).map(|_| session.secret(&forged))).await {
        assert_eq!(code(refused), "DECRYPT_FAILED");
    }
    assert_eq!(kms.calls() - before, 1);
    let too_long = garbage(MAX_CIPHERTEXT_BYTES + 1);
    assert_eq!(code(session.secret(&too_long).await), "DECRYPT_FAILED");
    assert_eq!(kms.calls() - before, 1);
}

#[tokio::test]
async fn a_secret_that_a_kms_decrypted_in_time_is_not_given_out_once_its_key_is_deleted() {
    let (bob, _kms, received) = bob_behind_a_flaky_kms().await;
    let session = bob.vault.session_encryption();
    let mut asked = Box::pin(session.secret(&received));
    assert!(poll!(asked.as_mut()).is_pending());
    // It is there for whoever looks, and nobody does.
    while bob.vault.session_encryption_numbers().receiver_entries == 0 {
        tokio::time::sleep(DELAY).await;
    }
    assert_eq!(bob.decrypted_by_kms(), 1);
    let (by, key) = (caller(), received.encrypted_for);
    let deleted = bob.vault.danger_delete_announced_key(&by, &key);
    deleted.await.unwrap();
    assert_eq!(code(asked.await), "KEY_NOT_FOUND");
}

/// A KMS whose answers to decryptions arrive when they are told to.
#[derive(Clone, Debug)]
struct Gated(Arc<Semaphore>);

impl Policy for Gated {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let is_decryption = call.operation() == KmsOperation::Decrypt;
        let answer = next(call).await;
        if is_decryption {
            drop(self.0.acquire().await);
        }
        answer
    }
}

#[tokio::test]
async fn a_key_that_is_deleted_while_a_kms_decrypts_leaves_no_secret_behind() {
    let meeting = meeting_at_a_kms(&Settings::default()).await;
    let keys = transaction(&meeting.alice, &[view(meeting.both())]).await;
    let received = for_party(&keys[0], &meeting.bob).await;
    let gate = Gated(Arc::new(Semaphore::new(0)));
    let kms = gate.clone();
    let behind = |house: &House| {
        let kms: Arc<dyn KmsProvider> = Arc::new(Guarded::around(house.metered.clone(), kms));
        kms
    };
    let bob = meeting.bob.over(behind).await;
    let session = bob.vault.session_encryption();
    let mut asked = Box::pin(session.secret(&received));
    assert!(poll!(asked.as_mut()).is_pending());
    while bob.decrypted_by_kms() == 0 {
        tokio::task::yield_now().await;
    }
    let (by, key) = (caller(), received.encrypted_for);
    let deleted = bob.vault.danger_delete_announced_key(&by, &key);
    deleted.await.unwrap();
    gate.0.add_permits(1);
    assert_eq!(code(asked.await), "KEY_NOT_FOUND");
    assert_eq!(bob.vault.session_encryption_numbers().receiver_entries, 0);
}

#[tokio::test]
async fn a_vault_that_closes_lets_nothing_be_decrypted_any_more() {
    let delay = Duration::from_secs(1);
    let (bob, kms, received) = bob_behind(delay).await;
    let before = kms.calls();
    let session = bob.vault.session_encryption();
    let impatient = tokio::time::timeout(DELAY, session.secret(&received));
    assert!(impatient.await.is_err());
    drop(session);
    bob.vault.close().await.unwrap();
    tokio::time::sleep(2 * delay).await;
    // The KMS takes its call after a while.
    assert_eq!(kms.calls() - before, 0);
}
