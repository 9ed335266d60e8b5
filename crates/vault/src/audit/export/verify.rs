//! Verifying an export, line by line: it may be larger than the memory.

use std::{
    collections::BTreeSet,
    io::{BufRead, Read as _},
};

use data_encoding::HEXLOWER;
use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::AuditRow;

use super::{AuditExportError, AuditKeyUse, AuditKeys, End, Line, Record, VERSION};
use crate::audit::{AuditCheckpoint, AuditHead, ChainWalk};

/// No line that we write is longer.
const LONGEST_LINE: u64 = 16 << 20;

/// What an export was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedAuditExport {
    /// The vault, lower-case hex.
    pub vault: String,
    /// When it was written, as it says.
    pub exported_at: Timestamp,
    /// The last record; every one up to it was checked.
    pub head: AuditHead,
    /// How many checkpoints there are; each signature was checked.
    pub checkpoints: u64,
    /// The newest of them; it is signed by a trusted key.
    pub checkpoint: AuditCheckpoint,
    /// The audit keys, each vouched for by the trusted one.
    pub keys: Vec<AuditKeyUse>,
}

/// Verifies an export of the audit log with nothing but an audit key and a head that are known from elsewhere.
///
/// Believed are the records up to the last checkpoint that `key` signed, or a key that it introduced. `head` shows that no
/// later record was cut off: without one, an export that ends at an earlier checkpoint looks like any other.
///
/// # Errors
/// [`AuditExportError`]: the first contradiction.
pub fn verify_audit_export(
    export: impl BufRead,
    key: &Fingerprint,
    head: AuditHead,
) -> Result<VerifiedAuditExport, AuditExportError> {
    let mut lines = Lines { export, read: 0 };
    let Some(Line::AuditExport(beginning)) = lines.next()? else {
        return Err(lines.malformed());
    };
    if beginning.version != VERSION {
        return Err(AuditExportError::UnknownVersion {
            version: beginning.version,
        });
    }
    let mut log = Log::new(beginning.vault, head);
    let end = loop {
        match lines.next()? {
            Some(Line::Record(record)) => log.step(record)?,
            Some(Line::End(end)) => break end,
            Some(Line::AuditExport(_)) => return Err(lines.malformed()),
            None => {
                return Err(AuditExportError::Unfinished {
                    records: log.walk.records(),
                });
            }
        }
    };
    if lines.next()?.is_some() {
        return Err(lines.malformed());
    }
    let exported_at = Timestamp::from_micros(beginning.exported_at_micros);
    log.judge(&end, key, exported_at)
}

/// The lines of an export.
struct Lines<R> {
    export: R,
    read: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Line>, AuditExportError> {
        let mut line = Vec::new();
        let most = LONGEST_LINE + 1;
        let length = self
            .export
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut line)?;
        self.read += 1;
        if length == 0 {
            return Ok(None);
        }
        // A line without its end was cut, or never ends.
        let whole = line.strip_suffix(b"\n").ok_or_else(|| self.malformed())?;
        let line = serde_json::from_slice(whole);
        line.map(Some).map_err(|_malformed| self.malformed())
    }

    fn malformed(&self) -> AuditExportError {
        AuditExportError::Malformed { line: self.read }
    }
}

/// What was read of the log so far.
struct Log {
    vault: String,
    head: AuditHead,
    walk: ChainWalk,
    keys: AuditKeys,
    checkpoints: Vec<(u64, Fingerprint)>,
    newest: Option<AuditCheckpoint>,
}

impl Log {
    fn new(vault: String, head: AuditHead) -> Self {
        Self {
            vault,
            head,
            walk: ChainWalk::default(),
            keys: AuditKeys::default(),
            checkpoints: Vec::new(),
            newest: None,
        }
    }

    fn step(&mut self, record: Record) -> Result<(), AuditExportError> {
        let before = self.walk.head();
        let sequence = before.records + 1;
        let broken = || AuditExportError::Broken { sequence };
        let hash = HEXLOWER.decode(record.hash.as_bytes());
        let hash = hash.ok().and_then(|hash| hash.try_into().ok());
        let row = AuditRow {
            sequence,
            body: record.body.into_bytes(),
            hash: hash.ok_or_else(broken)?,
        };
        let entry = self.walk.step(&row).map_err(|_broken| broken())?;
        let checkpoint = AuditCheckpoint::of(&entry, before).map_err(|_broken| broken())?;
        self.keys.look_at(&entry, checkpoint.as_ref());
        if let Some(checkpoint) = checkpoint {
            if checkpoint.vault != self.vault {
                return Err(broken());
            }
            self.checkpoints
                .push((sequence, checkpoint.key.fingerprint()));
            self.newest = Some(checkpoint);
        }
        if sequence == self.head.records && self.walk.head() != self.head {
            return Err(AuditExportError::OtherHistory { head: self.head });
        }
        Ok(())
    }

    fn judge(
        self,
        end: &End,
        key: &Fingerprint,
        exported_at: Timestamp,
    ) -> Result<VerifiedAuditExport, AuditExportError> {
        let records = self.walk.records();
        if end.records != records {
            return Err(AuditExportError::Unfinished { records });
        }
        if records < self.head.records {
            return Err(AuditExportError::CutOff {
                records,
                head: self.head,
            });
        }
        let vouched = self
            .vouched(key)
            .ok_or(AuditExportError::NotSigned { key: *key })?;
        let keys = self.keys.uses();
        match self.newest {
            Some(checkpoint) if vouched == records && keys == end.keys => Ok(VerifiedAuditExport {
                vault: self.vault,
                exported_at,
                head: self.walk.head(),
                checkpoints: self.checkpoints.len() as u64,
                checkpoint,
                keys,
            }),
            Some(_) if vouched == records => Err(AuditExportError::Broken {
                sequence: records + 1,
            }),
            _ => Err(AuditExportError::UnsignedEnd { vouched }),
        }
    }

    /// The last record that a checkpoint of the key vouches for, or of a key that was introduced before such a one. None
    /// without any.
    fn vouched(&self, key: &Fingerprint) -> Option<u64> {
        let mut trusted = BTreeSet::from([*key]);
        loop {
            let signed = |(_, by): &&(u64, Fingerprint)| trusted.contains(by);
            let (vouched, _) = *self.checkpoints.iter().rev().find(signed)?;
            let followers = self.checkpoints.iter().map(|(_, by)| *by).filter(|by| {
                let introduced = self.keys.introduction(by);
                introduced.is_some_and(|sequence| sequence <= vouched)
            });
            let before = trusted.len();
            trusted.extend(followers);
            if trusted.len() == before {
                return Some(vouched);
            }
        }
    }
}
