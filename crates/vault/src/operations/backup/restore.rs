//! Restoring a vault from a backup, into a store that holds none.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_backup::{BackupStore, Row};
use strongroom_store::{
    ApprovalId, AuditRow, ReadTransaction, Store, VaultId, VaultRecord, WriteTransaction,
};

use super::{pages::Pages, verify::open_isolated};
use crate::{
    anchor::{AnchorError, AnchorRecord},
    anchor_tag::{ConfiguredTag, TagBefore, marks_of},
    approvals::Approval,
    audit::{AuditEntry, AuditOperation, ChainPosition},
    authenticate::Found,
    caller::Caller,
    committed::anchored,
    digest::MultisetDigest,
    environment::Environment,
    error::VaultError,
    operations::open::{AnchorRule, open},
    settings::Settings,
    state::VaultState,
    vault::Vault,
};

/// How a backup is to be restored.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by callers, who must decide about each field"
)]
pub struct Restore {
    /// The vault that it must be of; none takes any.
    pub vault: Option<VaultId>,
    /// Restore it although the anchor remembers a later state, or cannot be read.
    pub accept_older: bool,
}

impl Restore {
    const fn older(self) -> OlderState {
        if self.accept_older {
            OlderState::Accept
        } else {
            OlderState::Refuse
        }
    }
}

/// What becomes of a backup although a later state is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OlderState {
    /// It is not restored.
    Refuse,
    /// It is restored: the operator says so.
    Accept,
}

/// A vault that was restored.
#[derive(Debug)]
#[non_exhaustive]
pub struct Restored {
    /// The vault, open, in quarantine.
    pub vault: Vault,
    /// The generation that the backup holds.
    pub generation: u64,
    /// The generation that the anchor remembered; none if it remembered nothing of this vault.
    pub remembered: Option<u64>,
}

/// What the anchor knew before.
struct Before {
    record: Option<AnchorRecord>,
    remembered: Option<u64>,
    tag: Option<TagBefore>,
}

impl Before {
    /// What the anchor keeps while a vault is being restored: all that it remembers, and the `next` state beside it. Until the
    /// commit there is no vault, and whoever gives up, or tries again, finds what was there before.
    fn while_restoring(&self, isolated: &Vault, next: &VaultState) -> AnchorRecord {
        let data_keys = isolated.data_keys();
        let before = self.record.clone();
        before
            .unwrap_or_else(|| isolated.anchor_record(None, None, &data_keys))
            .while_restoring(
                anchored(data_keys.current()),
                isolated.checkpoint(next, &data_keys),
            )
    }
}

