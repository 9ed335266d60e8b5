//! Everything at once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_errors::Coded;
use strongroom_kms_local::LocalKms;
use strongroom_store::{Custody, Sealing};
use strongroom_test_support::kms::{Fault, FlakyKms};
use strongroom_vault::{AuditOperation, ExportForm, KeyFilter, NewSigningKey, Vault, VaultError};

use crate::{
    faults::kms::open_with,
    house::{
        ALLOW_PROTOCOL, House, Picture, all_keys, caller, check_signs, code, encryption_key, name,
        new_protocol_key, settings, sign, signing_key,
    },
};

/// A key is deleted or retired by one task while another uses it: that is all that may go wrong.
fn overtaken<T>(outcome: Result<T, VaultError>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            let code = error.code().name();
            let expected = ["KEY_NOT_FOUND", "KEY_RETIRED"];
            assert!(expected.contains(&code), "{error:?}");
            None
        }
    }
}

fn signing_keys(vault: &Vault) -> Vec<Fingerprint> {
    vault
        .list(&KeyFilter::default())
        .unwrap()
        .iter()
        .filter(|key| key.usages().is_some())
        .map(|key| key.fingerprint())
        .collect()
}

/// What the tasks share.
struct Bustle {
    vault: Vault,
    /// Acts that were done, each of which has one audit record; but for retiring, where others may have been faster.
    acts: AtomicU64,
}

