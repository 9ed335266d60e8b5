//! Checkpoints: records of the audit log, signed by the audit key, that vouch for every record before them.

use std::{collections::BTreeMap, fmt};

use data_encoding::{BASE64, HEXLOWER};
use strongroom_crypto::{Fingerprint, KeyUsages, SigningPublicKey, Timestamp};
use strongroom_store::VaultId;

use super::{
    AuditEntry, AuditOperation, ChainPosition,
    key::{AuditKey, is_signed},
};
use crate::{caller::Caller, error::VaultError};

const SIGNED_LABEL: &[u8] = b"strongroom audit checkpoint v1\n";

// What stands in the details of such a record.
const VAULT: &str = "vault";
const GENERATION: &str = "generation";
const RECORDS: &str = "records";
const HEAD: &str = "head";
const AUDIT_KEY: &str = "audit_key";
const SIGNATURE: &str = "signature";

/// A place in the audit log: so many records, the newest of which has this hash. Written `NUMBER:HASH`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditHead {
    /// Records up to there.
    pub records: u64,
    /// The hash of the newest of them, zeros before the first.
    pub hash: [u8; 32],
}

impl fmt::Display for AuditHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.records, HEXLOWER.encode(&self.hash))
    }
}

impl std::str::FromStr for AuditHead {
    type Err = NotAnAuditHead;

    fn from_str(text: &str) -> Result<Self, NotAnAuditHead> {
        let (records, hash) = text.split_once(':').ok_or(NotAnAuditHead)?;
        Self::from_parts(records, hash).ok_or(NotAnAuditHead)
    }
}

impl AuditHead {
    fn from_parts(records: &str, hash: &str) -> Option<Self> {
        let hash = HEXLOWER.decode(hash.as_bytes()).ok()?;
        Some(Self {
            records: records.parse().ok()?,
            hash: hash.try_into().ok()?,
        })
    }
}

/// A text that is not `NUMBER:HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head of the audit log is NUMBER:HASH, the hash being 64 small hexadecimal digits")]
pub struct NotAnAuditHead;

/// What a new checkpoint vouches for.
#[derive(Debug)]
pub(crate) struct Vouched {
    pub(crate) vault: VaultId,
    /// The one that the checkpoint is written with.
    pub(crate) generation: u64,
    /// The records before it.
    pub(crate) head: AuditHead,
}

/// What a checkpoint of the audit log says. Its signature is good under the key that it names; whether that key is to be
/// trusted is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditCheckpoint {
    /// Position of the checkpoint itself; all records up to this one are vouched for.
    pub sequence: u64,
    /// When it was made.
    pub time: Timestamp,
    /// The vault, lower-case hex.
    pub vault: String,
    /// Number of commits, the one that holds the checkpoint included.
    pub generation: u64,
    /// The record before.
    pub head: AuditHead,
    /// The audit key that signed it.
    pub key: SigningPublicKey,
}

impl AuditCheckpoint {
    /// Reads a record: none if it is no checkpoint.
    ///
    /// # Errors
    /// [`VaultError::AuditBroken`] when it is one, and says something that is not so or that its key did not sign.
    pub(crate) fn of(entry: &AuditEntry, before: AuditHead) -> Result<Option<Self>, VaultError> {
        if entry.operation != AuditOperation::SignCheckpoint {
            return Ok(None);
        }
        match Self::read(entry) {
            Some(checkpoint) if checkpoint.head == before => Ok(Some(checkpoint)),
            _ => Err(VaultError::AuditBroken {
                sequence: entry.sequence,
            }),
        }
    }

    fn read(entry: &AuditEntry) -> Option<Self> {
        let detail = |name| entry.details.get(name).map(String::as_str);
        let key = decode_key(detail(AUDIT_KEY)?)?;
        let signature = BASE64.decode(detail(SIGNATURE)?.as_bytes()).ok()?;
        if !is_signed(&key, &signed(entry)?, &signature) {
            return None;
        }
        Some(Self {
            sequence: entry.sequence,
            time: Timestamp::from_micros(entry.time_micros),
            vault: detail(VAULT)?.to_owned(),
            generation: detail(GENERATION)?.parse().ok()?,
            head: AuditHead::from_parts(detail(RECORDS)?, detail(HEAD)?)?,
            key,
        })
    }

    /// The record of a new one, signed.
    pub(crate) fn sign(
        caller: &Caller,
        vouched: &Vouched,
        lease: Option<u64>,
        time: Timestamp,
        key: &AuditKey,
    ) -> Result<AuditEntry, VaultError> {
        let head = vouched.head;
        let details = [
            (VAULT, vouched.vault.to_string()),
            (GENERATION, vouched.generation.to_string()),
            (RECORDS, head.records.to_string()),
            (HEAD, HEXLOWER.encode(&head.hash)),
            (AUDIT_KEY, encode_key(key.public())),
        ];
        let details = details.map(|(name, value)| (name.to_owned(), value));
        let mut entry = AuditEntry::new(
            ChainPosition::after(head, lease),
            time,
            caller,
            AuditOperation::SignCheckpoint,
            None,
            BTreeMap::from(details),
        );
        let message = signed(&entry).ok_or(VaultError::AuditBroken {
            sequence: entry.sequence,
        })?;
        let signature = BASE64.encode(&key.sign(&message)?);
        entry.details.insert(SIGNATURE.to_owned(), signature);
        Ok(entry)
    }
}

/// What is signed: the whole record but for the signature, so that nobody changes who made it or when.
fn signed(entry: &AuditEntry) -> Option<Vec<u8>> {
    let mut unsigned = entry.clone();
    unsigned.details.remove(SIGNATURE);
    let mut message = SIGNED_LABEL.to_vec();
    serde_json::to_writer(&mut message, &unsigned).ok()?;
    Some(message)
}

/// An audit key as the details of a record name it.
fn encode_key(key: &SigningPublicKey) -> String {
    BASE64.encode(key.spki())
}

fn decode_key(text: &str) -> Option<SigningPublicKey> {
    let spki = BASE64.decode(text.as_bytes()).ok()?;
    SigningPublicKey::detect(&spki, KeyUsages::ALL).ok()
}

/// The details of a record that says which audit key comes after the one that signs the next checkpoint.
pub(crate) fn introduction(key: &AuditKey) -> (String, String) {
    (AUDIT_KEY.to_owned(), encode_key(key.public()))
}

/// The audit key that the end of a rotation introduced: what vouches for that record vouches for it.
pub(crate) fn introduced(entry: &AuditEntry) -> Option<Fingerprint> {
    if entry.operation != AuditOperation::FinishWrapperKeyRotation {
        return None;
    }
    let key = decode_key(entry.details.get(AUDIT_KEY)?)?;
    Some(key.fingerprint())
}
