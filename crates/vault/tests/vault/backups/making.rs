//! Making a backup, and what the vault remembers of it.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use strongroom_backup::{BackupStore, Section};
use strongroom_errors::Coded;
use strongroom_vault::VaultError;

use super::{Everything, back_up, file_of, later, new_backup, read, table, try_back_up, verify};
use crate::house::{House, caller, code, encryption_key, signing_key};

#[tokio::test]
async fn a_backup_is_remembered_and_so_is_that_it_was_verified() {
    let house = House::new();
    let vault = house.create().await;
    signing_key(&vault).await;
    assert_eq!(vault.backups(), []);
    let created = try_back_up(&house, &vault).await.unwrap();
    assert_eq!(vault.backups(), std::slice::from_ref(&created.backup));
    assert_eq!(created.manifest.rows(Section::Keys), 1);
    assert_eq!(created.backup.verified_at, None);
    assert_eq!(vault.last_verified_backup(), None);
    let bytes = std::fs::read(file_of(&house)).unwrap();
    assert_eq!(created.bytes, bytes.len() as u64);
    let hash = strongroom_crypto::HashBuilder::without_purpose()
        .raw(&bytes)
        .finish();
    assert_eq!(created.backup.file_hash, *hash.as_bytes());

    let made_at = created.backup.created_at;
    let verified_at = later(&house, 60);
    let report = verify(&house, &read(&house)).await.unwrap();
    let noted = vault
        .note_verified(&caller(), &report, *hash.as_bytes())
        .await;
    let noted = noted.unwrap().unwrap();
    assert_eq!(noted.verified_at, Some(verified_at));
    assert_eq!(vault.last_verified_backup(), Some(made_at));
    assert_eq!(
        vault.data_keys_of_backups(),
        noted.needs.iter().copied().collect()
    );
    vault.close().await.unwrap();

    let vault = house.open().await;
    assert_eq!(vault.backups(), [noted]);
    let mut operations = Vec::new();
    vault
        .walk_audit(|entry| operations.push(entry.operation.name()))
        .await
        .unwrap();
    assert_eq!(
        operations,
        [
            "create_vault",
            "generate_key",
            "create_backup",
            "verify_backup"
        ]
    );
}

#[tokio::test]
async fn a_verified_backup_that_the_vault_did_not_know_is_known_then() {
    let house = House::new();
    let vault = house.create().await;
    let report = verify(&house, &back_up(&house, &vault).await)
        .await
        .unwrap();
    vault.close().await.unwrap();
    let forgetful = House::new();
    let before = forgetful.create().await;
    let foreign = before.note_verified(&caller(), &report, [1; 32]).await;
    // The vaults of all houses have the same id, and their data keys differ: what a row needs is said by the backup.
    let noted = foreign.unwrap().unwrap();
    assert_eq!(noted.needs, report.data_keys);
    assert_eq!(noted.file_hash, [1; 32]);
}

#[tokio::test]
async fn a_backup_is_its_owners_only_and_takes_nobodys_place() {
    let house = House::new();
    let vault = house.create().await;
    try_back_up(&house, &vault).await.unwrap();
    let mode = std::fs::metadata(file_of(&house))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(file_of(&house)).unwrap();
    let error = try_back_up(&house, &vault).await.unwrap_err();
    assert!(matches!(error, VaultError::File(_)), "{error:?}");
    assert_eq!(error.code().name(), "FILE_EXISTS");
    assert_eq!(std::fs::read(file_of(&house)).unwrap(), before);
    assert_eq!(vault.backups().len(), 1);
}

#[tokio::test]
async fn an_operator_who_edits_what_is_known_of_backups_is_noticed() {
    let house = House::new();
    let vault = house.create().await;
    try_back_up(&house, &vault).await.unwrap();
    vault.close().await.unwrap();
    for edit in [
        "UPDATE backups SET verified_at = 1",
        "UPDATE backups SET created_at = created_at + 1",
        "UPDATE backups SET generation = generation + 1",
        "UPDATE backups SET file_hash = zeroblob(32)",
        "UPDATE backups SET needs = zeroblob(16)",
        "UPDATE backups SET mac = zeroblob(32)",
        "DELETE FROM backups",
    ] {
        let copy = house.copy();
        assert_eq!(copy.database().execute(edit, ()).unwrap(), 1);
        let refusal = copy.refusal().await;
        let expected = if edit.starts_with("DELETE") {
            "STATE_MISMATCH"
        } else {
            "ROW_NOT_AUTHENTIC"
        };
        assert_eq!(refusal, expected, "{edit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_taken_while_keys_come_and_go_is_one_moment() {
    let house = House::new();
    let vault = Arc::new(house.create().await);
    let done = Arc::new(AtomicBool::new(false));
    let busy = {
        let (vault, done) = (Arc::clone(&vault), Arc::clone(&done));
        tokio::spawn(async move {
            let mut acts = 0;
            while !done.load(Ordering::SeqCst) {
                let key = signing_key(&vault).await;
                encryption_key(&vault).await;
                vault.retire_key(&caller(), &key).await.unwrap();
                acts += 3;
            }
            acts
        })
    };
    let mut generations = Vec::new();
    for number in 0..6 {
        let file = house.root().join(format!("{number}.backup"));
        let backup = vault
            .create_backup(&caller(), new_backup(&file), |_| {})
            .await;
        let backup = backup.unwrap().backup;
        let store = BackupStore::read(std::fs::File::open(&file).unwrap()).unwrap();
        let report = verify(&house, &store).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.header.generation, backup.generation);
        generations.push(backup.generation);
    }
    done.store(true, Ordering::SeqCst);
    assert!(busy.await.unwrap() > 0);
    assert!(generations.is_sorted());
    assert_eq!(vault.backups().len(), 6);
}

#[tokio::test]
async fn no_readable_key_is_in_a_backup() {
    let everything = Everything::new().await;
    let house = &everything.house;
    let vault = house.open().await;
    back_up(house, &vault).await;
    vault.close().await.unwrap();
    let database = house.database();
    let key: Vec<u8> = database
        .query_row(
            "SELECT stored_key FROM private_keys WHERE fingerprint = ?1",
            [everything.clear.as_bytes()],
            |row| row.get(0),
        )
        .unwrap();
    assert!(key.len() >= 32, "a readable key");
    assert!(memchr::memmem::find(&house.database_bytes(), &key).is_some());
    let bytes = std::fs::read(file_of(house)).unwrap();
    assert!(memchr::memmem::find(&bytes, &key).is_none());
    assert_eq!(table(house, "backups").len(), 1);
}

#[tokio::test]
async fn a_backup_into_a_folder_that_is_not_there_is_an_error_and_not_remembered() {
    let house = House::new();
    let vault = house.create().await;
    let new = new_backup(&house.root().join("nowhere").join("vault.backup"));
    let outcome = vault.create_backup(&caller(), new, |_| {}).await;
    assert_eq!(code(outcome.map(drop)), "FILE_NOT_FOUND");
    assert_eq!(vault.backups(), []);
}
