//! Signatures inside of the KMS: how many per second, and what a million costs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use strongroom_crypto::SigningKeySpec;
use strongroom_kms::{ExternalKeyRequest, KmsProvider};

use super::{
    cloud::{Cloud, price_of_signing},
    crowd, measurement,
};
use crate::commands::bench::Measurement;

const SPEC: SigningKeySpec = SigningKeySpec::EcP256;

/// As long as what a node signs: a multihash.
const MESSAGE: [u8; 34] = [0x5a; 34];

const MILLION: f64 = 1e6;

pub(super) async fn run(
    cloud: &Cloud,
    latency: Duration,
    (signatures, signers): (u32, u16),
) -> anyhow::Result<Measurement> {
    let ours = sign(
        cloud,
        cloud.surrounded().await?,
        latency,
        signatures,
        signers,
    )
    .await?;
    let bare = sign(cloud, cloud.endless().await?, latency, signatures, signers).await?;
    let of_million = |signed: &Signed| signed.calls as f64 * MILLION / f64::from(signatures);
    let dollars = |signed: &Signed| {
        let price = price_of_signing(signed.calls) * MILLION / f64::from(signatures);
        (price * 100.0).round() / 100.0
    };
    let millis = latency.as_millis();
    Ok(measurement(
        format!("sign in the KMS, {signers} at once, {millis} ms"),
        "signatures/s",
        (ours.per_second, bare.per_second),
        [
            ("signatures", signatures.into()),
            ("kms_calls", ours.calls.into()),
            ("bare_kms_calls", bare.calls.into()),
            ("calls_per_million", of_million(&ours).round().into()),
            ("bare_calls_per_million", of_million(&bare).round().into()),
            ("usd_per_million", dollars(&ours).into()),
            ("bare_usd_per_million", dollars(&bare).into()),
        ],
    ))
}

struct Signed {
    per_second: f64,
    calls: u64,
}

async fn sign(
    cloud: &Cloud,
    kms: Arc<dyn KmsProvider>,
    latency: Duration,
    signatures: u32,
    signers: u16,
) -> anyhow::Result<Signed> {
    cloud.clear_up()?;
    let keys = kms.external_keys();
    let keys = keys.ok_or_else(|| anyhow::anyhow!("the cloud has no external keys"))?;
    let request = ExternalKeyRequest::default();
    let key = Arc::new(keys.generate_signing_key(SPEC, &request).await?);
    cloud.begin(latency)?;
    let started = Instant::now();
    let sign_once = move |_signature| {
        let (keys, key) = (Arc::clone(&keys), Arc::clone(&key));
        async move {
            keys.sign(&key, SPEC, &MESSAGE).await?;
            Ok(())
        }
    };
    crowd::share(signatures.into(), signers, sign_once).await?;
    Ok(Signed {
        per_second: f64::from(signatures) / started.elapsed().as_secs_f64(),
        calls: cloud.calls(),
    })
}
