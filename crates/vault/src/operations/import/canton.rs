//! Taking in the keys of a node of Canton, as they stand in its database.

mod error;
mod openers;
mod report;
mod rows;

use std::{collections::BTreeMap, sync::Arc};

use strongroom_proto::tables::KeyTables;

pub use self::{
    error::{CantonRowError, RefusedCantonRow},
    report::{CantonOrigin, CantonOutcome, CantonRow},
};
use self::{
    report::{Row, Table},
    rows::{Candidate, Half},
};
use crate::{
    audit::{AuditOperation, key_details},
    caller::Caller,
    directory::KeyEntry,
    error::VaultError,
    unit::Unit,
    vault::Vault,
};

/// The keys of a node of Canton that shall come into the vault.
#[derive(Debug)]
pub struct CantonImport {
    /// The rows.
    pub tables: KeyTables,
    /// The configured name of the KMS that opens encrypted rows and holds the keys of the third table. None asks each
    /// that opens anything, in their order, and takes the one that makes new external keys.
    pub kms: Option<String>,
    /// Rows that cannot be taken are left out and listed, instead of ending it.
    pub skip_unreadable: bool,
    /// Everything is read and checked, and nothing is kept.
    pub dry_run: bool,
}

impl Vault {
    /// Takes in every key of a node of Canton: private keys into the custody that the settings choose, keys that a KMS holds
    /// as external ones, public keys alone as such. Private keys that stood readable in the database are marked as exposed.
    ///
    /// No row is believed: fingerprints are computed anew, public halves are derived from the private ones and compared with
    /// the public rows, and a KMS is asked for the public halves of what it holds. Encrypted rows cost one KMS call each, and a
    /// KMS that does not have their wrapper key one more for each such key.
    ///
    /// All keys, with an audit record for each, come in one unit of work or none does. What the vault has already, under the
    /// same name, is left as it is and not opened, so an interrupted import is simply done again.
    ///
    /// # Errors
    /// [`VaultError::CantonRow`] names the first row that cannot be taken; nothing was kept then. With `skip_unreadable` only
    /// if that is not the row's fault, but for example that of a KMS that does not answer. Errors of the store.
    pub async fn import_canton(
        &self,
        caller: &Caller,
        import: CantonImport,
    ) -> Result<Vec<CantonRow>, VaultError> {
        let CantonImport {
            tables,
            kms,
            skip_unreadable,
            dry_run,
        } = import;
        let mut report = Vec::new();
        let mut candidates = Vec::new();
        for (row, read) in self.read_tables(tables, kms.as_deref()).await {
            match read {
                Ok(candidate) => candidates.push((row, candidate)),
                Err(error) if skip_unreadable && error.is_about_the_row() => {
                    report.push(row.reported(CantonOutcome::Unreadable(error)));
                }
                Err(error) => return Err(row.refused(error)),
            }
        }
        if dry_run {
            let judged = candidates.into_iter().map(|(row, candidate)| {
                let outcome = match candidate.half {
                    Half::There => CantonOutcome::There,
                    _ => CantonOutcome::Missing,
                };
                row.reported(outcome)
            });
            report.extend(judged);
        } else {
            report.extend(self.take_candidates(caller, candidates).await?);
        }
        report.sort_by(|one, other| (&one.key, one.table).cmp(&(&other.key, other.table)));
        Ok(report)
    }

    async fn take_candidates(
        &self,
        caller: &Caller,
        candidates: Vec<(Row, Candidate<'_>)>,
    ) -> Result<Vec<CantonRow>, VaultError> {
        let mut report = Vec::with_capacity(candidates.len());
        let mut unit = Unit::begin(self).await?;
        for (row, candidate) in candidates {
            let taken = unit.take_candidate(self, caller, &row, candidate).await?;
            let outcome = match taken {
                true => CantonOutcome::Taken,
                false => CantonOutcome::There,
            };
            report.push(row.reported(outcome));
        }
        let changed = |row: &CantonRow| matches!(row.outcome, CantonOutcome::Taken);
        if report.iter().any(changed) {
            unit.commit().await?;
        }
        Ok(report)
    }
}

impl Unit<'_> {
    /// Puts the key of one row in; false if it is there already. What was seen before the unit began is asked again.
    async fn take_candidate(
        &mut self,
        vault: &Vault,
        caller: &Caller,
        row: &Row,
        candidate: Candidate<'_>,
    ) -> Result<bool, VaultError> {
        let Candidate { public, name, half } = candidate;
        let known = vault.known(&public, name.as_ref())?;
        let has_private = |entry: &Arc<KeyEntry>| entry.private.is_some();
        let (entry, operation) = match (half, known) {
            (Half::There, Some(_)) => return Ok(false),
            // It was deleted meanwhile.
            (Half::There, None) => return Err(VaultError::ChangedUnderneath),
            (Half::Public, Some(_)) => return Ok(false),
            (Half::Public, None) => {
                let entry = self.insert_key(public, name, None).await?;
                (entry, AuditOperation::ImportPublicKey)
            }
            (Half::Private(_), Some(entry)) if has_private(&entry) => return Ok(false),
            (Half::Private(half), Some(entry)) => {
                let entry = self.add_private_half(&entry, half).await?;
                (entry, AuditOperation::ImportKey)
            }
            (Half::Private(half), None) => {
                let entry = self.insert_key(public, name, Some(half)).await?;
                (entry, AuditOperation::ImportKey)
            }
            (Half::Held(found), _) => {
                let taken = self.take_in(&found, name).await?;
                if !taken.is_new {
                    return Ok(false);
                }
                (taken.entry, AuditOperation::RegisterKey)
            }
        };
        let mut details = key_details(&entry);
        details.append(&mut origin_details(row));
        self.audit(caller, operation, Some(entry.fingerprint()), details)
            .await?;
        Ok(true)
    }
}

/// Where a key came from, for the audit log.
fn origin_details(row: &Row) -> BTreeMap<String, String> {
    let mut details = BTreeMap::from([
        ("from".to_owned(), row.table.name().to_owned()),
        ("from_form".to_owned(), row.from.name().to_owned()),
    ]);
    if let CantonOrigin::Encrypted { wrapper_key_id } = &row.from {
        details.insert("from_wrapper_key".to_owned(), wrapper_key_id.clone());
    }
    details
}

impl Table {
    const fn name(self) -> &'static str {
        use strongroom_proto::tables;
        match self {
            Self::Private => tables::PRIVATE_KEYS,
            Self::Public => tables::PUBLIC_KEYS,
            Self::Kms => tables::KMS_KEYS,
        }
    }
}
