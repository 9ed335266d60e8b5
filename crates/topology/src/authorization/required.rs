use std::{borrow::Cow, collections::BTreeSet};

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

    pub(crate) fn extend(&mut self, other: &Self) {
        self.namespaces.extend(other.namespaces.iter().cloned());
        self.keys.extend(&other.keys);
    }

    fn len(&self) -> usize {
        self.namespaces.len() + self.keys.len()
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
        Self::namespaces([namespace])
    }

    pub(crate) fn namespaces<'n>(namespaces: impl IntoIterator<Item = &'n Namespace>) -> Self {
        let mut needed = Self::default();
        for namespace in namespaces {
            needed.add(namespace);
        }
        needed
    }

    pub(crate) fn with_keys(mut self, keys: BTreeSet<Fingerprint>) -> Self {
        self.all.keys.extend(keys);
        self
    }

    pub(crate) fn add(&mut self, namespace: &Namespace) {
        // Mostly it is there already, as that of the party is with every participant.
        if !self.all.namespaces.contains(namespace) {
            self.all.namespaces.insert(namespace.clone());
        }
    }

    pub(crate) fn add_either(&mut self, one: &Namespace, other: &Namespace) {
        self.either.insert((one.clone(), other.clone()));
    }

    pub(crate) fn add_keys(&mut self, keys: BTreeSet<Fingerprint>) {
        self.all.keys.extend(keys);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.either.is_empty()
    }

    /// Everybody who is mentioned.
    pub(crate) fn referenced(&self) -> Cow<'_, References> {
        let mut references = Cow::Borrowed(&self.all);
        for (one, other) in &self.either {
            let pair = [one.clone(), other.clone()];
            references.to_mut().namespaces.extend(pair);
        }
        references
    }

    /// Whose signatures are missing; of two the first.
    fn missing(&self, provided: &Provided<'_>) -> References {
        let is_missing = |namespace: &&Namespace| !provided.has_namespace(namespace);
        let one_is_missing =
            |(one, other): &&(Namespace, Namespace)| is_missing(&one) && is_missing(&other);
        let of_either = self.either.iter().filter(one_is_missing);
        let namespaces = self.all.namespaces.iter().filter(is_missing);
        References {
            namespaces: namespaces
                .chain(of_either.map(|(one, _)| one))
                .cloned()
                .collect(),
            keys: &self.all.keys - provided.keys,
        }
    }
}

/// Whose signatures are there.
pub(crate) struct Provided<'s> {
    /// Sorted.
    pub(crate) namespaces: Vec<&'s Namespace>,
    pub(crate) keys: &'s BTreeSet<Fingerprint>,
}

impl Provided<'_> {
    fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.namespaces.binary_search(&namespace).is_ok()
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
    pub(crate) fn referenced(&self) -> Cow<'_, References> {
        let mut references = self.needed.referenced();
        if let Some(instead) = &self.instead {
            references.to_mut().namespaces.insert(instead.clone());
        }
        references
    }

    /// Whose signatures are missing; of two ways the shorter one, else the first.
    pub(crate) fn missing(&self, provided: &Provided<'_>) -> References {
        let missing = self.needed.missing(provided);
        match &self.instead {
            Some(instead) if provided.has_namespace(instead) => References::default(),
            Some(instead) if missing.len() > 1 => References {
                namespaces: BTreeSet::from([instead.clone()]),
                keys: BTreeSet::new(),
            },
            _ => missing,
        }
    }
}
