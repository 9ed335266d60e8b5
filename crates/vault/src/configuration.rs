//! What a server is told to do, as far as the vault remembers it: a change of it is an act like others.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use strongroom_crypto::{
    HashBuilder,
    encoding::{Decoder, Encoder, EncodingError},
};

/// Hashes of what the configuration of a server says, by section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationMark {
    access: [u8; 32],
    approvals: [u8; 32],
    audit: [u8; 32],
}

impl ConfigurationMark {
    /// Of the text of each: who may come and do what, what needs a second person, and how the audit log is kept.
    #[must_use]
    pub fn of(access: &str, approvals: &str, audit: &str) -> Self {
        let hash = |section: &str, text: &str| {
            let hash = HashBuilder::without_purpose()
                .string("strongroom configuration v1")
                .string(section)
                .string(text)
                .finish();
            *hash.as_bytes()
        };
        Self {
            access: hash("access", access),
            approvals: hash("approvals", approvals),
            audit: hash("audit", audit),
        }
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder
            .raw(&self.access)
            .raw(&self.approvals)
            .raw(&self.audit);
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, EncodingError> {
        Ok(Self {
            access: decoder.array()?,
            approvals: decoder.array()?,
            audit: decoder.array()?,
        })
    }

    fn sections(&self) -> [(&'static str, [u8; 32]); 3] {
        [
            ("access", self.access),
            ("approvals", self.approvals),
            ("audit", self.audit),
        ]
    }

    /// What the audit log says of a change: the sections, and the hash of each before, if there was one, and after.
    pub(crate) fn details(&self, before: Option<&Self>) -> BTreeMap<String, String> {
        let mut details = BTreeMap::new();
        let before = before.map(Self::sections);
        let mut changed = Vec::new();
        for (number, (section, after)) in self.sections().into_iter().enumerate() {
            let before = before.and_then(|sections| sections.get(number).copied());
            let before = before.map(|(_section, hash)| hash);
            if before == Some(after) {
                continue;
            }
            changed.push(section);
            if let Some(before) = before {
                details.insert(format!("{section}_before"), HEXLOWER.encode(&before));
            }
            details.insert(format!("{section}_after"), HEXLOWER.encode(&after));
        }
        details.insert("sections".to_owned(), changed.join(", "));
        details
    }
}
