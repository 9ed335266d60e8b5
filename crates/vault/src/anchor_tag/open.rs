//! Holding an opened vault against what its tag said.

use super::{
    Closing, DataKeyMark, DataKeySet, Looked, TagRecord, configured::Found, half, mark, mark_of,
    seat,
};
use crate::{
    data_keys::DataKeys,
    error::{AnchorTagError, VaultError},
    operations::open::AnchorRule,
    state::VaultState,
    vault::Vault,
};

/// What decides beside the tag.
pub(crate) struct Judge {
    pub(crate) rule: AnchorRule,
    /// The data keys that another anchor knows, of which the current one is one; none without one.
    pub(crate) known: Option<Vec<DataKeyMark>>,
}

impl Vault {
    /// Whether the tag knows of nothing later than `state`, and of this data key. Takes note of what is to be written.
    pub(crate) fn check_tag(
        &self,
        looked: Option<Looked>,
        state: &VaultState,
        judge: Judge,
    ) -> Result<(), VaultError> {
        let enforced = judge.rule == AnchorRule::Enforce;
        let Some(Looked {
            keeper,
            seat: looked_at,
            found,
        }) = looked
        else {
            return if enforced && state.tagged {
                Err(AnchorTagError::NotConfigured.into())
            } else {
                Ok(())
            };
        };
        let seat = self.tag_seat();
        if seat != looked_at {
            // What we went by was not authenticated. Or somebody rotated meanwhile.
            return Err(VaultError::ChangedUnderneath);
        }
        let kms = keeper.kms.clone();
        let Some(wrapper_key_id) = seat else {
            if enforced && state.tagged {
                return Err(AnchorTagError::NoWrap { kms }.into());
            }
            tracing::warn!(
                kms,
                "the anchor is a tag in a KMS that has no wrap of the vault: nothing is anchored there"
            );
            return Ok(());
        };
        match found {
            Found::NotKnown => {}
            Found::Nothing if enforced && state.tagged => {
                let missing = AnchorTagError::Missing {
                    kms,
                    wrapper_key_id,
                };
                return Err(missing.into());
            }
            // It begins here. Who can write the store only cannot bring that about: the tag is not theirs to remove.
            Found::Nothing => {}
            Found::Record(record) => {
                if enforced && record.generation > state.generation {
                    return Err(rolled_back(&record, state));
                }
                let data_keys = self.data_keys();
                let known = judge.known.as_deref();
                match self.accepted_by(&record, &data_keys, known.unwrap_or_default()) {
                    Some(Accepted::One) => {}
                    Some(Accepted::AndAnother(other)) => self.close_seat_of(other),
                    None if known.is_some() && !enforced => {}
                    None => {
                        let other = AnchorTagError::OtherDataKey {
                            kms,
                            wrapper_key_id,
                        };
                        return Err(other.into());
                    }
                }
                let here = half(&state.checkpoint_tag(self.id(), data_keys.current()));
                let same = record.generation == state.generation;
                if enforced && same && record.checkpoint != here {
                    return Err(rolled_back(&record, state));
                }
                keeper.learn(&wrapper_key_id, record);
            }
        }
        self.note_for_tag(state);
        Ok(())
    }

    /// How the tag knows the current data key, which may stand there together with another one of the vault, or of `known`.
    pub(super) fn accepted_by(
        &self,
        record: &TagRecord,
        data_keys: &DataKeys,
        known: &[DataKeyMark],
    ) -> Option<Accepted> {
        let current = mark_of(data_keys.current());
        if record.data_keys == DataKeySet::one(self.id(), current) {
            return Some(Accepted::One);
        }
        let of_vault = data_keys.records().iter().map(mark);
        let mut all = of_vault.chain(known.iter().copied());
        let is_other = |other: &DataKeyMark| {
            *other != current && record.data_keys == DataKeySet::two(self.id(), current, *other)
        };
        all.find(is_other).map(Accepted::AndAnother)
    }

    /// The commit that made this data key current, or the one before, was not finished at the tag: the wrapper key that it left
    /// still accepts the state before.
    fn close_seat_of(&self, other: DataKeyMark) {
        let Some(keeper) = self.tag() else {
            return;
        };
        let wraps = [self.wrap_records().all(), self.wrap_records().of_retired()].concat();
        let is_retired = self
            .data_keys()
            .retired()
            .any(|record| record.id == other.0);
        let left = seat(&keeper.kms, &wraps, other.0);
        if let Some(key) = left.filter(|key| is_retired && self.tag_seat().as_ref() != Some(key)) {
            let data_keys = DataKeySet::one(self.id(), other);
            keeper.must_close(Closing { key, data_keys });
        }
    }
}

/// How a tag knows the current data key.
pub(super) enum Accepted {
    One,
    /// A commit that changes the data key was under way.
    AndAnother(DataKeyMark),
}

fn rolled_back(record: &TagRecord, state: &VaultState) -> VaultError {
    VaultError::RolledBack {
        remembered: record.generation,
        found: state.generation,
    }
}
