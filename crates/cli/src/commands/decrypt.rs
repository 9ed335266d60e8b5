//! `decrypt`: decrypt a file.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use data_encoding::BASE64;
use serde::Serialize;
use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, KeyPurpose, KeySpec};
use strongroom_files::Access;
use strongroom_vault::VaultError;

use crate::{
    args::{Format, Global},
    input::{self, Destination, Encoding},
    output,
    session::Session,
};

/// Decrypt a message with a key of the vault; a retired key still decrypts what is old.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom decrypt secret.enc --key 1220... --out secret.bin")]
pub(crate) struct Options {
    /// What to decrypt; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The key, by fingerprint.
    #[arg(long, value_name = "FINGERPRINT")]
    key: Fingerprint,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// How the output is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    encoding: Encoding,
    #[command(flatten)]
    destination: Destination,
}

/// What `decrypt --output json` prints when no file is named.
#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<String>,
    decrypted_by: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let json = global.output == Format::Json;
    let to_stdout = options.destination.is_stdout();
    if !(json && to_stdout) {
        options.destination.check(options.encoding)?;
    }
    let ciphertext = options.input_encoding.decode(input::read(&options.file)?)?;
    let session = Session::open(global).await?;
    let encrypted_for = options.key;
    let KeySpec::Encryption(spec) = session.vault.key(&encrypted_for)?.spec() else {
        return Err(VaultError::WrongPurpose {
            fingerprint: encrypted_for,
            wanted: KeyPurpose::Encryption,
        }
        .into());
    };
    let encrypted = AsymmetricEncrypted {
        ciphertext,
        algorithm: spec.algorithm(),
        encrypted_for,
    };
    let plaintext = session.vault.decrypt(&encrypted).await?;
    session.close().await;
    // EXPOSE: the user asked for the plaintext.
    let exposed = plaintext.expose();
    if !(json && to_stdout) {
        options
            .destination
            .write(&options.encoding.encode(exposed), Access::OwnerOnly)?;
    }
    if json {
        let report = Report {
            plaintext: to_stdout.then(|| BASE64.encode(exposed)),
            decrypted_by: encrypted_for.to_string(),
        };
        output::print(global.output, &report, |_table| Ok(()))?;
    }
    Ok(ExitCode::SUCCESS)
}
