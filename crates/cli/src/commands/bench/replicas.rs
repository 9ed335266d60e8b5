//! `bench replicas`: several processes on one vault.

mod orders;
mod process;
pub(super) mod worker;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use strongroom_crypto::{Fingerprint, SigningKeySpec};
use strongroom_vault::Vault;
use tokio::{runtime::Handle, task};

use self::{
    orders::{Answer, Order},
    process::{Hearing, Process, rate},
};
use super::{
    Measurement,
    rehearsal::{PlaceArgs, Rehearsal, generate_in},
    stopwatch::median,
};
use crate::{args::Global, environment, failure::CliError, progress};

/// Signatures per second of one and of two replicas on this machine, and how soon a retired key is refused.
///
/// Each replica is a process of its own with one thread that signs, warm, and keeps up with the others; this process is the one
/// that writes. Signatures: ours is two replicas at once, bare is one alone; strict ones look at the database before each
/// signature. Retirements: ours is from the request to the first refusal by another replica, which signs all the time, bare is
/// from the request to the answer; the replica is notified, or only looks every second, or is strict. It takes about half a
/// minute, says on standard error what it is at, and ends where a replica says nothing for a minute and a half.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom bench replicas --store-url postgres://strongroom@localhost/ledger\n  \
    strongroom bench replicas --store-url postgres://strongroom@localhost/ledger \\\n    \
    --store-password-env PASSWORD --samples 3 --output json")]
pub(crate) struct Options {
    /// Keys that sign in turn, of each spec.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    keys: u64,
    /// Samples of signatures; the median counts.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Length of a sample in milliseconds.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    sample_millis: u64,
    /// Keys that are retired, for each way to hear of it.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    retirements: u16,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What signs: one that needs hardly any time, one that needs more.
const SPECS: [SigningKeySpec; 2] = [SigningKeySpec::EcCurve25519, SigningKeySpec::EcP256];

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    let Some(store) = options.place.to_config()? else {
        let flag = "--store-url";
        return Err(CliError::FlagMissing { flag }.into());
    };
    Rehearsal::with(Some(store), async |rehearsal| {
        measure(global, &options, rehearsal).await
    })
    .await
}

async fn measure(
    global: &Global,
    options: &Options,
    rehearsal: &Rehearsal,
) -> anyhow::Result<Vec<Measurement>> {
    let writer = Arc::new(rehearsal.vault().await?);
    let tending = tokio::spawn({
        let (writer, caller) = (Arc::clone(&writer), environment::caller()?);
        async move { writer.tend(&caller).await }
    });
    let measured = with_writer(global, options, rehearsal, &writer).await;
    tending.abort();
    // It was stopped, which is no failure.
    let _stopped = tending.await;
    if let Some(writer) = Arc::into_inner(writer) {
        writer.close().await?;
    }
    measured
}

async fn with_writer(
    global: &Global,
    options: &Options,
    rehearsal: &Rehearsal,
    writer: &Vault,
) -> anyhow::Result<Vec<Measurement>> {
    let mut signers = Vec::new();
    for spec in SPECS {
        let made = generate_in(writer, options.keys, spec).await?;
        let keys = made.iter().map(|key| key.fingerprint().to_string());
        signers.push((spec, keys.collect::<Vec<_>>()));
    }
    let mut results = Vec::new();
    let hearings = [Hearing::Notified, Hearing::Strict, Hearing::Looking];
    let steps = u64::from(options.samples) * 4 + u64::from(options.retirements) * 3;
    let bar = progress::bar(global, steps, "measuring");
    for hearing in hearings {
        let name = hearing.name();
        progress::stage(global, &bar, &format!("two replicas start: {name}"))?;
        let retired = generate_in(writer, options.retirements.into(), SPECS[0]).await?;
        let mut replicas = Vec::new();
        for name in ["one", "two"] {
            let name = format!("{name}-{}", hearing.name());
            let start = || Process::start(rehearsal, &name, hearing);
            replicas.push(task::block_in_place(start)?);
        }
        // How a replica hears of changes does not matter to what it signs between them.
        for (spec, keys) in signers.iter().filter(|_| hearing != Hearing::Looking) {
            let name = match hearing {
                Hearing::Strict => format!("replicas sign {} strict", spec.name()),
                _ => format!("replicas sign {}", spec.name()),
            };
            progress::stage(global, &bar, &name)?;
            results.push(task::block_in_place(|| {
                signatures(name, &mut replicas, keys, options, &bar)
            })?);
        }
        progress::stage(global, &bar, &format!("replicas retire {name}"))?;
        let mut retirements = Retirements::default();
        if let Some(replica) = replicas.first_mut() {
            for (number, key) in retired.iter().enumerate() {
                if hearing == Hearing::Looking {
                    // They come at every moment between two looks.
                    let part = number as f64 / f64::from(options.retirements);
                    tokio::time::sleep(rehearsal.config.replica.look_every.mul_f64(part)).await;
                }
                task::block_in_place(|| retirements.add(writer, replica, &key.fingerprint()))?;
                bar.inc(1);
            }
        }
        results.push(retirements.measurement(hearing));
        for replica in replicas {
            task::block_in_place(|| replica.end())?;
        }
    }
    bar.finish_and_clear();
    Ok(results)
}

