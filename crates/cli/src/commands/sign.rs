//! `sign`: sign a file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use data_encoding::BASE64;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, Hash, KeyUsage, KeyUsages, Signature};
use strongroom_files::Access;

use crate::{
    args::{Format, Global, Names},
    client::Client,
    failure::CliError,
    input::{self, Destination, Encoding},
    output,
};

/// Sign a file with a key of the vault.
///
/// Without --usage the key signs for whatever it may; with it, the key must have that usage.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom sign message.bin --key 1220... --out message.sig\n  \
    echo hello | strongroom sign - --key 1220... --encoding base64\n  \
    strongroom sign hash.txt --hash --input-encoding hex --key 1220... \\\n    --usage protocol --out hash.sig")]
pub(crate) struct Options {
    /// What to sign; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The key, by fingerprint.
    #[arg(long, value_name = "FINGERPRINT")]
    key: Fingerprint,
    /// What is being signed for; the key must have this usage.
    #[arg(long, value_name = "USAGE", value_parser = Names::of_usages())]
    usage: Option<KeyUsage>,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// The input is a hash that was computed before: a 34-byte multihash (1220...), signed as it is.
    #[arg(long)]
    hash: bool,
    /// The form of the signature: its bare bytes, or Canton's versioned Signature message.
    #[arg(long, value_enum, default_value_t = Form::Raw)]
    form: Form,
    /// How the signature is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    encoding: Encoding,
    #[command(flatten)]
    destination: Destination,
}

/// The form of a signature in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// DER for ECDSA, 64 bytes for Ed25519, 3309 bytes for ML-DSA-65.
    Raw,
    /// Canton's Signature message in its versioned wrapper.
    Canton,
}

/// What `sign --output json` prints.
#[derive(Serialize)]
struct Report {
    signature: String,
    format: &'static str,
    algorithm: Option<&'static str>,
    signed_by: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let json_to_stdout = global.output == Format::Json && options.destination.is_stdout();
    if !json_to_stdout {
        options.destination.check(options.encoding)?;
    }
    let message = message(&options.file, options.input_encoding, options.hash)?;
    let client = Client::open(global).await?;
    let allowed = options.usage.map_or(KeyUsages::ALL, KeyUsages::only);
    let signature = client.sign(&options.key, message, allowed).await;
    client.close().await;
    let signature = signature?;

    let bytes = match options.form {
        Form::Raw => signature.bytes.clone(),
        Form::Canton => strongroom_proto::encode_signature(&signature),
    };
    if !json_to_stdout {
        options
            .destination
            .write(&options.encoding.encode(&bytes), Access::Readable)?;
    }
    if global.output == Format::Json {
        output::print(global.output, &Report::of(&signature, &bytes), |_table| {
            Ok(())
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Report {
    /// `bytes` is the signature in the form that was asked for.
    fn of(signature: &Signature, bytes: &[u8]) -> Self {
        Self {
            signature: BASE64.encode(bytes),
            format: signature.format.name(),
            algorithm: signature.algorithm.map(|algorithm| algorithm.name()),
            signed_by: signature.signed_by.to_string(),
        }
    }
}

/// What gets signed or verified: the decoded contents of `path`, which must be a multihash if they are said to be a hash.
pub(crate) fn message(path: &Path, encoding: Encoding, hash: bool) -> anyhow::Result<Vec<u8>> {
    let message = encoding.decode(input::read(path)?, path)?;
    if !hash {
        return Ok(message);
    }
    let input = input::named(path);
    if message.is_empty() {
        return Err(CliError::BadEncoding {
            input,
            encoding: "a 34-byte multihash",
        }
        .into());
    }
    match Hash::from_multihash(&message) {
        Ok(hash) => Ok(hash.to_multihash().to_vec()),
        Err(_text) if is_hash_in_hex(&message) => Err(CliError::HashInHex { input }.into()),
        Err(refused) => Err(refused.into()),
    }
}

fn is_hash_in_hex(text: &[u8]) -> bool {
    let bytes = Encoding::Hex.decode(text.to_vec(), Path::new("-"));
    bytes.is_ok_and(|bytes| Hash::from_multihash(&bytes).is_ok())
}
