//! A vault over any provider, whose calls can be made to fail.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use strongroom_crypto::SystemRandom;
use strongroom_files::OsFiles;
use strongroom_kms::{FoundKey, KeyKind, KmsKeyId, KmsProvider};
use strongroom_store::{Custody, Sealing, Store, VaultId};
use strongroom_store_sqlite::SqliteStore;
use strongroom_test_support::{FixedClock, kms::FlakyKms};
use strongroom_vault::{
    Caller, CustodyDefaults, Environment, FileAnchor, KeyEntry, KeyFilter, NamedKms, NamedWrapper,
    NewVault, Settings, VAULT_TAG, Vault, VaultError,
};
use tempfile::TempDir;

/// The configured name under which the KMS wraps data keys and holds keys.
pub(crate) const KMS_NAME: &str = "kms";
/// Under which the same KMS has a second wrap.
pub(crate) const SECOND: &str = "second";

pub(crate) fn caller() -> Caller {
    Caller::new("test")
}

/// A folder for one vault, and a KMS that it may share with other vaults: each knows its keys by its own tag.
#[derive(Debug)]
pub(crate) struct House {
    folder: TempDir,
    /// Where calls pass that are to fail.
    pub(crate) flaky: FlakyKms,
    id: VaultId,
    /// Of new keys.
    custody: Custody,
}

impl House {
    pub(crate) fn over(provider: &Arc<dyn KmsProvider>, custody: Custody) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        Self {
            folder: tempfile::tempdir().unwrap(),
            flaky: FlakyKms::new(Arc::clone(provider)),
            id: VaultId::from_bytes(u128::from(number).to_be_bytes()),
            custody,
        }
    }

    fn environment(&self, store: Arc<dyn Store>) -> Environment {
        let wrapper = |name: &str| NamedWrapper {
            name: name.to_owned(),
            wrapper: self.flaky.key_wrapper().unwrap(),
        };
        let anchor = self.folder.path().join("anchor.json");
        Environment {
            store,
            wrappers: vec![wrapper(KMS_NAME), wrapper(SECOND)],
            kms: vec![NamedKms {
                name: KMS_NAME.to_owned(),
                provider: Arc::new(self.flaky.clone()),
            }],
            anchor: Arc::new(FileAnchor::new(Arc::new(OsFiles::new()), anchor)),
            clock: Arc::new(FixedClock::default()),
            random: Arc::new(SystemRandom),
        }
    }

    fn vault_folder(&self) -> PathBuf {
        self.folder.path().join("vault")
    }

    /// Makes the vault, under a wrapper key that an interrupted attempt left behind if there is one: as `init` does.
    pub(crate) async fn create(&self) -> Result<Vault, VaultError> {
        self.create_with(settings(self.custody)).await
    }

    pub(crate) async fn create_with(&self, settings: Settings) -> Result<Vault, VaultError> {
        let folder = self.vault_folder();
        let wrapper_key = if folder.exists() {
            self.wrapper_key_left_behind(&[]).await
        } else {
            None
        };
        let store = SqliteStore::create(&folder).await?;
        let environment = self.environment(Arc::new(store));
        let new = NewVault {
            id: self.id,
            wrapper_key,
        };
        Vault::create(environment, settings, &caller(), new).await
    }

    pub(crate) async fn open(&self) -> Result<Vault, VaultError> {
        let store = SqliteStore::open(&self.vault_folder()).await?;
        Vault::open(self.environment(Arc::new(store)), settings(self.custody)).await
    }

    /// The keys in the KMS that were made for this vault and can be used.
    pub(crate) async fn usable_keys(&self) -> Vec<FoundKey> {
        let finder = self.flaky.key_finder().unwrap();
        let found = finder.find_keys(VAULT_TAG, &self.id.to_string()).await;
        let usable = |key: &FoundKey| key.state.is_usable();
        found.unwrap().into_iter().filter(usable).collect()
    }

    /// A usable wrapper key of this vault beside those `in_use`.
    pub(crate) async fn wrapper_key_left_behind(&self, in_use: &[String]) -> Option<KmsKeyId> {
        let keys = self.usable_keys().await.into_iter();
        let mut left = keys.filter(|key| {
            key.kind == KeyKind::Wrapper && !in_use.iter().any(|id| id == key.id.as_str())
        });
        left.next().map(|key| key.id)
    }

    /// Deletes orphans, of which there is at most this many. Then each usable key in the KMS is one that the vault has or is
    /// wrapped under, and each wrapper key is there.
    pub(crate) async fn clean_up(&self, vault: &Vault, most_orphans: usize, when: &str) {
        let orphans = vault.find_orphans().await.unwrap();
        assert!(orphans.unsearched.is_empty(), "{when}: {orphans:?}");
        assert!(orphans.found.len() <= most_orphans, "{when}: {orphans:?}");
        for orphan in &orphans.found {
            vault
                .delete_orphan(&caller(), &orphan.kms, &orphan.key.id)
                .await
                .unwrap();
        }
        for entry in vault.kms_journal() {
            vault
                .forget_journal_entry(&caller(), entry.id())
                .await
                .unwrap();
        }
        assert_eq!(vault.kms_journal(), [], "{when}");
        let in_kms = self.usable_keys().await;
        let known = known_keys(vault);
        for key in &in_kms {
            let id = key.id.as_str();
            assert!(known.iter().any(|known| known == id), "{when}: {id}");
        }
        for wrap in wrapper_keys(vault) {
            let there = in_kms.iter().any(|key| key.id.as_str() == wrap);
            assert!(there, "{when}: {wrap} is lost");
        }
    }
}

fn settings(custody: Custody) -> Settings {
    Settings {
        custody: CustodyDefaults {
            by_usage: Vec::new(),
            signing: custody,
            encryption: custody,
            sealing: Sealing::DataKey,
            external_kms: Some(KMS_NAME.to_owned()),
            // What is asked for is seen at once, also of a token.
            destroy_after: Duration::ZERO,
        },
        ..Settings::default()
    }
}

pub(crate) fn all_keys(vault: &Vault) -> Vec<Arc<KeyEntry>> {
    vault.list(&KeyFilter::default()).unwrap()
}

/// The wrapper keys that open the vault.
pub(crate) fn wrapper_keys(vault: &Vault) -> Vec<String> {
    let wraps = vault.wraps().into_iter();
    wraps.map(|wrap| wrap.wrapper_key_id).collect()
}

/// The keys of the KMS of which the vault knows.
fn known_keys(vault: &Vault) -> Vec<String> {
    let held = all_keys(vault).into_iter().map(|entry| {
        let half = entry.private.as_ref().unwrap();
        half.external.as_ref().unwrap().key_id.as_str().to_owned()
    });
    held.chain(wrapper_keys(vault)).collect()
}
