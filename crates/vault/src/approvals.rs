//! What was asked for and needs a second person, as the vault remembers it.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use strongroom_crypto::{
    Random, SealError, Timestamp,
    encoding::{Decoder, Encoder},
};
use strongroom_store::{ApprovalId, ApprovalRecord, DataKeyId};

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    error::VaultError,
    rows::{self, Tag},
};

/// The version of the encoding of a body.
const VERSION: u8 = 1;

/// Seals the hash of a request. It covers all of the request, the password of an export too: whoever read it in the clear could
/// try passwords.
const REQUEST_LABEL: &str = "strongroom approval request v1";

/// A hash of 32 bytes, sealed.
const SEALED_REQUEST_LEN: usize = 80;

/// Something that was asked for and needs a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approval {
    /// By which people name it.
    pub id: ApprovalId,
    /// The name of the operation: `keys.delete`.
    pub operation: String,
    /// SHA-256 over the exact request and who made it: nothing else is let through. It stays in here, since it covers secrets.
    pub(crate) request: [u8; 32],
    /// The request, for people.
    pub summary: String,
    /// Who asked.
    pub requester: String,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// From then on it counts for nothing, whatever was said of it.
    pub expires_at: Timestamp,
    /// What became of it.
    pub verdict: Verdict,
    /// The one that authenticates the row.
    pub(crate) data_key: DataKeyId,
    tag: Tag,
}

/// What became of something that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody has said anything.
    Pending,
    /// Another person said yes: the same request is let through once.
    Approved {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody said no.
    Rejected {
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The requester broke the glass: it was done without anybody's yes, and nobody has acknowledged that.
    Bypassed {
        /// Why, in the requester's words.
        reason: String,
    },
}

impl Verdict {
    /// The stable name: `pending`, `approved`, `rejected`, `bypassed`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Bypassed { .. } => "bypassed",
        }
    }
}

/// An approval on its way into the store.
#[derive(Clone, Debug)]
pub(crate) struct NewApproval {
    pub(crate) id: ApprovalId,
    pub(crate) operation: String,
    pub(crate) request: [u8; 32],
    pub(crate) summary: String,
    pub(crate) requester: String,
    pub(crate) requested_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) verdict: Verdict,
}

impl Approval {
    /// Reads a row, if it is authentic.
    pub(crate) fn authentic(
        record: &ApprovalRecord,
        data_keys: &DataKeys,
    ) -> Result<Self, VaultError> {
        let tag = rows::tag_approval(record, data_keys)?;
        rows::check_tag(&tag, &record.mac, rows::APPROVALS, &record.id)?;
        let data_key = data_keys.named(&record.data_key_id)?;
        Self::decode(record, tag, data_key)
            .ok_or_else(|| rows::not_authentic(rows::APPROVALS, &record.id))
    }

    /// None for what no version of this program writes.
    fn decode(record: &ApprovalRecord, tag: Tag, data_key: &OpenedDataKey) -> Option<Self> {
        let mut decoder = Decoder::new(&record.body);
        if decoder.byte().ok()? != VERSION {
            return None;
        }
        let approval = Self {
            id: record.id,
            operation: decoder.string().ok()?.to_owned(),
            request: opened_request(
                record.id,
                &decoder.array::<SEALED_REQUEST_LEN>().ok()?,
                data_key,
            )?,
            summary: decoder.string().ok()?.to_owned(),
            requester: decoder.string().ok()?.to_owned(),
            requested_at: Timestamp::from_micros(decoder.long().ok()?),
            expires_at: Timestamp::from_micros(decoder.long().ok()?),
            verdict: verdict(&mut decoder)?,
            data_key: record.data_key_id,
            tag,
        };
        decoder.finish().ok()?;
        Some(approval)
    }

    /// The same, to be written anew.
    pub(crate) fn again(&self, verdict: Verdict) -> NewApproval {
        NewApproval {
            id: self.id,
            operation: self.operation.clone(),
            request: self.request,
            summary: self.summary.clone(),
            requester: self.requester.clone(),
            requested_at: self.requested_at,
            expires_at: self.expires_at,
            verdict,
        }
    }

    /// Whether it counts for nothing any more. What was bypassed stays until it is acknowledged.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        !self.is_bypassed() && now >= self.expires_at
    }

    /// Whether it was done without anybody's yes.
    #[must_use]
    pub const fn is_bypassed(&self) -> bool {
        matches!(self.verdict, Verdict::Bypassed { .. })
    }

    /// Whether it lets something through, or will once somebody says yes.
    pub(crate) const fn may_be_used(&self) -> bool {
        matches!(self.verdict, Verdict::Pending | Verdict::Approved { .. })
    }

    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        current.element(&self.tag)
    }
}

fn opened_request(id: ApprovalId, sealed: &[u8], data_key: &OpenedDataKey) -> Option<[u8; 32]> {
    let key = &data_key.key;
    let hash = key.open(REQUEST_LABEL, id.as_bytes(), sealed).ok()?;
    // EXPOSE: a hash that is compared in here and goes nowhere else.
    hash.expose().try_into().ok()
}

fn verdict(decoder: &mut Decoder<'_>) -> Option<Verdict> {
    let code = decoder.byte().ok()?;
    let text = decoder.string().ok()?.to_owned();
    let at = Timestamp::from_micros(decoder.long().ok()?);
    match code {
        0 => Some(Verdict::Pending),
        1 => Some(Verdict::Approved { by: text, at }),
        2 => Some(Verdict::Rejected { by: text, at }),
        3 => Some(Verdict::Bypassed { reason: text }),
        _ => None,
    }
}

