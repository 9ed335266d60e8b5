//! `bench backup`: making and verifying a backup of many keys.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use strongroom_backup::{BackupStore, Protection, Unlock, decrypt};
use strongroom_crypto::{SecretBytes, SigningKeySpec};
use strongroom_store_sqlite::yardstick;
use strongroom_vault::{NewBackup, Settings, Vault};

use super::{Measurement, bare::PAGE, rehearsal::Rehearsal, stopwatch::median};
use crate::{args::Global, environment, kms_flags::KmsFlags, open_kms::OpenKms, progress, session};

/// Making a backup of many keys, and verifying it: every key signs, and the signature is checked.
///
/// Bare is, for making one, reading the same rows from the database and writing their sealed keys to a file that is synced;
/// for verifying one, reading the same rows, deriving each key and opening each row: nothing signs.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench backup --keys 100000\n  strongroom bench backup --keys 1000 --output json"
)]
pub(crate) struct Options {
    /// Number of keys.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,
    /// What the keys are.
    #[arg(long, default_value = "ec-curve-25519")]
    spec: SigningKeySpec,
    /// Samples of each side; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Encrypt with a passphrase, which takes a second by itself; otherwise nothing is encrypted.
    #[arg(long)]
    encrypt: bool,
}

/// Milliseconds of both sides.
#[derive(Default)]
struct Samples {
    ours: Vec<f64>,
    bares: Vec<f64>,
    ratios: Vec<f64>,
}

impl Samples {
    fn take(&mut self, ours: Duration, bare: Duration) {
        self.ours.push(ours.as_secs_f64() * 1e3);
        self.bares.push(bare.as_secs_f64() * 1e3);
        self.ratios.push(ours.as_secs_f64() / bare.as_secs_f64());
    }

    fn measurement(mut self, name: String, more: [(&str, serde_json::Value); 3]) -> Measurement {
        Measurement {
            name,
            unit: "ms",
            ours: median(&mut self.ours),
            bare: median(&mut self.bares),
            ratio: median(&mut self.ratios),
            more: more
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    Rehearsal::with(None, async |rehearsal| {
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
    let (mut create, mut verify) = (Samples::default(), Samples::default());
    let (mut bytes, mut kms_calls) = (0, 0);
    let bar = progress::bar(global, u64::from(options.samples) + 1, "backing up");
    for sample in 0..=options.samples {
        let file = rehearsal.folder().join(format!("{sample}.backup"));
        // The bare side opens the database by itself, so nobody else has it open then.
        let vault = rehearsal.vault().await?;
        let started = Instant::now();
        bytes = back_up(&vault, &file, options.encrypt).await?;
        let created = started.elapsed();
        session::close(vault).await;
        let copied = rehearsal.time_copy(options.keys)?;
        let started = Instant::now();
        kms_calls = rehearsal.verify(&file, options.keys).await?;
        let verified = started.elapsed();
        let opened = rehearsal.time_bare(options.keys).await?;
        std::fs::remove_file(&file)?;
        bar.inc(1);
        if sample > 0 {
            create.take(created, copied);
            verify.take(verified, opened);
        }
    }
    bar.finish_and_clear();
    let keys = options.keys;
    let named = |verb: &str| format!("backup {verb} {keys} {}", options.spec.name());
    let made = [
        ("keys", keys.into()),
        ("bytes", bytes.into()),
        ("encrypted", options.encrypt.into()),
    ];
    let used = [
        ("keys", keys.into()),
        ("kms_calls", kms_calls.into()),
        ("encrypted", options.encrypt.into()),
    ];
    Ok(vec![
        create.measurement(named("create"), made),
        verify.measurement(named("verify"), used),
    ])
}

fn passphrase() -> SecretBytes {
    SecretBytes::from_slice(b"the passphrase of a rehearsal")
}

/// Makes a backup, and says how long it is.
async fn back_up(vault: &Vault, file: &Path, encrypt: bool) -> anyhow::Result<u64> {
    let new = NewBackup {
        file: file.to_owned(),
        protection: if encrypt {
            Protection::Passphrase(passphrase())
        } else {
            Protection::None
        },
        files: session::files(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let caller = environment::caller()?;
    Ok(vault.create_backup(&caller, new, |_| {}).await?.bytes)
}

impl Rehearsal {
    /// Verifies a backup from the file on, and says how many calls of the KMS that took.
    async fn verify(&self, file: &Path, keys: u64) -> anyhow::Result<u64> {
        let backup = tokio::task::block_in_place(|| -> anyhow::Result<_> {
            let file = BufReader::new(File::open(file)?);
            Ok(BackupStore::read(decrypt(
                file,
                &Unlock::Passphrase(passphrase()),
            )?)?)
        })?;
        let kms = OpenKms::open(self.config(), &KmsFlags::default()).await?;
        let environment = kms.environment(Arc::new(backup.clone()), self.config());
        let report =
            Vault::verify_backup(environment, Settings::default(), &backup, |_, _| {}).await?;
        let signed = report.used.signed as u64;
        anyhow::ensure!(
            report.is_sound() && signed == keys,
            "{signed} of {keys} keys signed"
        );
        Ok(kms.total_calls())
    }

    /// The same rows, read and written, and nothing else.
    fn time_copy(&self, keys: u64) -> anyhow::Result<Duration> {
        let copy = self.folder().join("copy");
        let (database, started) = (self.database(), Instant::now());
        let copied = tokio::task::block_in_place(|| copy_rows(&database, &copy))?;
        let time = started.elapsed();
        std::fs::remove_file(copy)?;
        anyhow::ensure!(
            copied == keys,
            "the bare side copied {copied} of {keys} rows"
        );
        Ok(time)
    }
}

/// How many rows were written.
fn copy_rows(database: &Path, copy: &Path) -> anyhow::Result<u64> {
    let mut output = BufWriter::with_capacity(1 << 18, File::create_new(copy)?);
    let (mut rows, mut written) = (0, Ok(()));
    yardstick::read_sealed_rows(database, PAGE, |page| {
        rows += page.len() as u64;
        for row in &page {
            if written.is_ok() {
                written = output
                    .write_all(row.fingerprint.as_bytes())
                    .and_then(|()| output.write_all(&row.sealed));
            }
        }
    })?;
    written?;
    output.into_inner()?.sync_all()?;
    Ok(rows)
}
