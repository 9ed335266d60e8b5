//! Who opens encrypted rows.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use strongroom_crypto::SecretBytes;
use strongroom_kms::{KmsError, KmsKeyId, WrapContext, WrappedKey};
use strongroom_proto::tables::PrivateKeyData;

use super::error::CantonRowError;
use crate::{environment::NamedWrapper, error::VaultError, vault::Vault};

/// The KMSs that may open rows, and what the rows so far have told of them.
///
/// A row names its wrapper key, but not whose it is. The first row under a wrapper key finds out, and those after it wait for
/// that: a KMS that does not have the key is asked for it once, however many rows there are.
pub(super) struct Openers<'v> {
    vault: &'v Vault,
    /// The one to ask; none: each in its turn.
    kms: Option<&'v str>,
    /// By the id of the wrapper key.
    searches: Mutex<HashMap<KmsKeyId, Arc<tokio::sync::Mutex<Search>>>>,
}

/// How far the search for the KMS of a wrapper key has come.
#[derive(Default)]
struct Search {
    /// The place of the KMS that opens, or is to be asked next.
    place: usize,
    /// It has opened a row.
    is_found: bool,
    /// Why the one before it does not open.
    refusal: Option<Arc<KmsError>>,
}

impl<'v> Openers<'v> {
    pub(super) fn new(vault: &'v Vault, kms: Option<&'v str>) -> Self {
        Self {
            vault,
            kms,
            searches: Mutex::default(),
        }
    }

    /// The message of a private row.
    pub(super) async fn open(&self, data: PrivateKeyData) -> Result<SecretBytes, CantonRowError> {
        let (wrapper_key_id, ciphertext) = match data {
            PrivateKeyData::Clear(message) => return Ok(message),
            PrivateKeyData::Encrypted {
                wrapper_key_id,
                ciphertext,
            } => (wrapper_key_id, ciphertext),
        };
        let wrapped = WrappedKey {
            wrapper_key_id: KmsKeyId::try_new(wrapper_key_id).map_err(KmsError::from)?,
            ciphertext,
        };
        let candidates = self.candidates()?;
        let search = self.search_for(&wrapped.wrapper_key_id);
        let mut search = search.lock().await;
        loop {
            let Some(named) = candidates.get(search.place) else {
                return Err(match &search.refusal {
                    Some(refusal) => CantonRowError::NotOpened(Arc::clone(refusal)),
                    None => CantonRowError::Vault(Box::new(VaultError::NoWrapper)),
                });
            };
            if search.is_found {
                // The others need not wait any more.
                drop(search);
                let opened = self.open_with(named, &wrapped).await;
                return opened.map_err(|error| match is_about_the_key(&error) {
                    true => CantonRowError::NotOpened(Arc::new(error)),
                    false => error.into(),
                });
            }
            match self.open_with(named, &wrapped).await {
                Ok(message) => {
                    search.is_found = true;
                    return Ok(message);
                }
                Err(error) if is_about_the_key(&error) => {
                    search.place += 1;
                    search.refusal = Some(Arc::new(error));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn open_with(
        &self,
        named: &NamedWrapper,
        wrapped: &WrappedKey,
    ) -> Result<SecretBytes, KmsError> {
        // Canton binds its wraps to nothing.
        let context = WrapContext::none();
        let outcome = named.wrapper.unwrap_key(wrapped, &context).await;
        let (watch, now) = (self.vault.kms_watch(), self.vault.now());
        watch.note(&named.name, now, &outcome);
        outcome
    }

    /// The KMS of the name that was given, or each that opens anything.
    fn candidates(&self) -> Result<Vec<&'v NamedWrapper>, VaultError> {
        match self.kms {
            Some(name) => Ok(vec![self.vault.configured_wrapper(name)?]),
            None => {
                let wrappers = self.vault.environment().wrappers.iter();
                Ok(wrappers.filter(|named| named.wrapper.unwraps()).collect())
            }
        }
    }

    fn search_for(&self, wrapper_key: &KmsKeyId) -> Arc<tokio::sync::Mutex<Search>> {
        let mut searches = self.searches.lock();
        Arc::clone(searches.entry(wrapper_key.clone()).or_default())
    }
}

/// It is not the KMS that encrypted the row, or its key is not to be had: that is so for every row under this key.
const fn is_about_the_key(error: &KmsError) -> bool {
    matches!(
        error,
        KmsError::KeyNotFound { .. }
            | KmsError::KeyDisabled { .. }
            | KmsError::KeyPendingDeletion { .. }
            | KmsError::WrongPurpose { .. }
            | KmsError::InvalidKeyId(_)
    )
}
