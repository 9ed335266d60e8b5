//! What surrounds a KMS, as it is configured.

use strongroom_config::{
    BreakerConfig, CallBudgetConfig, CallsConfig, ClassPricesConfig, KmsConfig, PricesConfig,
    QuotaConfig,
};
use strongroom_kms::{
    BreakerSettings, BudgetSettings, MicroDollars, PerClass, PriceTable, Quota, RetrySettings,
    SurroundingsSettings,
};

/// How calls to this KMS are sent, and what they cost.
pub(super) fn settings(kms: &KmsConfig) -> SurroundingsSettings {
    let CallsConfig {
        deadline,
        attempt_deadline,
        attempts,
        hedge_after,
        budget,
        breaker,
    } = &kms.calls;
    SurroundingsSettings {
        deadline: *deadline,
        attempt_deadline: *attempt_deadline,
        retry: retries(*attempts, kms),
        hedge_after: *hedge_after,
        budget: calls_granted(budget),
        breaker: when_to_stop(breaker),
        prices: prices(kms),
        ..SurroundingsSettings::default()
    }
}

/// What this KMS charges; none without configured prices.
pub(crate) fn prices(kms: &KmsConfig) -> Option<PriceTable> {
    kms.prices.as_ref().map(price_table)
}

/// Whoever wants no repetition after a failure still waits for a key that was just made: it is not usable before.
fn retries(attempts: u32, kms: &KmsConfig) -> RetrySettings {
    let mut retry = RetrySettings::default();
    retry.failures.attempts = attempts;
    retry.total = kms.calls.deadline;
    retry
}

fn calls_granted(budget: &CallBudgetConfig) -> Option<BudgetSettings> {
    if let Some(shared) = budget.shared {
        return Some(BudgetSettings::Shared(quota(shared)));
    }
    let of_class = |granted: Option<QuotaConfig>| granted.map_or(Quota::UNLIMITED, quota);
    let per_class = PerClass {
        symmetric: of_class(budget.symmetric),
        rsa: of_class(budget.rsa),
        ecc: of_class(budget.ecc),
        administration: of_class(budget.administration),
    };
    (!budget.is_unlimited()).then_some(BudgetSettings::PerClass(per_class))
}

fn quota(granted: QuotaConfig) -> Quota {
    Quota {
        per_second: granted.per_second,
        burst: granted.burst(),
    }
}

fn when_to_stop(breaker: &BreakerConfig) -> Option<BreakerSettings> {
    breaker.enabled.then(|| BreakerSettings {
        failures: breaker.failures,
        open_for: breaker.open_for,
        open_for_at_most: breaker.open_for_at_most,
        ..BreakerSettings::default()
    })
}

fn price_table(prices: &PricesConfig) -> PriceTable {
    PriceTable {
        as_of: prices.as_of.clone().into(),
        per_10_000_calls: per_class(&prices.per_10_000_calls),
        per_key_month: per_class(&prices.per_key_month),
    }
}

fn per_class(prices: &ClassPricesConfig) -> PerClass<MicroDollars> {
    PerClass {
        symmetric: MicroDollars(prices.symmetric.millionths),
        rsa: MicroDollars(prices.rsa.millionths),
        ecc: MicroDollars(prices.ecc.millionths),
        administration: MicroDollars(prices.administration.millionths),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use strongroom_config::{AwsConfig, KmsProviderConfig};

    use super::*;

    fn configured(tables: &str) -> KmsConfig {
        toml::from_str(&format!("name = \"cloud\"\ntype = \"aws\"\n{tables}")).unwrap()
    }

    #[test]
    fn what_is_not_configured_is_as_the_library_has_it() {
        let kms = KmsConfig::new("cloud", KmsProviderConfig::Aws(AwsConfig::default()));
        assert_eq!(settings(&kms), SurroundingsSettings::default());
    }

    #[test]
    fn what_is_configured_surrounds_the_kms() {
        let settings = settings(&configured(
            "[calls]\ndeadline = \"8s\"\nattempt-deadline = \"2s\"\nattempts = 2\nhedge-after = \"90ms\"\n\
             [calls.budget]\nsymmetric = { per-second = 40 }\n\
             [calls.breaker]\nfailures = 7\nopen-for = \"1s\"\nopen-for-at-most = \"9s\"\n\
             [prices]\nas-of = \"2026-06\"\nper-10000-calls = { symmetric = 0.03, ecc = 0.15 }\n",
        ));
        let seconds = Duration::from_secs;
        assert_eq!(
            (settings.deadline, settings.attempt_deadline),
            (seconds(8), seconds(2))
        );
        assert_eq!(
            (settings.retry.failures.attempts, settings.retry.total),
            (2, seconds(8))
        );
        assert_eq!(settings.hedge_after, Some(Duration::from_millis(90)));
        let Some(BudgetSettings::PerClass(quotas)) = settings.budget else {
            panic!("{settings:?}")
        };
        assert_eq!(
            quotas.symmetric,
            Quota {
                per_second: 40,
                burst: 4
            }
        );
        assert_eq!(quotas.ecc, Quota::UNLIMITED);
        let breaker = settings.breaker.unwrap();
        assert_eq!((breaker.failures, breaker.open_for), (7, seconds(1)));
        assert_eq!(breaker.open_for_at_most, seconds(9));
        let prices = settings.prices.unwrap();
        assert_eq!(prices.per_10_000_calls.ecc, MicroDollars::from_cents(15));
    }

    #[test]
    fn a_breaker_can_be_left_out_and_a_quota_be_for_all_calls() {
        let settings = settings(&configured(
            "[calls.budget]\nshared = { per-second = 5, burst = 2 }\n[calls.breaker]\nenabled = false\n",
        ));
        let quota = Quota {
            per_second: 5,
            burst: 2,
        };
        assert_eq!(settings.budget, Some(BudgetSettings::Shared(quota)));
        assert_eq!(settings.breaker, None);
    }
}
