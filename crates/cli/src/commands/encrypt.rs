//! `encrypt`: encrypt a file to a key.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use data_encoding::BASE64;
use serde::Serialize;
use strongroom_crypto::{EncryptionPublicKey, Fingerprint, SystemRandom};
use strongroom_files::Access;

use crate::{
    args::{Format, Global},
    client::Client,
    failure::CliError,
    input::{self, Destination, Encoding},
    output,
};

/// Encrypt a short message to one key, from a file or from the vault.
///
/// With --public-key no vault is needed. RSA-2048 takes at most 190 bytes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom encrypt secret.bin --to 1220... --out secret.enc\n  \
    strongroom encrypt secret.bin --public-key receiver.pem --out secret.enc")]
pub(crate) struct Options {
    /// What to encrypt; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    receiver: Receiver,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// How the output is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    encoding: Encoding,
    #[command(flatten)]
    destination: Destination,
}

/// Who shall be able to read it.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Receiver {
    /// The key, by fingerprint, in the vault.
    #[arg(long, value_name = "FINGERPRINT")]
    to: Option<Fingerprint>,
    /// The public key: PEM or DER.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
}

/// What `encrypt --output json` prints.
#[derive(Serialize)]
struct Report {
    ciphertext: String,
    algorithm: &'static str,
    encrypted_for: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let inputs = [
        Some(options.file.as_path()),
        options.receiver.public_key.as_deref(),
    ];
    input::refuse_stdin_twice(inputs.into_iter().flatten())?;
    let json_to_stdout = global.output == Format::Json && options.destination.is_stdout();
    if !json_to_stdout {
        options.destination.check(options.encoding)?;
    }
    let message = options
        .input_encoding
        .decode(input::read(&options.file)?, &options.file)?;
    let encrypted = match (&options.receiver.public_key, &options.receiver.to) {
        (Some(path), _) => {
            EncryptionPublicKey::detect(&input::read(path)?)?.encrypt(&message, &SystemRandom)?
        }
        (None, Some(fingerprint)) => {
            let client = Client::open(global).await?;
            let encrypted = client.encrypt(fingerprint, message).await;
            client.close().await;
            encrypted?
        }
        (None, None) => {
            return Err(CliError::FlagMissing {
                flag: "--to or --public-key",
            }
            .into());
        }
    };
    let written = options.encoding.encode(&encrypted.ciphertext);
    // What `decrypt` would not read again is not written either.
    if written.len() > input::LIMIT {
        return Err(CliError::TooLong {
            what: "the encrypted message",
            limit: input::LIMIT,
        }
        .into());
    }
    if !json_to_stdout {
        options.destination.write(&written, Access::Readable)?;
    }
    if global.output == Format::Json {
        let report = Report {
            ciphertext: BASE64.encode(&encrypted.ciphertext),
            algorithm: encrypted.algorithm.name(),
            encrypted_for: encrypted.encrypted_for.to_string(),
        };
        output::print(global.output, &report, |_table| Ok(()))?;
    }
    Ok(ExitCode::SUCCESS)
}
