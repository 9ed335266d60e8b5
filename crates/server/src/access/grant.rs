//! What a caller is allowed, and for which keys.

use std::{collections::BTreeSet, sync::Arc};

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages};
use strongroom_vault::KeyEntry;

use super::{Operation, Role};

/// Some operations, for some keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    operations: BTreeSet<Operation>,
    keys: Vec<KeyPattern>,
    usages: Option<KeyUsages>,
}

/// Which keys a grant is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPattern {
    /// This very key.
    Fingerprint(Fingerprint),
    /// Keys with this name; `*` at the end stands for anything.
    Name(String),
}

/// What a grant goes by of a key.
#[derive(Clone, Copy, Debug)]
pub struct NamedKey<'k> {
    /// Which it is.
    pub fingerprint: Fingerprint,
    /// What the operator calls it; empty: nothing.
    pub name: &'k str,
    /// What it may sign; none: it is an encryption key, or gone.
    pub usages: Option<KeyUsages>,
}

impl NamedKey<'_> {
    /// Whether what it signs for one of these usages is topology. A signature does not say for which usage it was asked for, so the usages
    /// of the key count, but for one that is for the protocol as well: most parties have one key for everything.
    pub(super) fn signs_topology(&self, wanted: KeyUsages) -> bool {
        self.usages
            .is_some_and(|usages| usages.sign_topology(wanted))
    }
}

impl<'k> From<&'k KeyEntry> for NamedKey<'k> {
    fn from(key: &'k KeyEntry) -> Self {
        Self {
            fingerprint: key.fingerprint(),
            name: key.name.as_ref().map_or("", |name| name.as_str()),
            usages: key.usages(),
        }
    }
}

impl<'k> From<&'k Arc<KeyEntry>> for NamedKey<'k> {
    fn from(key: &'k Arc<KeyEntry>) -> Self {
        key.as_ref().into()
    }
}

impl KeyPattern {
    fn accepts(&self, key: NamedKey<'_>) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => *fingerprint == key.fingerprint,
            Self::Name(pattern) => match pattern.strip_suffix('*') {
                Some(beginning) => key.name.starts_with(beginning),
                None => key.name == pattern,
            },
        }
    }
}

impl Grant {
    /// What a role may do, with every key.
    #[must_use]
    pub fn role(role: Role) -> Self {
        Self::of(role.operations().iter().copied())
    }

    /// These operations, with every key.
    #[must_use]
    pub fn of(operations: impl IntoIterator<Item = Operation>) -> Self {
        Self {
            operations: operations.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The same, but only with keys that one of `keys` accepts. None: with every key. What no key limits, and is not
    /// harmless, it does not give any more: who names keys does not mean all of them.
    #[must_use]
    pub fn with_keys(self, keys: Vec<KeyPattern>) -> Self {
        Self { keys, ..self }
    }

    /// The same, but only for these usages of signing keys. None: for every one.
    #[must_use]
    pub fn with_usages(self, usages: Option<KeyUsages>) -> Self {
        Self { usages, ..self }
    }

    /// Whether it allows the operation at all, perhaps for some keys only.
    #[must_use]
    pub fn allows(&self, operation: Operation) -> bool {
        let limited = || operation.is_about_a_key() || operation.is_harmless();
        self.operations.contains(&operation) && (self.keys.is_empty() || limited())
    }

    /// Whether it allows the operation with this key.
    #[must_use]
    pub fn allows_with<'k>(&self, operation: Operation, key: impl Into<NamedKey<'k>>) -> bool {
        let key = key.into();
        self.allows(operation)
            && (self.keys.is_empty() || self.keys.iter().any(|pattern| pattern.accepts(key)))
    }

    /// The usages for which it allows to sign: those of `wanted` that it names.
    #[must_use]
    pub fn narrowed(&self, wanted: KeyUsages) -> KeyUsages {
        let granted = |usage: &KeyUsage| self.usages.is_none_or(|usages| usages.contains(*usage));
        wanted.iter().filter(granted).collect()
    }
}
