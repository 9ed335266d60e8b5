//! Opening a vault: one KMS call, every row authenticated, no key parsed.

pub(crate) mod contents;

use std::{sync::Arc, time::Duration};

use strongroom_kms::{KmsError, KmsOperation, WrapContext};
use strongroom_store::{DataKeyRecord, VaultId, VaultRecord, WrapRecord};
use tokio::time::timeout;

use crate::{
    anchor::{AnchorError, AnchorRecord, AnchoredDataKey},
    anchor_tag::{ConfiguredTag, Judge, marks_of},
    approvals::Approvals,
    backups::Backups,
    committed::Committed,
    data_keys::{DataKeys, OpenedBy, OpenedDataKey, wrapped_key},
    directory::KeyDirectory,
    environment::Environment,
    error::{VaultError, WrapAttempt},
    history::comes_from,
    journal::Journal,
    kms_watch::KmsWatch,
    node::Node,
    settings::Settings,
    state::VaultState,
    succession::Rows,
    vault::{Parts, Vault},
    wraps::{Wraps, in_order},
};

use contents::{Contents, Outline};

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
    let looked_at = environment.clock.elapsed();
    let mut snapshot = environment.store.read().await?;
    let outline = Outline::read(snapshot.as_mut()).await?;
    let (vault, record) = (&outline.vault, outline.current()?);
    let anchored = match environment.anchor.load() {
        // Whoever accepts the state does not go by the anchor, and a new one takes its place.
        Err(AnchorError::Malformed { .. }) if rule == AnchorRule::Accept => None,
        other => other?,
    };
    let acquaintance = Acquaintance::of(anchored.as_ref(), vault, record)?;
    let others_write = environment.store.replicas().is_some() && rule == AnchorRule::Enforce;
    if acquaintance == Acquaintance::None && !others_write {
        return Err(VaultError::AnchorOfOtherVault);
    }

    let watch = KmsWatch::default();
    let Unwrapped { current, failed } =
        unwrap_data_key(&environment, vault.id, record, &outline.wraps, &watch).await?;
    if let Some(anchored) = &anchored
        && acquaintance == Acquaintance::Former
        && rule == AnchorRule::Enforce
    {
        return Err(VaultError::RolledBack {
            remembered: anchored.generation(),
            found: outline.state(&current)?.generation,
        });
    }
    let incoming = match outline.incoming(&current)? {
        None => None,
        Some(record) => {
            let opening = unwrap_data_key(&environment, vault.id, record, &outline.wraps, &watch);
            Some(Arc::new(opening.await?.current))
        }
    };
    // Where others write, they may have rotated the wrapper key while this process was away.
    if let Some(anchored) = &anchored
        && acquaintance == Acquaintance::None
    {
        let rows = Rows {
            environment: &environment,
            watch: &watch,
            vault: vault.id,
            data_keys: &outline.data_keys,
            wraps: &outline.wraps,
        };
        let trusted = anchored_data_key(anchored, rows).await?;
        let state = outline.state(&current)?;
        state.succession.check(&trusted, current.id, rows).await?;
    }
    let records = outline.data_keys.clone();
    let given_up = anchored.as_ref().map_or_else(Vec::new, |anchored| {
        anchored.given_up_by(&AnchoredDataKey::of(record), &records)
    });
    let data_keys = DataKeys::new(Arc::new(current), incoming, records).with_given_up(given_up);
    let data_keys = Arc::new(data_keys);
    unwrapped(vault.id, Arc::clone(data_keys.current()))?;
    let contents = Contents::read(snapshot.as_mut(), &outline, &data_keys).await?;
    let is_later = match &anchored {
        Some(anchored) if others_write => {
            comes_from(anchored, snapshot.as_mut(), &contents.state).await?
        }
        _ => false,
    };
    drop(snapshot);

    let Contents {
        state,
        entries,
        rest,
    } = contents;
    let Outline { vault, wraps, .. } = outline;
    let opened = Vault::new(Parts {
        id: vault.id,
        created_at: vault.created_at,
        environment,
        settings,
        failed_before: failed,
        wraps: Wraps::new(wraps, &data_keys),
        data_keys,
        kms_watch: watch,
        directory: KeyDirectory::new(entries),
        node: Node::new(rest.identity, rest.rotations),
        journal: Journal::new(rest.journal),
        backups: Backups::new(rest.backups),
        approvals: Approvals::new(rest.approvals),
        committed: Committed::new(state.clone(), vault.state),
        tag: looked.as_ref().map(|looked| Arc::clone(&looked.keeper)),
        looked_at,
    });
    // Before the file is told that a pending state is the right one.
    let judge = Judge {
        rule,
        known: anchored.as_ref().map(marks_of),
    };
    opened.check_tag(looked, &state, judge)?;
    if rule == AnchorRule::Enforce {
        check_anchor(&opened, anchored, &state, is_later)?;
    }
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
    let outline = Outline::read(snapshot.as_mut()).await?;
    let (vault, record) = (outline.vault.id, outline.current()?);
    let watch = KmsWatch::default();
    let unwrapped = unwrap_data_key(environment, vault, record, &outline.wraps, &watch).await?;
    Ok((vault, unwrapped.current))
}

