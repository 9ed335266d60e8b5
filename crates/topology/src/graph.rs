use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use strongroom_crypto::{Fingerprint, SigningPublicKey};

use crate::{
    identifier::Namespace,
    mapping::{Mapping, MappingCode, NamespaceDelegation},
    signed::SignedTransaction,
};

/// Which keys may sign for a namespace: its delegations in force, and who signed them.
///
/// Nodes are keys; a delegation is an edge from each key that signed it to its target. What can be reached from the root
/// certificate over keys that may delegate is authorized. Source: reference, topology rules, section 5.
#[derive(Clone, Debug)]
pub struct AuthorizationGraph {
    namespace: Namespace,
    /// By target.
    delegations: BTreeMap<Fingerprint, Arc<SignedTransaction>>,
    /// The targets of each key that signed delegations.
    signed_by: BTreeMap<Fingerprint, BTreeSet<Fingerprint>>,
    /// How far each authorized key is from the root, the root's own being 1.
    levels: BTreeMap<Fingerprint, usize>,
}

/// A delegation for another namespace was given to a graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the delegation is for namespace {found}, not {expected}")]
pub struct OtherNamespace {
    found: Namespace,
    expected: Namespace,
}

impl AuthorizationGraph {
    /// The graph of a namespace without delegations: nobody may sign.
    #[must_use]
    pub const fn new(namespace: Namespace) -> Self {
        Self {
            namespace,
            delegations: BTreeMap::new(),
            signed_by: BTreeMap::new(),
            levels: BTreeMap::new(),
        }
    }

    /// Takes a delegation in. One to the same key is replaced, and with it who authorized that key.
    ///
    /// # Errors
    /// [`OtherNamespace`], also for what is no delegation at all.
    pub fn add(&mut self, signed: Arc<SignedTransaction>) -> Result<(), OtherNamespace> {
        let target = self.target_of(&signed)?;
        let is_new = !self.cut(&target);
        for signer in signed.signed_by() {
            self.signed_by.entry(signer).or_default().insert(target);
        }
        self.delegations.insert(target, signed);
        if is_new {
            self.extend_to(target);
        } else {
            self.levels = self.reach(None);
        }
        Ok(())
    }

    /// Takes the delegation to the target of `signed` out.
    ///
    /// # Errors
    /// [`OtherNamespace`], also for what is no delegation at all.
    pub fn remove(&mut self, signed: &SignedTransaction) -> Result<(), OtherNamespace> {
        let target = self.target_of(signed)?;
        if self.cut(&target) {
            self.levels = self.reach(None);
        }
        Ok(())
    }

    /// Takes the delegation to `target` out, and says whether there was one. Levels are left as they were.
    fn cut(&mut self, target: &Fingerprint) -> bool {
        let Some(before) = self.delegations.remove(target) else {
            return false;
        };
        for signer in before.signed_by() {
            if let Some(targets) = self.signed_by.get_mut(&signer) {
                targets.remove(target);
            }
        }
        true
    }

    fn target_of(&self, signed: &SignedTransaction) -> Result<Fingerprint, OtherNamespace> {
        match delegation(signed) {
            Some(delegation) if *delegation.namespace() == self.namespace => {
                Ok(delegation.target().fingerprint())
            }
            _ => Err(OtherNamespace {
                found: signed.transaction().mapping().namespace().clone(),
                expected: self.namespace.clone(),
            }),
        }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The delegation to `target`, authorized or not.
    #[must_use]
    pub fn delegation(&self, target: &Fingerprint) -> Option<&NamespaceDelegation> {
        self.delegations.get(target).and_then(|it| delegation(it))
    }

    /// Every delegation with its transaction, by target.
    pub fn delegations(
        &self,
    ) -> impl Iterator<Item = (&NamespaceDelegation, &Arc<SignedTransaction>)> {
        self.delegations
            .values()
            .filter_map(|signed| Some((delegation(signed)?, signed)))
    }

    /// Whether there are no delegations at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.delegations.is_empty()
    }

    /// Whether the namespace has a root key that is certified; without one nobody may sign.
    #[must_use]
    pub fn has_root(&self) -> bool {
        !self.levels.is_empty()
    }

    /// Whether the root key, and nobody else, has signed its certificate.
    pub(crate) fn has_root_certificate(&self) -> bool {
        let root = self.namespace.fingerprint();
        root.and_then(|root| self.delegations.get(&root))
            .is_some_and(|certificate| is_root(certificate))
    }

    /// The key, if it may sign mappings of this kind for the namespace.
    #[must_use]
    pub fn authorized(&self, key: &Fingerprint, code: MappingCode) -> Option<&SigningPublicKey> {
        if !self.levels.contains_key(key) {
            return None;
        }
        let delegation = self.delegation(key)?;
        delegation.can_sign(code).then(|| delegation.target())
    }

