//! Who must sign, said a second time and by brute force: nothing here is remembered or derived.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypto::{Fingerprint, KeyUsages, SigningPublicKey};
use strongroom_topology::{
    Covers, DecentralizedNamespaceDefinition, HostingParticipant, Mapping, MappingCode, Namespace,
    NamespaceDelegation, Operation, PartyToParticipant, SignedTransaction, Transaction, UniqueKey,
};

use super::events::pool;

/// The last accepted transaction of each unique key.
#[derive(Clone, Default)]
pub(super) struct Naive {
    accepted: BTreeMap<UniqueKey, SignedTransaction>,
    /// Who may remove everything.
    pub(super) owner: Option<Namespace>,
}

type Keys = BTreeSet<Fingerprint>;

impl Naive {
    pub(super) fn accept(&mut self, signed: &SignedTransaction) {
        let key = signed.transaction().unique_key();
        self.accepted.insert(key, signed.clone());
    }

    pub(super) fn before(&self, transaction: &Transaction) -> Option<&SignedTransaction> {
        self.accepted.get(&transaction.unique_key())
    }

    /// What holds about the same as `transaction`.
    fn stated(&self, transaction: &Transaction) -> Option<&Mapping> {
        let before = self.before(transaction)?.transaction();
        (before.operation() == Operation::AddReplace).then(|| before.mapping())
    }

    fn delegations(&self) -> impl Iterator<Item = (&NamespaceDelegation, Keys)> {
        self.accepted.values().filter_map(|signed| {
            let transaction = signed.transaction();
            match transaction.mapping() {
                Mapping::NamespaceDelegation(it)
                    if transaction.operation() == Operation::AddReplace =>
                {
                    Some((it, signed.signed_by().collect()))
                }
                _ => None,
            }
        })
    }

    /// Whether there is a way from the root of the namespace to this key; `passed` are the keys of the way back.
    fn reaches(&self, namespace: &Namespace, key: &Fingerprint, passed: &Keys) -> bool {
        self.delegations().any(|(delegation, signers)| {
            delegation.namespace() == namespace
                && delegation.target().fingerprint() == *key
                && signers.iter().any(|signer| {
                    if signer == key {
                        return namespace.is_root(key);
                    }
                    let mut passed = passed.clone();
                    passed.insert(*key)
                        && !passed.contains(signer)
                        && self.may_sign(namespace, signer, MappingCode::NamespaceDelegation)
                        && self.reaches(namespace, signer, &passed)
                })
        })
    }

    fn may_sign(&self, namespace: &Namespace, key: &Fingerprint, code: MappingCode) -> bool {
        self.delegations().any(|(delegation, _)| {
            delegation.namespace() == namespace
                && delegation.target().fingerprint() == *key
                && delegation.can_sign(code)
        })
    }

    fn owners(&self, namespace: &Namespace) -> Option<&DecentralizedNamespaceDefinition> {
        self.accepted.values().find_map(|signed| {
            let transaction = signed.transaction();
            match transaction.mapping() {
                Mapping::DecentralizedNamespaceDefinition(it)
                    if it.namespace() == namespace
                        && transaction.operation() == Operation::AddReplace =>
                {
                    Some(it)
                }
                _ => None,
            }
        })
    }

    /// Whether these keys speak for the namespace when they sign `mapping`.
    fn agrees(&self, namespace: &Namespace, keys: &Keys, mapping: &Mapping) -> bool {
        if let Mapping::PartyToParticipant(it) = mapping
            && it.party().namespace() == namespace
            && lists(mapping)
                .iter()
                .any(|key| namespace.is_root(key) && keys.contains(key))
        {
            return true;
        }
        let one = |namespace: &Namespace| {
            keys.iter().any(|key| {
                self.may_sign(namespace, key, mapping.code())
                    && self.reaches(namespace, key, &Keys::new())
            })
        };
        match self.owners(namespace) {
            Some(shared) => {
                let agreeing = shared.owners().iter().filter(|owner| one(owner));
                agreeing.count() >= shared.threshold()
            }
            None => one(namespace),
        }
    }

