//! Backups on a schedule: what is made, kept, removed and forgotten.

use std::{fs, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use strongroom_backup::{Protection, Unlock};
use strongroom_files::OsFiles;
use strongroom_vault::{BackupRound, BackupRoundDone, Vault, VaultError};

use super::back_up;
use crate::house::{House, caller, signing_key};

const DAY: Duration = Duration::from_secs(86_400);

fn folder(house: &House) -> PathBuf {
    house.root().join("backups")
}

fn round(house: &House, keep: usize, verify: bool) -> BackupRound {
    BackupRound {
        folder: folder(house),
        keep: NonZeroUsize::new(keep).unwrap(),
        protection: Protection::None,
        verify: verify.then_some(Unlock::Nothing),
        files: Arc::new(OsFiles::new()),
        program: "test".to_owned(),
    }
}

/// A round a day after the one before.
async fn run(
    house: &House,
    vault: &Vault,
    keep: usize,
    verify: bool,
) -> Result<BackupRoundDone, VaultError> {
    house.clock.advance(DAY);
    let round = round(house, keep, verify);
    vault.back_up_on_schedule(&caller(), round).await
}

fn files(house: &House) -> usize {
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
    assert_eq!(vault.next_backup_due_in(DAY), Duration::ZERO);
    run(&house, &vault, 1, false).await.unwrap();
    assert_eq!(vault.next_backup_due_in(DAY), DAY);
    house.clock.advance(DAY / 4);
    assert_eq!(vault.next_backup_due_in(DAY), DAY / 4 * 3);
    house.clock.advance(DAY);
    assert_eq!(vault.next_backup_due_in(DAY), Duration::ZERO);
}
