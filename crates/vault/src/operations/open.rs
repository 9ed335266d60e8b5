//! Opening a vault: one KMS call, every row authenticated, no key parsed.

use std::{sync::Arc, time::Duration};

use strongroom_kms::{KmsError, KmsOperation, WrapContext};
use strongroom_store::{DataKeyRecord, ReadTransaction, VaultId, VaultRecord, WrapRecord};
use tokio::time::timeout;

use crate::{
    anchor::{AnchorError, AnchorRecord, AnchoredDataKey},
    anchor_tag::{ConfiguredTag, Judge},
    authenticate,
    committed::Committed,
    data_keys::{DataKeys, OpenedBy, OpenedDataKey, incoming_record, wrapped_key},
    directory::KeyDirectory,
    environment::Environment,
    error::{VaultError, WrapAttempt},
    kms_watch::KmsWatch,
    settings::Settings,
    state::VaultState,
    vault::{Parts, Vault},
    wraps::{Wraps, in_order},
};

/// How long one KMS is waited for while there is another wrap to try: longer than a KMS takes that works, shorter than its
/// deadlines and retries together.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is said of a KMS that did not answer by then.
const SILENT: KmsError = KmsError::TimedOut {
    operation: KmsOperation::UnwrapKey,
};

/// What to do when the anchor contradicts the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnchorRule {
    /// Refuse.
    Enforce,
    /// Go on: the operator says that this state is the right one.
    Accept,
}

impl Vault {
    /// Opens the vault in the store, and refuses one that was tampered with.
    ///
    /// Costs one KMS call, whatever the number of keys; two while the wrapper key is being rotated; with a tag that is an anchor one
    /// more, which reads it, and if a crash left it behind those that write it. Every row is authenticated and all of them together are held
    /// against the state record and the anchor; keys are parsed when first used.
    ///
    /// # Errors
    /// [`VaultError::NotInitialized`] without a vault; [`VaultError::NoWrapOpens`] when no KMS opens it;
    /// [`VaultError::RowNotAuthentic`], [`VaultError::StateMismatch`], [`VaultError::RolledBack`] and their like when the
    /// store was changed behind our back.
    pub async fn open(environment: Environment, settings: Settings) -> Result<Self, VaultError> {
        let vault = open(environment, settings, AnchorRule::Enforce).await?;
        vault.warn_of_old_keys();
        Ok(vault)
    }
}

pub(crate) async fn open(
    environment: Environment,
    settings: Settings,
    rule: AnchorRule,
) -> Result<Vault, VaultError> {
    open_with(environment, settings, rule, |_, _| Ok(())).await
}

