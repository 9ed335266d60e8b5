//! Sets of usages: those of a key, and those that a caller allows.

use std::fmt;

use super::{KeyUsage, UsageError};

/// A set of usages.
///
/// As the usages *of a key* it comes from [`Self::try_new`], which keeps Canton's rules. As the usages that a
/// caller *allows* for one signature ([`Self::only`], [`Self::any_of`]) it may be any set.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyUsages(u8);

impl KeyUsages {
    /// Every usage. A key that is stored without usages has them all.
    pub const ALL: Self = Self::any_of(&KeyUsage::ALL);

    /// The usages of a key: `usages` and, where it is allowed, [`KeyUsage::ProofOfOwnership`].
    ///
    /// `{Namespace}` stays as it is; every other set gains proof of ownership.
    ///
    /// # Errors
    /// [`UsageError::Empty`]; [`UsageError::InvalidSet`] for proof of ownership alone or with namespace only.
    pub fn try_new(usages: impl IntoIterator<Item = KeyUsage>) -> Result<Self, UsageError> {
        let bits = usages.into_iter().fold(0, |bits, usage| bits | usage.bit());
        Self(bits).for_key()
    }

    /// The set of one usage, as a caller allows it.
    #[must_use]
    pub const fn only(usage: KeyUsage) -> Self {
        Self(usage.bit())
    }

    /// The set of some usages, as a caller allows them.
    #[must_use]
    pub const fn any_of(usages: &[KeyUsage]) -> Self {
        let mut bits = 0;
        let mut rest = usages;
        while let [first, tail @ ..] = rest {
            bits |= first.bit();
            rest = tail;
        }
        Self(bits)
    }

    /// What a key that was given this set has: see [`Self::try_new`].
    pub(crate) fn for_key(self) -> Result<Self, UsageError> {
        const NAMESPACE: u8 = KeyUsage::Namespace.bit();
        const PROOF: u8 = KeyUsage::ProofOfOwnership.bit();
        const BOTH: u8 = NAMESPACE | PROOF;
        match self.0 {
            0 => Err(UsageError::Empty),
            PROOF | BOTH => Err(UsageError::InvalidSet { usages: self }),
            NAMESPACE => Ok(self),
            bits => Ok(Self(bits | PROOF)),
        }
    }

    /// Whether `usage` is in the set.
    #[must_use]
    pub const fn contains(self, usage: KeyUsage) -> bool {
        self.0 & usage.bit() != 0
    }

    /// Whether the sets have a usage in common: the check before signing and verifying. Proof of ownership
    /// counts like any other.
    #[must_use]
    pub const fn intersects(self, allowed: Self) -> bool {
        self.0 & allowed.0 != 0
    }

    /// Whether a key with these usages signs topology when it is asked to sign for `wanted`: one of a namespace does whatever is asked,
    /// since its signature does not say for which usage, and one that is for the protocol as well where the namespace is asked for.
    #[must_use]
    pub const fn sign_topology(self, wanted: Self) -> bool {
        let is_meant = wanted.contains(KeyUsage::Namespace) || !self.contains(KeyUsage::Protocol);
        self.contains(KeyUsage::Namespace) && is_meant
    }

    /// Whether the sets have a usage other than proof of ownership in common: the check of filters and lookups.
    #[must_use]
    pub const fn intersects_relevantly(self, wanted: Self) -> bool {
        self.0 & wanted.0 & !KeyUsage::ProofOfOwnership.bit() != 0
    }

    /// Whether the set holds nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The usages, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = KeyUsage> {
        KeyUsage::ALL
            .into_iter()
            .filter(move |usage| self.contains(*usage))
    }

    /// The set as a number for storage: bit *n* stands for the usage of number *n + 1*.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Reverses [`Self::bits`] for the usages of a key. Bit 1, the identity delegation of old releases, is
    /// ignored as everywhere.
    ///
    /// # Errors
    /// [`UsageError::UnknownBits`]; as [`Self::try_new`] for a set that no key can have.
    pub fn from_bits(bits: u8) -> Result<Self, UsageError> {
        const IDENTITY_DELEGATION: u8 = 1 << 1;
        if bits & !(Self::ALL.0 | IDENTITY_DELEGATION) != 0 {
            return Err(UsageError::UnknownBits { bits });
        }
        Self(bits & Self::ALL.0).for_key()
    }
}