/// One replica and two in turn; the ratio is the median of the ratios of neighbours.
fn signatures(
    name: String,
    replicas: &mut [Process],
    keys: &[String],
    options: &Options,
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<Measurement> {
    let time = Duration::from_millis(options.sample_millis);
    let (mut ours, mut bares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for sample in 0..=options.samples {
        let alone = replicas.get_mut(..1).unwrap_or_default();
        let one = rate(alone, keys, time)?;
        let two = rate(replicas, keys, time)?;
        // The first sample warms both sides up.
        if sample > 0 {
            ours.push(two);
            bares.push(one);
            ratios.push(two / one);
            bar.inc(1);
        }
    }
    let more = [
        ("replicas", replicas.len().into()),
        ("keys", keys.len().into()),
    ];
    Ok(Measurement {
        name,
        unit: "signatures/s",
        ours: median(&mut ours),
        bare: median(&mut bares),
        ratio: median(&mut ratios),
        more: more
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    })
}

/// How long retirements took, in milliseconds.
#[derive(Default)]
struct Retirements {
    answered: Vec<f64>,
    refused: Vec<f64>,
    ratios: Vec<f64>,
    /// From the answer on; negative where the replica was earlier.
    after_answer: Vec<f64>,
}

impl Retirements {
    /// Retires a key that `replica` signs with.
    fn add(
        &mut self,
        writer: &Vault,
        replica: &mut Process,
        key: &Fingerprint,
    ) -> anyhow::Result<()> {
        let handle = Handle::current();
        let caller = environment::caller()?;
        let watched = key.to_string();
        replica.order(&Order::Watch { key: watched })?;
        let first = replica.answer(Duration::ZERO)?;
        anyhow::ensure!(matches!(first, Answer::Watching), "{first:?}");
        let (asked, answered, refused) = thread::scope(|scope| {
            let refusal = scope.spawn(|| {
                let answer = replica.answer(Duration::ZERO)?;
                anyhow::Ok((Instant::now(), answer))
            });
            let asked = Instant::now();
            let retired = handle.block_on(writer.retire_key(&caller, key));
            let answered = Instant::now();
            let refusal = refusal
                .join()
                .map_err(|_panic| anyhow::anyhow!("a thread panicked"))?;
            retired?;
            let (refused, answer) = refusal?;
            match answer {
                Answer::Refused { code } if code == "KEY_RETIRED" => Ok((asked, answered, refused)),
                other => Err(anyhow::anyhow!("a replica says {other:?} of a retired key")),
            }
        })?;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let answered = millis(answered - asked);
        let refused = millis(refused - asked);
        self.answered.push(answered);
        self.refused.push(refused);
        self.ratios.push(refused / answered);
        self.after_answer.push(refused - answered);
        Ok(())
    }

    fn measurement(mut self, hearing: Hearing) -> Measurement {
        let last = self.after_answer.iter().copied().fold(f64::MIN, f64::max);
        let more = [
            ("retirements", self.refused.len().into()),
            ("after_answer_ms", rounded(median(&mut self.after_answer))),
            ("after_answer_max_ms", rounded(last)),
        ];
        Measurement {
            name: format!("replicas retire {}", hearing.name()),
            unit: "ms",
            ours: median(&mut self.refused),
            bare: median(&mut self.answered),
            ratio: median(&mut self.ratios),
            more: more
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

fn rounded(millis: f64) -> serde_json::Value {
    ((millis * 1e3).round() / 1e3).into()
}
