//! What the vault knows of its keys without asking the store.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
    fingerprints::FingerprintMap,
    rows::{self, Tag},
};
use parking_lot::RwLock;
use strongroom_crypto::{
    Fingerprint, KeyName, KeyPurpose, KeySpec, KeyUsages, PublicKey, Timestamp,
};
use strongroom_kms::KmsKeyId;
use strongroom_store::{Custody, DataKeyId, KeyState, KmsKeyRef, PrivateKeyRecord, Sealing};

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
    pub(crate) public_tag: Tag,
    /// The data key that the public row is tagged under.
    pub(crate) public_data_key: DataKeyId,
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
    pub wrapper_key_id: Option<Arc<str>>,
    /// Where the private key is, if a KMS holds it (custody `external`).
    pub external: Option<Arc<KmsKeyRef>>,
    /// When the private key came into the vault.
    pub created_at: Timestamp,
    pub(crate) tag: Tag,
    /// The data key that the row is tagged, and perhaps sealed, under.
    pub(crate) data_key: DataKeyId,
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

    /// Whether a KMS holds the private half (custody `external`).
    #[must_use]
    pub fn is_held_by_kms(&self) -> bool {
        let half = self.private.as_ref();
        half.is_some_and(|half| half.external.is_some())
    }

    /// Whether this KMS holds the private half, as this key of it.
    pub(crate) fn is_held_as(&self, kms: &str, key: &KmsKeyId) -> bool {
        let half = self.private.as_ref();
        half.and_then(|half| half.external.as_ref())
            .is_some_and(|held| held.kms == kms && held.key_id == key.as_str())
    }

    /// Whether both rows are under this data key, and what a KMS sealed is under one of these wrapper keys.
    pub(crate) fn is_under(&self, data_key: DataKeyId, wrapper_keys: &BTreeSet<String>) -> bool {
        self.public_data_key == data_key
            && self.private.as_ref().is_none_or(|half| {
                half.data_key == data_key && !half.is_sealed_by_other_than(wrapper_keys)
            })
    }

    /// Whether a KMS sealed its private half, under a wrapper key that is none of these.
    pub(crate) fn is_sealed_by_other_than(&self, wrapper_keys: &BTreeSet<String>) -> bool {
        let half = self.private.as_ref();
        half.is_some_and(|half| half.is_sealed_by_other_than(wrapper_keys))
    }

    /// What stands in the digest for this key.
    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        let private = self.private.as_ref().map(|private| &private.tag);
        rows::key_element(current, &self.public_tag, private)
    }

    /// What a signing key may sign; none for an encryption key.
    #[must_use]
    pub fn usages(&self) -> Option<KeyUsages> {
        self.public.usages()
    }
}

/// Keys by fingerprint.
pub(crate) type Entries = FingerprintMap<Arc<KeyEntry>>;

/// All keys of an open vault, by fingerprint.
///
/// It is the vault's memory of what it authenticated when it opened: a row that is read later must still carry the
/// tag that stands here, so that the store's operator cannot slip an older row under an open vault.
#[derive(Debug, Default)]
pub(crate) struct KeyDirectory(RwLock<Entries>);

impl KeyDirectory {
    pub(crate) fn new(entries: Entries) -> Self {
        Self(RwLock::new(entries))
    }

    pub(crate) fn entry(&self, fingerprint: &Fingerprint) -> Option<Arc<KeyEntry>> {
        self.0.read().get(fingerprint).cloned()
    }

    /// What a signing key may sign; none: it is not there, or an encryption key.
    pub(crate) fn usages(&self, fingerprint: &Fingerprint) -> Option<KeyUsages> {
        self.0.read().get(fingerprint)?.usages()
    }

    /// All entries, ordered by fingerprint.
    pub(crate) fn entries(&self) -> Vec<Arc<KeyEntry>> {
        let mut entries: Vec<_> = self.0.read().values().cloned().collect();
        entries.sort_unstable_by_key(|entry| entry.fingerprint());
        entries
    }

    /// Looks at all entries, in no order.
    pub(crate) fn for_each(&self, look: impl FnMut(&Arc<KeyEntry>)) {
        self.0.read().values().for_each(look);
    }

    /// One of the keys that a KMS holds for the vault; none: it holds none.
    pub(crate) fn some_key_held_by(&self, kms: &str) -> Option<Arc<KmsKeyRef>> {
        let held = |entry: &Arc<KeyEntry>| entry.private.as_ref()?.external.clone();
        let entries = self.0.read();
        entries.values().filter_map(held).find(|it| it.kms == kms)
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

    /// Shows every key that is sealed under `data_key` as opened by another wrapper key: its rows did not change.
    pub(crate) fn rewrap(&self, data_key: DataKeyId, wrapper_key_id: &Arc<str>) {
        for entry in self.0.write().values_mut() {
            let half = entry.private.as_ref();
            if half.is_some_and(|half| half.is_sealed_under(data_key)) {
                let mut shown = KeyEntry::clone(entry);
                if let Some(half) = &mut shown.private {
                    half.wrapper_key_id = Some(Arc::clone(wrapper_key_id));
                }
                *entry = Arc::new(shown);
            }
        }
    }

    /// Runs `action` only if `entry` is still the one in force, and keeps it in force meanwhile.
    ///
    /// An opened key is used and cached under this, so that a key that was deleted while it was being opened does not
    /// stay usable.
    pub(crate) fn if_current<T>(
        &self,
        entry: &Arc<KeyEntry>,
        action: impl FnOnce() -> T,
    ) -> Option<T> {
        let entries = self.0.read();
        let known = entries.get(&entry.fingerprint())?;
        Arc::ptr_eq(known, entry).then(action)
    }
}

impl PrivateHalf {
    /// What is known of `record`, whose tag was checked or just made.
    ///
    /// A row sealed under a data key is opened by the wrapper key that opened that.
    ///
    /// # Errors
    /// [`VaultError::UnknownDataKey`] when it names none that is opened.
    pub(crate) fn of(record: &PrivateKeyRecord, data_keys: &DataKeys) -> Result<Self, VaultError> {
        let data_key = data_keys.named(&record.data_key_id)?;
        let wrapper_key_id = match record.sealing {
            Sealing::None => None,
            Sealing::DataKey => Some(data_key.wrapper_key_id()),
            Sealing::Direct => record.wrapper_key_id.as_deref().map(Arc::from),
        };
        Ok(Self {
            custody: record.custody,
            sealing: record.sealing,
            state: record.state,
            exposed: record.exposed,
            wrapper_key_id,
            external: record.key.external().cloned().map(Arc::new),
            created_at: record.created_at,
            tag: record.mac,
            data_key: record.data_key_id,
        })
    }

    /// Whether a KMS holds the key, and a sealed copy of it is still here.
    #[must_use]
    pub const fn has_copy(&self) -> bool {
        self.external.is_some() && !matches!(self.sealing, Sealing::None)
    }

    fn is_sealed_under(&self, data_key: DataKeyId) -> bool {
        self.sealing == Sealing::DataKey && self.data_key == data_key
    }

    /// Whether a KMS sealed it, under a wrapper key that is none of these.
    pub(crate) fn is_sealed_by_other_than(&self, wrapper_keys: &BTreeSet<String>) -> bool {
        let id = self.wrapper_key_id.as_deref();
        self.sealing == Sealing::Direct && !id.is_some_and(|id| wrapper_keys.contains(id))
    }
}
