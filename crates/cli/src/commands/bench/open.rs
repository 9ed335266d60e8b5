//! `bench open`: opening a vault with many keys.

use std::time::{Duration, Instant};

use clap::Args;
use strongroom_crypto::{KeyUsages, SigningKeySpec};
use strongroom_vault::{KeyFilter, Settings, Vault};

use super::{
    Measurement,
    rehearsal::{PlaceArgs, Rehearsal},
    stopwatch::median,
};
use crate::{args::Global, kms_flags::KmsFlags, memory, open_kms::OpenKms, progress};

/// Opening a vault with many keys: KMS calls, time until every row is authenticated, memory per opened key.
///
/// Bare is reading the same rows from the database, deriving each key and opening each row, with the work shared among
/// the same number of threads. In PostgreSQL as in a file: one plain statement reads all rows.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench open --keys 100000\n  strongroom bench open --keys 1000 --output json\n  \
    strongroom bench open --keys 100000 \\\n    \
    --store-url postgres://strongroom@db.example:5432/ledger \\\n    \
    --store-password-file /run/secrets/strongroom-db"
)]
pub(crate) struct Options {
    /// Number of keys.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// What the keys are.
    #[arg(long, default_value = "ec-curve-25519")]
    spec: SigningKeySpec,
    /// Samples of each side; the median counts.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    Rehearsal::with(options.place.to_config()?, async |rehearsal| {
        measure(global, &options, rehearsal).await
    })
    .await
}

async fn measure(
    global: &Global,
    options: &Options,
    rehearsal: &Rehearsal,
) -> anyhow::Result<Vec<Measurement>> {
    rehearsal
        .generate(global, options.keys, options.spec)
        .await?;
    let (mut ours, mut bares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut kms_calls = 0;
    let bar = progress::bar(global, u64::from(options.samples) + 1, "opening");
    for sample in 0..=options.samples {
        let opened = rehearsal.time_opening().await?;
        let bare = rehearsal.time_bare(options.keys).await?;
        bar.inc(1);
        kms_calls = opened.kms_calls;
        if sample > 0 {
            ours.push(opened.time.as_secs_f64() * 1e3);
            bares.push(bare.as_secs_f64() * 1e3);
            ratios.push(opened.time.as_secs_f64() / bare.as_secs_f64());
        }
    }
    bar.finish_and_clear();
    let memory = rehearsal.memory_per_key(options.keys).await?;
    let store_check = rehearsal.time_store_check().await?;
    let more = [
        ("keys", options.keys.into()),
        ("kms_calls", kms_calls.into()),
        ("bytes_per_opened_key", memory.into()),
        (
            "database_check_ms",
            (store_check.as_secs_f64() * 1e3).round().into(),
        ),
    ];
    Ok(vec![Measurement {
        name: format!("open {} {}", options.keys, options.spec.name()),
        unit: "ms",
        ours: median(&mut ours),
        bare: median(&mut bares),
        ratio: median(&mut ratios),
        more: more
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }])
}

struct Opening {
    time: Duration,
    kms_calls: u64,
}

impl Rehearsal {
    /// From the files to an open vault: every row authenticated.
    async fn time_opening(&self) -> anyhow::Result<Opening> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let configured = self.configured_store()?;
        let started = Instant::now();
        let store = configured.open().await?;
        let environment = kms.environment(store, &self.config);
        let vault = Vault::open(environment, Settings::default()).await?;
        let time = started.elapsed();
        vault.close().await?;
        Ok(Opening {
            time,
            kms_calls: kms.total_calls(),
        })
    }

    /// Growth of the heap when every key is opened, for each of them.
    async fn memory_per_key(&self, keys: u64) -> anyhow::Result<Option<u64>> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let store = self.open_store().await?;
        let mut settings = Settings::default();
        settings.cache.capacity = usize::try_from(keys)?;
        let vault = Vault::open(kms.environment(store, &self.config), settings).await?;
        let listed = vault.list(&KeyFilter::default())?;
        let before = memory::bytes_in_use();
        for key in &listed {
            vault
                .sign(&key.fingerprint(), b"open", KeyUsages::ALL)
                .await?;
        }
        let after = memory::bytes_in_use();
        let opened = vault.opened_keys() as u64;
        anyhow::ensure!(opened == keys, "{opened} of {keys} keys are open");
        vault.close().await?;
        Ok(after.saturating_sub(before).checked_div(opened))
    }

    /// The store's check of the whole database: before the first change of a process, and in `doctor`.
    async fn time_store_check(&self) -> anyhow::Result<Duration> {
        let store = self.open_store().await?;
        let started = Instant::now();
        store.check_integrity().await?;
        let time = started.elapsed();
        store.close().await?;
        Ok(time)
    }
}
