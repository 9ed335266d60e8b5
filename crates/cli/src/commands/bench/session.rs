//! `bench session`: what session keys spare, to sign and to decrypt, against a simulated cloud in this process.

mod crowd;
mod node;
mod receiver;

use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use strongroom_config::CustodyName;
use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use strongroom_vault::SessionSigningSettings;

use self::{
    crowd::Round,
    node::Node,
    receiver::{Receiver, SENDERS},
};
use super::{
    Measurement,
    kms::{cloud::Cloud, measurement},
};
use crate::{args::Global, progress};

/// What session keys spare: signatures and decryptions per second, and calls of a KMS.
///
/// The KMS is a simulator of AWS in this process. Three nodes sign messages of the protocol, in turns: one whose key is in the
/// KMS, with session keys; the same without; and one whose key is in the vault, sealed (Ed25519, as the session keys are). A
/// session key does for validity - tolerance - cut-off, and costs one call; they are short here, so that several are made.
///
/// Then three nodes read the secrets of messages that sixteen senders sent, each with a new secret in every round: one whose key is
/// in the KMS (RSA-2048) and that remembers secrets, the same without, and one whose key is in the vault (P-256) and remembers none.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom bench session\n  \
    strongroom bench session --signers 16 --seconds 10 --output json")]
pub(crate) struct Options {
    /// Milliseconds until the KMS answers a call.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..))]
    latency: u16,
    /// Calls per second that the KMS takes.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cap: u32,
    /// Signers, or readers, at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    signers: u16,
    /// Rounds, in each of which every node works.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// Seconds of a node in a round.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// Seconds for which a session key is valid.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..=86_400))]
    validity: u32,
    /// Seconds before the first message at which its validity begins.
    #[arg(long, default_value_t = 3)]
    tolerance: u32,
    /// Seconds before the end of its validity at which it is used no more.
    #[arg(long, default_value_t = 2)]
    cut_off: u32,
}

impl Options {
    fn settings(&self) -> anyhow::Result<SessionSigningSettings> {
        let validity = NonZeroU32::try_from(self.validity)?;
        anyhow::ensure!(
            self.validity > self.tolerance.saturating_add(self.cut_off),
            "nothing is left of a validity of {validity} s"
        );
        Ok(SessionSigningSettings {
            validity,
            tolerance: Duration::from_secs(self.tolerance.into()),
            cut_off: Duration::from_secs(self.cut_off.into()),
            eviction: Duration::from_secs(self.validity.into()) * 2,
            ..SessionSigningSettings::default()
        })
    }

    fn seconds(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    /// For so long a session key is used.
    fn usable(&self) -> Duration {
        let unused = self.tolerance.saturating_add(self.cut_off);
        Duration::from_secs(self.validity.saturating_sub(unused).into())
    }
}

/// What a node did in all its rounds, and asked of the KMS.
#[derive(Default)]
struct Side {
    done: u64,
    time: Duration,
    /// Of each, in nanoseconds.
    latencies: Vec<u64>,
    calls: u64,
}

impl Side {
    async fn go_on(
        &mut self,
        cloud: &Cloud,
        work: impl Future<Output = anyhow::Result<Round>>,
    ) -> anyhow::Result<()> {
        let before = cloud.calls();
        let Round { latencies, time } = work.await?;
        self.done += latencies.len() as u64;
        self.time += time;
        self.latencies.extend(latencies);
        self.calls += cloud.calls() - before;
        Ok(())
    }

    fn per_second(&self) -> f64 {
        self.done as f64 / self.time.as_secs_f64()
    }

    fn calls_per_million(&self) -> f64 {
        (self.calls as f64 * 1e6 / self.done.max(1) as f64 * 10.0).round() / 10.0
    }

