//! The database is gone and a backup takes its place, by a restore that may be interrupted.

use std::{fs, sync::Arc};

use strongroom_backup::BackupStore;
use strongroom_crypto::{Fingerprint, KeyUsages};
use strongroom_kms_local::LocalKms;
use strongroom_test_support::{kms::FlakyKms, store::FlakyStore};
use strongroom_vault::Vault;

use super::{
    Seen, Strike,
    run::{Kept, Model, Run, arm, environment},
    seen,
};
use crate::{
    backups::{restore, restore_around},
    house::{House, caller, code},
};

impl Run {
    pub(super) async fn restore(&mut self, before: usize, strike: Option<Strike>) {
        let Some(last) = self.backups.len().checked_sub(1) else {
            return;
        };
        let chosen = last.saturating_sub(before);
        seen(Seen::RestoredEarlier, usize::from(chosen < last));
        // Those after it are of a time that has not been.
        self.backups.truncate(chosen + 1);
        self.vault.take().unwrap().close().await.unwrap();
        let there = self.house.copy();
        // A copy: nothing is left there that would be a newer vault.
        self.move_to(self.house.copy());
        let Kept { backup, model, .. } = &self.backups[chosen];
        let mut model = model.clone();
        is_older(&self.house, backup).await;
        let vault = self.restore_through(backup, strike, &there).await;
        for key in signing(&model) {
            let refused = vault.sign(key, b"message", KeyUsages::ALL).await;
            assert_eq!(code(refused), "VAULT_IN_QUARANTINE");
        }
        self.retire_again(&vault, &mut model).await;
        vault.release(&caller()).await.unwrap();
        vault.close().await.unwrap();
        self.model = model;
        seen(Seen::Restored, 1);
        self.reopen().await;
        self.given_up = self.unused_wrapper_keys().await;
    }

    /// Restores the backup in the end, whatever comes between. Until then nothing is forgotten: it is older than what was
    /// confirmed, and the database that was `there` is the latest.
    async fn restore_through(
        &self,
        backup: &BackupStore,
        strike: Option<Strike>,
        there: &House,
    ) -> Vault {
        let store = Arc::new(FlakyStore::new(self.house.new_store().await));
        let kms = FlakyKms::new(Arc::<LocalKms>::clone(&self.house.kms));
        arm(strike, &store, &kms);
        let environment = environment(&self.house, &store, &kms);
        let outcome = restore_around(environment, &self.house, backup, true).await;
        store.hook().disarm();
        drop(store);
        match outcome {
            Ok(restored) => restored.vault,
            // All was written; only opening it failed.
            Err(_failed) if self.house.has_vault().await => self.house.open().await,
            Err(_failed) => {
                seen(Seen::RestoreInterrupted, 1);
                let copy = self.house.copy();
                copy.put_back(there);
                copy.open().await.close().await.unwrap();
                is_older(&self.house, backup).await;
                restore(&self.house, backup, true).await.unwrap().vault
            }
        }
    }

    /// As the operator does before the end of the quarantine: what was retired since the backup is retired again.
    async fn retire_again(&self, vault: &Vault, model: &mut Model) {
        for (key, known) in model {
            if self.retired.contains(key) && !known.retired {
                vault.retire_key(&caller(), key).await.unwrap();
                known.retired = true;
                seen(Seen::RetiredAgain, 1);
            }
        }
    }
}

fn signing(model: &Model) -> impl Iterator<Item = &Fingerprint> {
    let signs = model.iter().filter(|(_, known)| known.history.is_none());
    signs.map(|(key, _)| key)
}

/// Without a word about older states it is refused, and there is no database afterwards.
async fn is_older(house: &House, backup: &BackupStore) {
    fs::remove_dir_all(house.vault_folder()).unwrap();
    let refused = restore(house, backup, false).await;
    assert_eq!(code(refused), "BACKUP_OLDER_THAN_ANCHOR");
    fs::remove_dir_all(house.vault_folder()).unwrap();
}