impl Vault {
    /// Restores a backup into the store of `environment`, which holds no vault, and opens it.
    ///
    /// Before anything is written the backup is opened as it is, so what does not open is not restored. One commit makes the
    /// vault: a crash leaves none, and restoring may simply be repeated, or all of it. It begins a new epoch of the anchor:
    /// its generation is beyond all that the anchor remembers, so that states of the time before cannot pass for later ones.
    /// The vault is in quarantine until [`Vault::release`].
    ///
    /// # Errors
    /// [`VaultError::AlreadyExists`]; [`VaultError::OtherVault`]; [`VaultError::BackupOlder`] and
    /// [`VaultError::AnchorOfOtherVault`] from the anchor; [`VaultError::NoWrapOpens`] names each wrap; every error of
    /// opening; errors of the store. The store then holds no vault.
    pub async fn restore_backup(
        environment: Environment,
        settings: Settings,
        caller: &Caller,
        backup: &BackupStore,
        how: Restore,
    ) -> Result<Restored, VaultError> {
        if environment.store.read().await?.vault().await?.is_some() {
            return Err(VaultError::AlreadyExists);
        }
        if let Some(configured) = how.vault
            && configured != backup.header().vault
        {
            return Err(VaultError::OtherVault {
                configured,
                found: backup.header().vault,
            });
        }
        let isolated = open_isolated(environment.clone(), settings.clone(), backup).await?;
        let state = isolated.committed().lock().await.state.clone();
        let generation = state.generation;
        let mut before = check_anchor(&environment, &isolated, &state, how.older())?;
        if let Some(configured) = ConfiguredTag::of(&environment, &settings)? {
            let known = before.record.as_ref().map(marks_of);
            let tag = TagBefore::of_restored(
                &configured,
                &isolated,
                &state,
                how.older(),
                known.as_deref(),
            )
            .await?;
            let remembered = tag.as_ref().and_then(TagBefore::remembered);
            before.remembered = before.remembered.max(remembered);
            before.tag = tag;
        }
        let mut transaction = environment.store.begin().await?;
        let audit = AuditEntry::new(
            ChainPosition::after(state.audit_head(), transaction.lease_token()),
            environment.clock.now(),
            caller,
            AuditOperation::RestoreBackup,
            None,
            details(&before, &state, backup),
        )
        .to_row(&state.audit_head)?;
        let (record, next) =
            restored_state(&environment, &isolated, state, &before, &audit, backup).await?;

        let mut rows = backup.read().await?;
        let restored = RestoredAs {
            vault: &record,
            approvals: isolated
                .approvals()
                .iter()
                .filter(|it| is_kept(it))
                .map(|it| it.id)
                .collect(),
        };
        copy_rows(rows.as_mut(), transaction.as_mut(), Some(&restored)).await?;
        transaction.append_audit(audit).await?;
        environment
            .anchor
            .store(&before.while_restoring(&isolated, &next))?;
        if let Some(tag) = &before.tag {
            tag.prepare().await?;
        }
        if let Err(error) = transaction.commit().await {
            // The answer may have been lost after the work was done: what the store holds decides.
            match environment.store.read().await?.vault().await? {
                Some(stored) if stored.state == record.state => {}
                _ => return Err(error.into()),
            }
        }
        drop(isolated);
        // Reads back all that was written, and confirms the anchor.
        let vault = open(environment, settings, AnchorRule::Enforce).await?;
        tracing::info!(vault = %vault.id(), generation, "restored the vault");
        Ok(Restored {
            vault,
            generation,
            remembered: before.remembered,
        })
    }
}

/// The restored vault's row and state, of which `audit` is the newest record.
async fn restored_state(
    environment: &Environment,
    isolated: &Vault,
    state: VaultState,
    before: &Before,
    audit: &AuditRow,
    backup: &BackupStore,
) -> Result<(VaultRecord, VaultState), VaultError> {
    let generation = state.generation.max(before.remembered.unwrap_or_default()) + 1;
    let (entries, digest) = without_a_yes(isolated, &state)?;
    let next = VaultState {
        entries,
        digest,
        generation,
        audit_records: audit.sequence,
        audit_head: audit.hash,
        anchored: environment.anchor.location().is_some(),
        tagged: before.tag.is_some(),
        quarantine: true,
        ..state
    };
    let data_keys = isolated.data_keys();
    let random = environment.random.as_ref();
    let sealed = next.seal(isolated.id(), data_keys.current(), random)?;
    let stored = backup.read().await?.vault().await?;
    let stored = stored.ok_or(VaultError::NotInitialized)?;
    let record = VaultRecord {
        state: sealed,
        ..stored
    };
    Ok((record, next))
}

/// A yes of the time before the backup may have been used since, and counts for nothing any more. That the glass was broken lets nothing
/// through, and whoever broke it shall not sweep it away by restoring.
const fn is_kept(approval: &Approval) -> bool {
    approval.is_bypassed()
}

/// What the rows add up to that are restored.
fn without_a_yes(
    isolated: &Vault,
    state: &VaultState,
) -> Result<(u64, MultisetDigest), VaultError> {
    let (mut found, data_keys) = (Found::of(state), isolated.data_keys());
    let mut approvals = isolated.approvals();
    approvals.retain(|approval| !is_kept(approval));
    for approval in &approvals {
        found.remove(&approval.element(data_keys.current()));
    }
    let entries = state.entries.saturating_sub(approvals.len() as u64);
    Ok((entries, found.digest_of(entries)?))
}

/// What the audit log says of it: the anchor that was, word for word, since a new one takes its place.
fn details(before: &Before, state: &VaultState, backup: &BackupStore) -> BTreeMap<String, String> {
    let mut details = BTreeMap::from([
        ("backup".to_owned(), backup.header().id.to_string()),
        ("generation".to_owned(), state.generation.to_string()),
    ]);
    if let Some(record) = &before.record {
        // Texts and numbers always serialize.
        let anchor = serde_json::to_string(record).unwrap_or_default();
        details.insert("anchor_before".to_owned(), anchor);
    }
    details
}

