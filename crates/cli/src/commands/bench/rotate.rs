//! `bench rotate`: rotating the wrapper key of a vault with many keys.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use strongroom_crypto::{
    DataKey, Fingerprint, KeySpec, KeyUsage, KeyUsages, SigningKeySpec, SystemRandom,
};
use strongroom_store_postgres::{SchemaName, yardstick as postgres};
use strongroom_store_sqlite::yardstick as sqlite;
use strongroom_vault::{
    KeyFilter, NewSigningKey, RotationRequest, RotationSettings, Settings, Vault, Yardstick,
};

use super::{
    Measurement,
    rehearsal::{OwnSchema, PlaceArgs, Rehearsal},
    stopwatch::median,
};
use crate::{args::Global, environment, kms_flags::KmsFlags, open_kms::OpenKms, progress};

/// Keys that sign meanwhile: a node has fewer.
const SIGNERS: usize = 1000;
/// Between two signatures.
const PAUSE: Duration = Duration::from_micros(500);

/// Rotating the wrapper key of a vault with many keys: KMS calls, time, and how long signatures take meanwhile.
///
/// Bare is reading the same rows, opening and sealing each key anew, and updating both rows of each by plain SQL, with as many keys
/// in a transaction, over a connection that is set up as the store's: without tags, digest, anchor and audit log. Signatures are
/// made all the while on our side, by keys that were used before. In PostgreSQL the bare side works in a copy of the tables in a
/// second schema, SCHEMA_bare; both sides begin without old rows.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench rotate --keys 100000\n  strongroom bench rotate --keys 1000 --output json\n  \
    strongroom bench rotate --keys 100000 \\\n    \
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
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    #[command(flatten)]
    place: PlaceArgs,
}

