//! Opened data keys, and the subkeys that authenticate rows.

use std::{collections::HashMap, fmt, sync::Arc};

use strongroom_crypto::{DataKey, MacKey, SecretBytes};
use strongroom_kms::{KmsKeyId, WrapContext, WrappedKey};
use strongroom_store::{DataKeyId, DataKeyRecord, VaultId, WrapRecord};
use subtle::ConstantTimeEq;

use crate::{error::VaultError, rows};

/// Authenticates what a row says; its tags are stored beside the rows.
const ROW_MAC_LABEL: &str = "strongroom row mac v1";
/// Makes the secret elements of the multiset digest; its tags are never stored.
const ELEMENT_LABEL: &str = "strongroom digest element v1";
/// Makes the checkpoints that the anchor keeps.
const CHECKPOINT_LABEL: &str = "strongroom checkpoint v1";

/// A data key, ready for use.
pub(crate) struct OpenedDataKey {
    pub(crate) id: DataKeyId,
    pub(crate) key: DataKey,
    row_mac: MacKey,
    element: MacKey,
    checkpoint: MacKey,
}

impl OpenedDataKey {
    pub(crate) fn new(id: DataKeyId, key: DataKey) -> Self {
        let row_mac = key.mac_key(ROW_MAC_LABEL);
        let element = key.mac_key(ELEMENT_LABEL);
        let checkpoint = key.mac_key(CHECKPOINT_LABEL);
        Self {
            id,
            key,
            row_mac,
            element,
            checkpoint,
        }
    }

    /// Accepts what a KMS unwrapped only if it is the data key that `record` commits to.
    ///
    /// Without this check, somebody with mere encrypt rights on the wrapper key could put a data key of their own
    /// in its place, and every key generated afterwards would be theirs.
    pub(crate) fn from_unwrapped(
        record: &DataKeyRecord,
        secret: SecretBytes,
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
        Ok(Self::new(record.id, key))
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

/// All opened data keys of a vault; new rows are sealed under the current one.
#[derive(Clone, Debug)]
pub(crate) struct DataKeys {
    current: Arc<OpenedDataKey>,
    all: HashMap<DataKeyId, Arc<OpenedDataKey>>,
}

impl DataKeys {
    pub(crate) fn new(current: OpenedDataKey) -> Self {
        let current = Arc::new(current);
        let all = HashMap::from([(current.id, Arc::clone(&current))]);
        Self { current, all }
    }

    pub(crate) fn current(&self) -> &OpenedDataKey {
        &self.current
    }

    /// The current one, for whoever outlives the vault's borrow.
    pub(crate) fn share_current(&self) -> Arc<OpenedDataKey> {
        Arc::clone(&self.current)
    }

    /// All of them: whoever may open the vault must be able to open each.
    pub(crate) fn all(&self) -> impl Iterator<Item = &OpenedDataKey> {
        self.all.values().map(AsRef::as_ref)
    }

    /// The data key that a row names.
    ///
    /// # Errors
    /// [`VaultError::UnknownDataKey`] when no opened data key has this id.
    pub(crate) fn named(&self, id: &DataKeyId) -> Result<&OpenedDataKey, VaultError> {
        self.all
            .get(id)
            .map(AsRef::as_ref)
            .ok_or(VaultError::UnknownDataKey { id: *id })
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
    pub(crate) fn new(wrap: &WrapRecord) -> Self {
        Self {
            kms: wrap.kms.as_str().into(),
            wrapper_key_id: wrap.wrapper_key_id.as_str().into(),
        }
    }
}
