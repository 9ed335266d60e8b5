//! What the vault knows of its keys without asking the store.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use strongroom_crypto::{
    Fingerprint, KeyName, KeyPurpose, KeySpec, KeyUsages, PublicKey, Timestamp,
};
use strongroom_store::{Custody, DataKeyId, KeyState, PrivateKeyRecord, Sealing, WrapRecord};

/// A key of the vault: its public half, and what is known of the private one.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// The public key.
    pub public: PublicKey,
    /// The operator's label.
    pub name: Option<KeyName>,
    /// When the public key came into the vault.
    pub created_at: Timestamp,
    /// The private half, if the vault has it.
    pub private: Option<PrivateHalf>,
    pub(crate) public_tag: [u8; 32],
    pub(crate) data_key_id: DataKeyId,
}

/// What is known of a private key without opening it.
#[derive(Clone, Debug)]
pub struct PrivateHalf {
    /// Where the private key is.
    pub custody: Custody,
    /// How it is sealed.
    pub sealing: Sealing,
    /// What it may still do.
    pub state: KeyState,
    /// It was once stored in clear, so copies may exist; only a rotation ends that.
    pub exposed: bool,
    /// The wrapper key that opens it: of the data key, or of the row itself when it is sealed directly.
    pub wrapper_key_id: Option<String>,
    /// When the private key came into the vault.
    pub created_at: Timestamp,
    pub(crate) tag: [u8; 32],
    pub(crate) data_key_id: DataKeyId,
}

impl KeyEntry {
    /// The key's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.public.fingerprint()
    }

    /// Signing or encryption.
    #[must_use]
    pub fn purpose(&self) -> KeyPurpose {
        self.spec().purpose()
    }

    /// Curve or size.
    #[must_use]
    pub fn spec(&self) -> KeySpec {
        self.public.spec()
    }

    /// What a signing key may sign; none for an encryption key.
    #[must_use]
    pub fn usages(&self) -> Option<KeyUsages> {
        self.public.usages()
    }
}

/// All keys of an open vault, by fingerprint.
///
/// It is the vault's memory of what it authenticated when it opened: a row that is read later must still carry the
/// tag that stands here, so that the store's operator cannot slip an older row under an open vault.
#[derive(Debug, Default)]
pub(crate) struct KeyDirectory(RwLock<HashMap<Fingerprint, Arc<KeyEntry>>>);

impl KeyDirectory {
    pub(crate) fn new(entries: HashMap<Fingerprint, Arc<KeyEntry>>) -> Self {
        Self(RwLock::new(entries))
    }

    pub(crate) fn entry(&self, fingerprint: &Fingerprint) -> Option<Arc<KeyEntry>> {
        self.0.read().get(fingerprint).cloned()
    }

    /// All entries, ordered by fingerprint.
    pub(crate) fn entries(&self) -> Vec<Arc<KeyEntry>> {
        let mut entries: Vec<_> = self.0.read().values().cloned().collect();
        entries.sort_unstable_by_key(|entry| entry.fingerprint());
        entries
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().len()
    }

    pub(crate) fn put(&self, entry: Arc<KeyEntry>) {
        self.0.write().insert(entry.fingerprint(), entry);
    }

    pub(crate) fn remove(&self, fingerprint: &Fingerprint) {
        self.0.write().remove(fingerprint);
    }

    /// Runs `action` only if `entry` is still the one in force, and keeps it in force meanwhile.
    ///
    /// An opened key is put into the cache under this, so that a key deleted while it was being opened does not
    /// stay usable.
    pub(crate) fn if_current(&self, entry: &Arc<KeyEntry>, action: impl FnOnce()) -> bool {
        let entries = self.0.read();
        let current = entries
            .get(&entry.fingerprint())
            .is_some_and(|known| Arc::ptr_eq(known, entry));
        if current {
            action();
        }
        current
    }
}

impl PrivateHalf {
    /// What is known of `record`, whose tag was checked or just made.
    ///
    /// A row sealed under the data key is opened by the wrapper key that opened the vault.
    pub(crate) fn of(record: &PrivateKeyRecord, opened_by: &WrapRecord) -> Self {
        let wrapper_key_id = match record.sealing {
            Sealing::None => None,
            Sealing::DataKey => Some(opened_by.wrapper_key_id.clone()),
            Sealing::Direct => record.wrapper_key_id.clone(),
        };
        Self {
            custody: record.custody,
            sealing: record.sealing,
            state: record.state,
            exposed: record.exposed,
            wrapper_key_id,
            created_at: record.created_at,
            tag: record.mac,
            data_key_id: record.data_key_id,
        }
    }
}
