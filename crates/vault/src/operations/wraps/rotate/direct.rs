//! Keys that a KMS sealed itself: it takes each to the new wrapper key, or opens and seals it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use strongroom_kms::{KmsError, KmsKeyId, WrappedKey, in_background};
use strongroom_store::{KeyRow, PrivateKeyRecord, StoredKey};

use super::{incoming, keys::not_moved};
use crate::{
    directory::KeyEntry,
    environment::{KMS_CALLS_AT_ONCE, NamedWrapper},
    error::{VaultError, WrapperKeyError},
    fingerprints::FingerprintMap,
    rows,
    sealing::{direct_context, unversioned, versioned},
    vault::Vault,
};

/// Of keys that a KMS sealed itself at most so many move in one commit: what it did for more than these, no kill throws away.
pub(super) const KEYS_PER_COMMIT: usize = 64;

/// A key under the new wrapper key.
pub(super) struct Resealed {
    pub(super) wrapper_key_id: String,
    pub(super) key: StoredKey,
}

/// The new wrapper key, in its KMS.
struct Target<'v> {
    named: &'v NamedWrapper,
    id: KmsKeyId,
}

impl Vault {
    /// Has every key of these sealed anew that a wrapper key sealed which goes. Uses of other keys come first in the call budget.
    ///
    /// When one fails no further one is begun, but what the KMS has done for the others counts: the rows that are left without go out of
    /// `rows`, and why comes with those that were sealed.
    pub(super) async fn reseal_directly(
        &self,
        rows: &mut Vec<(Arc<KeyEntry>, KeyRow)>,
    ) -> Result<(FingerprintMap<Resealed>, Option<VaultError>), VaultError> {
        let data_keys = self.data_keys();
        let wrapper_keys = self.wrapper_keys_of(incoming(&data_keys)?.id);
        let goes = |entry: &KeyEntry| entry.is_sealed_by_other_than(&wrapper_keys);
        let to_seal = rows.iter().filter(|(entry, _)| goes(entry));
        let to_seal = to_seal.filter_map(|(entry, (_, private))| Some((entry, private.as_ref()?)));
        let to_seal: Vec<_> = to_seal.collect();
        if to_seal.is_empty() {
            return Ok((FingerprintMap::default(), None));
        }
        let target = self.target()?;
        let has_failed = AtomicBool::new(false);
        let mut calls: Vec<BoxFuture<'_, _>> = Vec::with_capacity(to_seal.len());
        for (entry, record) in to_seal {
            let (target, has_failed) = (&target, &has_failed);
            let call = async move {
                if has_failed.load(Ordering::Relaxed) {
                    return None;
                }
                let resealed = self.reseal_one(entry, record, target).await;
                has_failed.fetch_or(resealed.is_err(), Ordering::Relaxed);
                let resealed = resealed.map_err(|error| not_moved(entry, error));
                Some(resealed.map(|resealed| (entry.fingerprint(), resealed)))
            };
            calls.push(call.boxed());
        }
        let calls = stream::iter(calls).buffer_unordered(KMS_CALLS_AT_ONCE);
        let answers: Vec<_> = in_background(calls.collect()).await;
        let (mut resealed, mut failed) = (FingerprintMap::default(), None);
        for answer in answers.into_iter().flatten() {
            match answer {
                Ok((key, under_new)) => {
                    resealed.insert(key, under_new);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if failed.is_some() {
            rows.retain(|(entry, _)| !goes(entry) || resealed.contains_key(&entry.fingerprint()));
        }
        Ok((resealed, failed))
    }

    /// Where keys go: to the wrapper key that comes. It was tried when the rotation began.
    fn target(&self) -> Result<Target<'_>, VaultError> {
        let rotation = self.wrapper_key_rotation();
        let comes = rotation.and_then(|rotation| rotation.comes.into_iter().next());
        let (kms, id) = comes.ok_or(WrapperKeyError::NoRotation)?;
        Ok(Target {
            named: self.configured_wrapper(&kms)?,
            id: KmsKeyId::try_new(id).map_err(KmsError::from)?,
        })
    }

    async fn reseal_one(
        &self,
        entry: &KeyEntry,
        record: &PrivateKeyRecord,
        target: &Target<'_>,
    ) -> Result<Resealed, VaultError> {
        let refused = || rows::not_authentic(rows::PRIVATE_KEYS, &record.fingerprint);
        let sealed = record.key.sealed().ok_or_else(refused)?;
        let old = record.wrapper_key_id.as_deref().ok_or_else(refused)?;
        let context = direct_context(self.id(), &entry.public);
        let wrapper = &target.named.wrapper;
        let holders = self.holders_of(old);
        let is_holder = holders.iter().any(|named| named.name == target.named.name);
        let outcome = if is_holder && self.rewraps_inside(&target.named.name) {
            let wrapped = WrappedKey {
                wrapper_key_id: KmsKeyId::try_new(old).map_err(KmsError::from)?,
                ciphertext: unversioned(record, sealed)?.to_vec(),
            };
            wrapper.rewrap_key(&wrapped, &context, &target.id).await
        } else {
            let secret = self.open_directly(record, sealed, &entry.public).await?;
            wrapper.wrap_key(&target.id, &context, &secret).await
        };
        let (kms, id) = (&target.named.name, target.id.as_str());
        self.kms_watch().note_use(kms, id, self.now(), &outcome);
        let wrapped = outcome?;
        Ok(Resealed {
            wrapper_key_id: wrapped.wrapper_key_id.as_str().to_owned(),
            key: versioned(&wrapped.ciphertext),
        })
    }

    /// Whether a KMS takes a wrap from one wrapper key to another without showing what is in it.
    pub(in crate::operations::wraps) fn rewraps_inside(&self, kms: &str) -> bool {
        let mut all = self.environment().kms.iter();
        all.any(|named| named.name == kms && named.provider.capabilities().rewraps_inside)
    }
}
