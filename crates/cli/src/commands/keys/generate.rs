//! `keys generate-signing`, `keys generate-encryption`.

use std::process::ExitCode;

use clap::Args;
use strongroom_crypto::{EncryptionKeySpec, KeyName, KeyUsage, KeyUsages, SigningKeySpec};

use crate::{
    args::{Global, Names},
    client::Client,
    progress,
};

/// Generate a signing key.
///
/// Specs: ec-curve-25519 (Ed25519), ec-p-256, ec-p-384, ec-secp-256k-1, ml-dsa-65.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys generate-signing --usage protocol --name node-signing\n  \
    strongroom keys generate-signing --usage namespace --spec ec-p-256")]
pub(crate) struct SigningOptions {
    /// What the key may sign: namespace, sequencer-authentication, protocol; may be given more than once.
    #[arg(long, value_name = "USAGE", required = true, value_delimiter = ',', value_parser = Names::of_usages())]
    usage: Vec<KeyUsage>,
    /// Its curve or parameter set [default: ec-curve-25519, or what the KMS holds].
    #[arg(long, value_parser = Names::of_signing_specs())]
    spec: Option<SigningKeySpec>,
    /// A label of at most 300 characters.
    #[arg(long)]
    name: Option<KeyName>,
}

/// Generate an encryption key.
///
/// Specs: ec-p-256 (ECIES), rsa-2048 (OAEP with SHA-256).
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom keys generate-encryption --name node-encryption\n  \
    strongroom keys generate-encryption --spec rsa-2048"
)]
pub(crate) struct EncryptionOptions {
    /// Its curve or size [default: ec-p-256, or what the KMS holds].
    #[arg(long, value_parser = Names::of_encryption_specs())]
    spec: Option<EncryptionKeySpec>,
    /// A label of at most 300 characters.
    #[arg(long)]
    name: Option<KeyName>,
}

pub(crate) async fn signing(global: &Global, options: SigningOptions) -> anyhow::Result<ExitCode> {
    let usages = KeyUsages::try_new(options.usage)?;
    let client = Client::open(global).await?;
    let made = client
        .generate_signing_key(options.spec, usages, options.name)
        .await;
    client.close().await;
    super::print_key(global, &made?)
}

pub(crate) async fn encryption(
    global: &Global,
    options: EncryptionOptions,
) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let spinner = progress::spinner(global, "generating");
    let made = client
        .generate_encryption_key(options.spec, options.name)
        .await;
    spinner.finish_and_clear();
    client.close().await;
    super::print_key(global, &made?)
}
