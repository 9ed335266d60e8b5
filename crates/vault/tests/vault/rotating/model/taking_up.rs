//! The end of a history: everything that was interrupted is taken up, and then the KMS has nothing that nobody knows.

use std::collections::BTreeSet;

use strongroom_errors::Coded as _;
use strongroom_kms::KmsKeyId;
use strongroom_kms_local::KeyKind;
use strongroom_vault::{JournalEntry, Orphan, Place};

use super::{Act, Seen, Step, invariants::held, run::Run, seen};
use crate::{
    house::{KMS_NAME, all_keys, caller},
    rotating::rotate,
};

impl Run {
    pub(super) async fn take_everything_up(&mut self) {
        self.end_rotations().await;
        for entry in self.vault().kms_journal() {
            self.take_up(&entry).await;
        }
        self.learn_of_new_keys();
        self.check().await;
        self.destroy_orphans().await;
        self.check_kms();
    }

    async fn end_rotations(&mut self) {
        while !self.vault().rotations().is_empty() {
            self.step(&Step::Do(Act::AdvanceNodeRotation, None)).await;
        }
        rotate(self.vault()).await.unwrap();
        self.check().await;
        assert_eq!(self.vault().wrapper_key_rotation(), None);
        let left_behind = self.unused_wrapper_keys().await - self.given_up;
        assert!(
            left_behind <= 1,
            "{left_behind} wrapper keys were left behind"
        );
        if left_behind == 1 {
            rotate(self.vault()).await.unwrap();
            self.check().await;
            let left_behind = self.unused_wrapper_keys().await - self.given_up;
            assert_eq!(left_behind, 0, "nobody took it up");
        }
    }

    /// What an interruption has left: the key comes to be what it was to be, or is destroyed.
    async fn take_up(&self, entry: &JournalEntry) {
        let (vault, caller) = (self.vault(), &caller());
        if entry.progress().is_leaving() {
            return;
        }
        if let Some(key) = entry
            .fingerprint()
            .filter(|key| self.model.contains_key(key))
        {
            let place = Place::External { kms: None };
            vault.migrate_key(caller, &key, &place).await.unwrap();
            seen(Seen::TakenUp, 1);
        }
        let orphans = vault.find_orphans().await.unwrap().found;
        let of_entry = |orphan: &&Orphan| orphan.journal == Some(entry.id());
        if entry.fingerprint().is_none()
            && let Some(orphan) = orphans.iter().find(of_entry)
        {
            let adopted = vault.adopt_orphan(caller, KMS_NAME, &orphan.key.id).await;
            adopted.unwrap();
            seen(Seen::TakenUp, 1);
        }
    }

    /// Those of which the vault knows nothing any more, or wants nothing.
    async fn destroy_orphans(&self) {
        let vault = self.vault();
        for orphan in self.orphans().await {
            let deleted = vault
                .delete_orphan(&caller(), &orphan.kms, &orphan.key.id)
                .await;
            deleted.unwrap();
            seen(Seen::Destroyed, 1);
        }
        for entry in vault.kms_journal() {
            let forgotten = vault.forget_journal_entry(&caller(), entry.id()).await;
            if let Err(error) = forgotten {
                panic!("{entry:?} stays: {}", error.code().name());
            }
        }
        assert_eq!(vault.kms_journal(), []);
        assert!(self.orphans().await.is_empty());
    }

    async fn orphans(&self) -> Vec<Orphan> {
        let mut orphans = self.vault().find_orphans().await.unwrap();
        assert!(orphans.unsearched.is_empty());
        let is_wrapper = |orphan: &Orphan| orphan.key.kind == KeyKind::Wrapper;
        orphans.found.retain(|orphan| !is_wrapper(orphan));
        orphans.found
    }

    pub(super) async fn unused_wrapper_keys(&self) -> usize {
        let orphans = self.vault().find_orphans().await.unwrap().found;
        let is_wrapper = |orphan: &&Orphan| orphan.key.kind == KeyKind::Wrapper;
        orphans.iter().filter(is_wrapper).count()
    }

    /// Every key that the KMS still has is one of the vault.
    fn check_kms(&self) {
        let entries = all_keys(self.vault());
        let held: BTreeSet<_> = entries.iter().filter_map(|entry| held(entry)).collect();
        let is_held = |id: &KmsKeyId| held.contains(id.as_str());
        for key in self.house.kms.list_keys() {
            let is_alive = key.state.is_usable() && key.kind != KeyKind::Wrapper;
            assert!(!is_alive || is_held(&key.id), "nobody knows of {}", key.id);
        }
    }
}