impl fmt::Display for KeyUsages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, usage) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{usage}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for KeyUsages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<KeyUsage> for KeyUsages {
    /// The set as a caller allows it; see [`KeyUsages::any_of`].
    fn from_iter<I: IntoIterator<Item = KeyUsage>>(usages: I) -> Self {
        Self(usages.into_iter().fold(0, |bits, usage| bits | usage.bit()))
    }
}

#[cfg(test)]
mod tests {
    use KeyUsage::{Namespace, ProofOfOwnership, Protocol, SequencerAuthentication};

    use super::*;

    fn check(given: &[KeyUsage], expected: &[KeyUsage]) {
        assert_eq!(
            KeyUsages::try_new(given.iter().copied()),
            Ok(KeyUsages::any_of(expected))
        );
    }

    #[test]
    fn proof_of_ownership_is_added_unless_the_key_is_for_namespaces_only() {
        check(&[Namespace], &[Namespace]);
        check(&[Protocol], &[Protocol, ProofOfOwnership]);
        check(
            &[SequencerAuthentication],
            &[SequencerAuthentication, ProofOfOwnership],
        );
        check(
            &[Namespace, Protocol],
            &[Namespace, Protocol, ProofOfOwnership],
        );
        check(&[Protocol, ProofOfOwnership], &[Protocol, ProofOfOwnership]);
    }

    #[test]
    fn proof_of_ownership_alone_or_with_namespace_only_is_refused() {
        for set in [vec![ProofOfOwnership], vec![Namespace, ProofOfOwnership]] {
            let usages = KeyUsages::any_of(&set);
            assert_eq!(
                KeyUsages::try_new(set),
                Err(UsageError::InvalidSet { usages })
            );
        }
    }

    #[test]
    fn a_key_without_usages_is_refused() {
        assert_eq!(KeyUsages::try_new([]), Err(UsageError::Empty));
        assert_eq!(KeyUsages::from_bits(0), Err(UsageError::Empty));
    }

    #[test]
    fn proof_of_ownership_counts_for_signing_but_not_for_lookups() {
        let key = KeyUsages::try_new([Protocol]).unwrap();
        let allowed = KeyUsages::only(ProofOfOwnership);
        assert!(key.intersects(allowed));
        assert!(!key.intersects_relevantly(allowed));
        assert!(key.intersects_relevantly(KeyUsages::any_of(&[Protocol, ProofOfOwnership])));
        assert!(!key.intersects(KeyUsages::only(Namespace)));
    }

    #[test]
    fn stored_bits_read_back() {
        for set in [
            vec![Namespace],
            vec![Protocol],
            vec![SequencerAuthentication, Protocol],
            KeyUsage::ALL.to_vec(),
        ] {
            let usages = KeyUsages::try_new(set).unwrap();
            assert_eq!(KeyUsages::from_bits(usages.bits()), Ok(usages));
        }
    }

    #[test]
    fn the_removed_identity_delegation_is_ignored_and_unknown_bits_are_not() {
        assert_eq!(
            KeyUsages::from_bits(0b0000_0011),
            Ok(KeyUsages::only(Namespace))
        );
        assert_eq!(KeyUsages::from_bits(0b0000_0010), Err(UsageError::Empty));
        assert_eq!(
            KeyUsages::from_bits(0b0010_0001),
            Err(UsageError::UnknownBits { bits: 0x21 })
        );
    }

    #[test]
    fn usages_display_as_words_separated_by_commas() {
        let usages = KeyUsages::try_new([Protocol]).unwrap();
        assert_eq!(usages.to_string(), "protocol, proof-of-ownership");
        assert_eq!(KeyUsages::any_of(&[]).to_string(), "none");
        assert_eq!(KeyUsages::ALL.iter().count(), 4);
    }
}