impl Bustle {
    fn count<T>(&self, done: Option<T>) {
        if done.is_some() {
            self.acts.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// One of the keys, another one with each turn.
    fn pick(&self, turn: usize) -> Option<Fingerprint> {
        let keys = signing_keys(&self.vault);
        keys.get(turn % keys.len().max(1)).copied()
    }

    async fn act(&self, task: usize, turn: usize) {
        let (vault, caller) = (&self.vault, &caller());
        let Some(key) = self.pick(task * 7 + turn * 3) else {
            return self.count(Some(signing_key(vault).await));
        };
        match task % 8 {
            0 | 1 => {
                let new = vault
                    .generate_signing_key(caller, new_protocol_key())
                    .await
                    .unwrap();
                self.count(Some(new));
            }
            2 => self.count(overtaken(vault.delete_key(caller, &key).await)),
            3 => {
                overtaken(sign(vault, &key).await);
                if overtaken(vault.retire_key(caller, &key).await).is_some() {
                    let after = code(sign(vault, &key).await);
                    assert!(["KEY_RETIRED", "KEY_NOT_FOUND"].contains(&after));
                }
            }
            4 => {
                let form = ExportForm::Pkcs8Der;
                self.count(overtaken(vault.export_key(caller, &key, &form).await));
            }
            5 => {
                vault.sweep();
                let inspection = vault.inspect(|_, _| {}).await.unwrap();
                assert!(inspection.broken.is_empty(), "{inspection:?}");
            }
            _ => {
                if let Some(signature) = overtaken(vault.sign(&key, b"m", ALLOW_PROTOCOL).await) {
                    overtaken(vault.verify(b"m", &signature, ALLOW_PROTOCOL));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_generate_delete_retire_export_and_sign_at_once_leave_a_sound_vault() {
    let house = House::new();
    let vault = house.create().await;
    let new = vec![new_protocol_key(); 30];
    vault.generate_signing_keys(&caller(), new).await.unwrap();
    vault.close().await.unwrap();
    let bustle = Arc::new(Bustle {
        vault: house.open().await,
        acts: AtomicU64::new(31),
    });
    let tasks: Vec<_> = (0..24)
        .map(|task| {
            let bustle = Arc::clone(&bustle);
            tokio::spawn(async move {
                for turn in 0..12 {
                    bustle.act(task, turn).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let bustle = Arc::into_inner(bustle).unwrap();
    let picture = Picture::of(&bustle.vault).await;
    let mut retired = Vec::new();
    let mut others = 0;
    bustle
        .vault
        .walk_audit(|record| match record.operation {
            AuditOperation::RetireKey => retired.push(record.key),
            _ => others += 1,
        })
        .await
        .unwrap();
    assert_eq!(others, bustle.acts.into_inner());
    let records = retired.len();
    retired.sort();
    retired.dedup();
    assert_eq!(retired.len(), records, "no key retires twice");
    bustle.vault.close().await.unwrap();
    let vault = house.open().await;
    assert_eq!(Picture::of(&vault).await, picture);
    for key in signing_keys(&vault) {
        overtaken(sign(&vault, &key).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_sealed_or_retired_while_others_open_it_raises_no_false_alarm() {
    for sealing in [Sealing::DataKey, Sealing::Direct] {
        let house = House::new().with_settings(settings(Custody::Clear, sealing));
        let vault = house.create().await;
        let new = vec![new_protocol_key(); 25];
        vault.generate_signing_keys(&caller(), new).await.unwrap();
        let decrypting = encryption_key(&vault).await;
        vault.close().await.unwrap();
        let house = house.with_settings(settings(Custody::Envelope, sealing));
        let vault = Arc::new(house.open().await);
        let encrypted = Arc::new(vault.encrypt(&decrypting, b"m").unwrap());
        let keys = signing_keys(&vault);
        let readers: Vec<_> = (0..6)
            .map(|reader| {
                let (vault, keys) = (Arc::clone(&vault), keys.clone());
                let encrypted = Arc::clone(&encrypted);
                tokio::spawn(async move {
                    for key in &keys {
                        let form = ExportForm::Pkcs8Der;
                        match reader % 3 {
                            0 => drop(overtaken(sign(&vault, key).await)),
                            1 => drop(vault.export_key(&caller(), key, &form).await.unwrap()),
                            _ => {
                                vault.decrypt(&encrypted).await.unwrap();
                                vault.find_private_keys(&[*key], b"").await.unwrap();
                            }
                        }
                    }
                })
            })
            .collect();
        for key in &keys {
            vault.seal_clear_key(&caller(), key).await.unwrap();
            vault.retire_key(&caller(), key).await.unwrap();
        }
        vault.seal_clear_key(&caller(), &decrypting).await.unwrap();
        for reader in readers {
            reader.await.unwrap();
        }
        assert!(vault.clear_keys().is_empty());
        for key in &keys {
            assert_eq!(code(sign(&vault, key).await), "KEY_RETIRED");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_key_imported_by_many_at_once_is_there_once() {
    let house = House::new();
    let vault = Arc::new(house.create().await);
    let importers: Vec<_> = (0..16)
        .map(|_| {
            let vault = Arc::clone(&vault);
            let key = crate::house::foreign_key(5);
            tokio::spawn(async move { vault.import_key(&caller(), key).await.unwrap() })
        })
        .collect();
    for importer in importers {
        importer.await.unwrap();
    }
    let picture = Picture::of(&vault).await;
    assert_eq!((picture.keys.len(), picture.audit_records), (1, 2));
    check_signs(&vault, &all_keys(&vault)[0].fingerprint()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_who_delete_the_same_key_at_once_does_and_the_other_hears_that_it_is_gone() {
    let house = House::new();
    let vault = Arc::new(house.create().await);
    for _ in 0..10 {
        let key = signing_key(&vault).await;
        let delete = || {
            let vault = Arc::clone(&vault);
            tokio::spawn(async move { vault.delete_key(&caller(), &key).await })
        };
        let (one, other) = (delete(), delete());
        let outcomes = [one.await.unwrap(), other.await.unwrap()];
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(done, 1, "{outcomes:?}");
        for outcome in outcomes {
            overtaken(outcome);
        }
    }
    assert_eq!(vault.key_count(), 0);
}

#[tokio::test]
async fn keys_that_are_generated_together_are_sealed_by_the_kms_at_once_within_a_bound() {
    const MANY: usize = 40;
    const AT_ONCE: usize = 16;
    let house = House::new().with_settings(settings(Custody::Envelope, Sealing::Direct));
    house.create().await.close().await.unwrap();
    let kms = FlakyKms::new(Arc::<LocalKms>::clone(&house.kms));
    let vault = open_with(&house, &kms).await;
    let new: Vec<_> = (0..MANY)
        .map(|number| NewSigningKey {
            name: name(&format!("key-{number}")),
            ..new_protocol_key()
        })
        .collect();

    // Every call waits for ever, so that those that were made are those that wait.
    let before = kms.calls();
    let waiting = || kms.calls() - before;
    kms.fail_from(1, Fault::Stalled);
    {
        let caller = caller();
        let mut making = std::pin::pin!(vault.generate_signing_keys(&caller, new.clone()));
        for _ in 0..1_000_000 {
            tokio::select! {
                biased;
                made = &mut making => panic!("did not wait: {made:?}"),
                () = tokio::task::yield_now() => {}
            }
            if waiting() == AT_ONCE {
                break;
            }
        }
        assert_eq!(waiting(), AT_ONCE);
        for _ in 0..1000 {
            let polled = futures_util::poll!(&mut making);
            assert!(polled.is_pending());
            tokio::task::yield_now().await;
        }
        assert_eq!(waiting(), AT_ONCE);
    }
    kms.heal();
    assert_eq!(vault.key_count(), 0);

    let before = kms.calls();
    let made = vault.generate_signing_keys(&caller(), new.clone()).await;
    let made = made.unwrap();
    assert_eq!(kms.calls() - before, MANY);
    let names = |names: &mut dyn Iterator<Item = Option<KeyName>>| names.collect::<Vec<_>>();
    assert_eq!(
        names(&mut made.iter().map(|key| key.name.clone())),
        names(&mut new.into_iter().map(|new| new.name)),
        "in the order in which they were asked for"
    );
    for key in made {
        check_signs(&vault, &key.fingerprint()).await;
    }
}
