//! `bench payload`: bytes per second, bare and in payloads.

mod sides;

use std::{hint::black_box, time::Duration};

use anyhow::Context as _;
use clap::Args;
use strongroom_crypto::{
    DecryptionKey, EncryptionKeySpec, EncryptionPublicKey, KeySpec, NewPayload, PayloadDraft,
    PayloadPurpose, PrivateKey, PublicKey, SystemRandom, Timestamp,
};

use self::sides::{Opening, Sealing, Spent};
use super::{
    Measurement,
    stopwatch::{Stopwatch, median},
};
use crate::{args::Global, progress};

/// From a kibibyte to 64 mebibytes.
const SIZES: [usize; 7] = [
    1 << 10,
    1 << 14,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
];

/// Bytes per second sealed and opened in payloads, beside AES-128-GCM of the library; and what each recipient costs.
///
/// Each payload is a new one: its key is derived, and its front written or read. The library has its key already, and seals the same
/// content in one piece. Both work in place, in the same memory, and allocate none for content; what is sealed is put there anew before
/// each opening. Times are those of the thread on its processor: what else the machine does counts for neither.
///
/// To encrypt or decrypt the secret costs as much for a byte as for a gigabyte: it is measured beside, for each spec, and
/// `with_recipient` is the ratio with one recipient of spec ec-p-256. `least_ratio` is that of the worst sample.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench payload\n  strongroom bench payload --size 4194304 --output json"
)]
pub(crate) struct Options {
    /// Only contents of these lengths, in bytes [default: 1 KiB to 64 MiB].
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    size: Vec<u32>,
    /// Samples of each side; the median counts.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Length of a sample in milliseconds.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    sample_millis: u64,
}