impl NewApproval {
    /// Its row under this data key, without a tag.
    ///
    /// # Errors
    /// [`SealError`] when `random` gives nothing.
    pub(crate) fn record(
        &self,
        data_key: &OpenedDataKey,
        random: &dyn Random,
    ) -> Result<ApprovalRecord, SealError> {
        let key = &data_key.key;
        let request = key.seal(REQUEST_LABEL, self.id.as_bytes(), &self.request, random)?;
        let never = Timestamp::from_micros(0);
        let (code, text, at) = match &self.verdict {
            Verdict::Pending => (0, "", never),
            Verdict::Approved { by, at } => (1, by.as_str(), *at),
            Verdict::Rejected { by, at } => (2, by.as_str(), *at),
            Verdict::Bypassed { reason } => (3, reason.as_str(), never),
        };
        let mut body = Encoder::new();
        body.byte(VERSION)
            .string(&self.operation)
            .raw(&request)
            .string(&self.summary)
            .string(&self.requester)
            .long(self.requested_at.as_micros())
            .long(self.expires_at.as_micros())
            .byte(code)
            .string(text)
            .long(at.as_micros());
        Ok(ApprovalRecord {
            id: self.id,
            body: body.into_vec(),
            data_key_id: data_key.id,
            mac: [0; 32],
        })
    }
}

/// The approvals, as of the last commit.
#[derive(Debug, Default)]
pub(crate) struct Approvals(RwLock<BTreeMap<ApprovalId, Approval>>);

impl Approvals {
    pub(crate) fn new(approvals: Vec<Approval>) -> Self {
        let by_id = approvals.into_iter().map(|known| (known.id, known));
        Self(RwLock::new(by_id.collect()))
    }

    /// The oldest first.
    pub(crate) fn all(&self) -> Vec<Approval> {
        let mut all: Vec<_> = self.0.read().values().cloned().collect();
        all.sort_by_key(|approval| (approval.requested_at, approval.id));
        all
    }

    pub(crate) fn of(&self, id: ApprovalId) -> Option<Approval> {
        self.0.read().get(&id).cloned()
    }

    pub(crate) fn put(&self, approval: Approval) {
        self.0.write().insert(approval.id, approval);
    }

    pub(crate) fn remove(&self, id: ApprovalId) {
        self.0.write().remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::{DataKey, RandomError, SecretBytes};

    use super::*;
    use crate::data_keys::OpenedBy;

    /// What version 1 wrote: it is read for ever. The sealed hash was made with another library (HKDF and AES-GCM of Python).
    const FROZEN: &str = "01\
        0000000b6b6579732e64656c657465\
        0505050505050505050505050505050505050505050505050505050505050505\
        fb2fbbadc91739d670cf79a63e83d104947003fae2c5fd6025e9d79871c67890\
        ff92d0c02a44738586da222d46e28f7c\
        00000006612073656e74\
        00000005616c696365\
        0000000000000001\
        0000000000000002\
        0100000003626f62\
        0000000000000003";

    #[derive(Debug)]
    struct Fives;

    impl Random for Fives {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
            buffer.fill(5);
            Ok(())
        }
    }

    fn data_key() -> OpenedDataKey {
        let key = DataKey::from_secret(SecretBytes::from_slice(&[9; 32])).unwrap();
        let id = DataKeyId::from_bytes([1; 16]);
        OpenedDataKey::new(id, key, OpenedBy::named("local", "wrapper"))
    }

    fn frozen() -> NewApproval {
        NewApproval {
            id: ApprovalId::from_bytes([7; 16]),
            operation: "keys.delete".to_owned(),
            request: [0xab; 32],
            summary: "a sent".to_owned(),
            requester: "alice".to_owned(),
            requested_at: Timestamp::from_micros(1),
            expires_at: Timestamp::from_micros(2),
            verdict: Verdict::Approved {
                by: "bob".to_owned(),
                at: Timestamp::from_micros(3),
            },
        }
    }

    fn record() -> ApprovalRecord {
        frozen().record(&data_key(), &Fives).unwrap()
    }

    fn decode(record: &ApprovalRecord) -> Option<Approval> {
        Approval::decode(record, [0; 32], &data_key())
    }

    #[test]
    fn a_body_is_written_and_read_as_ever() {
        let record = record();
        assert_eq!(data_encoding::HEXLOWER.encode(&record.body), FROZEN);
        let read = decode(&record).unwrap();
        assert_eq!(read.request, frozen().request);
        let again = read.again(read.verdict.clone());
        assert_eq!(again.record(&data_key(), &Fives).unwrap(), record);
    }

    /// Whoever reads the database cannot try the passwords of an export.
    #[test]
    fn the_hash_of_a_request_is_sealed_for_its_row() {
        let record = record();
        let readable = |part: &[u8]| record.body.windows(part.len()).any(|held| held == part);
        assert!(readable(b"a sent") && !readable(&frozen().request[..8]));
        let elsewhere = ApprovalRecord {
            id: ApprovalId::from_bytes([8; 16]),
            ..record.clone()
        };
        assert!(decode(&record).is_some() && decode(&elsewhere).is_none());
    }

    #[test]
    fn a_body_that_nobody_wrote_is_refused() {
        let record = record();
        let decodes = |body: Vec<u8>| {
            let record = ApprovalRecord {
                body,
                ..record.clone()
            };
            decode(&record).is_some()
        };
        for length in 0..record.body.len() {
            assert!(!decodes(record.body[..length].to_vec()), "{length}");
        }
        let later = [&[2], &record.body[1..]].concat();
        let longer = [&record.body[..], &[0]].concat();
        assert!(!decodes(later) && !decodes(longer));
    }
}