/// As [`open`]; `unwrapped` hears of the current data key before any key is read: a backup's readable keys need it.
pub(crate) async fn open_with(
    environment: Environment,
    settings: Settings,
    rule: AnchorRule,
    unwrapped: impl FnOnce(VaultId, Arc<OpenedDataKey>) -> Result<(), VaultError>,
) -> Result<Vault, VaultError> {
    let looked = match ConfiguredTag::of(&environment, &settings)? {
        Some(tag) => Some(tag.look(&environment, rule).await?),
        None => None,
    };
    let mut snapshot = environment.store.read().await?;
    let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
    let records = snapshot.data_keys().await?;
    let record = current_data_key(&vault, &records)?;
    let mut wraps = Vec::new();
    for record in &records {
        wraps.extend(snapshot.wraps(record.id).await?);
    }
    let anchored = match environment.anchor.load() {
        // Whoever accepts the state does not go by the anchor, and a new one takes its place.
        Err(AnchorError::Malformed { .. }) if rule == AnchorRule::Accept => None,
        other => other?,
    };
    check_anchored_data_key(anchored.as_ref(), &vault, record, rule)?;

    let watch = KmsWatch::default();
    let Unwrapped { current, failed } =
        unwrap_data_key(&environment, vault.id, record, &wraps, &watch).await?;
    let state = VaultState::open(&vault.state, vault.id, &current)?;
    let mut found = authenticate::metadata(&vault, &records, &wraps, &current)?;
    // A rotation of the wrapper key was begun and not finished: rows are under either data key.
    let incoming = match incoming_record(&records, current.id)? {
        None => None,
        Some(record) => {
            let opening = unwrap_data_key(&environment, vault.id, record, &wraps, &watch);
            Some(opening.await?.current)
        }
    };
    let data_keys = Arc::new(DataKeys::new(current, incoming, records));
    unwrapped(vault.id, Arc::clone(data_keys.current()))?;
    let node = authenticate::node(snapshot.as_mut(), &data_keys, &mut found).await?;
    let journal = authenticate::journal(snapshot.as_mut(), &data_keys, &mut found).await?;
    let backups = authenticate::backups(snapshot.as_mut(), &data_keys, &mut found).await?;
    // A hint only, and from a record that was authenticated: nobody makes us reserve what is not there.
    let expected = usize::try_from(state.entries).unwrap_or_default();
    let directory = authenticate::keys(snapshot.as_mut(), &data_keys, expected, &mut found).await?;
    check_audit_head(snapshot.as_mut(), &state).await?;
    drop(snapshot);
    found.check(&state)?;

    let opened = Vault::new(Parts {
        id: vault.id,
        created_at: vault.created_at,
        environment,
        settings,
        failed_before: failed,
        wraps: Wraps::new(wraps, &data_keys),
        data_keys,
        kms_watch: watch,
        directory: KeyDirectory::new(directory),
        node,
        journal,
        backups,
        committed: Committed::new(state, vault.state),
        tag: looked.as_ref().map(|looked| Arc::clone(&looked.keeper)),
    });
    // Before the file is told that a pending state is the right one.
    let judge = Judge {
        rule,
        vouched: anchored.is_some(),
    };
    opened.check_tag(looked, &state, judge)?;
    check_anchor(&opened, anchored, &state, rule)?;
    if rule == AnchorRule::Enforce {
        opened.write_tag().await;
    }
    tracing::info!(vault = %opened.id(), keys = opened.key_count(), "opened the vault");
    Ok(opened)
}

/// The current data key, unwrapped, with nothing else looked at.
pub(crate) async fn data_key(
    environment: &Environment,
) -> Result<(VaultId, OpenedDataKey), VaultError> {
    let mut snapshot = environment.store.read().await?;
    let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
    let records = snapshot.data_keys().await?;
    let record = current_data_key(&vault, &records)?;
    let wraps = snapshot.wraps(record.id).await?;
    let watch = KmsWatch::default();
    let unwrapped = unwrap_data_key(environment, vault.id, record, &wraps, &watch).await?;
    Ok((vault.id, unwrapped.current))
}

fn current_data_key<'a>(
    vault: &VaultRecord,
    records: &'a [DataKeyRecord],
) -> Result<&'a DataKeyRecord, VaultError> {
    let id = vault.current_data_key;
    records
        .iter()
        .find(|record| record.id == id)
        .ok_or(VaultError::UnknownDataKey { id })
}

/// A data key, and how it came out of its wraps.
struct Unwrapped {
    current: OpenedDataKey,
    /// The wraps that were tried before.
    failed: Vec<WrapAttempt>,
}

/// Tries the wraps in the configured order of their KMSs. When the first one does not open, that is said aloud: what
/// was made for redundancy is being used up.
async fn unwrap_data_key(
    environment: &Environment,
    vault: VaultId,
    record: &DataKeyRecord,
    wraps: &[WrapRecord],
    watch: &KmsWatch,
) -> Result<Unwrapped, VaultError> {
    let context = WrapContext::for_data_key(vault.as_bytes(), record.id.as_bytes());
    let mut failed: Vec<WrapAttempt> = Vec::new();
    let mut wraps = in_order(environment, wraps, record.id).peekable();
    while let Some((named, wrap)) = wraps.next() {
        let wrapped = wrapped_key(wrap)?;
        let unwrapping = named.wrapper.unwrap_key(&wrapped, &context);
        let outcome = match wraps.peek() {
            Some(_another) => timeout(PATIENCE, unwrapping).await.unwrap_or(Err(SILENT)),
            None => unwrapping.await,
        };
        let now = environment.clock.now();
        if named.wrapper.unwraps() {
            watch.note_use(&named.name, &wrap.wrapper_key_id, now, &outcome);
        }
        match outcome {
            Ok(secret) => {
                let opened_by = OpenedBy::new(wrap);
                let current = OpenedDataKey::from_unwrapped(record, secret, opened_by)?;
                warn_of_failed(&failed, wrap);
                return Ok(Unwrapped { current, failed });
            }
            Err(error) => failed.push(WrapAttempt::new(wrap, &error.into())),
        }
    }
    Err(VaultError::NoWrapOpens { attempts: failed })
}

