//! Restoring a backup over anchors that remember a later state: what fails, or dies, before its commit forgets nothing of that.

use std::{fs, sync::Arc};

use strongroom_backup::BackupStore;
use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded as _;
use strongroom_store::Store;
use strongroom_test_support::store::FlakyStore;
use strongroom_vault::Vault;

use super::{
    back_up,
    crashes::{OVER_LATER, survives_point},
    faults::{FAULTS, around, flaky},
    file_of, restore, restore_around,
};
use crate::{
    anchor_tag::tagged,
    crashes::points::Point,
    faults::store::FAILURES,
    house::{House, KMS_NAME, VAULT_ID, caller, check_signs, code, signing_key},
    rotating::{rotate, tell},
};

/// A vault that went on after its backups. Its anchors are a file and a tag.
struct WentOn {
    house: House,
    oldest: BackupStore,
    /// The one that is restored.
    older: BackupStore,
    /// In no backup.
    latest: Fingerprint,
}

impl WentOn {
    /// With the same data key, or the wrapper key was rotated since.
    async fn new(rotated: bool) -> Self {
        let house = House::new().with_settings(tagged(KMS_NAME, None));
        let vault = house.create().await;
        let oldest = back_up(&house, &vault).await;
        fs::remove_file(file_of(&house)).unwrap();
        signing_key(&vault).await;
        let older = back_up(&house, &vault).await;
        if rotated {
            rotate(&vault).await.unwrap();
        }
        let latest = signing_key(&vault).await;
        vault.close().await.unwrap();
        Self {
            house,
            oldest,
            older,
            latest,
        }
    }

    /// Its surroundings, without its database.
    fn without_database(&self) -> House {
        let house = self.house.copy_with_key_file();
        fs::remove_dir_all(house.vault_folder()).unwrap();
        fs::copy(file_of(&self.house), file_of(&house)).unwrap();
        house
    }

    /// What was restored, or tried to be: with `left`, every older backup is still older, and the database that was there still
    /// the latest.
    async fn is_remembered(&self, left: &House, when: &str) {
        self.older_is_refused(left, when).await;
        let house = left.copy_with_key_file().with_key_file_again();
        house.put_back(&self.house);
        let opened = house.try_open().await;
        let vault = opened.unwrap_or_else(|error| panic!("{when}: {error}"));
        check_signs(&vault, &self.latest).await;
        vault.close().await.unwrap();
    }

    async fn older_is_refused(&self, left: &House, when: &str) {
        for backup in [&self.oldest, &self.older] {
            let house = left.copy_with_key_file().with_key_file_again();
            let _ = fs::remove_dir_all(house.vault_folder());
            let refused = code(restore(&house, backup, false).await);
            assert_eq!(refused, "BACKUP_OLDER_THAN_ANCHOR", "{when}");
        }
    }

    /// Restores it, if that was not done; then that is the latest.
    async fn goes_on(&self, house: &House, is_there: bool, when: &str) {
        let vault = if is_there {
            house.open().await
        } else {
            restore(house, &self.older, true).await.unwrap().vault
        };
        assert!(vault.is_quarantined(), "{when}");
        vault.close().await.unwrap();
        house.open().await.close().await.unwrap();
        self.older_is_refused(house, when).await;
        let before = house.copy_with_key_file().with_key_file_again();
        before.put_back(&self.house);
        assert_eq!(before.refusal().await, "ROLLED_BACK", "{when}");
    }
}

async fn sweep_crashes(rotated: bool) {
    let scene = WentOn::new(rotated).await;
    let (mut before, mut after, mut again) = (0, 0, 0);
    for point in Point::all() {
        let when = format!("point {point}");
        let house = scene.without_database();
        let survived = survives_point(OVER_LATER, &house, point);
        if !survived && point.dies_again() {
            again += usize::from(!survives_point(OVER_LATER, &house, point.again(20)));
        }
        let house = house.with_key_file_again();
        let is_there = house.has_vault().await;
        if !is_there {
            scene.is_remembered(&house, &when).await;
        }
        scene.goes_on(&house, is_there, &when).await;
        if survived {
            tell!(
                "restoring over a later anchor, rotated: {rotated}: killed at {before} points before its commit, {after} after \
                 it, and {again} going on"
            );
            assert!(
                before > 20 && after > 10,
                "{before} and {after} points only"
            );
            assert!(again > 10, "{again}");
            return;
        }
        before += usize::from(!is_there);
        after += usize::from(is_there);
    }
}

#[tokio::test]
async fn a_process_that_dies_while_it_restores_an_older_state_forgets_nothing() {
    sweep_crashes(false).await;
}

#[tokio::test]
async fn nor_does_one_that_restores_a_state_from_before_a_rotation() {
    sweep_crashes(true).await;
}