/// What is written in the place of some rows of a backup.
pub(crate) struct RestoredAs<'a> {
    vault: &'a VaultRecord,
    /// Those that are written; others stay behind.
    approvals: BTreeSet<ApprovalId>,
}

/// Writes every row but the vault's as it is read. That one is written, and approvals stay behind, only if it is restored.
pub(crate) async fn copy_rows(
    read: &mut dyn ReadTransaction,
    transaction: &mut dyn WriteTransaction,
    restored: Option<&RestoredAs<'_>>,
) -> Result<(), VaultError> {
    let mut pages = Pages::new();
    while let Some(rows) = pages.next(read).await? {
        let (mut keys, mut topology, mut rotations) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            match row {
                Row::Key(row) => keys.push(*row),
                Row::Topology(row) => topology.push(*row),
                Row::Rotation(row) => rotations.push(row),
                Row::DataKey(row) => transaction.insert_data_key(row).await?,
                Row::Wrap(row) => transaction.insert_wrap(row).await?,
                Row::Vault(_before) => {
                    if let Some(restored) = restored {
                        transaction.insert_vault(restored.vault.clone()).await?;
                    }
                }
                Row::Identity(row) => transaction.insert_identity(row).await?,
                Row::KmsJournal(row) => transaction.put_kms_journal(row).await?,
                Row::Audit(row) => transaction.append_audit(row).await?,
                Row::Backup(row) => transaction.put_backup(row).await?,
                Row::Approval(row) => {
                    if restored.is_none_or(|it| it.approvals.contains(&row.id)) {
                        transaction.put_approval(row).await?;
                    }
                }
            }
        }
        if !keys.is_empty() {
            transaction.insert_keys(keys).await?;
        }
        if !topology.is_empty() {
            transaction.insert_topology(topology).await?;
        }
        if !rotations.is_empty() {
            transaction.insert_rotations(rotations).await?;
        }
    }
    Ok(())
}

/// Holds the backup against what the anchor remembers of the vault.
fn check_anchor(
    environment: &Environment,
    isolated: &Vault,
    state: &VaultState,
    older: OlderState,
) -> Result<Before, VaultError> {
    let record = match environment.anchor.load() {
        Err(AnchorError::Malformed { .. }) if older == OlderState::Accept => None,
        other => other?,
    };
    let remembered = record.as_ref().and_then(remembered_by);
    let before = Before {
        record,
        remembered,
        tag: None,
    };
    let Some(record) = &before.record else {
        return Ok(before);
    };
    if record.vault_id != isolated.id().to_string() {
        return Err(VaultError::AnchorOfOtherVault);
    }
    let data_keys = isolated.data_keys();
    // A rotation leaves the anchor knowing the data key before it. Nobody may overrule this: a backup that somebody made up, who
    // can wrap, would become the vault.
    let key = anchored(data_keys.current());
    if !record.knows(&key) && !record.knew(&key) {
        return Err(VaultError::AnchorOfOtherVault);
    }
    let here = isolated.checkpoint(state, &data_keys);
    let is_here = record.accepts(&here);
    match before.remembered {
        _ if older == OlderState::Accept => {}
        Some(remembered)
            if remembered >= state.generation && !is_latest(record, is_here, state) =>
        {
            return Err(VaultError::BackupOlder {
                remembered,
                found: state.generation,
            });
        }
        _ => {}
    }
    Ok(before)
}

/// Whether the anchor remembers this very state, and nothing after it.
fn is_latest(record: &AnchorRecord, is_here: bool, state: &VaultState) -> bool {
    is_here && remembered_by(record) == Some(state.generation)
}

/// The latest generation that the anchor remembers. A pending one without a confirmed one is a creation that was interrupted before
/// there was a vault, and so is one that was being restored.
fn remembered_by(record: &AnchorRecord) -> Option<u64> {
    let confirmed = record.confirmed.as_ref()?.generation;
    let pending = record.pending.as_ref();
    Some(pending.map_or(confirmed, |pending| pending.generation.max(confirmed)))
}
