//! Processes that are stopped between the look and the answer, while others take the key away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use strongroom_crypto::{EncryptionKeySpec, Fingerprint};
use strongroom_kms::{Answer, Call, Guarded, KmsError, KmsOperation, Next, Policy};
use strongroom_kms_local::LocalKms;
use strongroom_store::{Custody, Replicas as _};
use strongroom_topology::{ForceFlags, SignedTransaction, StoreId};
use strongroom_vault::{
    CustodyDefaults, Environment, NamedKms, NewEncryptionKey, ReplicaSettings, Settings, VaultError,
};
use tokio::sync::Notify;

use super::company::{Company, Process, settings};
use crate::{
    house::{KMS_NAME, caller, code, sign, signing_key},
    topology::acts::initialize,
};

const BOUND: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Gate {
    stops: AtomicBool,
    reached: Notify,
    opened: Notify,
}

impl Gate {
    async fn pass(&self) {
        if self.stops.swap(false, Ordering::SeqCst) {
            self.reached.notify_one();
            self.opened.notified().await;
        }
    }

    /// Lets `user` run until it is stopped, then `meanwhile`, and then the rest.
    async fn stop<T>(
        &self,
        user: impl Future<Output = T>,
        meanwhile: impl Future<Output = ()>,
    ) -> T {
        self.stops.store(true, Ordering::SeqCst);
        let others = async {
            self.reached.notified().await;
            meanwhile.await;
            self.opened.notify_one();
        };
        tokio::join!(user, others).0
    }
}

/// Stops whoever uses a key once the KMS has done its work, and before its answer arrives.
#[derive(Debug)]
struct Stopping(Arc<Gate>);

impl Policy for Stopping {
    async fn run<T: Answer>(&self, call: Call, next: Next<'_, T>) -> Result<T, KmsError> {
        let uses = [KmsOperation::Sign, KmsOperation::Decrypt].contains(&call.operation());
        let answer = next(call).await;
        if uses {
            self.0.pass().await;
        }
        answer
    }
}

/// Keys that sign are made in the KMS, and stay; those that decrypt are kept so.
fn in_kms(strict: bool, decrypting: Custody) -> Settings {
    Settings {
        replica: ReplicaSettings {
            strict,
            ..settings().replica
        },
        custody: CustodyDefaults {
            signing: Custody::External,
            encryption: decrypting,
            ..CustodyDefaults::default()
        },
        ..settings()
    }
}

/// One that writes, and one that can be stopped.
async fn two(strict: bool) -> (Company, Process, Process, Arc<Gate>) {
    two_with(strict, Custody::Envelope).await
}

async fn two_with(strict: bool, decrypting: Custody) -> (Company, Process, Process, Arc<Gate>) {
    let (company, one) = Company::new_with(in_kms(false, decrypting)).await;
    let gate = Arc::<Gate>::default();
    let kms = Arc::<LocalKms>::clone(&company.house.kms);
    let provider = Guarded::around(kms, Stopping(Arc::clone(&gate)));
    let stopping = |usual| Environment {
        kms: vec![NamedKms {
            name: KMS_NAME.to_owned(),
            provider: Arc::new(provider),
        }],
        ..usual
    };
    let settings = in_kms(strict, decrypting);
    let two = company.open_in("two", settings, stopping).await;
    (company, one, two, gate)
}

async fn known_to(two: &Process, key: Fingerprint) -> Fingerprint {
    two.vault.catch_up().await.unwrap();
    key
}

#[tokio::test]
async fn a_strict_process_gives_no_signature_by_a_key_that_was_retired_while_it_signed() {
    let (_company, one, two, gate) = two(true).await;
    let key = known_to(&two, signing_key(&one.vault).await).await;
    let retire = async {
        one.vault.retire_key(&caller(), &key).await.unwrap();
    };
    let signed = gate.stop(sign(&two.vault, &key), retire).await;
    assert_eq!(code(signed), "KEY_RETIRED");
}

#[tokio::test]
async fn a_strict_process_gives_a_signature_although_other_keys_were_changed_while_it_signed() {
    let (_company, one, two, gate) = two(true).await;
    let key = known_to(&two, signing_key(&one.vault).await).await;
    let make = async {
        signing_key(&one.vault).await;
    };
    gate.stop(sign(&two.vault, &key), make).await.unwrap();
}

