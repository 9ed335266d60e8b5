//! Which wraps there are, and which one opened the vault.

use std::collections::HashSet;

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::{Sealing, WrapRecord};

use crate::{
    data_keys::OpenedDataKey,
    error::{VaultError, WrapAttempt},
    vault::Vault,
};

/// How a vault was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opening {
    /// The configured name of the KMS that opened it.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// The wraps that come before that one in the configured order, and did not open it; none if all is well.
    pub failed: Vec<WrapAttempt>,
}

/// A wrap of the data key in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wrap {
    /// The configured name of its KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// When the data key was wrapped, or made, if it has taken the place of another one since the wrapper key came.
    pub created_at: Timestamp,
    /// Whether its KMS is configured: otherwise it is never tried.
    pub configured: bool,
    /// Whether it opened the vault.
    pub opened_the_vault: bool,
    /// How many private keys its wrapper key sealed itself (sealing `direct`).
    pub direct_keys: usize,
}

impl Vault {
    /// Every wrapper key that wraps for this vault or, as the audit log says, once did.
    pub(in crate::operations) async fn wrapper_keys_ever(
        &self,
    ) -> Result<HashSet<String>, VaultError> {
        let records = [self.wrap_records().all(), self.wrap_records().of_retired()].concat();
        let names = records.into_iter().map(|wrap| wrap.wrapper_key_id);
        let mut ever: HashSet<String> = names.collect();
        self.walk_audit(|entry| ever.extend(entry.details.get("wrapper_key_id").cloned()))
            .await?;
        Ok(ever)
    }

    /// How the vault was opened: by which wrap, and which ones were tried in vain before.
    #[must_use]
    pub fn opening(&self) -> Opening {
        let data_keys = self.data_keys();
        let by = data_keys.current().opened_by();
        Opening {
            kms: by.kms.as_ref().to_owned(),
            wrapper_key_id: by.wrapper_key_id.as_ref().to_owned(),
            failed: self.failed_before().to_vec(),
        }
    }

    /// The wraps of the data key in force, in the order in which opening tries them; at the end those whose KMS is not
    /// configured. None is tried: see [`Vault::check_wraps`].
    #[must_use]
    pub fn wraps(&self) -> Vec<Wrap> {
        self.wraps_of(self.data_keys().current())
    }

    /// Configured key management systems in which the vault has no wrap, in the configured order.
    #[must_use]
    pub fn kms_without_wrap(&self) -> Vec<String> {
        let wraps = self.wraps();
        let wrappers = self.environment().wrappers.iter();
        let without = wrappers.filter(|named| wraps.iter().all(|wrap| wrap.kms != named.name));
        without.map(|named| named.name.clone()).collect()
    }

    /// The wraps of a data key in use, in the order in which opening tries them.
    pub(in crate::operations) fn wraps_of(&self, data_key: &OpenedDataKey) -> Vec<Wrap> {
        let direct = self.direct_keys();
        let by = data_key.opened_by();
        let mut wraps: Vec<_> = self.wrap_records().all();
        wraps.retain(|wrap| wrap.data_key_id == data_key.id);
        // Stable: the wraps of one KMS stay in their order.
        wraps.sort_by_key(|wrap| self.place(&wrap.kms));
        let shown = wraps.into_iter().map(|wrap| Wrap {
            configured: self.environment().wrapper(&wrap.kms).is_some(),
            opened_the_vault: *wrap.kms == *by.kms && *wrap.wrapper_key_id == *by.wrapper_key_id,
            direct_keys: direct
                .iter()
                .filter(|(_, id)| *id == wrap.wrapper_key_id)
                .count(),
            created_at: self.wrapped_at(&wrap),
            kms: wrap.kms,
            wrapper_key_id: wrap.wrapper_key_id,
        });
        shown.collect()
    }

    /// When a data key was wrapped: not before it was made, though its wrapper key may have wrapped others then.
    pub(super) fn wrapped_at(&self, wrap: &WrapRecord) -> Timestamp {
        let data_keys = self.data_keys();
        let mut records = data_keys.records().iter();
        let made = records.find(|record| record.id == wrap.data_key_id);
        made.map_or(wrap.created_at, |made| made.created_at.max(wrap.created_at))
    }

    /// The place of a KMS in the configured order; after all others if it is not configured.
    pub(super) fn place(&self, kms: &str) -> usize {
        let mut wrappers = self.environment().wrappers.iter();
        wrappers
            .position(|named| named.name == kms)
            .unwrap_or(usize::MAX)
    }

    /// The keys that a wrapper key sealed itself, each with its wrapper key.
    pub(in crate::operations) fn direct_keys(&self) -> Vec<(Fingerprint, String)> {
        let entries = self.directory().entries();
        let direct = entries.iter().filter_map(|entry| {
            let private = entry.private.as_ref()?;
            let id = private.wrapper_key_id.as_deref()?;
            let is_direct = private.sealing == Sealing::Direct;
            is_direct.then(|| (entry.fingerprint(), id.to_owned()))
        });
        direct.collect()
    }
}
