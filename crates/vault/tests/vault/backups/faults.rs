//! Every call of the KMS, and of the store, fails once while a backup is verified, restored, or made on schedule.

use std::{fs, sync::Arc, time::Duration};

use strongroom_errors::Coded as _;
use strongroom_kms::KmsProvider as _;
use strongroom_kms_local::LocalKms;
use strongroom_store::Store;
use strongroom_test_support::{
    kms::{Fault, FlakyKms},
    store::FlakyStore,
};
use strongroom_vault::{
    Backup, BackupSchedule, BackupTurn, Environment, NamedKms, NamedWrapper, Vault,
};

use super::{
    Everything, back_up, restore_around,
    scheduling::{files, schedule, turn},
    verify,
};
use crate::{
    faults::{
        kms::open_with,
        store::{FAILURES, open_over},
    },
    house::{House, KMS_NAME, Picture, caller, code},
    rotating::tell,
};

pub(super) const FAULTS: [(Fault, &str); 4] = [
    (Fault::AnswerLost, "KMS_TIMED_OUT"),
    (Fault::Denied, "KMS_DENIED"),
    (Fault::Throttled, "KMS_THROTTLED"),
    (Fault::Unavailable, "KMS_UNAVAILABLE"),
];

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn flaky(house: &House) -> FlakyKms {
    FlakyKms::new(Arc::<LocalKms>::clone(&house.kms))
}

/// What is around a vault over `store` whose KMS is this one.
pub(super) fn around(house: &House, store: Arc<dyn Store>, kms: &FlakyKms) -> Environment {
    Environment {
        wrappers: vec![NamedWrapper {
            name: KMS_NAME.to_owned(),
            wrapper: kms.key_wrapper().unwrap(),
        }],
        kms: vec![NamedKms {
            name: KMS_NAME.to_owned(),
            provider: Arc::new(kms.clone()),
        }],
        ..house.environment(store)
    }
}

#[tokio::test]
async fn a_kms_that_fails_at_any_call_of_verifying_is_told_and_nothing_else_is_found_wrong() {
    let everything = Everything::new().await;
    let house = &everything.house;
    let vault = house.open().await;
    let backup = back_up(house, &vault).await;
    vault.close().await.unwrap();
    let sound = verify(house, &backup).await.unwrap();
    let (mut struck, mut unopened, mut keys, mut wraps) = (0, 0, 0, 0);
    for (fault, expected) in FAULTS {
        for number in 1.. {
            let when = format!("{expected} at call {number}");
            let kms = flaky(house);
            let environment = around(house, Arc::new(backup.clone()), &kms);
            kms.fail_at(number, fault);
            let settings = house.settings.clone();
            let outcome = Vault::verify_backup(environment, settings, &backup, |_, _| {}).await;
            if kms.calls() < number {
                let report = outcome.unwrap();
                assert!(report.is_sound(), "{when}");
                assert_eq!(report.used, sound.used, "{when}");
                break;
            }
            struck += 1;
            let report = match outcome {
                Err(error) => {
                    assert_eq!(error.code().name(), "NO_WRAP_OPENS", "{when}");
                    unopened += 1;
                    continue;
                }
                Ok(report) => report,
            };
            // One fault, one finding: a key that is not trusted now, or a wrap that was not seen to open.
            let failed: Vec<_> = report
                .failed
                .iter()
                .map(|(_, error)| error.code())
                .collect();
            let shut: Vec<_> = report
                .wraps
                .iter()
                .filter_map(|wrap| wrap.failure)
                .collect();
            assert_eq!(failed.len() + shut.len(), 1, "{when}: {report:?}");
            assert!(failed.iter().all(|code| code.name() == expected), "{when}");
            assert!(shut.iter().all(|code| *code == expected), "{when}");
            assert_eq!(report.is_sound(), failed.is_empty(), "{when}");
            assert!(report.audit.is_ok() && report.topology.is_ok(), "{when}");
            keys += failed.len();
            wraps += shut.len();
        }
    }
    tell!("the KMS failed at {struck} calls of verifying");
    // To open it; the key that it sealed itself, and the two that it holds; the wrap once more.
    assert!(unopened >= FAULTS.len() && wraps >= FAULTS.len());
    assert!(keys >= FAULTS.len() * 3, "{keys}");
}

#[tokio::test]
async fn a_kms_that_fails_at_any_call_of_restoring_leaves_no_vault_or_the_restored_one() {
    let everything = Everything::new().await;
    let original = &everything.house;
    let vault = original.open().await;
    let backup = back_up(original, &vault).await;
    let before = Picture::of(&vault).await;
    vault.close().await.unwrap();
    let (mut struck, mut left) = (0, 0);
    for (fault, expected) in FAULTS {
        for number in 1.. {
            let when = format!("{expected} at call {number}");
            let house = original.neighbour();
            let kms = flaky(&house);
            kms.fail_at(number, fault);
            let store = house.new_store().await;
            let environment = around(&house, Arc::clone(&store), &kms);
            let outcome = restore_around(environment.clone(), &house, &backup, false).await;
            let has_struck = kms.calls() >= number;
            kms.heal();
            let vault = match outcome {
                Ok(restored) => {
                    assert!(!has_struck, "{when}");
                    restored.vault
                }
                Err(error) => {
                    struck += 1;
                    assert_eq!(error.code().name(), "NO_WRAP_OPENS", "{when}");
                    let is_there = store.read().await.unwrap().vault().await.unwrap().is_some();
                    left += usize::from(is_there);
                    if is_there {
                        // All was written; only opening it failed.
                        let opened = Vault::open(environment, house.settings.clone());
                        opened.await.unwrap()
                    } else {
                        let again = restore_around(environment, &house, &backup, false);
                        again.await.unwrap().vault
                    }
                }
            };
            assert!(vault.is_quarantined(), "{when}");
            let after = Picture::of(&vault).await;
            assert_eq!(after.keys, before.keys, "{when}");
            // One record of the restoring, and none of the backup that it is from.
            assert_eq!(after.audit_records, before.audit_records, "{when}");
            vault.release(&caller()).await.unwrap();
            vault.close().await.unwrap();
            house.open().await.close().await.unwrap();
            if !has_struck {
                break;
            }
        }
    }
    tell!("the KMS failed at {struck} calls of restoring, {left} of them after the commit");
    // The backup is opened, and then the vault.
    assert_eq!((struck, left), (FAULTS.len() * 2, FAULTS.len()));
}