struct Rotation {
    time: Duration,
    kms_calls: u64,
    /// Of signatures made meanwhile.
    latencies: Vec<Duration>,
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
    let (mut kms_calls, mut latencies) = (0, Vec::new());
    let bar = progress::bar(global, u64::from(options.samples), "rotating");
    for _ in 0..options.samples {
        let bare = time_bare(rehearsal, options.keys).await?;
        let rotation = time_rotation(rehearsal).await?;
        bar.inc(1);
        kms_calls = rotation.kms_calls;
        latencies.extend(rotation.latencies);
        ours.push(rotation.time.as_secs_f64() * 1e3);
        bares.push(bare.as_secs_f64() * 1e3);
        ratios.push(rotation.time.as_secs_f64() / bare.as_secs_f64());
    }
    bar.finish_and_clear();
    latencies.sort_unstable();
    let at = |per_mille: usize| {
        let index = (latencies.len() * per_mille / 1000).min(latencies.len().saturating_sub(1));
        let found = latencies.get(index).copied().unwrap_or_default();
        serde_json::Value::from((found.as_secs_f64() * 1e6).round() / 1e3)
    };
    let more = [
        ("keys", options.keys.into()),
        ("kms_calls", kms_calls.into()),
        ("signatures_meanwhile", latencies.len().into()),
        ("sign_p50_ms", at(500)),
        ("sign_p99_ms", at(990)),
        ("sign_p99_9_ms", at(999)),
        ("sign_max_ms", at(1000)),
    ];
    Ok(vec![Measurement {
        name: format!("rotate {} {}", options.keys, options.spec.name()),
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

/// Rotates, while others sign.
async fn time_rotation(rehearsal: &Rehearsal) -> anyhow::Result<Rotation> {
    let kms = OpenKms::open(&rehearsal.config, &KmsFlags::default()).await?;
    if rehearsal.config.store.is_some() {
        postgres::vacuum(&rehearsal.database_settings()?).await?;
    }
    let store = rehearsal.open_store().await?;
    let environment = kms.environment(store, &rehearsal.config);
    let vault = Arc::new(Vault::open(environment, Settings::default()).await?);
    let listed = vault.list(&KeyFilter::default())?;
    let keys: Vec<Fingerprint> = listed
        .iter()
        .take(SIGNERS)
        .map(|key| key.fingerprint())
        .collect();
    for key in &keys {
        vault.sign(key, b"rotate", KeyUsages::ALL).await?;
    }
    let over = Arc::new(AtomicBool::new(false));
    // The first write of a process has the database's structure checked, which is no part of a rotation.
    let caller = environment::caller()?;
    let any = NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::try_new([KeyUsage::Protocol])?,
        name: None,
    };
    let first = vault.generate_signing_key(&caller, any).await?;
    vault.delete_key(&caller, &first.fingerprint()).await?;
    // As every process does that serves: among several, the lease is lost in silence.
    let tending = tokio::spawn({
        let (vault, caller) = (Arc::clone(&vault), caller.clone());
        async move { vault.tend(&caller).await }
    });
    let signing = tokio::spawn(sign_until(Arc::clone(&vault), keys, Arc::clone(&over)));
    let before = kms.total_calls();
    let started = Instant::now();
    let request = RotationRequest::default();
    let rotated = vault.rotate_wrapper_key(&caller, &request, &|_| {}).await;
    let time = started.elapsed();
    over.store(true, Ordering::Relaxed);
    let latencies = signing.await?;
    tending.abort();
    // It was stopped, which is no failure.
    let _stopped = tending.await;
    let latencies = latencies?;
    rotated?;
    let kms_calls = kms.total_calls() - before;
    if let Some(vault) = Arc::into_inner(vault) {
        vault.close().await?;
    }
    Ok(Rotation {
        time,
        kms_calls,
        latencies,
    })
}

async fn sign_until(
    vault: Arc<Vault>,
    keys: Vec<Fingerprint>,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    for key in keys.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let started = Instant::now();
        vault.sign(key, b"rotate", KeyUsages::ALL).await?;
        latencies.push(started.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    Ok(latencies)
}

/// The same rows, in a copy of the database: opened, sealed, updated, and nothing else.
async fn time_bare(rehearsal: &Rehearsal, keys: u64) -> anyhow::Result<Duration> {
    let yardstick = rehearsal.yardstick().await?;
    let work = BareWork {
        old: &yardstick,
        new: DataKey::generate(&SystemRandom)?,
        failed: AtomicBool::new(false),
    };
    let (time, resealed) = match &rehearsal.config.store {
        None => bare_in_file(rehearsal, &work)?,
        Some(_) => bare_in_database(rehearsal, &work).await?,
    };
    anyhow::ensure!(
        resealed == keys && !work.failed.into_inner(),
        "the bare side sealed {resealed} of {keys} rows"
    );
    Ok(time)
}

fn bare_in_file(rehearsal: &Rehearsal, work: &BareWork<'_>) -> anyhow::Result<(Duration, u64)> {
    let copy = tempfile::tempdir_in(rehearsal.database())?;
    copy_database(&rehearsal.database(), copy.path())?;
    let batch = RotationSettings::default().keys_per_commit;
    let started = Instant::now();
    let resealed = tokio::task::block_in_place(|| {
        sqlite::reseal_rows(copy.path(), batch, |rows| {
            for row in rows {
                work.reseal(&row.fingerprint, row.spec, row.usages, &mut row.sealed);
            }
        })
    })?;
    Ok((started.elapsed(), resealed))
}

async fn bare_in_database(
    rehearsal: &Rehearsal,
    work: &BareWork<'_>,
) -> anyhow::Result<(Duration, u64)> {
    let mut settings = rehearsal.database_settings()?;
    let original = settings.schema.clone();
    settings.schema = SchemaName::try_new(&format!("{original}_bare"))?;
    let copy = OwnSchema::make(settings).await?;
    let measured = reseal_copy(&copy, &original, work).await;
    copy.end(measured).await
}

async fn reseal_copy(
    copy: &OwnSchema,
    original: &SchemaName,
    work: &BareWork<'_>,
) -> anyhow::Result<(Duration, u64)> {
    postgres::copy_keys(copy.settings(), original).await?;
    postgres::vacuum(copy.settings()).await?;
    let batch = RotationSettings::default().keys_per_commit;
    let started = Instant::now();
    let reseal = postgres::reseal_rows(copy.settings(), batch, |rows| {
        for row in rows {
            work.reseal(&row.fingerprint, row.spec, row.usages, &mut row.sealed);
        }
    });
    let resealed = reseal.await?;
    Ok((started.elapsed(), resealed))
}

/// From one data key to another.
struct BareWork<'y> {
    old: &'y Yardstick,
    new: DataKey,
    /// Whether a row did not open.
    failed: AtomicBool,
}

impl BareWork<'_> {
    fn reseal(
        &self,
        fingerprint: &Fingerprint,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        sealed: &mut Vec<u8>,
    ) {
        let resealed = self
            .old
            .reseal(&self.new, fingerprint, spec, usages, sealed);
        match resealed {
            Some(resealed) => *sealed = resealed,
            None => self.failed.store(true, Ordering::Relaxed),
        }
    }
}

fn copy_database(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let is_file = entry.file_type()?.is_file();
        if is_file && entry.file_name() != "lock" {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
