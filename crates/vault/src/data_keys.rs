//! Opened data keys, and the subkeys that authenticate rows.

use std::{fmt, sync::Arc};

use parking_lot::RwLock;
use strongroom_crypto::{DataKey, MacKey, SecretBytes};
use strongroom_kms::{KmsKeyId, WrapContext, WrappedKey};
use strongroom_store::{DataKeyId, DataKeyRecord, DataKeyState, VaultId, WrapRecord};
use subtle::ConstantTimeEq;

use crate::{anchor::AnchoredDataKey, error::VaultError, rows};

/// Authenticates what a row says; its tags are stored beside the rows.
const ROW_MAC_LABEL: &str = "strongroom row mac v1";
/// Makes the secret elements of the multiset digest; its tags are never stored.
const ELEMENT_LABEL: &str = "strongroom digest element v1";
/// Vouches for the data key that comes after this one.
const SUCCESSION_LABEL: &str = "strongroom succession v1";
/// Makes the checkpoints that the anchor keeps.
const CHECKPOINT_LABEL: &str = "strongroom checkpoint v1";

/// A data key, ready for use.
pub(crate) struct OpenedDataKey {
    pub(crate) id: DataKeyId,
    pub(crate) key: DataKey,
    row_mac: MacKey,
    element: MacKey,
    checkpoint: MacKey,
    /// The wrap that it came out of, or was put into.
    opened_by: RwLock<OpenedBy>,
}

impl OpenedDataKey {
    pub(crate) fn new(id: DataKeyId, key: DataKey, opened_by: OpenedBy) -> Self {
        let row_mac = key.mac_key(ROW_MAC_LABEL);
        let element = key.mac_key(ELEMENT_LABEL);
        let checkpoint = key.mac_key(CHECKPOINT_LABEL);
        Self {
            id,
            key,
            row_mac,
            element,
            checkpoint,
            opened_by: RwLock::new(opened_by),
        }
    }

    /// The wrap that it came out of, or was put into last.
    pub(crate) fn opened_by(&self) -> OpenedBy {
        self.opened_by.read().clone()
    }

    /// The wrapper key of that wrap: many rows ask for it.
    pub(crate) fn wrapper_key_id(&self) -> Arc<str> {
        Arc::clone(&self.opened_by.read().wrapper_key_id)
    }

    /// The wrap that it came out of gave way to this one.
    pub(crate) fn put_into(&self, wrap: OpenedBy) {
        *self.opened_by.write() = wrap;
    }

    /// Accepts what a KMS unwrapped only if it is the data key that `record` commits to.
    ///
    /// Without this check, somebody with mere encrypt rights on the wrapper key could put a data key of their own
    /// in its place, and every key generated afterwards would be theirs.
    pub(crate) fn from_unwrapped(
        record: &DataKeyRecord,
        secret: SecretBytes,
        opened_by: OpenedBy,
    ) -> Result<Self, VaultError> {
        let key =
            DataKey::from_secret(secret).map_err(|source| VaultError::DataKeySubstituted {
                id: record.id,
                source: Some(source),
            })?;
        if !bool::from(key.commitment().ct_eq(&record.commitment)) {
            return Err(VaultError::DataKeySubstituted {
                id: record.id,
                source: None,
            });
        }
        Ok(Self::new(record.id, key, opened_by))
    }

    /// Checks that what a KMS unwrapped is this very data key.
    pub(crate) fn expect(&self, secret: SecretBytes) -> Result<(), VaultError> {
        let substituted = |source| VaultError::DataKeySubstituted {
            id: self.id,
            source,
        };
        let key = DataKey::from_secret(secret).map_err(|source| substituted(Some(source)))?;
        if bool::from(key.commitment().ct_eq(&self.key.commitment())) {
            Ok(())
        } else {
            Err(substituted(None))
        }
    }

    /// What binds a wrap of this data key.
    pub(crate) fn wrap_context(&self, vault: VaultId) -> WrapContext {
        WrapContext::for_data_key(vault.as_bytes(), self.id.as_bytes())
    }