#[tokio::test]
async fn a_kms_that_fails_while_an_older_state_is_restored_makes_nothing_forgotten() {
    for rotated in [false, true] {
        let scene = WentOn::new(rotated).await;
        let (mut struck, mut uncommitted) = (0, 0);
        for (fault, expected) in FAULTS {
            for number in 1.. {
                let when = format!("{expected} at call {number}");
                let house = scene.without_database().with_key_file_again();
                let kms = flaky(&house);
                kms.fail_at(number, fault);
                let environment = around(&house, house.new_store().await, &kms);
                let outcome = restore_around(environment, &house, &scene.older, true).await;
                let has_struck = kms.calls() >= number;
                let failed = match outcome {
                    Ok(restored) => {
                        restored.vault.close().await.unwrap();
                        false
                    }
                    Err(_failed) => true,
                };
                assert!(has_struck || !failed, "{when}");
                let is_there = house.has_vault().await;
                if failed && !is_there {
                    uncommitted += 1;
                    scene.is_remembered(&house, &when).await;
                }
                scene.goes_on(&house, is_there, &when).await;
                if !has_struck {
                    break;
                }
                struck += 1;
            }
        }
        tell!(
            "restoring over a later anchor, rotated: {rotated}: the KMS failed at {struck} calls, {uncommitted} of them before \
             the commit"
        );
        // The data key of the backup, and its tag.
        assert!(uncommitted >= FAULTS.len() * 2, "{uncommitted}");
    }
}

#[tokio::test]
async fn a_store_that_fails_while_an_older_state_is_restored_makes_nothing_forgotten() {
    for rotated in [false, true] {
        let scene = WentOn::new(rotated).await;
        let (mut struck, mut uncommitted) = (0, 0);
        // Of seven ways to fail, each call sees another one.
        for (number, (expected, failure)) in (1..).zip(FAILURES.into_iter().cycle()) {
            let when = format!("{expected} at call {number}");
            let house = scene.without_database().with_key_file_again();
            let store = Arc::new(FlakyStore::new(house.new_store().await));
            store.hook().fail_call(number, failure);
            let environment = house.environment(Arc::<FlakyStore>::clone(&store) as Arc<dyn Store>);
            let outcome = restore_around(environment, &house, &scene.older, true).await;
            let has_struck = store.hook().has_struck();
            store.hook().disarm();
            drop(store);
            match outcome {
                Ok(restored) => {
                    assert!(!has_struck, "{when}");
                    restored.vault.close().await.unwrap();
                }
                Err(error) => assert_eq!(error.code().name(), expected, "{when}"),
            }
            let is_there = house.has_vault().await;
            if has_struck && !is_there {
                uncommitted += 1;
                scene.is_remembered(&house, &when).await;
            }
            scene.goes_on(&house, is_there, &when).await;
            if !has_struck {
                break;
            }
            struck += 1;
        }
        tell!(
            "restoring over a later anchor, rotated: {rotated}: the store failed at {struck} calls, {uncommitted} of them before \
             the commit"
        );
        assert!(uncommitted > 10, "{uncommitted}");
    }
}

#[tokio::test]
async fn a_store_that_fails_while_an_older_state_is_accepted_makes_nothing_forgotten() {
    for rotated in [false, true] {
        let house = House::new();
        let vault = house.create().await;
        vault.close().await.unwrap();
        let older = house.copy();
        let vault = house.open().await;
        if rotated {
            rotate(&vault).await.unwrap();
        }
        let latest = signing_key(&vault).await;
        vault.close().await.unwrap();
        let mut uncommitted = 0;
        for number in 1.. {
            let when = format!("rotated: {rotated}, call {number}");
            let trial = house.copy();
            trial.put_back(&older);
            let store = Arc::new(FlakyStore::new(trial.store().await.unwrap()));
            store.hook().fail_call(number, FAILURES[0].1);
            let environment = trial.environment(Arc::<FlakyStore>::clone(&store));
            let settings = trial.settings.clone();
            let caller = &caller();
            let accepting = Vault::danger_accept_state(environment, settings, caller, VAULT_ID);
            let outcome = accepting.await;
            let has_struck = store.hook().has_struck();
            store.hook().disarm();
            drop(store);
            if !has_struck {
                outcome.unwrap().close().await.unwrap();
                trial.open().await.close().await.unwrap();
                trial.put_back(&house);
                assert_eq!(trial.refusal().await, "ROLLED_BACK", "{when}");
                break;
            }
            assert_eq!(code(outcome), "STORE_FULL", "{when}");
            uncommitted += 1;
            assert_eq!(trial.refusal().await, "ROLLED_BACK", "{when}");
            trial.put_back(&house);
            let vault = trial.open().await;
            check_signs(&vault, &latest).await;
            vault.close().await.unwrap();
        }
        tell!("accepting, rotated: {rotated}: the store failed at {uncommitted} calls");
        assert!(uncommitted > 10, "{uncommitted}");
    }
}