/// A vault with keys of every kind, backed up on a schedule that keeps one.
struct Scheduled {
    house: House,
    schedule: BackupSchedule,
}

impl Scheduled {
    /// The next backup is due.
    async fn new(everything: &Everything) -> Self {
        let house = everything.house.copy();
        let schedule = schedule(&house, 1, true);
        fs::create_dir(&schedule.folder).unwrap();
        let vault = house.open().await;
        let first = turn(&vault, &schedule).await.unwrap();
        assert!(matches!(first, BackupTurn::Done(done) if done.is_sound()));
        vault.close().await.unwrap();
        house.clock.advance(DAY);
        Self { house, schedule }
    }

    /// After a round that failed: there is a verified backup all the while, and the next round goes on with what is there.
    async fn goes_on(&self, vault: &Vault, when: &str) {
        let there = |backup: &Backup| {
            let mut names = fs::read_dir(&self.schedule.folder).unwrap();
            names.any(|entry| {
                let name = entry.unwrap().file_name();
                name.to_string_lossy().contains(&backup.id.to_string())
            })
        };
        let verified = |vault: &Vault| {
            let mut backups = vault.backups().into_iter();
            backups.any(|backup| backup.verified_at.is_some() && there(&backup))
        };
        assert!(verified(vault), "{when}");
        assert!(files(&self.house) <= 2, "{when}");
        let done = turn(vault, &self.schedule).await.unwrap();
        if let BackupTurn::Done(done) = done {
            assert!(done.is_sound(), "{when}");
            assert_eq!(done.next_in, DAY, "{when}");
        }
        assert!(verified(vault), "{when}");
        let known: Vec<_> = vault.backups().into_iter().filter(there).collect();
        assert_eq!(known.len(), files(&self.house), "{when}: none is unknown");
    }
}

#[tokio::test]
async fn a_kms_that_fails_at_any_call_of_a_round_costs_no_backup_and_makes_no_second_one() {
    let everything = Everything::new().await;
    let mut struck = 0;
    for (fault, expected) in FAULTS {
        for number in 1.. {
            let when = format!("{expected} at call {number}");
            let scheduled = Scheduled::new(&everything).await;
            let kms = flaky(&scheduled.house);
            let vault = open_with(&scheduled.house, &kms).await;
            let before = kms.calls();
            kms.fail_at(number, fault);
            let outcome = turn(&vault, &scheduled.schedule).await;
            let has_struck = kms.calls() - before >= number;
            kms.heal();
            struck += usize::from(has_struck);
            let is_sound =
                |turn: &BackupTurn| matches!(turn, BackupTurn::Done(done) if done.is_sound());
            match outcome {
                Ok(turn) if !has_struck => assert!(is_sound(&turn), "{when}"),
                // A wrap that was not seen to open is no fault of the backup.
                Ok(turn) if is_sound(&turn) => {}
                Ok(_not_sound) => assert_eq!(files(&scheduled.house), 2, "{when}"),
                Err(error) => {
                    assert_eq!(error.code().name(), "NO_WRAP_OPENS", "{when}");
                    assert_eq!(files(&scheduled.house), 2, "{when}");
                }
            }
            scheduled.goes_on(&vault, &when).await;
            assert_eq!(files(&scheduled.house), 1, "{when}");
            vault.close().await.unwrap();
            if !has_struck {
                break;
            }
        }
    }
    tell!("the KMS failed at {struck} calls of a round on schedule");
    assert!(struck >= FAULTS.len() * 5, "{struck}");
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_of_a_round_costs_no_backup_and_leaves_no_file_that_nobody_knows()
 {
    let everything = Everything::new().await;
    let mut struck = 0;
    // Of seven ways to fail, each call sees another one.
    for (number, (expected, failure)) in (1..).zip(FAILURES.into_iter().cycle()) {
        let when = format!("{expected} at call {number}");
        let scheduled = Scheduled::new(&everything).await;
        let store = Arc::new(FlakyStore::new(scheduled.house.store().await.unwrap()));
        let vault = open_over(&scheduled.house, Arc::<FlakyStore>::clone(&store)).await;
        store.hook().fail_call(number, failure);
        let outcome = turn(&vault, &scheduled.schedule).await;
        let has_struck = store.hook().has_struck();
        store.hook().disarm();
        if has_struck {
            struck += 1;
            assert_eq!(code(outcome), expected, "{when}");
        } else {
            outcome.unwrap();
        }
        scheduled.goes_on(&vault, &when).await;
        vault.close().await.unwrap();
        if !has_struck {
            break;
        }
    }
    tell!("the store failed at {struck} calls of a round on schedule");
    assert!(struck > 25, "{struck}");
}
