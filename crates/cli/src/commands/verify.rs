//! `verify`: verify a signature.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{
    Fingerprint, KeyUsage, KeyUsages, Signature, SigningPublicKey, VerifyError,
};
use strongroom_errors::Coded;

use crate::{
    args::{Global, Names},
    client::Client,
    commands::sign::{self, Form},
    exit,
    failure::CliError,
    input::{self, Encoding},
    output,
};

/// Verify a signature under a public key, from a file or from the vault.
///
/// With --public-key no vault is needed. Exit status 0: it verifies; 1: it does not.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom verify message.bin --signature message.sig \\\n    --public-key signer.pem\n  \
    strongroom verify message.bin --signature message.sig --key 1220... \\\n    --usage protocol")]
pub(crate) struct Options {
    /// What was signed; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The signature.
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    #[command(flatten)]
    signer: Signer,
    /// What it was signed for; the key must have this usage.
    #[arg(long, value_name = "USAGE", value_parser = Names::of_usages())]
    usage: Option<KeyUsage>,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// The input is a hash that was computed before: a 34-byte multihash.
    #[arg(long)]
    hash: bool,
    /// The form of the signature.
    #[arg(long, value_enum, default_value_t = Form::Raw)]
    form: Form,
    /// How the signature is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    encoding: Encoding,
}

/// Whose signature it should be.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Signer {
    /// The public key: PEM or DER, or 32 bytes for Ed25519.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// The public key, by fingerprint, in the vault.
    #[arg(long, value_name = "FINGERPRINT")]
    key: Option<Fingerprint>,
}

/// What `verify` prints.
#[derive(Serialize)]
struct Report {
    valid: bool,
    signed_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let inputs = [options.file.as_path(), &options.signature];
    input::refuse_stdin_twice(
        inputs
            .into_iter()
            .chain(options.signer.public_key.as_deref()),
    )?;
    let message = sign::message(&options.file, options.input_encoding, options.hash)?;
    let bytes = options
        .encoding
        .decode(input::read(&options.signature)?, &options.signature)?;
    let key = signer(global, &options.signer).await?;
    let signature = match options.form {
        Form::Raw => {
            let algorithm = key.spec().algorithm();
            let format = algorithm.format();
            Signature {
                bytes,
                format,
                signed_by: key.fingerprint(),
                algorithm: Some(algorithm),
            }
        }
        Form::Canton => strongroom_proto::decode_signature(&bytes)?,
    };
    let allowed = options.usage.map_or(KeyUsages::ALL, KeyUsages::only);
    let outcome = key.verify(&message, &signature, allowed);
    let report = Report {
        valid: outcome.is_ok(),
        signed_by: key.fingerprint().to_string(),
        code: outcome
            .as_ref()
            .err()
            .map(|error: &VerifyError| error.code().name()),
    };
    output::print(global.output, &report, |out| match &outcome {
        Ok(()) => writeln!(out, "valid: signed by {}", report.signed_by),
        Err(error) => writeln!(out, "INVALID under {}: {error}", report.signed_by),
    })?;
    Ok(ExitCode::from(if report.valid { 0 } else { exit::NO }))
}

async fn signer(global: &Global, signer: &Signer) -> anyhow::Result<SigningPublicKey> {
    match (&signer.public_key, &signer.key) {
        (Some(path), _) => Ok(SigningPublicKey::detect(
            &input::read(path)?,
            KeyUsages::ALL,
        )?),
        (None, Some(fingerprint)) => signer_of_vault(global, fingerprint).await,
        (None, None) => Err(CliError::FlagMissing {
            flag: "--public-key or --key",
        }
        .into()),
    }
}

async fn signer_of_vault(
    global: &Global,
    fingerprint: &Fingerprint,
) -> anyhow::Result<SigningPublicKey> {
    let client = Client::open(global).await?;
    let signer = client.signing_key(fingerprint).await;
    client.close().await;
    signer
}
