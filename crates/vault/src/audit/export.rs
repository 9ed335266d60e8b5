//! The export of the audit log: JSON lines that whoever has the audit key's public half verifies, with no vault at hand.
//!
//! ```text
//! {"audit_export": {version, vault, exported_at_micros}}
//! {"record": {body, hash}}                                    one for each record, oldest first
//! {"end": {records, keys: [{fingerprint, public_key, first_checkpoint, introduced_by}]}}
//! ```
//!
//! A body is the record as a string, so that no tool writes anew what its hash is over. All of it is a claim: what is
//! believed follows from a checkpoint in it, signed by a key that the reader knows, and from a head that the reader has
//! from elsewhere ([`verify_audit_export`]).

mod error;
mod verify;

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Fingerprint, SigningPublicKey, Timestamp};
use strongroom_store::{AuditRow, VaultId};

pub use self::{
    error::AuditExportError,
    verify::{VerifiedAuditExport, verify_audit_export},
};
use super::{AuditCheckpoint, AuditEntry, checkpoint::introduced};
use crate::error::VaultError;

pub(crate) const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Line {
    AuditExport(Beginning),
    Record(Record),
    End(End),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beginning {
    version: u32,
    vault: String,
    exported_at_micros: i64,
}

/// A record as it stands in the store; its position stands in the body.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    body: String,
    hash: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    records: u64,
    keys: Vec<AuditKeyUse>,
}

/// An audit key that signed checkpoints of a log, and how it came there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AuditKeyUse {
    /// The key.
    pub fingerprint: String,
    /// SubjectPublicKeyInfo in base64.
    pub public_key: String,
    /// The first checkpoint that it signed.
    pub first_checkpoint: u64,
    /// The record by which the key before handed over to it; none for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduced_by: Option<u64>,
}

/// The audit keys of a log, gathered on a walk along it.
#[derive(Debug, Default)]
pub(crate) struct AuditKeys {
    introduced: BTreeMap<Fingerprint, u64>,
    used: Vec<(SigningPublicKey, u64)>,
}

impl AuditKeys {
    pub(crate) fn look_at(&mut self, entry: &AuditEntry, checkpoint: Option<&AuditCheckpoint>) {
        if let Some(key) = introduced(entry) {
            self.introduced.entry(key).or_insert(entry.sequence);
        }
        if let Some(checkpoint) = checkpoint {
            let fingerprint = checkpoint.key.fingerprint();
            if !self
                .used
                .iter()
                .any(|(key, _)| key.fingerprint() == fingerprint)
            {
                self.used
                    .push((checkpoint.key.clone(), checkpoint.sequence));
            }
        }
    }

    /// The record that introduced this key.
    pub(crate) fn introduction(&self, key: &Fingerprint) -> Option<u64> {
        self.introduced.get(key).copied()
    }

    pub(crate) fn uses(&self) -> Vec<AuditKeyUse> {
        let of = |(key, first): &(SigningPublicKey, u64)| AuditKeyUse {
            fingerprint: key.fingerprint().to_string(),
            public_key: BASE64.encode(key.spki()),
            first_checkpoint: *first,
            introduced_by: self.introduction(&key.fingerprint()),
        };
        self.used.iter().map(of).collect()
    }
}

impl Line {
    pub(crate) fn beginning(vault: VaultId, now: Timestamp) -> Self {
        Self::AuditExport(Beginning {
            version: VERSION,
            vault: vault.to_string(),
            exported_at_micros: now.as_micros(),
        })
    }

    /// # Errors
    /// [`VaultError::AuditBroken`] for a body that is no text: no version of ours wrote it.
    pub(crate) fn record(row: &AuditRow) -> Result<Self, VaultError> {
        let broken = VaultError::AuditBroken {
            sequence: row.sequence,
        };
        let body = String::from_utf8(row.body.clone()).map_err(|_not_ours| broken)?;
        let hash = HEXLOWER.encode(&row.hash);
        Ok(Self::Record(Record { body, hash }))
    }

    /// # Errors
    /// None that could happen: there are only texts and numbers in a line.
    pub(crate) fn write_to(&self, text: &mut Vec<u8>) -> Result<(), VaultError> {
        let written = serde_json::to_writer(&mut *text, self);
        written.map_err(|_impossible| VaultError::AuditBroken { sequence: 0 })?;
        text.push(b'\n');
        Ok(())
    }

    pub(crate) fn end(records: u64, keys: &AuditKeys) -> Self {
        Self::End(End {
            records,
            keys: keys.uses(),
        })
    }
}
