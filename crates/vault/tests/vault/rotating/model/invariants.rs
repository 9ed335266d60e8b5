//! What must be true after every step.

use std::collections::BTreeSet;

use strongroom_crypto::{Fingerprint, KeyUsages};
use strongroom_store::Custody;
use strongroom_vault::KeyEntry;

use super::{Seen, run::Run, seen};
use crate::house::{all_keys, code};

impl Run {
    /// Every live key opens and does its work, a retired one signs nothing, the old wrapper key is the one in force until every
    /// row has moved, and the journal agrees with the keys.
    pub(super) async fn check(&mut self) {
        self.check_keys().await;
        self.check_rotation();
        self.check_journal();
        self.note_readable_keys();
    }

    async fn check_keys(&self) {
        let vault = self.vault();
        let found: BTreeSet<_> = all_keys(vault)
            .iter()
            .map(|key| key.fingerprint())
            .collect();
        let known: BTreeSet<_> = self.model.keys().copied().collect();
        assert_eq!(found, known);
        for (key, known) in &self.model {
            let signature = match &known.history {
                Some(history) => {
                    let opened = vault.decrypt(history).await.unwrap();
                    assert_eq!(opened.expose(), b"history");
                    continue;
                }
                None => vault.sign(key, b"message", KeyUsages::ALL).await,
            };
            if known.retired {
                assert_eq!(code(signature), "KEY_RETIRED");
            } else {
                let signature = signature.unwrap();
                vault
                    .verify(b"message", &signature, KeyUsages::ALL)
                    .unwrap();
            }
        }
        let held = all_keys(vault)
            .iter()
            .filter(|key| key.is_held_by_kms())
            .count();
        seen(Seen::HeldByKms, held);
    }

    fn check_rotation(&self) {
        let vault = self.vault();
        if let Some(rotation) = vault.wrapper_key_rotation() {
            seen(Seen::InRotation, 1);
            let in_force = vault.opening().wrapper_key_id;
            assert!(rotation.goes.iter().any(|(_, id)| *id == in_force));
            assert!(rotation.comes.iter().all(|(_, id)| *id != in_force));
        }
    }

    /// A key of the KMS is the vault's, or on its way, or neither: never two of these, and no two entries are about one key.
    fn check_journal(&self) {
        let held: BTreeSet<_> = all_keys(self.vault())
            .iter()
            .filter_map(|key| held(key))
            .collect();
        let mut under_way = BTreeSet::new();
        for entry in self.vault().kms_journal() {
            if let Some(key) = entry.progress().key() {
                let key = key.as_str().to_owned();
                assert!(
                    !held.contains(&key),
                    "{entry:?} is about a key of the vault"
                );
                assert!(
                    under_way.insert(key),
                    "two entries are about one key: {entry:?}"
                );
            }
        }
    }

    /// What must not be found once these keys have left custody `clear`.
    fn note_readable_keys(&mut self) {
        let readable = self.vault().clear_keys();
        let database = self.house.database();
        for key in readable {
            let select = "SELECT stored_key FROM private_keys WHERE fingerprint = ?1";
            let stored = database.query_row(select, [key.as_bytes()], |row| row.get(0));
            self.readable.insert(key, stored.unwrap());
        }
    }

    /// No file of the database has the bytes of a key that is not stored readable any more.
    pub(super) fn check_traces(&self, when: &str) {
        let bytes = self.house.database_bytes();
        for (key, readable) in &self.readable {
            if self.is_readable(key) {
                continue;
            }
            let found = memchr::memmem::find(&bytes, readable).is_some();
            assert!(!found, "{when}: {key} is still readable in the files");
        }
    }

    fn is_readable(&self, key: &Fingerprint) -> bool {
        let select = "SELECT count(*) FROM private_keys WHERE fingerprint = ?1 AND stored_key = ?2";
        let database = self.house.database();
        let readable = &self.readable[key];
        let rows: i64 = database
            .query_row(select, (key.as_bytes(), readable), |row| row.get(0))
            .unwrap();
        rows > 0
    }
}

/// The key of the KMS that does the work of this one.
pub(super) fn held(entry: &KeyEntry) -> Option<String> {
    let half = entry.private.as_ref()?;
    let held = half.external.as_ref()?;
    assert_eq!(half.custody, Custody::External);
    Some(held.key_id.clone())
}
