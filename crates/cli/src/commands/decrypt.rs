//! `decrypt`: decrypt a file.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, KeyPurpose, KeySpec};
use strongroom_files::Access;
use strongroom_memory::{SecretBytes, SecretWriter};
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

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let json = global.output == Format::Json;
    let to_stdout = options.destination.is_stdout();
    if !(json && to_stdout) {
        options.destination.check(options.encoding)?;
    }
    let ciphertext = options
        .input_encoding
        .decode(input::read(&options.file)?, &options.file)?;
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
    let (vault, caller) = (&session.vault, &session.caller);
    let plaintext = vault.decrypt_for(caller, &encrypted).await?;
    // Nobody has the plaintext before that is on record.
    vault.flush_audit().await?;
    session.close().await;
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
