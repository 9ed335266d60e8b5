//! What monitoring asks of an open vault: numbers, and nothing that names a key of it.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use strongroom_crypto::Timestamp;
use strongroom_store::{Custody, KeyState};

use super::{
    ages::KeyClass,
    wraps::{rotated::RotatedInKms, wrapper_keys::WrapperKeyStatus},
};
use crate::{
    approvals::{Approval, Verdict},
    session_encryption::SessionEncryptionNumbers,
    uses::AuditLag,
    vault::Vault,
};

/// What monitoring asks of an open vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Numbers {
    /// Keys with a private half, by where it is and what it may still do; each pair is there, also with none.
    pub private_keys: BTreeMap<(&'static str, &'static str), usize>,
    /// Keys with a public half only.
    pub public_keys: usize,
    /// Keys that are or were stored readable.
    pub exposed_keys: usize,
    /// Keys that a KMS holds and of which a sealed copy is here.
    pub copied_keys: usize,
    /// The ages of keys in use, by class; each class is there, also without keys.
    pub ages: BTreeMap<KeyClass, Ages>,
    /// Backups that the vault remembers.
    pub backups: usize,
    /// Those of them that were verified.
    pub verified_backups: usize,
    /// When the newest verified one was made.
    pub last_verified_backup: Option<Timestamp>,
    /// What each KMS says of its wrapper keys in use.
    pub wrapper_keys: Vec<WrapperKeyStatus>,
    /// Whether the wrapper key is being rotated.
    pub wrapper_key_rotation: bool,
    /// Those whose material their KMS rotated after the data key was wrapped, as they were last heard of.
    pub rotated_in_kms: Vec<RotatedInKms>,
    /// Rotations of node keys under way.
    pub node_key_rotations: usize,
    /// Data keys that only backups need.
    pub retired_data_keys: usize,
    /// Commits so far.
    pub generation: u64,
    /// Whether the vault was restored and signs nothing yet.
    pub quarantined: bool,
    /// What the caches of session encryption keys have done and hold.
    pub session_encryption: SessionEncryptionNumbers,
    /// Records of the audit log.
    pub audit_records: u64,
    /// How far the audit log is behind.
    pub audit_lag: AuditLag,
    /// Session keys in memory.
    pub session_keys: usize,
    /// Session keys that were made since the vault was opened, each for one call of a KMS.
    pub session_keys_made: u64,
    /// How often a long-term key signed since then because no session key could.
    pub session_key_fallbacks: u64,
    /// How often a key of a party failed since the vault was opened, so that another one was asked to sign in its place.
    pub party_keys_passed_over: u64,
    /// Requests that wait for a second person.
    pub pending_approvals: usize,
    /// What was done without the second person that it needs, and nobody has acknowledged.
    pub broken_glass: usize,
}

/// The ages of keys in use of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// How old the oldest is; none without a key.
    pub oldest: Option<Duration>,
    /// How old one may become; none: as old as it likes.
    pub limit: Option<Duration>,
    /// Those that are older.
    pub overdue: usize,
}

impl Vault {
    /// Numbers for monitoring. Asks each KMS about its wrapper keys in use, two calls for each.
    pub async fn numbers(&self) -> Numbers {
        let wrapper_keys = self.check_wrapper_keys().await;
        self.wrapper_keys_rotated_in_kms().await;
        self.numbers_with(wrapper_keys).await
    }

    /// The same, but with the states of wrapper keys as they were last heard of: asks nobody.
    pub async fn numbers_as_known(&self) -> Numbers {
        self.numbers_with(self.wrapper_keys_as_known()).await
    }

    async fn numbers_with(&self, wrapper_keys: Vec<WrapperKeyStatus>) -> Numbers {
        let (backups, approvals, now) = (self.backups(), self.approvals(), self.now());
        let is_pending =
            |asked: &Approval| asked.verdict == Verdict::Pending && !asked.is_expired(now);
        let (generation, audit_records) = {
            let committed = self.committed().lock().await;
            (committed.state.generation, committed.state.audit_records)
        };
        let mut numbers = Numbers {
            private_keys: every_pair(),
            public_keys: 0,
            exposed_keys: 0,
            copied_keys: 0,
            ages: self.ages_by_class(),
            verified_backups: backups
                .iter()
                .filter(|backup| backup.verified_at.is_some())
                .count(),
            backups: backups.len(),
            last_verified_backup: self.last_verified_backup(),
            wrapper_keys,
            wrapper_key_rotation: self.wrapper_key_rotation().is_some(),
            rotated_in_kms: self.kms_watch().rotated(),
            node_key_rotations: self.rotations().len(),
            retired_data_keys: self.retired_data_keys().len(),
            generation,
            quarantined: self.is_quarantined(),
            session_encryption: self.session_encryption_numbers(),
            audit_records,
            audit_lag: self.audit_lag(),
            session_keys: self.session_keys(),
            session_keys_made: self.caches().session_keys.made(),
            session_key_fallbacks: self.caches().session_keys.fallbacks(),
            party_keys_passed_over: self.party_keys_passed_over().load(Ordering::Relaxed),
            pending_approvals: approvals.iter().filter(|asked| is_pending(asked)).count(),
            broken_glass: approvals.iter().filter(|asked| asked.is_bypassed()).count(),
        };
        self.directory().for_each(|entry| {
            let Some(half) = &entry.private else {
                numbers.public_keys += 1;
                return;
            };
            let pair = (half.custody.name(), state(half.state));
            *numbers.private_keys.entry(pair).or_default() += 1;
            numbers.exposed_keys += usize::from(half.exposed);
            numbers.copied_keys += usize::from(half.has_copy());
        });
        numbers
    }

    fn ages_by_class(&self) -> BTreeMap<KeyClass, Ages> {
        let limits = &self.settings().max_key_age;
        let empty = KeyClass::ALL.map(|class| {
            let limit = limits.of(class);
            let none = Ages {
                limit,
                ..Ages::default()
            };
            (class, none)
        });
        let mut ages = BTreeMap::from(empty);
        for age in self.key_ages() {
            let of_class = ages.entry(age.class).or_default();
            of_class.oldest = of_class.oldest.max(Some(age.age));
            of_class.overdue += usize::from(age.is_overdue());
        }
        ages
    }
}

/// A number that comes only when it is not zero raises no alarm when it goes.
fn every_pair() -> BTreeMap<(&'static str, &'static str), usize> {
    let custodies = [Custody::Clear, Custody::Envelope, Custody::External];
    let states = [KeyState::Active, KeyState::Retired];
    let pairs = custodies
        .into_iter()
        .flat_map(|custody| states.map(|of| (custody.name(), state(of))));
    pairs.map(|pair| (pair, 0)).collect()
}

const fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Retired => "retired",
    }
}
