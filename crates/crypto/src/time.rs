//! Points in time as the ledger writes them.

/// A point in time: microseconds since 1970-01-01T00:00:00Z, negative before it.
///
/// The resolution of the ledger and of every record. Text forms belong to the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant that the ledger knows: 0001-01-01T00:00:00Z.
    pub const LEDGER_MIN: Self = Self(-62_135_596_800_000_000);
    /// The last one: 9999-12-31T23:59:59.999999Z.
    pub const LEDGER_MAX: Self = Self(253_402_300_799_999_999);

    /// The point `micros` microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}