    /// Whether `keys` may put `transaction` into force, whatever its serial.
    pub(super) fn satisfied(&self, transaction: &Transaction, keys: &Keys) -> bool {
        let mapping = transaction.mapping();
        if let Mapping::NamespaceDelegation(it) = mapping
            && it.targets_root()
            && keys.iter().all(|key| it.namespace().is_root(key))
        {
            return true;
        }
        let agrees = |namespace: &Namespace| self.agrees(namespace, keys, mapping);
        let is_removal = transaction.operation() == Operation::Remove;
        if is_removal && self.owner.as_ref().is_some_and(agrees) {
            return true;
        }
        // A removal proves no keys.
        let proven = |key: &Fingerprint| !is_removal && keys.contains(key);
        let known = self.stated(transaction).map_or_else(Keys::new, lists);
        match mapping {
            Mapping::DecentralizedNamespaceDefinition(it) => {
                let before = self.before(transaction);
                match before.map(|signed| signed.transaction().mapping()) {
                    Some(Mapping::DecentralizedNamespaceDefinition(before)) => {
                        let mut added = it.owners().difference(before.owners());
                        agrees(it.namespace()) && added.all(agrees)
                    }
                    _ => it.owners().iter().all(agrees),
                }
            }
            Mapping::OwnerToKeyMapping(_) | Mapping::PartyToKeyMapping(_) => {
                let listed = lists(mapping);
                agrees(mapping.namespace()) && listed.difference(&known).all(proven)
            }
            Mapping::PartyToParticipant(it) => {
                let before = match self.stated(transaction) {
                    Some(Mapping::PartyToParticipant(before)) => Some(before),
                    _ => None,
                };
                hosting_agreed(it, before, &agrees, &proven)
            }
            other => agrees(other.namespace()),
        }
    }

    /// Fails unless the keys that signed a row were worth something: each is valid, and together they suffice.
    pub(super) fn justify(&self, signed: &SignedTransaction) {
        let transaction = signed.transaction();
        let keys: Keys = signed.signed_by().collect();
        for key in &keys {
            assert!(is_valid(signed, key), "wrong signature by {key} in force");
        }
        let merges = self
            .before(transaction)
            .is_some_and(|before| before.hash() == signed.hash());
        assert!(
            merges || self.satisfied(transaction, &keys),
            "not authorized: {transaction:?} by {keys:?}"
        );
    }
}

/// Whether the signature by `key` is one, by the key as the tests know it.
pub(super) fn is_valid(signed: &SignedTransaction, key: &Fingerprint) -> bool {
    let known = pool()
        .into_iter()
        .find(|known| known.fingerprint() == *key)
        .unwrap();
    let signature = signed.signature_by(key).unwrap();
    assert_eq!(signature.covers(), &Covers::This);
    let message = signed.hash().to_multihash();
    let signature = signature.signature();
    known
        .public
        .verify(&message, signature, KeyUsages::ALL)
        .is_ok()
}

/// The signing keys that a mapping lists.
fn lists(mapping: &Mapping) -> Keys {
    let keys: Vec<&SigningPublicKey> = match mapping {
        Mapping::OwnerToKeyMapping(it) => it.signing_keys().collect(),
        Mapping::PartyToKeyMapping(it) => it.signing_keys.keys().iter().collect(),
        Mapping::PartyToParticipant(it) => {
            let keys = it.signing_keys().map_or(&[][..], |keys| keys.keys());
            keys.iter().collect()
        }
        _ => Vec::new(),
    };
    keys.into_iter()
        .map(SigningPublicKey::fingerprint)
        .collect()
}

/// The rules about hosted parties, each as a question with yes or no.
fn hosting_agreed(
    now: &PartyToParticipant,
    before: Option<&PartyToParticipant>,
    agrees: &impl Fn(&Namespace) -> bool,
    proven: &impl Fn(&Fingerprint) -> bool,
) -> bool {
    let party = agrees(now.party().namespace());
    let agreed = |host: &HostingParticipant| agrees(host.participant.namespace());
    let mut changes = Vec::new();
    if before.map(PartyToParticipant::threshold) != Some(now.threshold()) {
        changes.push(party);
    }
    let keys = before.and_then(PartyToParticipant::signing_keys);
    if now.signing_keys() != keys {
        let now = lists(&Mapping::PartyToParticipant(now.clone()));
        let known = before.map_or_else(Keys::new, |before| {
            lists(&Mapping::PartyToParticipant(before.clone()))
        });
        changes.push(party && now.difference(&known).all(proven));
    }
    for host in now.participants() {
        match before.and_then(|before| before.hosting(&host.participant)) {
            None => changes.push(party && agreed(host)),
            Some(known) => {
                if host.permission > known.permission {
                    changes.push(party && agreed(host));
                }
                if host.permission < known.permission {
                    changes.push(party || agreed(host));
                }
                if host.onboarding && !known.onboarding {
                    changes.push(party);
                }
                if !host.onboarding && known.onboarding {
                    changes.push(agreed(host));
                }
            }
        }
    }
    let gone = before.map_or(&[][..], PartyToParticipant::participants);
    for host in gone {
        if now.hosting(&host.participant).is_none() {
            changes.push(party || agreed(host));
        }
    }
    if changes.is_empty() {
        changes.push(party);
    }
    changes.into_iter().all(|agreed| agreed)
}
