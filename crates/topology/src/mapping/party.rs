use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, SigningPublicKey};

use super::{MAX_KEYS, MappingError};
use crate::identifier::{PartyId, UniqueIdentifier};

/// Signing keys, of which so many must sign. Ordered by fingerprint; duplicates collapse.
///
/// History has thresholds above the number of keys, so these can be read; whoever announces one is stopped
/// (reference: topology rules, section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeysWithThreshold {
    keys: Vec<SigningPublicKey>,
    threshold: u32,
}

impl SigningKeysWithThreshold {
    /// `threshold` of `keys` must sign.
    ///
    /// # Errors
    /// [`MappingError::NoKeys`]; [`MappingError::TooManyKeys`] above 20; [`MappingError::SigningThreshold`] for 0.
    pub fn try_new(keys: Vec<SigningPublicKey>, threshold: u32) -> Result<Self, MappingError> {
        let mut by_fingerprint: BTreeMap<Fingerprint, SigningPublicKey> = BTreeMap::new();
        for key in keys {
            by_fingerprint.entry(key.fingerprint()).or_insert(key);
        }
        let keys: Vec<_> = by_fingerprint.into_values().collect();
        if keys.is_empty() {
            return Err(MappingError::NoKeys);
        }
        if keys.len() > MAX_KEYS {
            return Err(MappingError::TooManyKeys {
                limit: MAX_KEYS,
                found: keys.len(),
            });
        }
        if threshold == 0 {
            return Err(MappingError::SigningThreshold { threshold });
        }
        Ok(Self { keys, threshold })
    }

    /// The keys, ordered by fingerprint; never empty.
    #[must_use]
    pub fn keys(&self) -> &[SigningPublicKey] {
        &self.keys
    }

    /// How many of them must sign, at least 1.
    #[must_use]
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// The key with this fingerprint.
    #[must_use]
    pub fn key(&self, fingerprint: &Fingerprint) -> Option<&SigningPublicKey> {
        let found = self
            .keys
            .binary_search_by_key(fingerprint, SigningPublicKey::fingerprint);
        found.ok().and_then(|index| self.keys.get(index))
    }
}

/// The signing keys of a party, in the deprecated form.
///
/// Source: reference, topology, section 4.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyToKeyMapping {
    /// The party.
    pub party: PartyId,
    /// Its keys.
    pub signing_keys: SigningKeysWithThreshold,
}

/// What a participant may do for a party that it hosts. Orders by power, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParticipantPermission {
    /// See.
    Observation,
    /// See and confirm.
    Confirmation,
    /// See, confirm and submit.
    Submission,
}

impl ParticipantPermission {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observation => "observation",
            Self::Confirmation => "confirmation",
            Self::Submission => "submission",
        }
    }
}

/// A participant that hosts a party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostingParticipant {
    /// The participant.
    pub participant: UniqueIdentifier,
    /// What it may do for the party.
    pub permission: ParticipantPermission,
    /// It is still taking over what the party has.
    pub onboarding: bool,
}

/// The participants that host a party, and the party's own signing keys.
///
/// Source: reference, topology, section 4.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyToParticipant {
    party: PartyId,
    threshold: u32,
    participants: Vec<HostingParticipant>,
    signing_keys: Option<SigningKeysWithThreshold>,
}

impl PartyToParticipant {
    /// `threshold` of `participants` confirm for `party`. A participant named twice keeps its first place and its highest
    /// permission.
    ///
    /// # Errors
    /// [`MappingError::ConfirmingThreshold`] for 0.
    pub fn try_new(
        party: PartyId,
        threshold: u32,
        participants: Vec<HostingParticipant>,
        signing_keys: Option<SigningKeysWithThreshold>,
    ) -> Result<Self, MappingError> {
        if threshold == 0 {
            return Err(MappingError::ConfirmingThreshold { threshold });
        }
        Ok(Self {
            party,
            threshold,
            participants: with_highest_permission(participants),
            signing_keys,
        })
    }

    /// The party.
    #[must_use]
    pub fn party(&self) -> &PartyId {
        &self.party
    }

    /// How many participants must confirm, at least 1.
    #[must_use]
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// The participants, each once.
    #[must_use]
    pub fn participants(&self) -> &[HostingParticipant] {
        &self.participants
    }

    /// The hosting by this participant.
    #[must_use]
    pub fn hosting(&self, participant: &UniqueIdentifier) -> Option<&HostingParticipant> {
        self.participants
            .iter()
            .find(|hosting| hosting.participant == *participant)
    }

    /// All hostings, to look many participants up.
    pub(crate) fn by_participant(&self) -> BTreeMap<&UniqueIdentifier, &HostingParticipant> {
        let hostings = self.participants.iter();
        hostings
            .map(|hosting| (&hosting.participant, hosting))
            .collect()
    }

    /// The party's own keys, if it has any here.
    #[must_use]
    pub fn signing_keys(&self) -> Option<&SigningKeysWithThreshold> {
        self.signing_keys.as_ref()
    }

    /// The key of the party that is the root of its own namespace: its signature needs no delegation.
    #[must_use]
    pub fn self_authorizing_key(&self) -> Option<&SigningPublicKey> {
        let root = self.party.namespace().fingerprint()?;
        self.signing_keys.as_ref()?.key(&root)
    }
}

/// Each participant once, in the place where it first stands.
fn with_highest_permission(participants: Vec<HostingParticipant>) -> Vec<HostingParticipant> {
    let mut unique: Vec<HostingParticipant> = Vec::with_capacity(participants.len());
    if participants.len() == 1 {
        unique.extend(participants);
        return unique;
    }
    let mut places: BTreeMap<UniqueIdentifier, usize> = BTreeMap::new();
    for hosting in participants {
        let place = *places
            .entry(hosting.participant.clone())
            .or_insert(unique.len());
        match unique.get_mut(place) {
            Some(known) if known.permission >= hosting.permission => {}
            Some(known) => *known = hosting,
            None => unique.push(hosting),
        }
    }
    unique
}
