//! `decrypt`: decrypt a file.

mod payload;

use std::{
    io::{Cursor, Read},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, KeyPurpose, KeySpec, is_payload};
use strongroom_files::Access;
use strongroom_memory::{SecretBytes, SecretWriter};
use strongroom_vault::VaultError;

use self::payload::PayloadArgs;
use crate::{
    args::{Format, Global},
    client::Client,
    failure::CliError,
    input::{self, Destination, Encoding},
    output,
};

/// Decrypt a payload, or a message to one key, with a key of the vault; a retired key still decrypts what is old.
///
/// A payload says by itself for which keys it is. It may be of any size: what goes to standard output goes there as it is found to
/// be authentic, and is everything only if the command succeeds; a file appears whole or not at all. Who signed it, or that nobody did, is
/// told beside it: on standard error where the content goes to standard output.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom decrypt secret.payload --from PAR::alice::1220... \\\n    --store synchronizer:... --out secret.bin\n  \
    strongroom decrypt secret.enc --key 1220... --out secret.bin")]
pub(crate) struct Options {
    /// What to decrypt; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The key of a message to one key, by fingerprint.
    #[arg(long, value_name = "FINGERPRINT")]
    key: Option<Fingerprint>,
    #[command(flatten)]
    payload: PayloadArgs,
    /// How the input is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    input_encoding: Encoding,
    /// How the output is written down.
    #[arg(long, value_enum, default_value_t = Encoding::Binary)]
    encoding: Encoding,
    #[command(flatten)]
    destination: Destination,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let json = global.output == Format::Json;
    let to_stdout = options.destination.is_stdout();
    if !(json && to_stdout) {
        options.destination.check(options.encoding)?;
    }
    let (head, rest) = begin(&options)?;
    if is_payload(&head) {
        return payload::run(global, &options, Cursor::new(head).chain(rest)).await;
    }
    options.payload.refuse()?;
    let encrypted_for = options.key.ok_or(CliError::FlagMissing { flag: "--key" })?;
    let mut ciphertext = head;
    input::read_rest(rest, &mut ciphertext, &options.file)?;
    let client = Client::open(global).await?;
    let plaintext = decrypt(&client, encrypted_for, ciphertext).await;
    client.close().await;
    let plaintext = plaintext?;
    if json && to_stdout {
        // EXPOSE: the user asked for the plaintext.
        output::write(document(Some(&plaintext), &encrypted_for).expose())?;
        return Ok(ExitCode::SUCCESS);
    }
    let written = options.encoding.encode_secret(plaintext);
    // EXPOSE: the user asked for the plaintext; a file gets mode 0600.
    options
        .destination
        .write(written.expose(), Access::OwnerOnly)?;
    if json {
        // EXPOSE: without the plaintext, which went to a file.
        output::write(document(None, &encrypted_for).expose())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn decrypt(
    client: &Client,
    encrypted_for: Fingerprint,
    ciphertext: Vec<u8>,
) -> anyhow::Result<SecretBytes> {
    let KeySpec::Encryption(spec) = client.key(&encrypted_for).await?.public.spec() else {
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
    client.decrypt(&encrypted).await
}

/// Bytes that tell a payload from anything else.
const HEAD: u64 = 64;

/// The beginning of what is to be decrypted, and the rest. Text is read as a whole.
fn begin(options: &Options) -> anyhow::Result<(Vec<u8>, Box<dyn Read>)> {
    let path = &options.file;
    let mut rest = options.input_encoding.open(path)?;
    let mut head = Vec::new();
    input::read_rest(rest.by_ref().take(HEAD), &mut head, path)?;
    Ok((head, rest))
}

/// What `decrypt --output json` prints, put together in locked memory. Neither base64 nor hexadecimal digits need to be
/// escaped in JSON.
fn document(plaintext: Option<&SecretBytes>, decrypted_by: &Fingerprint) -> SecretBytes {
    let mut document = SecretWriter::default();
    document.push(b"{\n");
    if let Some(plaintext) = plaintext {
        document.push(b"  \"plaintext\": \"");
        // EXPOSE: from locked memory into locked memory.
        document.push(input::base64_of_secret(plaintext).expose());
        document.push(b"\",\n");
    }
    let rest = format!("  \"decrypted_by\": \"{decrypted_by}\"\n}}\n");
    document.push(rest.as_bytes());
    document.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_that_is_written_by_hand_is_json() {
        let key: Fingerprint = format!("1220{}", "ab".repeat(32)).parse().unwrap();
        let plaintext = SecretBytes::from_slice(b"\"\\\n\xff");
        let with: serde_json::Value =
            serde_json::from_slice(document(Some(&plaintext), &key).expose()).unwrap();
        assert_eq!(
            with,
            serde_json::json!({"plaintext": "IlwK/w==", "decrypted_by": key.to_string()})
        );
        let without: serde_json::Value =
            serde_json::from_slice(document(None, &key).expose()).unwrap();
        assert_eq!(
            without,
            serde_json::json!({"decrypted_by": key.to_string()})
        );
    }
}
