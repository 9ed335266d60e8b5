//! `keys export`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use serde::Serialize;
use strongroom_config::{PromptTag, SecretSource};
use strongroom_crypto::Fingerprint;
use strongroom_files::Access;
use strongroom_vault::ExportForm;

use crate::{
    args::{Format, Global},
    failure::CliError,
    input::{Destination, Encoding},
    output, secrets,
    session::Session,
};

/// Give a private key out. Whoever has the file has the key; the audit log keeps a record.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys export 1220... --out node.key \\\n    --password-file /run/secrets/export\n  \
    strongroom keys export 1220... --format pkcs8-pem --unprotected \\\n    --out node.pem")]
pub(crate) struct Options {
    /// The key.
    fingerprint: Fingerprint,
    /// Canton's key-pair container, or PKCS#8.
    #[arg(long, value_enum, default_value_t = ExportFormat::KeyPair)]
    format: ExportFormat,
    #[command(flatten)]
    password: PasswordArgs,
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
    let form = form(&options)?;
    let session = Session::open(global).await?;
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

fn form(options: &Options) -> anyhow::Result<ExportForm> {
    match (options.format, options.password.source()) {
        (ExportFormat::KeyPair, Some(source)) => Ok(ExportForm::EncryptedKeyPair(
            secrets::read_new(&source, "Password of the export")?,
        )),
        (_, Some(_)) => Err(CliError::BadArgument {
            value: "PKCS#8 with a password".to_owned(),
            expected: "a form that takes one: use --format key-pair",
        }
        .into()),
        (_, None) if !options.unprotected => Err(CliError::ExportUnprotected.into()),
        (ExportFormat::KeyPair, None) => Ok(ExportForm::KeyPair),
        (ExportFormat::Pkcs8Pem, None) => Ok(ExportForm::Pkcs8Pem),
        (ExportFormat::Pkcs8Der, None) => Ok(ExportForm::Pkcs8Der),
    }
}