    /// How far the key is from the root: 1 for the root's own, 2 for one that it delegated to. None if unauthorized.
    #[must_use]
    pub fn level(&self, key: &Fingerprint) -> Option<usize> {
        self.levels.get(key).copied()
    }

    /// Every key that may sign mappings of this kind, with its level.
    pub fn keys_for(&self, code: MappingCode) -> impl Iterator<Item = (&SigningPublicKey, usize)> {
        self.levels
            .iter()
            .filter_map(move |(key, level)| Some((self.authorized(key, code)?, *level)))
    }

    /// Every key that may sign a delegation to `target`, with its level: those that are reached without passing `target`,
    /// and for the root key only itself.
    #[must_use]
    pub fn keys_for_delegation_to(&self, target: &Fingerprint) -> Vec<(&SigningPublicKey, usize)> {
        if self.namespace.is_root(target) {
            let root = self.authorized(target, MappingCode::NamespaceDelegation);
            return root.map(|key| (key, 1)).into_iter().collect();
        }
        self.reach(Some(target))
            .into_iter()
            .filter_map(|(key, level)| {
                let delegation = self.delegation(&key)?;
                delegation
                    .can_sign(MappingCode::NamespaceDelegation)
                    .then(|| (delegation.target(), level))
            })
            .collect()
    }

    /// Targets of delegations that mean nothing, because nobody authorized has signed them.
    #[must_use]
    pub fn dangling(&self) -> BTreeSet<Fingerprint> {
        self.delegations
            .keys()
            .filter(|target| !self.levels.contains_key(target))
            .copied()
            .collect()
    }

    /// What can be reached from the root, over keys that may delegate and without passing `without`.
    fn reach(&self, without: Option<&Fingerprint>) -> BTreeMap<Fingerprint, usize> {
        let mut levels = BTreeMap::new();
        if let Some(root) = self.certified_root() {
            self.spread(&mut levels, root, 1, without);
        }
        levels
    }

    /// The root key, if it has signed its own certificate. Others may have signed as well: whoever adds a signature must
    /// not be able to take the namespace away.
    fn certified_root(&self) -> Option<Fingerprint> {
        let root = self.namespace.fingerprint()?;
        let certificate = self.delegations.get(&root)?;
        certificate.signature_by(&root).map(|_| root)
    }

    /// Adds to the levels what a new delegation to `target` opens up. The others stay as far from the root as they were,
    /// or come nearer: a namespace with many delegations is not searched anew for each.
    fn extend_to(&mut self, target: Fingerprint) {
        let level = if self.certified_root() == Some(target) {
            Some(1)
        } else {
            let signers = self.delegations.get(&target).into_iter();
            let levels = signers.flat_map(|signed| signed.signed_by());
            levels
                .filter(|signer| self.may_delegate(signer))
                .filter_map(|signer| self.level(&signer))
                .min()
                .map(|level| level + 1)
        };
        if let Some(level) = level {
            let mut levels = std::mem::take(&mut self.levels);
            self.spread(&mut levels, target, level, None);
            self.levels = levels;
        }
    }

    fn may_delegate(&self, key: &Fingerprint) -> bool {
        self.delegation(key)
            .is_some_and(|it| it.can_sign(MappingCode::NamespaceDelegation))
    }

    /// Gives `start` this level and everything that hangs on it the levels behind, breadth first; cycles end where they
    /// began.
    fn spread(
        &self,
        levels: &mut BTreeMap<Fingerprint, usize>,
        start: Fingerprint,
        level: usize,
        without: Option<&Fingerprint>,
    ) {
        levels.insert(start, level);
        let mut frontier = VecDeque::from([(start, level)]);
        while let Some((key, level)) = frontier.pop_front() {
            if !self.may_delegate(&key) {
                continue;
            }
            for target in self.signed_by.get(&key).into_iter().flatten() {
                let is_nearer = levels.get(target).is_none_or(|known| *known > level + 1);
                if Some(target) != without && is_nearer {
                    levels.insert(*target, level + 1);
                    frontier.push_back((*target, level + 1));
                }
            }
        }
    }
}

fn delegation(signed: &SignedTransaction) -> Option<&NamespaceDelegation> {
    match signed.transaction().mapping() {
        Mapping::NamespaceDelegation(delegation) => Some(delegation),
        _ => None,
    }
}

/// Whether it is about the namespace's own key and nobody else has signed it: then that key's word is enough.
pub(crate) fn is_root(signed: &SignedTransaction) -> bool {
    delegation(signed).is_some_and(|delegation| {
        let target = delegation.target().fingerprint();
        delegation.targets_root() && signed.signed_by().all(|key| key == target)
    })
}
