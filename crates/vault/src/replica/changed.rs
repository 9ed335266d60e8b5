//! Reading only the keys that were changed.
//!
//! The audit log names the key of each act. It is a hint here, and a good one: the keys that it names are read again, and
//! with all other keys as they are known the sum must come to the one in the state record. If it does not, because an act
//! changed keys that it does not name, everything is read.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{Fingerprint, encoding::Encoder};
use strongroom_store::ReadTransaction;

use crate::{
    authenticate::{self, Found},
    data_keys::DataKeys,
    directory::{Entries, KeyEntry},
    error::VaultError,
    operations::open::contents::{Contents, Outline, Rest},
    state::VaultState,
    vault::Vault,
};

/// Keys that are read again: each costs two questions. After more of them everything is read, in pages.
const MOST_ACTS: usize = 200;

/// What the store holds, as far as it may be another than what is known.
pub(super) struct News {
    pub(super) state: VaultState,
    pub(super) keys: Keys,
    pub(super) rest: Rest,
}

/// The keys of the vault.
pub(super) enum Keys {
    All(Entries),
    /// These are as they stand here, or gone; all others are as they were.
    Changed(Vec<(Fingerprint, Option<Arc<KeyEntry>>)>),
}

impl From<Contents> for News {
    fn from(contents: Contents) -> Self {
        Self {
            state: contents.state,
            keys: Keys::All(contents.entries),
            rest: contents.rest,
        }
    }
}

impl Vault {
    /// What the store holds now, by what is `known` and the keys that acts since then name; none if that takes reading
    /// everything.
    ///
    /// # Errors
    /// As [`Contents::read`].
    pub(super) async fn read_changed(
        &self,
        snapshot: &mut dyn ReadTransaction,
        outline: &Outline,
        data_keys: &Arc<DataKeys>,
        (known, named): (&VaultState, BTreeSet<Fingerprint>),
    ) -> Result<Option<News>, VaultError> {
        let before = self.data_keys();
        let current = data_keys.current();
        if !Arc::ptr_eq(current, before.current()) || named.len() > MOST_ACTS {
            return Ok(None);
        }
        let state = outline.state(current)?;
        let mut sum = Found::of(known);
        sum.subtract(&self.sum_beside_keys(current, before.records())?);
        sum.merge(&outline.authenticate(current)?);
        let rest = Rest::read(snapshot, data_keys, &mut sum).await?;
        let mut encoder = Encoder::new();
        let mut changed = Vec::with_capacity(named.len());
        for fingerprint in named {
            if let Some(entry) = self.directory().entry(&fingerprint) {
                sum.remove(&entry.element(current));
            }
            let public = snapshot.public_key(fingerprint).await?;
            let entry = match public {
                None => None,
                Some(public) => {
                    let private = snapshot.private_key(fingerprint).await?;
                    let entry = authenticate::entry(public, private, data_keys, &mut encoder)?;
                    sum.add(&entry.element(current));
                    Some(Arc::new(entry))
                }
            };
            changed.push((fingerprint, entry));
        }
        Ok(sum.check(&state).is_ok().then_some(News {
            state,
            keys: Keys::Changed(changed),
            rest,
        }))
    }
}
