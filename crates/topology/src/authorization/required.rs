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

/// Whose signatures are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Required {
    /// All of these.
    All(References),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// One or the other.
    Or(Box<Self>, Box<Self>),
}

impl Required {
    pub(crate) fn namespace(namespace: &Namespace) -> Self {
        Self::namespaces([namespace.clone()])
    }

    pub(crate) fn namespaces(namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        Self::All(References {
            namespaces: namespaces.into_iter().collect(),
            keys: BTreeSet::new(),
        })
    }

    pub(crate) fn with_keys(self, keys: BTreeSet<Fingerprint>) -> Self {
        self.and(Self::All(References {
            namespaces: BTreeSet::new(),
            keys,
        }))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut these), Self::All(those)) => {
                these.extend(those);
                Self::All(these)
            }
            (one, other) => Self::And(Box::new(one), Box::new(other)),
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self::Or(Box::new(self), Box::new(other))
    }

    /// Everybody who is mentioned.
    pub(crate) fn referenced(&self) -> References {
        match self {
            Self::All(references) => references.clone(),
            Self::And(one, other) | Self::Or(one, other) => {
                let mut references = one.referenced();
                references.extend(other.referenced());
                references
            }
        }
    }

    /// Whose signatures are missing; of two ways the shorter one, else the first.
    pub(crate) fn missing(&self, provided: &References) -> References {
        match self {
            Self::All(references) => references.without(provided),
            Self::And(one, other) => {
                let mut missing = one.missing(provided);
                missing.extend(other.missing(provided));
                missing
            }
            Self::Or(one, other) => {
                let (one, other) = (one.missing(provided), other.missing(provided));
                if other.len() < one.len() { other } else { one }
            }
        }
    }
}
