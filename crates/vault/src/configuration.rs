//! What a server is told to do, as far as the vault remembers it: a change of it is an act like others, and may need a second
//! person.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use strongroom_crypto::{
    HashBuilder,
    encoding::{Decoder, Encoder, EncodingError},
};

use crate::settings::ApprovalSettings;

/// The operation that a change of the configuration is, as settings name it.
pub const CHANGE_OF_CONFIGURATION: &str = "configuration.change";

/// What it takes to leave a configuration for another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConfigurationGuard {
    /// Nothing: the change is on record.
    #[default]
    Record,
    /// The approval of another person than the one who proposes it.
    Person,
    /// The same, or a reason for going on without.
    PersonOrReason,
}

impl ConfigurationGuard {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Record, Self::Person, Self::PersonOrReason];

    /// What a configuration asks for that needs a second person for this.
    #[must_use]
    pub fn of(approvals: &ApprovalSettings) -> Self {
        match approvals.break_glass {
            _ if !approvals.operations.contains(CHANGE_OF_CONFIGURATION) => Self::Record,
            false => Self::Person,
            true => Self::PersonOrReason,
        }
    }

    /// The stable name: `record`, `second-person`, `second-person-or-reason`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Person => "second-person",
            Self::PersonOrReason => "second-person-or-reason",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Record => 0,
            Self::Person => 1,
            Self::PersonOrReason => 2,
        }
    }
}

/// Hashes of what the configuration of a server says, by section, and what it takes to leave it. The rules stand in the file: whoever
/// comes with these hashes comes with the rules that are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationMark {
    access: [u8; 32],
    approvals: [u8; 32],
    audit: [u8; 32],
    guard: ConfigurationGuard,
}

impl ConfigurationMark {
    /// Of the text of each: who may come and do what, what needs a second person, and how the audit log is kept.
    #[must_use]
    pub fn of(access: &str, approvals: &str, audit: &str, guard: ConfigurationGuard) -> Self {
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
            guard,
        }
    }

    /// Of hashes that were made elsewhere, in the order of [`Self::sections`].
    #[must_use]
    pub const fn of_hashes(
        [access, approvals, audit]: [[u8; 32]; 3],
        guard: ConfigurationGuard,
    ) -> Self {
        Self {
            access,
            approvals,
            audit,
            guard,
        }
    }

    /// What it takes to leave it.
    #[must_use]
    pub const fn guard(&self) -> ConfigurationGuard {
        self.guard
    }

    /// The name and hash of each section.
    #[must_use]
    pub const fn sections(&self) -> [(&'static str, [u8; 32]); 3] {
        [
            ("access", self.access),
            ("approvals", self.approvals),
            ("audit", self.audit),
        ]
    }

    /// One hash over all of it, by which people compare configurations.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let hash = HashBuilder::without_purpose()
            .string("strongroom configuration mark v1")
            .raw(&self.access)
            .raw(&self.approvals)
            .raw(&self.audit)
            .raw(&[self.guard.code()])
            .finish();
        *hash.as_bytes()
    }

    /// What is approved, or not: to leave this configuration for that one.
    pub(crate) fn change_to(&self, after: &Self) -> [u8; 32] {
        let hash = HashBuilder::without_purpose()
            .string("strongroom change of configuration v1")
            .raw(&self.hash())
            .raw(&after.hash())
            .finish();
        *hash.as_bytes()
    }

    /// The same for whoever approves it. Nothing of it is the word of the one who asks.
    pub(crate) fn change_in_words(&self, after: &Self) -> String {
        let mut words = format!(
            "another configuration, changed in {}: from {} to {}",
            after.differs_from(self).join(", "),
            HEXLOWER.encode(&self.hash()),
            HEXLOWER.encode(&after.hash()),
        );
        if self.guard != after.guard {
            words += match after.guard {
                ConfigurationGuard::Record => "; no later change needs a second person",
                ConfigurationGuard::Person => "; later changes need a second person in any case",
                ConfigurationGuard::PersonOrReason => {
                    "; later changes need a second person or a reason"
                }
            };
        }
        words
    }

    /// The sections in which they differ.
    pub(crate) fn differs_from(&self, other: &Self) -> Vec<&'static str> {
        let both = self.sections().into_iter().zip(other.sections());
        both.filter(|(here, there)| here != there)
            .map(|((section, _hash), _other)| section)
            .collect()
    }

    /// Whether it is said otherwise who may do what and what needs a second person.
    pub(crate) fn has_other_rules_than(&self, before: Option<&Self>) -> bool {
        let rules = |mark: &Self| (mark.access, mark.approvals);
        before.is_none_or(|before| rules(before) != rules(self))
    }

    /// Whether the audit log is kept in the same way.
    pub(crate) fn audits_like(&self, other: &Self) -> bool {
        self.audit == other.audit
    }

    /// Whether leaving it takes more than a record.
    pub(crate) fn is_guarded(&self) -> bool {
        self.guard != ConfigurationGuard::Record
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
            guard: ConfigurationGuard::Record,
        })
    }

    /// Written only if it is guarded: all others read as they did before there were guards.
    pub(crate) fn encode_guard(&self, encoder: &mut Encoder) {
        encoder.byte(self.guard.code());
    }

    pub(crate) fn decode_guard(&mut self, decoder: &mut Decoder<'_>) -> Result<(), EncodingError> {
        let tag = decoder.byte()?;
        let mut guards = ConfigurationGuard::ALL.into_iter();
        let guard = guards.find(|guard| guard.code() == tag && tag != 0);
        self.guard = guard.ok_or(EncodingError::UnknownTag { tag })?;
        Ok(())
    }

    /// What the audit log says of a change: the sections, and the hash of each before, if there was one, and after.
    pub(crate) fn details(&self, before: Option<&Self>) -> BTreeMap<String, String> {
        let mut details = BTreeMap::new();
        let guard_before = before.map(Self::guard).unwrap_or_default();
        if guard_before != self.guard {
            details.insert("guard_before".to_owned(), guard_before.name().to_owned());
            details.insert("guard_after".to_owned(), self.guard.name().to_owned());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        HEXLOWER.encode(bytes)
    }

    /// Vaults remember these hashes, and serve by no other. They were computed with another library (SHA-256 of Python).
    #[test]
    fn hashes_are_made_as_ever() {
        let of = |guard| ConfigurationMark::of("callers", "rules", "level", guard);
        let mark = of(ConfigurationGuard::Person);
        let sections = mark.sections().map(|(name, hash)| (name, hex(&hash)));
        let expected = [
            (
                "access",
                "115ad5d3e3289247eb8df6702523a661b2bc80abf94f991fad643cb049595791",
            ),
            (
                "approvals",
                "c48db5c6ef514aa4eab6b388d167074edb634486ad550f05187490b6101cc8b7",
            ),
            (
                "audit",
                "f1d5bbe3e6492d9ccdc936ea1d71fcaf4f17b0a167c9d7a549c653115e521102",
            ),
        ];
        assert_eq!(
            sections,
            expected.map(|(name, hash)| (name, hash.to_owned()))
        );
        assert_eq!(
            hex(&mark.hash()),
            "9f32e6ef36c85db517975453edaf766067259cc249c10bb99a0cdcba47cb5bed"
        );
        assert_ne!(of(ConfigurationGuard::Record).hash(), mark.hash());
    }
}