    /// So many of a hundred signatures took no longer, in microseconds.
    fn percentile_us(&mut self, percent: usize) -> f64 {
        self.latencies.sort_unstable();
        let place = self.latencies.len().saturating_sub(1) * percent / 100;
        let nanos = self.latencies.get(place).copied().unwrap_or_default();
        (nanos as f64 / 100.0).round() / 10.0
    }
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    let spinner = progress::spinner(global, "a cloud is rehearsed; this takes a minute");
    let cloud = Cloud::start(options.cap)?;
    let signing = signing(&cloud, &options).await?;
    let decrypting = decrypting(&cloud, &options).await?;
    spinner.finish_and_clear();
    Ok(signing.into_iter().chain(decrypting).collect())
}

async fn signing(cloud: &Cloud, options: &Options) -> anyhow::Result<[Measurement; 2]> {
    let settings = options.settings()?;
    let (p256, ed25519) = (SigningKeySpec::EcP256, SigningKeySpec::EcCurve25519);
    let with = Node::make(cloud, (CustodyName::External, p256), Some(settings)).await?;
    let without = Node::make(cloud, (CustodyName::External, p256), None).await?;
    let sealed = Node::make(cloud, (CustodyName::Envelope, ed25519), None).await?;
    cloud.begin(Duration::from_millis(options.latency.into()))?;
    let started = std::time::Instant::now();
    let (seconds, signers) = (options.seconds(), options.signers);
    let mut three = Three::default();
    for _round in 0..options.rounds {
        let signing = with.sign_for(seconds, signers);
        three.session.go_on(cloud, signing).await?;
        let signing = sealed.sign_for(seconds, signers);
        three.envelope.go_on(cloud, signing).await?;
        let signing = without.sign_for(seconds, signers);
        three.external.go_on(cloud, signing).await?;
    }
    // One key at the start, and one whenever the last one has been used for long enough.
    let elapsed = started.elapsed().as_secs_f64();
    let usable = options.usable().as_secs_f64();
    let most_calls = (elapsed / usable).floor() + 1.0;
    for node in [with, without, sealed] {
        node.close().await?;
    }
    Ok(three.compared(
        "session keys",
        ("signatures/s", "signatures"),
        most_calls,
        options,
    ))
}

async fn decrypting(cloud: &Cloud, options: &Options) -> anyhow::Result<[Measurement; 2]> {
    let (rsa, p256) = (EncryptionKeySpec::Rsa2048, EncryptionKeySpec::EcP256);
    let with = Receiver::make(cloud, (CustodyName::External, rsa), true).await?;
    let without = Receiver::make(cloud, (CustodyName::External, rsa), false).await?;
    let sealed = Receiver::make(cloud, (CustodyName::Envelope, p256), false).await?;
    cloud.begin(Duration::from_millis(options.latency.into()))?;
    let (seconds, readers) = (options.seconds(), options.signers);
    let mut three = Three::default();
    for _round in 0..options.rounds {
        let reading = with.read_for(seconds, readers);
        three.session.go_on(cloud, reading).await?;
        let reading = sealed.read_for(seconds, readers);
        three.envelope.go_on(cloud, reading).await?;
        let reading = without.read_for(seconds, readers);
        three.external.go_on(cloud, reading).await?;
    }
    for node in [with, without, sealed] {
        node.close().await?;
    }
    // One for each secret.
    let most_calls = f64::from(options.rounds) * SENDERS as f64;
    Ok(three.compared(
        "receiver cache",
        ("decryptions/s", "decryptions"),
        most_calls,
        options,
    ))
}

/// A key in the KMS with session keys, one without, and one in the vault.
#[derive(Default)]
struct Three {
    session: Side,
    envelope: Side,
    external: Side,
}

impl Three {
    fn compared(
        mut self,
        what: &str,
        (unit, of): (&'static str, &'static str),
        most_calls: f64,
        options: &Options,
    ) -> [Measurement; 2] {
        let (session, envelope, external) =
            (&mut self.session, &mut self.envelope, &mut self.external);
        let how = format!("{} at once, {} ms", options.signers, options.latency);
        let p99 = session.percentile_us(99);
        [
            measurement(
                format!("{what} against sealed keys, {how}"),
                unit,
                (session.per_second(), envelope.per_second()),
                [
                    ("p99_us", p99.into()),
                    ("bare_p99_us", envelope.percentile_us(99).into()),
                    (of, session.done.into()),
                    ("kms_calls", session.calls.into()),
                    ("kms_calls_at_most", most_calls.into()),
                    ("bare_kms_calls", envelope.calls.into()),
                    ("calls_per_million", session.calls_per_million().into()),
                ],
            ),
            measurement(
                format!("{what} against the KMS alone, {how}"),
                unit,
                (session.per_second(), external.per_second()),
                [
                    ("p99_us", p99.into()),
                    ("bare_p99_us", external.percentile_us(99).into()),
                    ("bare_done", external.done.into()),
                    ("kms_calls", session.calls.into()),
                    ("bare_kms_calls", external.calls.into()),
                    ("calls_per_million", session.calls_per_million().into()),
                    (
                        "bare_calls_per_million",
                        external.calls_per_million().into(),
                    ),
                ],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_signatures_and_calls_are_scaled_to_a_million() {
        let mut side = Side {
            done: 200,
            time: Duration::from_secs(2),
            latencies: (1..=200).rev().map(|micros| micros * 1000).collect(),
            calls: 3,
        };
        assert_eq!(side.percentile_us(99), 198.0);
        assert_eq!(side.percentile_us(100), 200.0);
        assert_eq!(side.per_second(), 100.0);
        assert_eq!(side.calls_per_million(), 15_000.0);
        assert_eq!(Side::default().percentile_us(99), 0.0);
    }
}
