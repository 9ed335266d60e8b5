//! What was asked for and needs a second person, as the vault remembers it.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use strongroom_crypto::{
    Timestamp,
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

/// Something that was asked for and needs a second person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approval {
    /// By which people name it.
    pub id: ApprovalId,
    /// The name of the operation: `keys.delete`.
    pub operation: String,
    /// SHA-256 over the exact request and who made it: nothing else is let through.
    pub request: [u8; 32],
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
        Self::decode(record, tag).ok_or_else(|| rows::not_authentic(rows::APPROVALS, &record.id))
    }

    /// None for what no version of this program writes.
    fn decode(record: &ApprovalRecord, tag: Tag) -> Option<Self> {
        let mut decoder = Decoder::new(&record.body);
        if decoder.byte().ok()? != VERSION {
            return None;
        }
        let approval = Self {
            id: record.id,
            operation: decoder.string().ok()?.to_owned(),
            request: decoder.array().ok()?,
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

    pub(crate) fn element(&self, current: &OpenedDataKey) -> Tag {
        current.element(&self.tag)
    }
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
    pub(crate) fn record(&self, data_key: DataKeyId) -> ApprovalRecord {
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
            .raw(&self.request)
            .string(&self.summary)
            .string(&self.requester)
            .long(self.requested_at.as_micros())
            .long(self.expires_at.as_micros())
            .byte(code)
            .string(text)
            .long(at.as_micros());
        ApprovalRecord {
            id: self.id,
            body: body.into_vec(),
            data_key_id: data_key,
            mac: [0; 32],
        }
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
    use super::*;

    /// What version 1 wrote: it is read for ever.
    const FROZEN: &str = "01\
        0000000b6b6579732e64656c657465\
        abababababababababababababababababababababababababababababababab\
        00000006612073656e74\
        00000005616c696365\
        0000000000000001\
        0000000000000002\
        0100000003626f62\
        0000000000000003";

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

    #[test]
    fn a_body_is_written_and_read_as_ever() {
        let record = frozen().record(DataKeyId::from_bytes([1; 16]));
        assert_eq!(data_encoding::HEXLOWER.encode(&record.body), FROZEN);
        let read = Approval::decode(&record, [0; 32]).unwrap();
        let again = read.again(read.verdict.clone());
        assert_eq!(again.record(record.data_key_id), record);
    }

    #[test]
    fn a_body_that_nobody_wrote_is_refused() {
        let record = frozen().record(DataKeyId::from_bytes([1; 16]));
        let decodes = |body: Vec<u8>| {
            let record = ApprovalRecord {
                body,
                ..record.clone()
            };
            Approval::decode(&record, [0; 32]).is_some()
        };
        for length in 0..record.body.len() {
            assert!(!decodes(record.body[..length].to_vec()), "{length}");
        }
        let later = [&[2], &record.body[1..]].concat();
        let longer = [&record.body[..], &[0]].concat();
        assert!(!decodes(later) && !decodes(longer));
    }
}
