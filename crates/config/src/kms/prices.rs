//! `[kms.prices]`: what a KMS charges.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::bad_value;
use crate::error::ConfigError;

/// What a KMS charges, so that what calls cost can be estimated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PricesConfig {
    /// From when the prices are, for people: `2026-06`.
    pub as_of: String,
    /// For 10 000 calls.
    #[serde(rename = "per-10000-calls")]
    pub per_10_000_calls: ClassPricesConfig,
    /// For one key, or one version of it, in one month.
    #[serde(default)]
    pub per_key_month: ClassPricesConfig,
}

/// A price for each class that clouds charge separately; what is left out costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClassPricesConfig {
    /// Wrapping and unwrapping.
    pub symmetric: Dollars,
    /// Decrypting with RSA.
    pub rsa: Dollars,
    /// Signing on curves and with ML-DSA.
    pub ecc: Dollars,
    /// Making, describing and deleting keys, and reading public halves.
    pub administration: Dollars,
}

/// US dollars, in the file a number such as `0.03`; kept as whole millionths, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars {
    /// Millionths of a dollar.
    pub millionths: u64,
}

const MILLION: f64 = 1_000_000.0;

impl Dollars {
    /// None if it is negative, above a million, or has more than six decimals.
    fn of_number(number: f64) -> Option<Self> {
        let millionths = number * MILLION;
        let nearest = millionths.round();
        // Decimal fractions are not exact in binary: a thousandth of a millionth is no digit of anybody's.
        let whole = (millionths - nearest).abs() < 1e-3;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to 10^12"
        )]
        ((0.0..=MILLION).contains(&number) && whole).then_some(Self {
            millionths: nearest as u64,
        })
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.millionths as f64 / MILLION)
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Self::of_number(number).ok_or_else(|| {
            D::Error::custom("a price is 0 to 1000000 dollars, with up to six decimals")
        })
    }
}

impl PricesConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let fits = (1..=32).contains(&self.as_of.len());
        if !fits || !self.as_of.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            let expected = "1 to 32 printable characters, such as '2026-06'";
            return Err(bad_value("prices.as-of", expected));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KmsConfig;

    fn read(prices: &str) -> Result<KmsConfig, String> {
        let text = format!("name = \"cloud\"\ntype = \"aws\"\n[prices]\n{prices}");
        let config: KmsConfig = toml::from_str(&text).map_err(|error| error.to_string())?;
        config.validate().map_err(|error| error.to_string())?;
        Ok(config)
    }

    #[test]
    fn prices_are_dollars_and_are_written_as_they_are_read() {
        let text = "as-of = \"2026-06\"\nper-10000-calls = { symmetric = 0.03, ecc = 0.15 }\nper-key-month = { ecc = 1 }";
        let config = read(text).unwrap();
        let prices = config.prices.as_ref().unwrap();
        assert_eq!(prices.per_10_000_calls.symmetric.millionths, 30_000);
        assert_eq!(prices.per_10_000_calls.ecc.millionths, 150_000);
        assert_eq!(prices.per_10_000_calls.rsa, Dollars::default());
        assert_eq!(prices.per_key_month.ecc.millionths, 1_000_000);
        let written = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<KmsConfig>(&written).unwrap(), config);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for price in ["-0.01", "nan", "inf", "1000001", "0.0000001", "\"0.03\""] {
            let text = format!("as-of = \"2026-06\"\nper-10000-calls = {{ ecc = {price} }}");
            assert!(read(&text).is_err(), "{price}");
        }
        for as_of in [
            "",
            "2026\\n06",
            "a long time ago, in a region far, far away",
        ] {
            let text = format!("as-of = \"{as_of}\"\nper-10000-calls = {{}}");
            assert!(read(&text).is_err(), "{as_of}");
        }
        assert!(read("as-of = \"2026-06\"").is_err(), "prices of nothing");
    }
}
