//! Reading only the keys that were changed.
//!
//! The audit log names the key of each act. It is a hint here, and a good one: the keys that it names are read again, and
//! with all other keys as they are known the sum must come to the one in the state record. If it does not, because an act
//! changed keys that it does not name, everything is read.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{Fingerprint, encoding::Encoder};
use strongroom_store::ReadTransaction;

use crate::{
    audit::ChainWalk,
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
/// Records that are looked through for them, in pages; most may be of uses, which change nothing.
const MOST_RECORDS: u64 = 20_000;
const PAGE: usize = 1024;

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
    /// What the store holds now; none if that takes reading everything.
    ///
    /// # Errors
    /// As [`Contents::read`].
    pub(super) async fn read_changed(
        &self,
        snapshot: &mut dyn ReadTransaction,
        outline: &Outline,
        data_keys: &Arc<DataKeys>,
        known: &VaultState,
    ) -> Result<Option<News>, VaultError> {
        let before = self.data_keys();
        let current = data_keys.current();
        if !Arc::ptr_eq(current, before.current()) {
            return Ok(None);
        }
        let state = outline.state(current)?;
        let Some(named) = keys_named_since(snapshot, known, &state).await? else {
            return Ok(None);
        };
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

/// The keys that acts since `known` name; none if there are too many acts. The records must follow those that are known.
async fn keys_named_since(
    snapshot: &mut dyn ReadTransaction,
    known: &VaultState,
    state: &VaultState,
) -> Result<Option<BTreeSet<Fingerprint>>, VaultError> {
    if state.audit_records.saturating_sub(known.audit_records) > MOST_RECORDS {
        return Ok(None);
    }
    let mut walk = ChainWalk::from(known.audit_head());
    let mut named = BTreeSet::new();
    while walk.records() < state.audit_records {
        let rows = snapshot.audit_after(walk.records(), PAGE).await?;
        for row in &rows {
            let entry = walk.step(row)?;
            let key = entry.key.filter(|_| !entry.operation.is_use());
            named.extend(key.and_then(|key| key.parse::<Fingerprint>().ok()));
        }
        if named.len() > MOST_ACTS {
            return Ok(None);
        }
        if rows.is_empty() {
            break;
        }
    }
    if walk.head() == state.audit_head() {
        Ok(Some(named))
    } else {
        Err(VaultError::AuditBroken {
            sequence: state.audit_records,
        })
    }
}