fn warn_of_failed(failed: &[WrapAttempt], opened: &WrapRecord) {
    for attempt in failed {
        tracing::warn!(
            kms = attempt.kms,
            wrapper_key_id = attempt.wrapper_key_id,
            code = attempt.code,
            reason = attempt.reason,
            opened_by = opened.kms,
            "a wrap did not open the vault; another one did"
        );
    }
}

/// The newest audit record must be the one that the state record names; `audit verify` walks the whole chain.
async fn check_audit_head(
    snapshot: &mut dyn ReadTransaction,
    state: &VaultState,
) -> Result<(), VaultError> {
    let head = snapshot.audit_head().await?;
    let fits = match &head {
        Some(row) => row.sequence == state.audit_records && row.hash == state.audit_head,
        None => state.audit_records == 0,
    };
    if fits {
        Ok(())
    } else {
        Err(VaultError::AuditBroken {
            sequence: state.audit_records,
        })
    }
}

/// Before the KMS is asked: is this the vault and the data key that the anchor remembers?
///
/// While a commit was under way that makes another data key current, either is. Whoever accepts an older state, from a backup,
/// may go back to a data key that was current once and was not pruned. Beyond that nobody may overrule this: somebody who can
/// write the store and wrap could otherwise put a vault of their own, under the same id, in the place of ours, and wait for the
/// operator to accept it.
fn check_anchored_data_key(
    anchored: Option<&AnchorRecord>,
    vault: &VaultRecord,
    record: &DataKeyRecord,
    rule: AnchorRule,
) -> Result<(), VaultError> {
    let Some(anchored) = anchored else {
        return Ok(());
    };
    let key = AnchoredDataKey {
        id: record.id.to_string(),
        commitment: data_encoding::HEXLOWER.encode(&record.commitment),
    };
    let is_known = anchored.knows(&key, rule == AnchorRule::Accept);
    if anchored.vault_id == vault.id.to_string() && is_known {
        Ok(())
    } else {
        Err(VaultError::AnchorOfOtherVault)
    }
}

fn check_anchor(
    vault: &Vault,
    anchored: Option<AnchorRecord>,
    state: &VaultState,
    rule: AnchorRule,
) -> Result<(), VaultError> {
    let anchor = &vault.environment().anchor;
    let data_keys = vault.data_keys();
    let here = vault.checkpoint(state, &data_keys);
    match (anchored, anchor.location()) {
        _ if rule == AnchorRule::Accept => Ok(()),
        (None, None) if state.anchored => Err(VaultError::AnchorNotConfigured),
        (None, None) => Ok(()),
        (None, Some(location)) => Err(VaultError::AnchorMissing { location }),
        (Some(record), _) => {
            let (confirmed, pending) = (record.confirmed.as_ref(), record.pending.as_ref());
            if confirmed == Some(&here) && pending.is_none() {
                return Ok(());
            }
            if confirmed == Some(&here) || pending == Some(&here) {
                // A crash fell before or after the store's commit. From now on only this state is accepted: with both
                // left in the anchor, the store could be put from one to the other and back.
                return Ok(anchor.store(&vault.anchor_record(Some(here), None, &data_keys))?);
            }
            let remembered = record
                .confirmed
                .or(record.pending)
                .map_or(0, |checkpoint| checkpoint.generation);
            Err(VaultError::RolledBack {
                remembered,
                found: state.generation,
            })
        }
    }
}
