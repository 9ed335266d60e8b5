//! `bench payload`: bytes per second, bare and in payloads.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use clap::Args;
use strongroom_crypto::{
    DecryptionKey, EncryptionKeySpec, EncryptionPublicKey, FrontReader, KeySpec, NewPayload,
    PayloadDraft, PayloadError, PayloadPurpose, PrivateKey, PublicKey, SystemRandom, Timestamp,
};

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
/// Bytes of a tag, which each side writes beside what it encrypts.
const TAG_LEN: usize = 16;

/// Bytes per second sealed and opened in payloads, beside AES-128-GCM of the library; and what each recipient costs.
///
/// Each payload is a new one: its key is derived, and its front written or read. The library has its key already, and seals the same
/// content in one piece. To encrypt or decrypt the secret costs as much for a byte as for a gigabyte: it is measured beside,
/// for each spec, and `with_recipient` is the ratio with one recipient of spec ec-p-256.
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
        results.push(sealing(&owner, size, options)?);
        bar.inc(1);
        results.push(opening(&owner, size, options)?);
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

/// What is sealed is looked at and forgotten, as by somebody who sends it away.
fn looked_at(piece: &[u8]) -> Result<(), PayloadError> {
    black_box(piece);
    Ok(())
}

fn sealing(owner: &Owner, size: usize, options: &Options) -> anyhow::Result<Measurement> {
    let recipients = [owner.public.clone()];
    let mut library = Library::new(size)?;
    let content = library.content.clone();
    compare(
        format!("seal {}", name_of(size)),
        size,
        options,
        || {
            let began = Instant::now();
            let draft = draft(&recipients)?;
            let drafted = began.elapsed();
            let (front, sealer) = draft.seal(None)?;
            black_box(front);
            sealer.finish(&content, looked_at)?;
            Ok(Spent::of(began, drafted))
        },
        || library.seal(),
    )
}

fn opening(owner: &Owner, size: usize, options: &Options) -> anyhow::Result<Measurement> {
    let (front, sealer) = draft(std::slice::from_ref(&owner.public))?.seal(None)?;
    let mut payload = front;
    payload.reserve_exact(size + size / 1024 + 1024);
    sealer.finish(&vec![0x5a; size], |piece| {
        payload.extend_from_slice(piece);
        Ok::<(), PayloadError>(())
    })?;
    let purpose = purpose()?;
    let mut library = Library::new(size)?;
    library.seal()?;
    compare(
        format!("open {}", name_of(size)),
        size,
        options,
        || {
            let began = Instant::now();
            let mut reader = FrontReader::default();
            let (front, chunks) = reader.push(&payload)?.context("the front is there")?;
            let read = began.elapsed();
            let mine = front.header().recipients().first();
            let secret = owner.key.decrypt(mine.context("there is a recipient")?)?;
            let decrypted = began.elapsed();
            front.open(&purpose, secret)?.finish(chunks, looked_at)?;
            Ok(Spent::of(began, decrypted - read))
        },
        || library.open(),
    )
}

/// How long a payload took, and how much of it went to the recipient.
struct Spent {
    all: Duration,
    recipient: Duration,
}

impl Spent {
    fn of(began: Instant, recipient: Duration) -> Self {
        Self {
            all: began.elapsed(),
            recipient,
        }
    }
}

/// AES-128-GCM of the library.
struct Library {
    key: LessSafeKey,
    content: Vec<u8>,
    sealed: Vec<u8>,
}

impl Library {
    fn new(size: usize) -> anyhow::Result<Self> {
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16])?),
            content: vec![0x5a; size],
            sealed: vec![0; size + TAG_LEN],
        })
    }

    /// The same nonce each time: nobody reads it.
    fn nonce() -> Nonce {
        Nonce::assume_unique_for_key([0; NONCE_LEN])
    }

    fn seal(&mut self) -> anyhow::Result<()> {
        let (ciphertext, tag) = self.sealed.split_at_mut(self.content.len());
        let (nonce, content) = (Self::nonce(), &self.content);
        self.key
            .seal_out_of_place_scatter(nonce, Aad::empty(), content, ciphertext, &[], tag)?;
        black_box(&self.sealed);
        Ok(())
    }

    fn open(&mut self) -> anyhow::Result<()> {
        let (ciphertext, tag) = self.sealed.split_at(self.content.len());
        let nonce = Self::nonce();
        self.key
            .open_separate_gather(nonce, Aad::empty(), ciphertext, tag, &mut self.content)?;
        black_box(&self.content);
        Ok(())
    }
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
fn compare(
    name: String,
    size: usize,
    options: &Options,
    mut ours: impl FnMut() -> anyhow::Result<Spent>,
    mut bare: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Measurement> {
    let time = Duration::from_millis(options.sample_millis);
    let mebibytes = size as f64 / 1_048_576.0;
    let (mut payloads, mut library) = (Vec::new(), Vec::new());
    let (mut ratios, mut with_recipient) = (Vec::new(), Vec::new());
    for sample in 0..=options.samples {
        let (alone, whole) = payload_rates(time, &mut ours)?;
        let beside = rate(time, &mut bare)?;
        // The first sample warms both sides up.
        if sample > 0 {
            payloads.push(alone * mebibytes);
            library.push(beside * mebibytes);
            ratios.push(alone / beside);
            with_recipient.push(whole / beside);
        }
    }
    let with_recipient = (median(&mut with_recipient) * 1000.0).round() / 1000.0;
    let mut more = serde_json::Map::new();
    more.insert("with_recipient".to_owned(), with_recipient.into());
    Ok(Measurement {
        name,
        unit: "MiB/s",
        ours: median(&mut payloads),
        bare: median(&mut library),
        ratio: median(&mut ratios),
        more,
    })
}

/// Payloads per second, without and with what the recipient costs.
fn payload_rates(
    time: Duration,
    work: &mut impl FnMut() -> anyhow::Result<Spent>,
) -> anyhow::Result<(f64, f64)> {
    let (mut payloads, mut all, mut recipient) = (0_u32, Duration::ZERO, Duration::ZERO);
    while all < time {
        let spent = work()?;
        payloads += 1;
        all += spent.all;
        recipient += spent.recipient;
    }
    let rate = |spent: Duration| f64::from(payloads) / spent.as_secs_f64();
    Ok((rate(all - recipient), rate(all)))
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
