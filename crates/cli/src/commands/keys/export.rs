//! `keys export`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use serde::Serialize;
use strongroom_config::{PromptTag, SecretSource};
use strongroom_crypto::{Fingerprint, HashBuilder, OaepHash, WrappingKey};
use strongroom_files::Access;
use strongroom_server::access::Operation;
use strongroom_vault::ExportForm;

use crate::{
    args::{Format, Global},
    failure::CliError,
    input::{self, Destination, Encoding},
    output, secrets,
    session::Session,
};

/// Give a private key out. Whoever has the file has the key; the audit log keeps a record.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys export 1220... --out node.key \\\n    --password-file /run/secrets/export\n  \
    strongroom keys export 1220... --format pkcs8-pem --unprotected \\\n    --out node.pem\n  \
    strongroom keys export 1220... --format wrapped \\\n    --wrapping-key aws-wrapping-key.bin --out node.wrapped")]
pub(crate) struct Options {
    /// The key.
    fingerprint: Fingerprint,
    /// Canton's key-pair container, PKCS#8, or what another key store imports.
    #[arg(long, value_enum, default_value_t = ExportFormat::KeyPair)]
    format: ExportFormat,
    #[command(flatten)]
    password: PasswordArgs,
    /// With --format wrapped: the RSA public key of the other key store, as PEM or DER. Make sure that it is: its owner gets the
    /// key.
    #[arg(long, value_name = "FILE")]
    wrapping_key: Option<PathBuf>,
    /// With --format wrapped: the hash of RSA-OAEP [default: sha256].
    #[arg(long, value_enum, value_name = "HASH", requires = "wrapping_key")]
    oaep_hash: Option<Hash>,
    /// Write the private key readable to everybody who has the file.
    #[arg(long, conflicts_with_all = ["password_file", "password_env", "password_prompt"])]
    unprotected: bool,
    #[command(flatten)]
    destination: Destination,
}

/// The form of an exported key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// Canton's key-pair container.
    KeyPair,
    /// PKCS#8, as PEM.
    Pkcs8Pem,
    /// PKCS#8, as DER.
    Pkcs8Der,
    /// "Bring your own key": PKCS#8 under AES-KWP, its key under RSA-OAEP. For AWS (RSA_AES_KEY_WRAP_SHA_256), Google
    /// (rsa-oaep-3072-sha256-aes-256), Azure, HSMs (CKM_RSA_AES_KEY_WRAP).
    Wrapped,
}

/// A hash of RSA-OAEP.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hash {
    Sha256,
    /// Only for key stores that know no other.
    Sha1,
}

impl From<Hash> for OaepHash {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha1 => Self::Sha1,
        }
    }
}

/// Where a password is; at most one.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct PasswordArgs {
    /// The password of the container is in this file.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The password of the container is in this environment variable.
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
    /// The password of the container is typed at the terminal.
    #[arg(long)]
    password_prompt: bool,
}

impl PasswordArgs {
    pub(crate) fn source(&self) -> Option<SecretSource> {
        let file = self.password_file.clone().map(SecretSource::File);
        let variable = self.password_env.clone().map(SecretSource::Environment);
        file.or(variable).or(self
            .password_prompt
            .then_some(SecretSource::Prompt(PromptTag {})))
    }
}

#[derive(Serialize)]
struct Report {
    fingerprint: String,
    file: String,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let encoding = if options.format == ExportFormat::Pkcs8Pem {
        Encoding::Hex
    } else {
        Encoding::Binary
    };
    options.destination.check(encoding)?;
    let wrapping = options
        .wrapping_key
        .as_deref()
        .map(input::read)
        .transpose()?;
    let form = form(&options, wrapping.as_deref())?;
    let session = Session::open(global).await?;
    session
        .approved(
            global,
            Operation::KeysExport,
            &request(&options, wrapping.as_deref()),
        )
        .await?;
    let exported = session
        .vault
        .export_key(&session.caller, &options.fingerprint, &form)
        .await?;
    session.close().await;
    // EXPOSE: the user asked for the private key; a file gets mode 0600.
    options
        .destination
        .write(exported.expose(), Access::OwnerOnly)?;
    if !options.destination.is_stdout() {
        let report = Report {
            fingerprint: options.fingerprint.to_string(),
            file: options.destination.out.display().to_string(),
        };
        let format = global.output;
        output::print(format, &report, |out| {
            writeln!(out, "wrote {}", report.file)
        })?;
    } else if global.output == Format::Json {
        tracing::warn!("the exported key went to standard output; there is no JSON document");
    }
    Ok(ExitCode::SUCCESS)
}

/// All that is asked for, for whoever approves it: not where it goes, which nobody sees to.
fn request(options: &Options, wrapping: Option<&[u8]>) -> String {
    let (key, format) = (&options.fingerprint, options.format);
    // The key itself: another one may be in the file when it is approved.
    let hash = |bytes| HashBuilder::without_purpose().raw(bytes).finish();
    let wrapping = wrapping.map_or_else(
        || "none".to_owned(),
        |bytes| {
            format!(
                "sha256:{}",
                data_encoding::HEXLOWER.encode(hash(bytes).as_bytes())
            )
        },
    );
    let password = options.password.source().is_some();
    format!("keys export {key} format={format:?} wrapping-key={wrapping} password={password}")
}

fn form(options: &Options, wrapping: Option<&[u8]>) -> anyhow::Result<ExportForm> {
    if wrapping.is_some() && options.format != ExportFormat::Wrapped {
        return Err(CliError::BadArgument {
            value: "--wrapping-key".to_owned(),
            expected: "used with --format wrapped only",
        }
        .into());
    }
    match (options.format, options.password.source()) {
        (ExportFormat::Wrapped, None) => {
            let bytes = wrapping.ok_or(CliError::FlagMissing {
                flag: "--wrapping-key, the RSA public key of the key store that is to take the key",
            })?;
            let wrapping = WrappingKey::detect(bytes)?;
            let hash = options.oaep_hash.unwrap_or(Hash::Sha256);
            Ok(ExportForm::Wrapped(wrapping, hash.into()))
        }
        (ExportFormat::KeyPair, Some(source)) => Ok(ExportForm::EncryptedKeyPair(
            secrets::read_new(&source, "Password of the export")?,
        )),
        (_, Some(_)) => Err(CliError::BadArgument {
            value: "a password".to_owned(),
            expected: "given for --format key-pair only",
        }
        .into()),
        (_, None) if !options.unprotected => Err(CliError::ExportUnprotected.into()),
        (ExportFormat::KeyPair, None) => Ok(ExportForm::KeyPair),
        (ExportFormat::Pkcs8Pem, None) => Ok(ExportForm::Pkcs8Pem),
        (ExportFormat::Pkcs8Der, None) => Ok(ExportForm::Pkcs8Der),
    }
}
