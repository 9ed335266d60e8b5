//! The simulated cloud, and the ways to reach it.

use std::{sync::Arc, time::Duration};

use strongroom_config::{
    AwsConfig, CallBudgetConfig, CallsConfig, ClassPricesConfig, Config, Dollars, KmsConfig,
    KmsProviderConfig, PricesConfig, QuotaConfig, VaultConfig,
};
use strongroom_kms::{KmsProvider, MicroDollars, PerClass, PriceTable};
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Credentials, Repetitions};
use strongroom_kms_sim::{
    Fault, FaultKind, Latency, Outage, OutageKind, Quotas, Scenario, Simulator, Weather,
};

use super::bare;
use crate::{kms_flags::KmsFlags, open_kms::OpenKms};

const REGION: &str = "eu-central-1";
const PRICES: PriceTable = PriceTable::AWS_LIST_2026_06;

/// A simulated cloud that takes so many calls per second.
pub(in crate::commands::bench) struct Cloud {
    simulator: Simulator,
    cap: u32,
}

impl Cloud {
    pub(in crate::commands::bench) fn start(cap: u32) -> anyhow::Result<Self> {
        let simulator = Simulator::start(Scenario::default())?;
        Ok(Self { simulator, cap })
    }

    /// No delay and no limit: for what is not measured.
    pub(in crate::commands::bench) fn clear_up(&self) -> anyhow::Result<()> {
        Ok(self.simulator.set_weather(Weather::default())?)
    }

    /// Out, until it is cleared up.
    pub(in crate::commands::bench) fn break_down(&self, how: OutageKind) -> anyhow::Result<()> {
        Ok(self.simulator.set_weather(Weather {
            outages: vec![Outage::of(how)],
            ..Weather::default()
        })?)
    }

    /// From now on each call takes so long, and so many are taken; calls are counted from 0.
    pub(in crate::commands::bench) fn begin(&self, latency: Duration) -> anyhow::Result<()> {
        self.simulator.set_weather(self.weather(latency, None))?;
        self.simulator.reset_calls();
        Ok(())
    }

    /// The same, but so many of a hundred calls are throttled, and the count goes on.
    pub(in crate::commands::bench) fn throttle(
        &self,
        latency: Duration,
        percent: u8,
    ) -> anyhow::Result<()> {
        Ok(self
            .simulator
            .set_weather(self.weather(latency, Some(percent)))?)
    }

    /// The storm is over.
    pub(in crate::commands::bench) fn calm_down(&self, latency: Duration) -> anyhow::Result<()> {
        Ok(self.simulator.set_weather(self.weather(latency, None))?)
    }

    fn weather(&self, latency: Duration, throttled: Option<u8>) -> Weather {
        let cap = Some(f64::from(self.cap));
        let fault = |percent| Fault {
            error: FaultKind::Throttled,
            operation: None,
            key: None,
            times: None,
            percent: Some(percent),
        };
        Weather {
            latency: Some(Latency::Constant {
                constant_ms: latency.as_secs_f64() * 1e3,
            }),
            quotas: Quotas {
                symmetric: cap,
                ecc: cap,
                ..Quotas::default()
            },
            faults: throttled.map(fault).into_iter().collect(),
            ..Weather::default()
        }
    }

    /// Calls that arrived, whatever became of them.
    pub(in crate::commands::bench) fn calls(&self) -> u64 {
        self.simulator.calls().total()
    }

    /// The configuration of a vault whose KMS is this cloud.
    pub(in crate::commands::bench) fn config(&self) -> Config {
        let vault = VaultConfig {
            id: "00".repeat(16),
            node: "bench".to_owned(),
            anchor: None,
            clock_tolerance: VaultConfig::CLOCK_TOLERANCE,
        };
        Config::new(vault, self.section())
    }

    /// Its budget is the cap.
    fn section(&self) -> KmsConfig {
        let quota = Some(QuotaConfig {
            per_second: self.cap,
            burst: None,
        });
        let calls = CallsConfig {
            budget: CallBudgetConfig {
                symmetric: quota,
                ecc: quota,
                ..CallBudgetConfig::default()
            },
            ..CallsConfig::default()
        };
        let provider = KmsProviderConfig::Aws(AwsConfig {
            region: Some(REGION.to_owned()),
            endpoint: Some(self.simulator.endpoint().to_owned()),
            rehearsal: true,
            ..AwsConfig::default()
        });
        KmsConfig {
            calls,
            prices: Some(list_prices()),
            ..KmsConfig::new("cloud", provider)
        }
    }

    /// Ours: with everything that surrounds a KMS.
    pub(in crate::commands::bench) async fn surrounded(
        &self,
    ) -> anyhow::Result<Arc<dyn KmsProvider>> {
        let config = self.config();
        let opened = OpenKms::open(&config, &KmsFlags::default()).await?;
        let mut opened = opened.iter();
        let kms = opened.next().map(crate::open_kms::OpenedKms::shared);
        kms.ok_or_else(|| anyhow::anyhow!("there is no KMS"))
    }

    /// The client of AWS with its own repetitions.
    pub(in crate::commands::bench) async fn of_client(
        &self,
    ) -> anyhow::Result<Arc<dyn KmsProvider>> {
        Ok(Arc::new(self.connect(Repetitions::OfClient).await?))
    }

    /// The client of AWS, each call repeated until it succeeds, as Canton does.
    pub(in crate::commands::bench) async fn endless(&self) -> anyhow::Result<Arc<dyn KmsProvider>> {
        let client = self.connect(Repetitions::OfSurroundings).await?;
        Ok(bare::repeated_without_end(Arc::new(client)))
    }

    async fn connect(&self, repetitions: Repetitions) -> anyhow::Result<AwsKms> {
        let settings = AwsKmsSettings {
            region: Some(REGION.to_owned()),
            endpoint: Some(self.simulator.endpoint().to_owned()),
            credentials: Credentials::Rehearsal,
            repetitions,
            ..AwsKmsSettings::default()
        };
        Ok(AwsKms::connect(settings).await?)
    }
}

fn list_prices() -> PricesConfig {
    let per_class = |prices: &PerClass<MicroDollars>| ClassPricesConfig {
        symmetric: dollars(prices.symmetric),
        rsa: dollars(prices.rsa),
        ecc: dollars(prices.ecc),
        administration: dollars(prices.administration),
    };
    PricesConfig {
        as_of: PRICES.as_of.clone().into_owned(),
        per_10_000_calls: per_class(&PRICES.per_10_000_calls),
        per_key_month: per_class(&PRICES.per_key_month),
    }
}

fn dollars(price: MicroDollars) -> Dollars {
    Dollars {
        millionths: price.0,
    }
}

/// What so many calls for signatures on curves cost, in dollars.
pub(in crate::commands::bench) fn price_of_signing(calls: u64) -> f64 {
    let calls = PerClass {
        ecc: calls,
        ..PerClass::default()
    };
    PRICES.calls(&calls).0 as f64 / 1e6
}