pub(super) fn run(global: &Global, options: &Options) -> anyhow::Result<Vec<Measurement>> {
    let given = options.size.iter().map(|size| usize::try_from(*size));
    let mut sizes = given.collect::<Result<Vec<_>, _>>()?;
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    let steps = sizes.len() * 2 + EncryptionKeySpec::ALL.len();
    let bar = progress::bar(global, steps as u64, "sealing");
    let owner = Owner::generate(EncryptionKeySpec::EcP256)?;
    let mut results = Vec::new();
    for size in sizes {
        let mut both = Sealing::new(&owner, size)?;
        let name = format!("seal {}", name_of(size));
        results.push(compare(
            name,
            size,
            options,
            &mut both,
            Sealing::ours,
            Sealing::bare,
        )?);
        bar.inc(1);
        let mut both = Opening::new(&owner, size)?;
        let name = format!("open {}", name_of(size));
        results.push(compare(
            name,
            size,
            options,
            &mut both,
            Opening::ours,
            Opening::bare,
        )?);
        bar.inc(1);
    }
    for spec in EncryptionKeySpec::ALL {
        results.push(recipients(spec, options)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(results)
}

/// A recipient.
struct Owner {
    public: EncryptionPublicKey,
    key: DecryptionKey,
}

impl Owner {
    fn generate(spec: EncryptionKeySpec) -> anyhow::Result<Self> {
        let private = PrivateKey::generate(KeySpec::Encryption(spec), &SystemRandom)?;
        let PublicKey::Encryption(public) = private.public_key(None)? else {
            anyhow::bail!("an encryption key was generated");
        };
        let key = DecryptionKey::new(&private, &public)?;
        Ok(Self { public, key })
    }
}

fn draft(recipients: &[EncryptionPublicKey]) -> anyhow::Result<PayloadDraft> {
    let new = NewPayload {
        purpose: purpose()?,
        at: Timestamp::from_micros(0),
        sender: None,
        recipients,
    };
    Ok(PayloadDraft::new(&new, &SystemRandom)?)
}

fn purpose() -> anyhow::Result<PayloadPurpose> {
    Ok(PayloadPurpose::try_new("bench")?)
}

/// What one more recipient costs, beside encrypting the bare secret.
fn recipients(spec: EncryptionKeySpec, options: &Options) -> anyhow::Result<Measurement> {
    const MORE: usize = 16;
    let owners = (0..=MORE).map(|_| Owner::generate(spec));
    let owners: Vec<_> = owners.collect::<anyhow::Result<_>>()?;
    let keys: Vec<_> = owners.iter().map(|owner| owner.public.clone()).collect();
    let key = keys.first().context("there is a key")?;
    let time = Duration::from_millis(options.sample_millis);
    let (mut ours, mut bares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.samples {
        let one = rate(time, || draft(std::slice::from_ref(key)).map(drop))?;
        let all = rate(time, || draft(&keys).map(drop))?;
        let bare = rate(time, || {
            black_box(key.encrypt(&[7; 16], &SystemRandom)?);
            Ok(())
        })?;
        let seconds_each = (1.0 / all - 1.0 / one) / MORE as f64;
        ours.push(1.0 / seconds_each);
        bares.push(bare);
        ratios.push(1.0 / seconds_each / bare);
    }
    let ours = median(&mut ours);
    let mut more = serde_json::Map::new();
    more.insert("micros_each".to_owned(), (1e6 / ours).round().into());
    Ok(Measurement {
        name: format!("recipient {spec}"),
        unit: "recipients/s",
        ours,
        bare: median(&mut bares),
        ratio: median(&mut ratios),
        more,
    })
}

/// Samples of both sides in turn; the ratio is the median of the ratios of neighbours.
fn compare<S>(
    name: String,
    size: usize,
    options: &Options,
    sides: &mut S,
    ours: impl Fn(&mut S) -> anyhow::Result<Spent>,
    bare: impl Fn(&mut S) -> anyhow::Result<Spent>,
) -> anyhow::Result<Measurement> {
    let time = Duration::from_millis(options.sample_millis);
    let mebibytes = size as f64 / 1_048_576.0;
    let (mut payloads, mut library) = (Vec::new(), Vec::new());
    let (mut ratios, mut with_recipient) = (Vec::new(), Vec::new());
    for sample in 0..=options.samples {
        let ours = sampled(time, || ours(sides))?;
        let bare = sampled(time, || bare(sides))?;
        // The first sample warms both sides up.
        if sample > 0 {
            payloads.push(ours.rate() * mebibytes);
            library.push(bare.rate() * mebibytes);
            ratios.push(ours.rate() / bare.rate());
            with_recipient.push(ours.rate_with_recipients() / bare.rate());
        }
    }
    let rounded = |ratio: f64| (ratio * 1000.0).round() / 1000.0;
    let mut more = serde_json::Map::new();
    let with_recipient = rounded(median(&mut with_recipient));
    more.insert("with_recipient".to_owned(), with_recipient.into());
    let ratio = median(&mut ratios);
    // Sorted by now.
    let least = ratios.first().copied().unwrap_or(f64::NAN);
    more.insert("least_ratio".to_owned(), rounded(least).into());
    Ok(Measurement {
        name,
        unit: "MiB/s",
        ours: median(&mut payloads),
        bare: median(&mut library),
        ratio,
        more,
    })
}

/// What is spent until the work alone has taken that long.
fn sampled(
    time: Duration,
    mut work: impl FnMut() -> anyhow::Result<Spent>,
) -> anyhow::Result<Spent> {
    let mut spent = work()?;
    while spent.work < time {
        spent += work()?;
    }
    Ok(spent)
}

/// How often per second `work` is done.
fn rate(time: Duration, mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut stopwatch = Stopwatch::start(time);
    loop {
        work()?;
        if !stopwatch.goes_on() {
            return Ok(stopwatch.rate());
        }
    }
}

fn name_of(size: usize) -> String {
    match size {
        mebibytes if mebibytes.is_multiple_of(1 << 20) => format!("{} MiB", mebibytes >> 20),
        kibibytes if kibibytes.is_multiple_of(1 << 10) => format!("{} KiB", kibibytes >> 10),
        bytes => format!("{bytes} B"),
    }
}
