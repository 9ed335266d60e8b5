use std::collections::BTreeSet;

use strongroom_crypto::Fingerprint;

use crate::identifier::Namespace;

/// Namespaces and keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    pub(crate) namespaces: BTreeSet<Namespace>,
    /// Keys that sign for themselves, to prove that their owner has them.
    pub(crate) keys: BTreeSet<Fingerprint>,
}

impl References {
    pub(crate) fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && self.keys.is_empty()
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.namespaces.extend(other.namespaces);
        self.keys.extend(other.keys);
    }

    fn len(&self) -> usize {
        self.namespaces.len() + self.keys.len()
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            namespaces: &self.namespaces - &other.namespaces,
            keys: &self.keys - &other.keys,
        }
    }
}

/// Whose signatures are needed, all of them. Flat, and each only once: how many there are is up to whoever writes the
/// transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needed {
    all: References,
    /// One or the other of each pair.
    either: BTreeSet<(Namespace, Namespace)>,
}

impl Needed {
    pub(crate) fn namespace(namespace: &Namespace) -> Self {
        Self::namespaces([namespace.clone()])
    }

    pub(crate) fn namespaces(namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        Self {
            all: References {
                namespaces: namespaces.into_iter().collect(),
                keys: BTreeSet::new(),
            },
            either: BTreeSet::new(),
        }
    }

    pub(crate) fn either(one: &Namespace, other: &Namespace) -> Self {
        Self {
            all: References::default(),
            either: BTreeSet::from([(one.clone(), other.clone())]),
        }
    }

    pub(crate) fn with_keys(mut self, keys: BTreeSet<Fingerprint>) -> Self {
        self.all.keys.extend(keys);
        self
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.all.extend(other.all);
        self.either.extend(other.either);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.either.is_empty()
    }

    /// Everybody who is mentioned.
    pub(crate) fn referenced(&self) -> References {
        let mut references = self.all.clone();
        for (one, other) in &self.either {
            references.namespaces.extend([one.clone(), other.clone()]);
        }
        references
    }

    /// Whose signatures are missing; of two the first.
    fn missing(&self, provided: &References) -> References {
        let mut missing = self.all.without(provided);
        let is_missing = |namespace| !provided.namespaces.contains(namespace);
        for (one, other) in &self.either {
            if is_missing(one) && is_missing(other) {
                missing.namespaces.insert(one.clone());
            }
        }
        missing
    }
}

/// What a transaction needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Required {
    pub(crate) needed: Needed,
    /// Whose signature does for all of that.
    pub(crate) instead: Option<Namespace>,
}

impl Required {
    /// Everybody who is mentioned.
    pub(crate) fn referenced(&self) -> References {
        let mut references = self.needed.referenced();
        references.namespaces.extend(self.instead.clone());
        references
    }

    /// Whose signatures are missing; of two ways the shorter one, else the first.
    pub(crate) fn missing(&self, provided: &References) -> References {
        let missing = self.needed.missing(provided);
        match &self.instead {
            Some(instead) if provided.namespaces.contains(instead) => References::default(),
            Some(instead) if missing.len() > 1 => References {
                namespaces: BTreeSet::from([instead.clone()]),
                keys: BTreeSet::new(),
            },
            _ => missing,
        }
    }
}
