//! `bench sign`: signatures per second, bare and through the vault.

use std::{sync::Arc, thread, time::Duration};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair,
    },
};
use clap::Args;
use k256::ecdsa::signature::Signer;
use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_vault::{NewSigningKey, Vault};
use tokio::runtime::Handle;

use super::{
    Measurement,
    rehearsal::Rehearsal,
    stopwatch::{Stopwatch, median},
};
use crate::{
    args::{Global, Names},
    environment, progress,
};

const MESSAGE: [u8; 64] = [0x5a; 64];

/// Signatures per second, bare and through the vault, warm, for every spec.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom bench sign\n  strongroom bench sign --spec ed25519 --threads 1 --output json"
)]
pub(crate) struct Options {
    /// Only these specs [default: all].
    #[arg(long, value_delimiter = ',', value_parser = Names::of_signing_specs())]
    spec: Vec<SigningKeySpec>,
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2],
        value_parser = clap::value_parser!(u16).range(1..))]
    threads: Vec<u16>,
    /// Samples of each side; the median counts.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Length of a sample in milliseconds.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    sample_millis: u64,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    let specs = if options.spec.is_empty() {
        SigningKeySpec::ALL.to_vec()
    } else {
        options.spec.clone()
    };
    Rehearsal::with(None, async |rehearsal| {
        measure(global, &options, &specs, rehearsal).await
    })
    .await
}

async fn measure(
    global: &Global,
    options: &Options,
    specs: &[SigningKeySpec],
    rehearsal: &Rehearsal,
) -> anyhow::Result<Vec<Measurement>> {
    let vault = rehearsal.vault().await?;
    let bar = progress::bar(
        global,
        (specs.len() * options.threads.len()) as u64,
        "signing",
    );
    let mut results = Vec::new();
    for &spec in specs {
        let usages = KeyUsages::try_new([KeyUsage::Protocol])?;
        let new = NewSigningKey {
            spec,
            usages,
            name: None,
        };
        let key = vault
            .generate_signing_key(&environment::caller()?, new)
            .await?
            .fingerprint();
        vault.sign(&key, &MESSAGE, usages).await?;
        let bare = BareKey::generate(spec)?;
        for threads in &options.threads {
            results.push(tokio::task::block_in_place(|| {
                compare(&vault, &key, &bare, usize::from(*threads), options)
            }));
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    vault.close().await?;
    Ok(results)
}

/// Samples of both sides in turn; the ratio is the median of the ratios of neighbours.
fn compare(
    vault: &Vault,
    key: &Fingerprint,
    bare: &BareKey,
    threads: usize,
    options: &Options,
) -> Measurement {
    let time = Duration::from_millis(options.sample_millis);
    let handle = Handle::current();
    let through_vault = || {
        handle.block_on(async {
            let allowed = KeyUsages::only(KeyUsage::Protocol);
            let mut stopwatch = Stopwatch::start(time);
            loop {
                let signature = vault.sign(key, &MESSAGE, allowed).await;
                debug_assert!(signature.is_ok(), "a warm key signs");
                std::hint::black_box(&signature);
                if !stopwatch.goes_on() {
                    return stopwatch.rate();
                }
            }
        })
    };
    let directly = || {
        let mut stopwatch = Stopwatch::start(time);
        loop {
            bare.sign(&MESSAGE);
            if !stopwatch.goes_on() {
                return stopwatch.rate();
            }
        }
    };
    let (mut ours, mut bares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for sample in 0..=options.samples {
        let (vault, library) = (
            on_threads(threads, &through_vault),
            on_threads(threads, &directly),
        );
        // The first sample warms both sides up.
        if sample > 0 {
            ours.push(vault);
            bares.push(library);
            ratios.push(vault / library);
        }
    }
    Measurement {
        name: format!("sign {} x{threads}", bare.spec.name()),
        unit: "signatures/s",
        ours: median(&mut ours),
        bare: median(&mut bares),
        ratio: median(&mut ratios),
        more: serde_json::Map::new(),
    }
}

/// The sum of what `work` reaches on each thread.
fn on_threads(threads: usize, work: &(impl Fn() -> f64 + Sync)) -> f64 {
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or(f64::NAN))
            .sum()
    })
}

/// A key of the bare library.
struct BareKey {
    spec: SigningKeySpec,
    key: BareKeyPair,
}

enum BareKeyPair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair, SystemRandom),
    Secp256k1(Box<k256::ecdsa::SigningKey>),
    MlDsa(PqdsaKeyPair, usize),
}

impl BareKey {
    fn generate(spec: SigningKeySpec) -> anyhow::Result<Arc<Self>> {
        let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| -> anyhow::Result<BareKeyPair> {
            Ok(BareKeyPair::Ecdsa(
                EcdsaKeyPair::generate(algorithm)?,
                SystemRandom::new(),
            ))
        };
        let key = match spec {
            SigningKeySpec::EcCurve25519 => BareKeyPair::Ed25519(Ed25519KeyPair::generate()?),
            SigningKeySpec::EcP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            SigningKeySpec::EcP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            SigningKeySpec::EcSecp256k1 => {
                let mut scalar = [0; 32];
                aws_lc_rs::rand::fill(&mut scalar)?;
                BareKeyPair::Secp256k1(Box::new(k256::ecdsa::SigningKey::from_slice(&scalar)?))
            }
            SigningKeySpec::MlDsa65 => BareKeyPair::MlDsa(
                PqdsaKeyPair::generate(&ML_DSA_65_SIGNING)?,
                ML_DSA_65_SIGNING.signature_len(),
            ),
        };
        Ok(Arc::new(Self { spec, key }))
    }

    /// What the library gives its caller: signature bytes, DER for ECDSA.
    fn sign(&self, message: &[u8]) {
        match &self.key {
            BareKeyPair::Ed25519(pair) => {
                std::hint::black_box(pair.sign(message));
            }
            BareKeyPair::Ecdsa(pair, random) => {
                std::hint::black_box(pair.sign(random, message).ok());
            }
            BareKeyPair::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key.sign(message);
                std::hint::black_box(signature.to_der());
            }
            BareKeyPair::MlDsa(pair, length) => {
                let mut signature = vec![0; *length];
                std::hint::black_box(pair.sign(message, &mut signature).ok());
                std::hint::black_box(signature);
            }
        }
    }
}
