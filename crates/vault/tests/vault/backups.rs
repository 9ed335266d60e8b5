//! Backups: made while the vault is in use, verified in isolation, restored into an empty store.

#[path = "backups/crashes.rs"]
mod crashes;
#[path = "backups/faults.rs"]
mod faults;
#[path = "backups/making.rs"]
mod making;
#[path = "backups/over_later.rs"]
mod over_later;
#[path = "backups/quarantine.rs"]
mod quarantine;
#[path = "backups/restoring.rs"]
mod restoring;
#[path = "backups/rotations.rs"]
mod rotations;
#[path = "backups/scheduling.rs"]
pub(crate) mod scheduling;
#[path = "backups/verifying.rs"]
mod verifying;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use strongroom_backup::{BackupStore, Protection};
use strongroom_crypto::{EncryptionKeySpec, Fingerprint, Timestamp, clock::Clock};
use strongroom_files::OsFiles;
use strongroom_store::{Custody, Sealing, Store};
use strongroom_vault::{
    BackupReport, CreatedBackup, Environment, NewBackup, NewEncryptionKey, PublicKeyImport,
    Restore, Restored, Vault, VaultError,
};

use crate::{
    house::{House, caller, encryption_key, foreign_key, name, settings, signing_key},
    topology::{begin_rotation, node, protocol_key},
};

pub(crate) fn new_backup(file: &Path) -> NewBackup {
    NewBackup {
        file: file.to_owned(),
        protection: Protection::None,
        files: Arc::new(OsFiles::new()),
        program: "test".to_owned(),
    }
}

/// Where the tests put the backups of a house.
pub(crate) fn file_of(house: &House) -> PathBuf {
    house.root().join("vault.backup")
}

pub(crate) async fn try_back_up(house: &House, vault: &Vault) -> Result<CreatedBackup, VaultError> {
    let new = new_backup(&file_of(house));
    vault.create_backup(&caller(), new, |_| {}).await
}

/// Backs the vault up, and reads the backup.
pub(crate) async fn back_up(house: &House, vault: &Vault) -> BackupStore {
    try_back_up(house, vault).await.unwrap();
    read(house)
}

fn read(house: &House) -> BackupStore {
    BackupStore::read(File::open(file_of(house)).unwrap()).unwrap()
}

/// Verifies a backup with the KMS of `house`.
pub(crate) async fn verify(
    house: &House,
    backup: &BackupStore,
) -> Result<BackupReport, VaultError> {
    let environment = house.environment(Arc::new(backup.clone()));
    Vault::verify_backup(environment, house.settings.clone(), backup, |_, _| {}).await
}

/// Restores a backup into the store that `house` does not have yet.
pub(crate) async fn restore(
    house: &House,
    backup: &BackupStore,
    accept_older: bool,
) -> Result<Restored, VaultError> {
    restore_into(house.new_store().await, house, backup, accept_older).await
}

async fn restore_into(
    store: Arc<dyn Store>,
    house: &House,
    backup: &BackupStore,
    accept_older: bool,
) -> Result<Restored, VaultError> {
    let environment = house.environment(store);
    restore_around(environment, house, backup, accept_older).await
}

pub(crate) async fn restore_around(
    environment: Environment,
    house: &House,
    backup: &BackupStore,
    accept_older: bool,
) -> Result<Restored, VaultError> {
    let how = Restore {
        vault: None,
        accept_older,
    };
    Vault::restore_backup(environment, house.settings.clone(), &caller(), backup, how).await
}

/// A house with a vault that has a row in every table, and keys of every kind.
struct Everything {
    house: House,
    /// Stored readable.
    clear: Fingerprint,
    /// Sealed by the KMS itself.
    direct: Fingerprint,
    /// Held by the KMS.
    external: Fingerprint,
    retired: Fingerprint,
    encryption: Fingerprint,
}

impl Everything {
    async fn new() -> Self {
        let house = House::new();
        let (vault, _keys) = node(&house).await;
        begin_rotation(&vault, protocol_key(&vault).await).await;
        let retired = signing_key(&vault).await;
        vault.retire_key(&caller(), &retired).await.unwrap();
        let encryption = encryption_key(&vault).await;
        let import = PublicKeyImport {
            public: foreign_key(3).public,
            name: name("of a friend"),
        };
        vault.import_public_key(&caller(), import).await.unwrap();
        vault.close().await.unwrap();

        let house = house.with_settings(settings(Custody::Clear, Sealing::DataKey));
        let vault = house.open().await;
        let clear = signing_key(&vault).await;
        vault.close().await.unwrap();
        let house = house.with_settings(settings(Custody::Envelope, Sealing::Direct));
        let vault = house.open().await;
        let direct = signing_key(&vault).await;
        vault.close().await.unwrap();
        let house = house.with_settings(settings(Custody::External, Sealing::DataKey));
        let vault = house.open().await;
        let external = signing_key(&vault).await;
        let new = NewEncryptionKey {
            spec: EncryptionKeySpec::Rsa2048,
            name: None,
        };
        vault.generate_encryption_key(&caller(), new).await.unwrap();
        vault.close().await.unwrap();
        Self {
            house,
            clear,
            direct,
            external,
            retired,
            encryption,
        }
    }
}

/// Everything in a table, as text; readable keys too, since only tests have any.
fn table(house: &House, table: &str) -> Vec<String> {
    table_in(&house.vault_folder(), table)
}

/// The same of the store in a folder.
pub(crate) fn table_in(folder: &Path, table: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(folder.join("vault.db")).unwrap();
    let mut statement = database
        .prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2"))
        .unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map((), |row| {
        let values = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap()));
        Ok(values.collect::<Vec<_>>().join(" | "))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn later(house: &House, seconds: u64) -> Timestamp {
    house.clock.advance(Duration::from_secs(seconds));
    house.clock.now()
}
