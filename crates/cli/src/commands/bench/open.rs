//! `bench open`: opening a vault with many keys.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use strongroom_config::{
    AnchorConfig, CacheConfig, Config, CustodyConfig, KmsConfig, KmsLogConfig, KmsProviderConfig,
    KmsWatchConfig, LocalConfig, PolicyConfig, Protection, ReplicaConfig, VaultConfig,
};
use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec, SystemRandom, clock::SystemClock};
use strongroom_kms_local::{LocalKms, Protection as FileProtection};
use strongroom_store::{Store, VaultId};
use strongroom_store_sqlite::{SqliteStore, yardstick};
use strongroom_vault::{KeyFilter, NewSigningKey, NewVault, Settings, Vault, Yardstick};
use tempfile::TempDir;

use super::{Measurement, stopwatch::median};
use crate::{
    args::Global, environment, kms_flags::KmsFlags, memory, open_kms::OpenKms, progress, session,
};

/// Keys generated in one transaction.
const BATCH: u64 = 1000;

/// Opening a vault with many keys: KMS calls, time until every row is authenticated, memory per opened key.
///
/// Bare is reading the same rows from the database, deriving each key and opening each row, with the work shared among
/// the same number of threads.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench open --keys 100000\n  strongroom bench open --keys 1000 --output json"
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
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    let rehearsal = Rehearsal::make().await?;
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

/// A vault in a temporary folder, with an embedded KMS.
pub(super) struct Rehearsal {
    folder: TempDir,
    pub(super) config: Config,
}

struct Opening {
    time: Duration,
    kms_calls: u64,
}

impl Rehearsal {
    /// Makes the vault.
    pub(super) async fn make() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let key_file = folder.path().join("kms.key");
        let local = KmsProviderConfig::Local(LocalConfig {
            key_file: key_file.clone(),
            protection: Protection::UnprotectedKeyFile {},
        });
        let config = Config {
            vault: VaultConfig {
                id: "00".repeat(16),
                node: "bench".to_owned(),
                anchor: Some(folder.path().join("anchor.json")),
            },
            store: None,
            replica: ReplicaConfig::default(),
            kms: vec![KmsConfig::new("local", local)],
            kms_log: KmsLogConfig::default(),
            anchor: AnchorConfig::default(),
            kms_watch: KmsWatchConfig::default(),
            policy: PolicyConfig::default(),
            custody: CustodyConfig::default(),
            cache: CacheConfig::default(),
        };
        let (random, clock) = (Arc::new(SystemRandom), Arc::new(SystemClock));
        LocalKms::create(
            session::files(),
            key_file,
            &FileProtection::UnprotectedKeyFile,
            random,
            clock,
        )?;
        let kms = OpenKms::open(&config, &KmsFlags::default()).await?;
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::create(&Self::database_in(&folder)).await?);
        let new = NewVault {
            id: VaultId::from_bytes(config.vault.id_bytes()?),
            wrapper_key: None,
        };
        let environment = kms.environment(store, &config);
        Vault::create(
            environment,
            Settings::default(),
            &environment::caller()?,
            new,
        )
        .await?
        .close()
        .await?;
        Ok(Self { folder, config })
    }

    fn database_in(folder: &TempDir) -> std::path::PathBuf {
        folder.path().join("vault")
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn database(&self) -> std::path::PathBuf {
        Self::database_in(&self.folder)
    }

    /// Opens the vault.
    pub(super) async fn vault(&self) -> anyhow::Result<Vault> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let store = session::open_store(&self.database()).await?;
        Ok(Vault::open(kms.environment(store, &self.config), Settings::default()).await?)
    }

    pub(super) async fn generate(
        &self,
        global: &Global,
        keys: u64,
        spec: SigningKeySpec,
    ) -> anyhow::Result<()> {
        let vault = self.vault().await?;
        let usages = KeyUsages::try_new([KeyUsage::Protocol])?;
        let bar = progress::bar(global, keys, "generating");
        while bar.position() < keys {
            let batch = BATCH.min(keys - bar.position());
            let new = (0..batch)
                .map(|_| NewSigningKey {
                    spec,
                    usages,
                    name: None,
                })
                .collect();
            vault
                .generate_signing_keys(&environment::caller()?, new)
                .await?;
            bar.inc(batch);
        }
        bar.finish_and_clear();
        Ok(vault.close().await?)
    }

    /// From the files to an open vault: every row authenticated.
    async fn time_opening(&self) -> anyhow::Result<Opening> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let started = Instant::now();
        let store = session::open_store(&self.database()).await?;
        let environment = kms.environment(store, &self.config);
        let vault = Vault::open(environment, Settings::default()).await?;
        let time = started.elapsed();
        vault.close().await?;
        Ok(Opening {
            time,
            kms_calls: kms.total_calls(),
        })
    }

    /// The same rows: read, derived, opened, and nothing else.
    pub(super) async fn time_bare(&self, keys: u64) -> anyhow::Result<Duration> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let store = session::open_store(&self.database()).await?;
        let yardstick = Yardstick::of(&kms.environment(Arc::clone(&store), &self.config)).await?;
        store.close().await?;
        let database = self.database();
        let started = Instant::now();
        let opened = tokio::task::block_in_place(|| open_bare(&database, &yardstick))?;
        let time = started.elapsed();
        anyhow::ensure!(
            opened == keys,
            "the bare side opened {opened} of {keys} rows"
        );
        Ok(time)
    }

    /// Growth of the heap when every key is opened, for each of them.
    async fn memory_per_key(&self, keys: u64) -> anyhow::Result<Option<u64>> {
        let kms = OpenKms::open(&self.config, &KmsFlags::default()).await?;
        let store = session::open_store(&self.database()).await?;
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
        let store = session::open_store(&self.database()).await?;
        let started = Instant::now();
        store.check_integrity().await?;
        let time = started.elapsed();
        store.close().await?;
        Ok(time)
    }
}

/// Rows that one thread opens at a time.
const PAGE: usize = 2048;

fn open_bare(database: &Path, yardstick: &Yardstick) -> anyhow::Result<u64> {
    let workers = thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .saturating_sub(1)
        .max(1);
    thread::scope(|scope| {
        let mut threads = Vec::with_capacity(workers);
        let mut queues = Vec::with_capacity(workers);
        for _ in 0..workers {
            let (queue, pages) = mpsc::sync_channel::<Vec<yardstick::SealedRow>>(2);
            queues.push(queue);
            threads.push(scope.spawn(move || {
                pages
                    .iter()
                    .map(|page| open_page(yardstick, &page))
                    .sum::<Option<u64>>()
            }));
        }
        let mut next = 0;
        yardstick::read_sealed_rows(database, PAGE, |page| {
            if let Some(queue) = queues.get(next % workers) {
                // A worker ends early only by a panic, which joining it reports.
                let _taken = queue.send(page);
            }
            next += 1;
        })?;
        drop(queues);
        let mut opened = 0;
        for thread in threads {
            let rows = thread
                .join()
                .map_err(|_panic| anyhow::anyhow!("a bare thread panicked"))?;
            opened += rows.ok_or_else(|| anyhow::anyhow!("a bare row did not open"))?;
        }
        Ok(opened)
    })
}

/// How many rows opened; none if one did not.
fn open_page(yardstick: &Yardstick, page: &[yardstick::SealedRow]) -> Option<u64> {
    let opens = |row: &yardstick::SealedRow| {
        yardstick.opens(&row.fingerprint, row.spec, row.usages, &row.sealed)
    };
    page.iter().all(opens).then_some(page.len() as u64)
}
