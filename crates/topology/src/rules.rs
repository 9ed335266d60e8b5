use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec, Timestamp};

/// When a genesis snapshot says that its transactions were sequenced: one microsecond after the first instant that the
/// ledger knows, 0001-01-01T00:00:00Z.
pub const GENESIS_SEQUENCED: Timestamp =
    Timestamp::from_micros(Timestamp::LEDGER_MIN.as_micros() + 1);

/// How strictly a store looks at a transaction.
///
/// Source: reference, topology rules, sections 1, 5 and 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether mappings are held against each other. Local stores look at signatures, delegations and serials only.
    pub(crate) mapping_checks: bool,
    /// Whether history may have what nobody may announce today.
    pub(crate) relaxed: bool,
    /// Whether this is a look ahead, before a synchronizer has sequenced anything.
    pub(crate) preliminary: bool,
    /// Whether what was rejected is kept, with the reason.
    pub(crate) keeps_rejected: bool,
    /// Keys that are taken.
    pub(crate) specs: KeySpecs,
}

/// The specs of keys that a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpecs {
    /// By their places in [`SigningKeySpec::ALL`].
    signing: [bool; SigningKeySpec::ALL.len()],
    /// By their places in [`EncryptionKeySpec::ALL`].
    encryption: [bool; EncryptionKeySpec::ALL.len()],
}

impl KeySpecs {
    /// All of them.
    pub const ALL: Self = Self {
        signing: [true; SigningKeySpec::ALL.len()],
        encryption: [true; EncryptionKeySpec::ALL.len()],
    };

    /// Those of which this is true.
    #[must_use]
    pub fn of(
        signing: impl Fn(SigningKeySpec) -> bool,
        encryption: impl Fn(EncryptionKeySpec) -> bool,
    ) -> Self {
        Self {
            signing: SigningKeySpec::ALL.map(signing),
            encryption: EncryptionKeySpec::ALL.map(encryption),
        }
    }

    pub(crate) fn signing(&self) -> impl Iterator<Item = SigningKeySpec> {
        taken(SigningKeySpec::ALL, self.signing)
    }

    pub(crate) fn encryption(&self) -> impl Iterator<Item = EncryptionKeySpec> {
        taken(EncryptionKeySpec::ALL, self.encryption)
    }

    pub(crate) fn supported_signing(&self) -> String {
        names(self.signing().map(SigningKeySpec::name))
    }

    pub(crate) fn supported_encryption(&self) -> String {
        names(self.encryption().map(EncryptionKeySpec::name))
    }
}

fn taken<T, const N: usize>(all: [T; N], are: [bool; N]) -> impl Iterator<Item = T> {
    let all = all.into_iter().zip(are);
    all.filter_map(|(spec, is)| is.then_some(spec))
}

fn names(specs: impl Iterator<Item = &'static str>) -> String {
    specs.collect::<Vec<_>>().join(", ")
}

impl Rules {
    const LOCAL: Self = Self {
        mapping_checks: false,
        relaxed: false,
        preliminary: false,
        keeps_rejected: true,
        specs: KeySpecs::ALL,
    };

    /// Those of what this node itself authorizes.
    #[must_use]
    pub const fn authorized() -> Self {
        Self::LOCAL
    }

    /// Those of a store in memory, to look at history.
    #[must_use]
    pub const fn temporary() -> Self {
        Self {
            relaxed: true,
            ..Self::LOCAL
        }
    }

    /// Those of what a synchronizer has sequenced.
    #[must_use]
    pub const fn synchronizer() -> Self {
        Self {
            mapping_checks: true,
            ..Self::LOCAL
        }
    }

    /// Those of the state that a synchronizer begins with.
    #[must_use]
    pub const fn genesis() -> Self {
        Self {
            relaxed: true,
            ..Self::synchronizer()
        }
    }

    /// The same, for a look ahead: what is looked at has not been sequenced.
    #[must_use]
    pub const fn ahead(self) -> Self {
        Self {
            preliminary: true,
            ..self
        }
    }

    /// The same, but what is rejected is not kept: whoever only looks needs no memory for it.
    #[must_use]
    pub const fn forgetting_rejected(self) -> Self {
        Self {
            keeps_rejected: false,
            ..self
        }
    }

    /// The same with other specs of keys.
    #[must_use]
    pub const fn with_specs(self, specs: KeySpecs) -> Self {
        Self { specs, ..self }
    }
}
