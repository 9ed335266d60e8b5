//! A wrapper key in wrong hands.

use std::collections::BTreeSet;

use strongroom_crypto::{Fingerprint, KeyName, Timestamp};
use strongroom_store::{Custody, DataKeyId, KeyState, Sealing, WrapRecord};

use super::{Act, AffectedBackup, Condition, KeyRole, Loss, Step};
use crate::{
    directory::KeyEntry,
    error::{VaultError, WrapperKeyError},
    vault::Vault,
};

/// A wrapper key in wrong hands, and what it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedWrapperKey {
    /// The configured name of its KMS.
    pub kms: String,
    /// The wrapper key.
    pub wrapper_key_id: String,
    /// Whether its private half is kept offline: a recovery key.
    pub offline: bool,
    /// What it wraps, the oldest first.
    pub wraps: Vec<AffectedWrap>,
    /// Other wrapper keys that open the vault, each with its KMS.
    pub others: Vec<(String, String)>,
    /// Every key that is sealed under it: by the data key, or by itself.
    pub sealed: Vec<SealedUnder>,
    /// Keys stored readable: no wrapper key guards them.
    pub clear_keys: usize,
    /// Keys that a KMS holds and of which nothing is sealed here: the wrapper key does not open them.
    pub held_keys: usize,
    /// Backups that it opens.
    pub backups: Vec<AffectedBackup>,
    /// Whether its rotation, or another one, is under way.
    pub rotation_under_way: bool,
    /// Whether there is a node whose keys can be rotated.
    pub has_node: bool,
    /// Whether the vault was restored and signs nothing yet.
    pub quarantined: bool,
}

/// What a wrapper key wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AffectedWrap {
    /// The data key.
    pub data_key: DataKeyId,
    /// When it was wrapped.
    pub created_at: Timestamp,
    /// Whether rows are sealed under it; otherwise only backups are.
    pub in_use: bool,
}

/// A key that is sealed under a wrapper key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedUnder {
    /// The key.
    pub fingerprint: Fingerprint,
    /// The operator's label.
    pub name: Option<KeyName>,
    /// What topology lets it do.
    pub role: KeyRole,
    /// What it may still do.
    pub state: KeyState,
    /// Whether the wrapper key sealed the row itself.
    pub direct: bool,
    /// Whether a KMS holds the key as well, and this is the copy beside it.
    pub copy: bool,
}

impl AffectedWrapperKey {
    fn in_use(&self) -> bool {
        self.wraps.iter().any(|wrap| wrap.in_use)
    }

    fn active(&self, role: impl Fn(KeyRole) -> bool) -> Vec<Fingerprint> {
        let active = self.sealed.iter();
        let active = active.filter(|key| key.state == KeyState::Active && role(key.role));
        active.map(|key| key.fingerprint).collect()
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::from(Act::ReadAudit)];
        if !self.offline {
            steps.push(Act::SecureKms(self.kms.clone()).into());
        }
        if self.clear_keys > 0 {
            steps.push(Act::SealClearKeys.into());
        }
        if self.in_use() {
            steps.extend(self.renewal().into_iter().map(Step::from));
        }
        steps.extend(self.keys_anew());
        if !self.backups.is_empty() {
            let ids = self.backups.iter().map(|backup| backup.id).collect();
            steps.push(Act::DestroyBackups(ids).into());
        }
        steps.push(Act::PruneDataKeys.into());
        if !self.offline {
            let disabled = Act::DisableWrapperKey {
                kms: self.kms.clone(),
                wrapper_key_id: self.wrapper_key_id.clone(),
            };
            steps.push(disabled.into());
        }
        steps
    }

    /// A new data key, which the wrapper key in wrong hands does not open.
    fn renewal(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        if self.rotation_under_way {
            acts.push(Act::ResumeWrapperKeyRotation);
        }
        acts.push(Act::CheckWraps);
        let (kms, wrapper_key_id) = (self.kms.clone(), self.wrapper_key_id.clone());
        if self.offline {
            // A rotation would wrap for the stolen one again.
            acts.push(Act::ReplaceRecoveryKey {
                kms,
                wrapper_key_id,
            });
            if let Some((kms, wrapper_key_id)) = self.others.first().cloned() {
                acts.push(Act::RotateWrapperKey {
                    kms,
                    wrapper_key_id,
                });
            }
        } else {
            acts.push(Act::RotateWrapperKey {
                kms,
                wrapper_key_id,
            });
        }
        acts.push(Act::BackUp);
        acts
    }

    /// The keys themselves: whoever had the wrapper key and a copy of the database has them all.
    fn keys_anew(&self) -> Vec<Step> {
        let mut acts = Vec::new();
        let node = self.active(|role| role == KeyRole::Node);
        if self.quarantined && !self.sealed.is_empty() {
            acts.push(Act::LeaveQuarantine);
        }
        if self.has_node && !node.is_empty() {
            acts.extend([Act::BeginRotation(None), Act::BackUp, Act::FinishRotation]);
        }
        let others = self.active(|role| !matches!(role, KeyRole::Node | KeyRole::Root));
        if !others.is_empty() {
            acts.push(Act::LookAtKeys(others));
        }
        if !self.active(|role| role == KeyRole::Root).is_empty() {
            acts.push(Act::LookAtRoot);
        }
        let condition = Condition::DatabaseTaken;
        acts.into_iter()
            .map(|act| Step::only_if(condition, act))
            .collect()
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        let mut losses = vec![Loss::OldCopiesOpen];
        if !self.sealed.is_empty() {
            losses.extend([Loss::HistoryReadable, Loss::SignaturesStay]);
        }
        if !self.active(|role| role == KeyRole::Root).is_empty() {
            losses.push(Loss::RootForEver);
        }
        if self.clear_keys > 0 {
            losses.push(Loss::WasReadable);
        }
        losses
    }
}

