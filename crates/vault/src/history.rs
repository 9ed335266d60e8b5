//! That what a store holds came from what is remembered.
//!
//! A later generation alone says nothing: somebody may have put the database back, or a standby that lacks commits may have taken
//! its place, and whoever knew no better went on writing there. So the last audit record that is remembered must stand in the log,
//! at its place, and lead to the newest one.

use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;
use strongroom_store::{AuditRow, ReadTransaction};

use crate::{
    anchor::AnchorRecord,
    audit::{AuditHead, ChainWalk},
    error::VaultError,
    state::VaultState,
};

/// Records that are walked along, in pages; most may be of uses, which change nothing. Of more of them only the first is looked
/// at: whoever runs the database could then have changed the log as well, which `audit verify` finds.
const MOST_RECORDS: u64 = 20_000;
const PAGE: usize = 1024;

/// What was done since a moment that is remembered.
pub(crate) enum Acts {
    /// The keys that acts name. The log is a hint here: acts change rows that they do not name.
    Named(BTreeSet<Fingerprint>),
    /// Nobody looked through all records.
    TooMany,
    /// That moment is not in the past of what is there.
    Elsewhere,
}

/// What the log says of the time between `remembered` and `state`, of which it must hold the newest record.
///
/// # Errors
/// [`VaultError::AuditBroken`] when the records in between are no chain; errors of the store.
pub(crate) async fn acts_since(
    snapshot: &mut dyn ReadTransaction,
    remembered: AuditHead,
    state: &VaultState,
) -> Result<Acts, VaultError> {
    let known = remembered.records;
    if known > state.audit_records {
        return Ok(Acts::Elsewhere);
    }
    let too_many = state.audit_records - known > MOST_RECORDS;
    let limit = if too_many { 1 } else { PAGE };
    // The remembered record first, and in the same page what follows it.
    let mut rows = snapshot.audit_after(known.saturating_sub(1), limit).await?;
    if known > 0 {
        let is_there = |row: &AuditRow| row.sequence == known && row.hash == remembered.hash;
        if !rows.first().is_some_and(is_there) {
            return Ok(Acts::Elsewhere);
        }
        rows.remove(0);
    }
    if too_many {
        return Ok(Acts::TooMany);
    }
    let mut walk = ChainWalk::from(remembered);
    let mut named = BTreeSet::new();
    while !rows.is_empty() {
        for row in &rows {
            let entry = walk.step(row)?;
            let key = entry.key.filter(|_| !entry.operation.is_use());
            named.extend(key.and_then(|key| key.parse::<Fingerprint>().ok()));
        }
        rows = if walk.records() < state.audit_records {
            snapshot.audit_after(walk.records(), PAGE).await?
        } else {
            Vec::new()
        };
    }
    if walk.head() == state.audit_head() {
        Ok(Acts::Named(named))
    } else {
        Err(VaultError::AuditBroken {
            sequence: state.audit_records,
        })
    }
}

/// Whether a state came from one that the anchor remembers, by commits of others.
///
/// # Errors
/// As [`acts_since`].
pub(crate) async fn comes_from(
    anchored: &AnchorRecord,
    snapshot: &mut dyn ReadTransaction,
    state: &VaultState,
) -> Result<bool, VaultError> {
    for origin in anchored.origins() {
        if origin.generation >= state.generation {
            continue;
        }
        let Some(head) = origin.audit_head() else {
            return Ok(true);
        };
        if !matches!(acts_since(snapshot, head, state).await?, Acts::Elsewhere) {
            return Ok(true);
        }
    }
    Ok(false)
}