/// A data key, and how it came out of its wraps.
pub(crate) struct Unwrapped {
    pub(crate) current: OpenedDataKey,
    /// The wraps that were tried before.
    pub(crate) failed: Vec<WrapAttempt>,
}

/// Tries the wraps in the configured order of their KMSs. When the first one does not open, that is said aloud: what
/// was made for redundancy is being used up.
pub(crate) async fn unwrap_data_key(
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

/// How the anchor knows the data key that the store calls the current one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acquaintance {
    /// It is that of the latest state, or there is no anchor.
    Latest,
    /// It was current once: the store is older, and its operator may accept that.
    Former,
    /// Not at all.
    None,
}

impl Acquaintance {
    /// Before the KMS is asked: is this the vault, and the data key, that the anchor remembers?
    ///
    /// While a commit was under way that makes another data key current, either is. Whoever accepts an older state, from a backup,
    /// may go back to a data key that was current once and was not pruned. Beyond that nobody may overrule this: somebody who can
    /// write the store and wrap could otherwise put a vault of their own, under the same id, in the place of ours, and wait for
    /// the operator to accept it.
    fn of(
        anchored: Option<&AnchorRecord>,
        vault: &VaultRecord,
        record: &DataKeyRecord,
    ) -> Result<Self, VaultError> {
        let Some(anchored) = anchored else {
            return Ok(Self::Latest);
        };
        if anchored.vault_id != vault.id.to_string() {
            return Err(VaultError::AnchorOfOtherVault);
        }
        let key = AnchoredDataKey::of(record);
        Ok(if anchored.knows(&key) {
            Self::Latest
        } else if anchored.knew(&key) {
            Self::Former
        } else {
            Self::None
        })
    }
}

/// The data key that was current when the anchor was written, unwrapped: it may vouch for those that came after it.
///
/// # Errors
/// [`VaultError::AnchorOfOtherVault`] when it is not there, or another has its id.
async fn anchored_data_key(
    anchored: &AnchorRecord,
    rows: Rows<'_>,
) -> Result<OpenedDataKey, VaultError> {
    let is_it = |record: &&DataKeyRecord| anchored.knows(&AnchoredDataKey::of(record));
    let record = rows.data_keys.iter().find(is_it);
    rows.unwrap(record.ok_or(VaultError::AnchorOfOtherVault)?)
        .await
}

/// Whether the state is the one that the anchor remembers, or the one whose commit was under way; `is_later`: it came from
/// that by commits of others.
fn check_anchor(
    vault: &Vault,
    anchored: Option<AnchorRecord>,
    state: &VaultState,
    is_later: bool,
) -> Result<(), VaultError> {
    let anchor = &vault.environment().anchor;
    let data_keys = vault.data_keys();
    let here = vault.checkpoint(state, &data_keys);
    let record = match (anchored, anchor.location()) {
        (None, None) if state.anchored => return Err(VaultError::AnchorNotConfigured),
        (None, None) => return Ok(()),
        (None, Some(location)) => return Err(VaultError::AnchorMissing { location }),
        (Some(record), _) => record,
    };
    if record.is_settled_on(&here) {
        return Ok(());
    }
    // A crash fell before or after the store's commit. From now on only this state is accepted: with both left in the anchor,
    // the store could be put from one to the other and back.
    if record.accepts(&here) || is_later {
        return Ok(anchor.store(&vault.anchor_record(Some(here), None, &data_keys))?);
    }
    Err(VaultError::RolledBack {
        remembered: record.generation(),
        found: state.generation,
    })
}