impl Vault {
    pub(super) async fn affected_wrapper_key(
        &self,
        id: Option<&str>,
    ) -> Result<AffectedWrapperKey, VaultError> {
        let records = self.wrap_records();
        let (in_use, of_retired) = (records.all(), records.of_retired());
        let (kms, id) = self.named_wrapper_key(id, &in_use, &of_retired)?;
        let wraps = |in_use, of: &[WrapRecord]| {
            let ours = of.iter().filter(|wrap| wrap.wrapper_key_id == id);
            let wraps = ours.map(|wrap| AffectedWrap {
                data_key: wrap.data_key_id,
                created_at: wrap.created_at,
                in_use,
            });
            wraps.collect::<Vec<_>>()
        };
        let mut all = wraps(true, &in_use);
        all.extend(wraps(false, &of_retired));
        all.sort_by_key(|wrap| wrap.created_at);
        let opened: BTreeSet<DataKeyId> = all.iter().map(|wrap| wrap.data_key).collect();
        let backups = self.backups();
        let opens = backups
            .iter()
            .filter(|backup| backup.needs.iter().any(|need| opened.contains(need)));
        let others = records.wrapper_keys().into_iter();
        let mut affected = AffectedWrapperKey {
            offline: self
                .environment()
                .wrapper(&kms)
                .is_some_and(|named| !named.wrapper.unwraps()),
            others: others.filter(|(_, other)| *other != id).collect(),
            sealed: Vec::new(),
            clear_keys: 0,
            held_keys: 0,
            backups: opens.map(AffectedBackup::of).collect(),
            rotation_under_way: self.wrapper_key_rotation().is_some(),
            has_node: self.identity().is_some(),
            quarantined: self.is_quarantined(),
            kms,
            wrapper_key_id: id,
            wraps: all,
        };
        for entry in self.directory().entries() {
            self.add_key(&mut affected, &entry, &opened).await?;
        }
        Ok(affected)
    }

    /// The only wrapper key, or the one that is meant, also of data keys that are retired.
    fn named_wrapper_key(
        &self,
        id: Option<&str>,
        in_use: &[WrapRecord],
        of_retired: &[WrapRecord],
    ) -> Result<(String, String), VaultError> {
        let Some(id) = id else {
            let all = self.wrap_records().wrapper_keys();
            let names: BTreeSet<&String> = all.iter().map(|(_, id)| id).collect();
            return match all.first() {
                Some(only) if names.len() == 1 => Ok(only.clone()),
                _ => Err(WrapperKeyError::WhichWrap { kms: None }.into()),
            };
        };
        let mut all = in_use.iter().chain(of_retired);
        let named = all.find(|wrap| wrap.wrapper_key_id == id);
        let named = named.map(|wrap| (wrap.kms.clone(), wrap.wrapper_key_id.clone()));
        named.ok_or_else(|| VaultError::WrapNotFound {
            wrapper_key_id: id.to_owned(),
        })
    }

    async fn add_key(
        &self,
        affected: &mut AffectedWrapperKey,
        entry: &KeyEntry,
        opened: &BTreeSet<DataKeyId>,
    ) -> Result<(), VaultError> {
        let Some(half) = &entry.private else {
            return Ok(());
        };
        let direct = half.sealing == Sealing::Direct;
        let is_under = match half.sealing {
            Sealing::DataKey => opened.contains(&half.data_key),
            Sealing::Direct => {
                half.wrapper_key_id.as_deref() == Some(affected.wrapper_key_id.as_str())
            }
            Sealing::None => false,
        };
        if is_under {
            affected.sealed.push(SealedUnder {
                fingerprint: entry.fingerprint(),
                name: entry.name.clone(),
                role: self.role(&entry.fingerprint()).await?,
                state: half.state,
                direct,
                copy: half.has_copy(),
            });
        } else if half.custody == Custody::Clear {
            affected.clear_keys += 1;
        } else if half.custody == Custody::External {
            affected.held_keys += 1;
        }
        Ok(())
    }
}