    /// The tag that is stored beside a row with this `encoding`.
    pub(crate) fn row_tag(&self, encoding: &[u8]) -> [u8; 32] {
        self.row_mac.tag(encoding)
    }

    /// The secret element that stands in the digest for rows with these tags.
    pub(crate) fn element(&self, tags: &[u8]) -> [u8; 32] {
        self.element.tag(tags)
    }

    /// A tag over `encoding`, which names the data key that comes after this one.
    pub(crate) fn succession_tag(&self, encoding: &[u8]) -> [u8; 32] {
        self.key.mac_key(SUCCESSION_LABEL).tag(encoding)
    }

    pub(crate) fn is_succession_tag(&self, encoding: &[u8], tag: &[u8; 32]) -> bool {
        self.key.mac_key(SUCCESSION_LABEL).verify(encoding, tag)
    }

    /// A tag over `encoding` that tells a reader of the anchor nothing.
    pub(crate) fn checkpoint_tag(&self, encoding: &[u8]) -> [u8; 32] {
        self.checkpoint.tag(encoding)
    }
}

impl fmt::Debug for OpenedDataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedDataKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The data keys of a vault, as of one commit.
///
/// Usually one is opened. While the wrapper key is being rotated there are two: rows move from the *current* one to the
/// *incoming* one, and both are in use. What authenticates the whole (state record, digest, data keys, wraps) is under the
/// current one until the last row has moved.
#[derive(Clone, Debug)]
pub(crate) struct DataKeys {
    current: Arc<OpenedDataKey>,
    incoming: Option<Arc<OpenedDataKey>>,
    /// The rows of all, retired ones included, as they were authenticated; oldest first.
    records: Vec<DataKeyRecord>,
    /// Those that no row is of, of states that were given up for an older one: only the anchor knows of them.
    given_up: Vec<AnchoredDataKey>,
}

impl DataKeys {
    pub(crate) fn new(
        current: Arc<OpenedDataKey>,
        incoming: Option<Arc<OpenedDataKey>>,
        records: Vec<DataKeyRecord>,
    ) -> Self {
        Self {
            current,
            incoming,
            records,
            given_up: Vec::new(),
        }
    }

    /// The same, as an anchor keeps them from now on that knows of these as well.
    pub(crate) fn with_given_up(self, given_up: Vec<AnchoredDataKey>) -> Self {
        Self { given_up, ..self }
    }

    /// Those of a later commit than `before`, by somebody else. Whoever prunes lets nobody go back any more.
    pub(crate) fn following(self, before: &Self) -> Self {
        let is_there =
            |known: &DataKeyRecord| self.records.iter().any(|record| record.id == known.id);
        if before.records.iter().all(is_there) {
            self.with_given_up(before.given_up.clone())
        } else {
            self
        }
    }

    /// Those of states that were given up for an older one.
    pub(crate) fn given_up(&self) -> &[AnchoredDataKey] {
        &self.given_up
    }

    /// The one that authenticates the whole.
    pub(crate) fn current(&self) -> &Arc<OpenedDataKey> {
        &self.current
    }

    /// The one that rows are moving to, if they are.
    pub(crate) fn incoming(&self) -> Option<&Arc<OpenedDataKey>> {
        self.incoming.as_ref()
    }

    /// The one that new rows are sealed under.
    pub(crate) fn writing(&self) -> &Arc<OpenedDataKey> {
        self.incoming.as_ref().unwrap_or(&self.current)
    }

    /// Those in use: whoever may open the vault must be able to open each.
    pub(crate) fn opened(&self) -> impl Iterator<Item = &Arc<OpenedDataKey>> {
        [&self.current].into_iter().chain(&self.incoming)
    }

    /// The data key that a row names.
    ///
    /// # Errors
    /// [`VaultError::UnknownDataKey`] when no opened data key has this id.
    pub(crate) fn named(&self, id: &DataKeyId) -> Result<&OpenedDataKey, VaultError> {
        self.opened()
            .find(|key| key.id == *id)
            .map(AsRef::as_ref)
            .ok_or(VaultError::UnknownDataKey { id: *id })
    }

