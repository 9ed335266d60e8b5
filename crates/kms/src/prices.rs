//! What calls and keys cost, about.

use std::borrow::Cow;
use std::fmt;

use crate::quota_class::PerClass;

/// An amount of money: millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroDollars(pub u64);

impl MicroDollars {
    /// So many cents.
    #[must_use]
    pub const fn from_cents(cents: u32) -> Self {
        // Widening; `From` is not const.
        Self(cents as u64 * 10_000)
    }
}

/// `1.234567 USD`.
impl fmt::Display for MicroDollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} USD", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// What a KMS charges. Comes from the configuration: prices change, and differ by contract and region.
///
/// Free tiers and discounts are left out, and every call that was sent counts, so that an estimate errs upwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// From when the prices are, for people: `2025-03-17`.
    pub as_of: Cow<'static, str>,
    /// For 10 000 calls.
    pub per_10_000_calls: PerClass<MicroDollars>,
    /// For one key, or one version of it, in one month; of the class administration there are no keys.
    pub per_key_month: PerClass<MicroDollars>,
}

impl PriceTable {
    /// The list prices of AWS KMS in us-east-1 as published in June 2026 (aws.amazon.com/kms/pricing): an example and a
    /// starting point, not what anybody will be charged.
    pub const AWS_LIST_2026_06: Self = Self {
        as_of: Cow::Borrowed("2026-06"),
        per_10_000_calls: PerClass {
            symmetric: MicroDollars::from_cents(3),
            rsa: MicroDollars::from_cents(3),
            ecc: MicroDollars::from_cents(15),
            administration: MicroDollars::from_cents(3),
        },
        per_key_month: PerClass {
            symmetric: MicroDollars::from_cents(100),
            rsa: MicroDollars::from_cents(100),
            ecc: MicroDollars::from_cents(100),
            administration: MicroDollars(0),
        },
    };

    /// The list prices of Google Cloud KMS with protection level HSM, effective 17 March 2025
    /// (cloud.google.com/kms/pricing). The first 2000 versions of keys on curves cost this much, further ones less.
    pub const GCP_HSM_LIST_2025_03: Self = Self {
        as_of: Cow::Borrowed("2025-03-17"),
        per_10_000_calls: PerClass {
            symmetric: MicroDollars::from_cents(3),
            rsa: MicroDollars::from_cents(3),
            ecc: MicroDollars::from_cents(15),
            administration: MicroDollars(0),
        },
        per_key_month: PerClass {
            symmetric: MicroDollars::from_cents(100),
            rsa: MicroDollars::from_cents(100),
            ecc: MicroDollars::from_cents(250),
            administration: MicroDollars(0),
        },
    };

    /// What so many calls cost, rounded up.
    #[must_use]
    pub fn calls(&self, calls: &PerClass<u64>) -> MicroDollars {
        total(calls, &self.per_10_000_calls, 10_000)
    }

    /// What so many keys cost in a month. How many there are is known to whoever lists them, not to the calls.
    #[must_use]
    pub fn keys_per_month(&self, keys: &PerClass<u64>) -> MicroDollars {
        total(keys, &self.per_key_month, 1)
    }
}

fn total(counts: &PerClass<u64>, prices: &PerClass<MicroDollars>, per: u128) -> MicroDollars {
    let one = |count: u64, price: MicroDollars| u128::from(count) * u128::from(price.0);
    // Each product fits by far; so does the sum of four unless counts and prices are absurd.
    let sum = one(counts.symmetric, prices.symmetric)
        .saturating_add(one(counts.rsa, prices.rsa))
        .saturating_add(one(counts.ecc, prices.ecc))
        .saturating_add(one(counts.administration, prices.administration));
    MicroDollars(u64::try_from(sum.div_ceil(per)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_cost_by_class_and_a_fraction_is_rounded_up() {
        let calls = PerClass {
            symmetric: 10_000,
            rsa: 0,
            ecc: 20_000,
            administration: 1,
        };
        let cost = PriceTable::AWS_LIST_2026_06.calls(&calls);
        assert_eq!(cost.to_string(), "0.330003 USD");
        let cost = PriceTable::GCP_HSM_LIST_2025_03.calls(&calls);
        assert_eq!(cost, MicroDollars::from_cents(33));
    }

    #[test]
    fn keys_cost_by_the_month() {
        let keys = PerClass {
            symmetric: 1,
            ecc: 3,
            ..PerClass::default()
        };
        let cost = PriceTable::GCP_HSM_LIST_2025_03.keys_per_month(&keys);
        assert_eq!(cost.to_string(), "8.500000 USD");
    }

    #[test]
    fn absurd_numbers_end_at_the_largest_amount() {
        fn all<T: Copy>(value: T) -> PerClass<T> {
            PerClass {
                symmetric: value,
                rsa: value,
                ecc: value,
                administration: value,
            }
        }
        let table = PriceTable {
            as_of: "never".into(),
            per_10_000_calls: all(MicroDollars(u64::MAX)),
            per_key_month: all(MicroDollars(u64::MAX)),
        };
        assert_eq!(table.calls(&all(u64::MAX)), MicroDollars(u64::MAX));
    }
}
