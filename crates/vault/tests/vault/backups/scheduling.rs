//! Backups on a schedule: what is made, kept, removed and forgotten.

use std::{fs, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use strongroom_backup::{Protection, Unlock};
use strongroom_files::OsFiles;
use strongroom_vault::{
    BackupDue, BackupMeans, BackupRoundDone, BackupSchedule, BackupTurn, BackupWork, Vault,
    VaultError,
};

use super::{back_up, restore};
use crate::house::{House, caller, code, signing_key};

const DAY: Duration = Duration::from_secs(86_400);

fn folder(house: &House) -> PathBuf {
    house.root().join("backups")
}

/// Daily, into a folder of the house.
pub(crate) fn schedule(house: &House, keep: usize, verify: bool) -> BackupSchedule {
    BackupSchedule {
        folder: folder(house),
        every: DAY,
        keep: NonZeroUsize::new(keep).unwrap(),
        verify,
    }
}

pub(crate) fn means(files: OsFiles) -> BackupMeans {
    BackupMeans {
        protection: Protection::None,
        unlock: Unlock::Nothing,
        files: Arc::new(files),
        program: "test".to_owned(),
    }
}

/// Does what is due.
pub(crate) async fn turn(
    vault: &Vault,
    schedule: &BackupSchedule,
) -> Result<BackupTurn, VaultError> {
    let means = || Ok(means(OsFiles::new()));
    vault.take_backup_turn(&caller(), schedule, means).await
}

/// A round a day after the one before.
async fn run(
    house: &House,
    vault: &Vault,
    keep: usize,
    verify: bool,
) -> Result<BackupRoundDone, VaultError> {
    house.clock.advance(DAY);
    let schedule = schedule(house, keep, verify);
    let means = means(OsFiles::new());
    vault
        .back_up_on_schedule(&caller(), &schedule, BackupWork::Make, means)
        .await
}

pub(crate) fn files(house: &House) -> usize {
    fs::read_dir(folder(house)).unwrap().count()
}

async fn vault(house: &House) -> Vault {
    fs::create_dir(folder(house)).unwrap();
    let vault = house.create().await;
    signing_key(&vault).await;
    vault
}

#[tokio::test]
async fn so_many_are_kept_and_the_others_are_removed_and_forgotten() {
    let house = House::new();
    let vault = vault(&house).await;
    for number in 1..=5_usize {
        let done = run(&house, &vault, 3, true).await.unwrap();
        assert!(done.is_sound() && done.file.is_file());
        assert_eq!(done.removed.len(), usize::from(number > 3));
        assert!(done.removed.iter().all(|file| !file.exists()));
        assert_eq!(files(&house), number.min(3));
        assert_eq!(vault.backups().len(), number.min(3));
    }
    let verified = vault.backups().into_iter();
    assert_eq!(verified.filter(|it| it.verified_at.is_some()).count(), 3);
    vault.walk_audit(|_entry| {}).await.unwrap();
}

#[tokio::test]
async fn nothing_is_removed_that_the_schedule_did_not_make() {
    let house = House::new();
    let vault = vault(&house).await;
    // By hand, into another file; and one that only looks like ours.
    back_up(&house, &vault).await;
    let id = "ab".repeat(16);
    let alike = folder(&house).join(format!("strongroom-20200101T000000Z-{id}.backup"));
    fs::write(&alike, "of somebody else").unwrap();
    for _ in 0..3 {
        run(&house, &vault, 1, false).await.unwrap();
    }
    assert!(alike.is_file() && super::file_of(&house).is_file());
    assert_eq!(files(&house), 2);
    assert_eq!(vault.backups().len(), 2, "the one by hand, and the last");
}

#[tokio::test]
async fn the_last_verified_backup_stays_however_old_it_is() {
    let house = House::new();
    let vault = vault(&house).await;
    let verified = run(&house, &vault, 1, true).await.unwrap();
    for _ in 0..4 {
        run(&house, &vault, 1, false).await.unwrap();
    }
    assert!(verified.file.is_file());
    assert_eq!(files(&house), 2);
    let next = run(&house, &vault, 1, true).await.unwrap();
    assert!(!verified.file.exists() && next.file.is_file());
    assert_eq!(files(&house), 1);
}

#[tokio::test]
async fn a_round_that_fails_removes_nothing() {
    let house = House::new();
    let vault = vault(&house).await;
    for _ in 0..2 {
        run(&house, &vault, 2, false).await.unwrap();
    }
    let away = house.root().join("away");
    fs::rename(folder(&house), &away).unwrap();
    run(&house, &vault, 1, false).await.unwrap_err();
    assert_eq!(vault.backups().len(), 2);
    fs::rename(&away, folder(&house)).unwrap();
    assert_eq!(files(&house), 2);
}

#[tokio::test]
async fn a_backup_is_due_when_none_was_made_for_that_long() {
    let house = House::new();
    let vault = vault(&house).await;
    let schedule = schedule(&house, 1, false);
    let due = async || vault.backup_due(&schedule).await;
    let make = BackupDue::Now(BackupWork::Make);
    assert_eq!(due().await, make);
    let made = run(&house, &vault, 1, false).await.unwrap();
    assert_eq!(made.next_in, DAY);
    assert_eq!(due().await, BackupDue::In(DAY));
    house.clock.advance(DAY / 4);
    assert_eq!(due().await, BackupDue::In(DAY / 4 * 3));
    // One that somebody took away does not count, nor does one by hand.
    fs::remove_file(made.file).unwrap();
    back_up(&house, &vault).await;
    assert_eq!(due().await, make);
}

#[tokio::test]
async fn a_backup_that_nobody_came_to_verify_is_verified_and_not_made_again() {
    let house = House::new();
    let vault = vault(&house).await;
    let made = run(&house, &vault, 1, false).await.unwrap();
    house.clock.advance(DAY / 4);
    let verified = schedule(&house, 1, true);
    let BackupTurn::Done(done) = turn(&vault, &verified).await.unwrap() else {
        panic!("it was due");
    };
    assert_eq!((done.backup.id, files(&house)), (made.backup.id, 1));
    assert!(vault.backups()[0].verified_at.is_some());
    // By when it was made, not when it was verified.
    assert_eq!(done.next_in, DAY / 4 * 3);
    let next = turn(&vault, &verified).await.unwrap();
    assert!(matches!(next, BackupTurn::NotDue(left) if left == done.next_in));
}

#[tokio::test]
async fn another_backup_in_the_place_of_the_one_that_is_verified_is_noted_as_nothing() {
    let house = House::new();
    let vault = vault(&house).await;
    let older = run(&house, &vault, 5, false).await.unwrap();
    let newer = run(&house, &vault, 5, false).await.unwrap();
    fs::copy(&older.file, &newer.file).unwrap();
    let refused = turn(&vault, &schedule(&house, 5, true)).await;
    assert_eq!(code(refused), "BACKUP_DAMAGED");
    assert_eq!(vault.last_verified_backup(), None);
}

#[tokio::test]
async fn what_a_process_that_died_left_in_the_folder_is_removed_by_the_next_round() {
    let house = House::new();
    let vault = vault(&house).await;
    let left = |name: &str| folder(&house).join(format!(".{name}.1-0.partial"));
    let ours = left(&format!(
        "strongroom-20200101T000000Z-{}.backup",
        "ab".repeat(16)
    ));
    let other = left("vault.backup");
    // One that somebody else is writing just now.
    let held = left(&format!(
        "strongroom-20200101T000000Z-{}.backup",
        "cd".repeat(16)
    ));
    for file in [&ours, &other, &held] {
        fs::write(file, "half of it").unwrap();
    }
    let writer = fs::File::open(&held).unwrap();
    writer.lock().unwrap();
    run(&house, &vault, 1, false).await.unwrap();
    assert!(!ours.exists() && other.exists() && held.exists());
}

#[tokio::test]
async fn nothing_is_removed_while_the_vault_is_in_quarantine() {
    let house = House::new();
    let vault = vault(&house).await;
    run(&house, &vault, 5, true).await.unwrap();
    run(&house, &vault, 5, true).await.unwrap();
    let backup = back_up(&house, &vault).await;
    vault.close().await.unwrap();
    let elsewhere = house.neighbour();
    let vault = restore(&elsewhere, &backup, false).await.unwrap().vault;
    let done = run(&house, &vault, 1, true).await.unwrap();
    assert!(done.is_sound() && done.removed.is_empty());
    assert_eq!(files(&house), 3);
    vault.release(&caller()).await.unwrap();
    let done = run(&house, &vault, 1, true).await.unwrap();
    assert_eq!((done.removed.len(), files(&house)), (3, 1));
}