    /// The rows of all, oldest first.
    pub(crate) fn records(&self) -> &[DataKeyRecord] {
        &self.records
    }

    /// The rows of those that nothing is sealed under any more; older backups may need them.
    pub(crate) fn retired(&self) -> impl Iterator<Item = &DataKeyRecord> {
        let retired = |record: &&DataKeyRecord| record.state == DataKeyState::Retired;
        self.records.iter().filter(retired)
    }

    /// The same with a data key that rows are to move to.
    pub(crate) fn with_incoming(&self, key: Arc<OpenedDataKey>, record: DataKeyRecord) -> Self {
        let mut records = self.records.clone();
        records.push(record);
        Self {
            current: Arc::clone(&self.current),
            incoming: Some(key),
            records,
            given_up: self.given_up.clone(),
        }
    }

    /// When every row has moved: the incoming one is current, the one before is retired, and every data key's row is
    /// tagged anew. None if there is no incoming one.
    pub(crate) fn rotated(&self) -> Option<Self> {
        let current = self.incoming.as_ref()?;
        let mut records = self.records.clone();
        for record in &mut records {
            if record.id == self.current.id {
                record.state = DataKeyState::Retired;
            }
            record.mac = rows::tag_data_key(record, current);
        }
        Some(Self {
            current: Arc::clone(current),
            incoming: None,
            records,
            given_up: self.given_up.clone(),
        })
    }

    /// Without those that nothing is sealed under: nobody goes back any more.
    pub(crate) fn without_retired(&self) -> Self {
        let mut pruned = self.clone();
        pruned.given_up.clear();
        pruned
            .records
            .retain(|record| record.state != DataKeyState::Retired);
        pruned
    }
}

/// The data key that rows are moving to: it is active and not the current one. The rows' tags were checked.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`] when the current one is retired, or there are several: no version of ours wrote that.
pub(crate) fn incoming_record(
    records: &[DataKeyRecord],
    current: DataKeyId,
) -> Result<Option<&DataKeyRecord>, VaultError> {
    let mut active = records
        .iter()
        .filter(|record| record.state == DataKeyState::Active);
    let is_current = |record: &DataKeyRecord| record.id == current;
    match (active.next(), active.next(), active.next()) {
        (Some(only), None, None) if is_current(only) => Ok(None),
        (Some(one), Some(incoming), None) | (Some(incoming), Some(one), None)
            if is_current(one) =>
        {
            Ok(Some(incoming))
        }
        _ => Err(rows::not_authentic(rows::DATA_KEYS, &current)),
    }
}

/// A wrap as its KMS takes it.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`] when the row names a wrapper key that cannot be one.
pub(crate) fn wrapped_key(wrap: &WrapRecord) -> Result<WrappedKey, VaultError> {
    let wrapper_key_id = KmsKeyId::try_new(wrap.wrapper_key_id.as_str()).map_err(|_malformed| {
        VaultError::RowNotAuthentic {
            table: rows::WRAPS,
            row: wrap.data_key_id.to_string(),
        }
    })?;
    Ok(WrappedKey {
        wrapper_key_id,
        ciphertext: wrap.ciphertext.clone(),
    })
}

/// The wrap that opened the vault; cheap to clone, since every key refers to it.
#[derive(Clone, Debug)]
pub(crate) struct OpenedBy {
    /// The configured name of the KMS.
    pub(crate) kms: Arc<str>,
    /// The wrapper key.
    pub(crate) wrapper_key_id: Arc<str>,
}

impl OpenedBy {
    pub(crate) fn named(kms: &str, wrapper_key_id: &str) -> Self {
        Self {
            kms: kms.into(),
            wrapper_key_id: wrapper_key_id.into(),
        }
    }

    pub(crate) fn new(wrap: &WrapRecord) -> Self {
        Self::named(&wrap.kms, &wrap.wrapper_key_id)
    }
}