#[tokio::test]
async fn a_strict_process_gives_no_signature_when_it_cannot_look_any_more() {
    let (_company, one, two, gate) = two(true).await;
    let key = known_to(&two, signing_key(&one.vault).await).await;
    let cut_off = async { two.store.cut_off(true) };
    let signed = gate.stop(sign(&two.vault, &key), cut_off).await;
    assert_eq!(code(signed), "REPLICA_OUT_OF_TOUCH");
}

/// Within the time that it may go without a look a signature leaves; after it none does.
#[tokio::test]
async fn a_process_that_is_stopped_while_it_signs_for_longer_than_the_bound_looks_again() {
    let (_company, one, two, gate) = two(false).await;
    for (stopped_for, refused) in [
        (BOUND, None),
        (BOUND + Duration::from_secs(1), Some("KEY_RETIRED")),
    ] {
        let key = known_to(&two, signing_key(&one.vault).await).await;
        let meanwhile = async {
            one.vault.retire_key(&caller(), &key).await.unwrap();
            two.clock.advance(stopped_for);
        };
        let signed = gate.stop(sign(&two.vault, &key), meanwhile).await;
        assert_eq!(signed.err().map(|error| code::<()>(Err(error))), refused);
    }
}

#[tokio::test]
async fn what_was_decrypted_with_a_key_that_was_deleted_meanwhile_does_not_leave() {
    for strict in [true, false] {
        let (_company, one, two, gate) = two_with(strict, Custody::External).await;
        let new = NewEncryptionKey {
            spec: EncryptionKeySpec::Rsa2048,
            name: None,
        };
        let key = one.vault.generate_encryption_key(&caller(), new).await;
        let key = known_to(&two, key.unwrap().fingerprint()).await;
        let secret = two.vault.encrypt(&key, b"secret").unwrap();
        let meanwhile = async {
            one.vault.delete_key(&caller(), &key).await.unwrap();
            if !strict {
                two.clock.advance(BOUND + Duration::from_secs(1));
            }
        };
        let decrypted: Result<(), VaultError> = gate
            .stop(two.vault.decrypt(&secret), meanwhile)
            .await
            .map(drop);
        assert_eq!(code(decrypted), "KEY_NOT_FOUND", "strict: {strict}");
    }
}

/// Whoever signs topology puts it on record, so it must write; and it cannot look what was changed, and so gives nothing when anything was.
#[tokio::test]
async fn topology_is_signed_by_whoever_writes_and_not_when_anything_was_changed_meanwhile() {
    let (_company, one, two, gate) = two(true).await;
    initialize(&one.vault).await.unwrap();
    two.vault.catch_up().await.unwrap();
    let own = two.vault.topology(&StoreId::Authorized).await.unwrap();
    let rows = own.rows().iter().map(|row| Arc::clone(&row.signed));
    let whole = rows.max_by_key(|signed| signed.signatures().len()).unwrap();
    drop(own);
    let (_last, others) = whole.signatures().split_last().unwrap();
    let transaction = whole.transaction().clone();
    let partly = SignedTransaction::received(transaction, others.to_vec(), true).unwrap();
    let us = caller();
    let again = || {
        let transactions = vec![partly.clone()];
        let no_force = ForceFlags::default();
        two.vault
            .sign_transactions(&us, &StoreId::Authorized, transactions, &[], no_force)
    };
    // It is refused before a key signs: the gate is not reached.
    assert_eq!(code(again().await), "STORE_NOT_WRITER");
    one.vault.step_down(&us).await.unwrap();
    let signed = gate.stop(again(), async {}).await.unwrap();
    assert_eq!(signed[0].signatures().len(), others.len() + 1);
    let change = async {
        two.vault.step_down(&us).await.unwrap();
        // Whoever gave the lease up takes it again after a while only.
        one.clock.advance(one.store.beat_every() * 10);
        one.vault.catch_up().await.unwrap();
        signing_key(&one.vault).await;
    };
    let refused = gate.stop(again(), change).await;
    assert_eq!(code(refused), "REPLICA_BEHIND");
    assert_eq!(code(again().await), "STORE_NOT_WRITER");
}
