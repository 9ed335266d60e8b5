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
        let could_delegate = self.may_delegate(&target);
        let before = self.cut(&target);
        for signer in signed.signed_by() {
            self.signed_by.entry(signer).or_default().insert(target);
        }
        let only_adds_signatures = before.is_some_and(|before| {
            let mut known = before.signed_by();
            before.hash() == signed.hash() && known.all(|key| signed.signature_by(&key).is_some())
        });
        self.delegations.insert(target, signed);
        // Who is nearest to the root has its level without this key.
        let is_where_it_was = self.possible_level(&target) == self.level(&target);
        if is_where_it_was && self.may_delegate(&target) == could_delegate {
            return Ok(());
        }
        let unsettled = if only_adds_signatures {
            BTreeSet::from([target])
        } else {
            self.unsettle(target)
        };
        self.settle(&unsettled);
        Ok(())
    }

    /// Takes the delegation to the target of `signed` out.
    ///
    /// # Errors
    /// [`OtherNamespace`], also for what is no delegation at all.
    pub fn remove(&mut self, signed: &SignedTransaction) -> Result<(), OtherNamespace> {
        let target = self.target_of(signed)?;
        if self.cut(&target).is_some() {
            let unsettled = self.unsettle(target);
            self.settle(&unsettled);
        }
        Ok(())
    }

    /// Takes the delegation to `target` out and gives it back. Levels are left as they were.
    fn cut(&mut self, target: &Fingerprint) -> Option<Arc<SignedTransaction>> {
        let before = self.delegations.remove(target)?;
        for signer in before.signed_by() {
            if let Some(targets) = self.signed_by.get_mut(&signer) {
                targets.remove(target);
            }
        }
        Some(before)
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
        self.reach_without(target)
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

    /// What can be reached from the root, over keys that may delegate and without passing `target`.
    fn reach_without(&self, target: &Fingerprint) -> BTreeMap<Fingerprint, usize> {
        let mut levels = BTreeMap::new();
        let root = self.certified_root().map(|root| (1, root));
        self.spread(&mut levels, root, Some(target));
        levels
    }

    /// The root key, if it has signed its own certificate. Others may have signed as well: whoever adds a signature must
    /// not be able to take the namespace away.
    fn certified_root(&self) -> Option<Fingerprint> {
        let root = self.namespace.fingerprint()?;
        let certificate = self.delegations.get(&root)?;
        certificate.signature_by(&root).map(|_| root)
    }

    /// Takes the levels of `target` and of all keys that have theirs through it alone away, and names these keys.
    ///
    /// A namespace with many delegations is not searched anew for each that changes: only what hangs on it is.
    fn unsettle(&mut self, target: Fingerprint) -> BTreeSet<Fingerprint> {
        let mut unsettled = BTreeSet::from([target]);
        // Level by level, so that when a key is looked at all that are nearer to the root have been.
        let mut frontier = VecDeque::from([target]);
        while let Some(key) = frontier.pop_front() {
            let Some(level) = self.level(&key) else {
                continue;
            };
            for below in self.signed_by.get(&key).into_iter().flatten() {
                let hangs_on_it = self.level(below) == Some(level + 1)
                    && !unsettled.contains(below)
                    && !self.has_signer_at(below, level, &unsettled);
                if hangs_on_it {
                    unsettled.insert(*below);
                    frontier.push_back(*below);
                }
            }
        }
        for key in &unsettled {
            self.levels.remove(key);
        }
        unsettled
    }

    /// Whether a key of this level, none of `others`, has delegated to `target`.
    fn has_signer_at(
        &self,
        target: &Fingerprint,
        level: usize,
        others: &BTreeSet<Fingerprint>,
    ) -> bool {
        self.signers_of(target).any(|signer| {
            self.level(&signer) == Some(level)
                && !others.contains(&signer)
                && self.may_delegate(&signer)
        })
    }

    /// Gives these keys the levels that those around them make possible, and what hangs on them the levels behind.
    fn settle(&mut self, keys: &BTreeSet<Fingerprint>) {
        let possible = |key: &Fingerprint| Some((self.possible_level(key)?, *key));
        let seeds: Vec<_> = keys.iter().filter_map(possible).collect();
        let mut levels = std::mem::take(&mut self.levels);
        self.spread(&mut levels, seeds, None);
        self.levels = levels;
    }

    fn possible_level(&self, key: &Fingerprint) -> Option<usize> {
        if self.certified_root() == Some(*key) {
            return Some(1);
        }
        let delegating = self
            .signers_of(key)
            .filter(|signer| self.may_delegate(signer));
        let nearest = delegating.filter_map(|signer| self.level(&signer)).min();
        nearest.map(|level| level + 1)
    }

    fn signers_of(&self, target: &Fingerprint) -> impl Iterator<Item = Fingerprint> {
        let signed = self.delegations.get(target).into_iter();
        signed.flat_map(|signed| signed.signed_by())
    }

    fn may_delegate(&self, key: &Fingerprint) -> bool {
        self.delegation(key)
            .is_some_and(|it| it.can_sign(MappingCode::NamespaceDelegation))
    }

    /// Gives keys these levels unless they are nearer already, and everything that hangs on them the levels behind,
    /// nearest first; cycles end where they began.
    fn spread(
        &self,
        levels: &mut BTreeMap<Fingerprint, usize>,
        seeds: impl IntoIterator<Item = (usize, Fingerprint)>,
        without: Option<&Fingerprint>,
    ) {
        let mut frontier: BTreeSet<(usize, Fingerprint)> = seeds.into_iter().collect();
        while let Some((level, key)) = frontier.pop_first() {
            if levels.get(&key).is_some_and(|known| *known <= level) {
                continue;
            }
            levels.insert(key, level);
            if self.may_delegate(&key) {
                let below = self.signed_by.get(&key).into_iter().flatten();
                let below = below.filter(|target| Some(*target) != without);
                frontier.extend(below.map(|target| (level + 1, *target)));
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
