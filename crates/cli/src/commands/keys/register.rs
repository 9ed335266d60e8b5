//! `keys register-signing`, `keys register-encryption`.

use std::process::ExitCode;

use clap::Args;
use strongroom_crypto::{KeyName, KeyUsage, KeyUsages};
use strongroom_kms::KmsKeyId;

use crate::{
    args::{Global, Names},
    client::Client,
};

/// Make a signing key that is in a KMS one of this vault.
///
/// The KMS is asked once for the key's state, spec and public half; from then on it is asked to sign only. The private key
/// never leaves it. A key that is registered under the name that `init` would give it becomes the node's.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys register-signing --kms aws alias/node-signing \\\n    --usage protocol --name node-signing\n  \
    strongroom keys register-signing \\\n    arn:aws:kms:eu-central-1:123456789012:key/1234abcd --usage namespace")]
pub(crate) struct SigningOptions {
    /// The key, as its KMS calls it.
    #[arg(value_name = "KMS_KEY")]
    key: KmsKeyId,
    /// What the key may sign: namespace, sequencer-authentication, protocol; may be given more than once.
    #[arg(long, value_name = "USAGE", required = true, value_delimiter = ',', value_parser = Names::of_usages())]
    usage: Vec<KeyUsage>,
    #[command(flatten)]
    common: CommonOptions,
}

/// Make an encryption key that is in a KMS one of this vault.
///
/// The KMS is asked once for the key's state, spec and public half; from then on it is asked to decrypt only. The private key
/// never leaves it.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom keys register-encryption --kms aws alias/node-encryption \\\n    \
    --name node-encryption"
)]
pub(crate) struct EncryptionOptions {
    /// The key, as its KMS calls it.
    #[arg(value_name = "KMS_KEY")]
    key: KmsKeyId,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Args, Debug)]
struct CommonOptions {
    /// The KMS, by its configured name [default: the one that makes new external keys].
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
    /// A label of at most 300 characters.
    #[arg(long)]
    name: Option<KeyName>,
}

pub(crate) async fn signing(global: &Global, options: SigningOptions) -> anyhow::Result<ExitCode> {
    let usages = KeyUsages::try_new(options.usage)?;
    register(global, options.key, Some(usages), options.common).await
}

pub(crate) async fn encryption(
    global: &Global,
    options: EncryptionOptions,
) -> anyhow::Result<ExitCode> {
    register(global, options.key, None, options.common).await
}

async fn register(
    global: &Global,
    key: KmsKeyId,
    usages: Option<KeyUsages>,
    common: CommonOptions,
) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let registered = client
        .register_key(common.kms, key, usages, common.name)
        .await;
    client.close().await;
    super::print_key(global, &registered?)
}
