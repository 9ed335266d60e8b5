//! `kms create-key-file`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use serde::Serialize;
use strongroom_config::{KmsConfig, KmsProviderConfig, LocalConfig, Protection};
use strongroom_crypto::{SystemRandom, clock::SystemClock};
use strongroom_kms_local::{DEFAULT_COST, LocalKms, Protection as FileProtection};

use crate::{args::Global, commands::init::ProtectionArgs, output, secrets, session};

/// Make an empty key file, for one more embedded KMS: on another disk, for a second wrap
///
/// It prints the section that belongs into the configuration. The vault is opened by it only after 'wrapper-key add'.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom kms create-key-file /mnt/safe/second.key --name second \\\n    --passphrase-file /run/secrets/second")]
pub(crate) struct Options {
    /// The new file, in a folder that only you can write.
    file: PathBuf,
    /// The name of the KMS in the configuration.
    #[arg(long, default_value = "second")]
    name: String,
    #[command(flatten)]
    protection: ProtectionArgs,
}

#[derive(Serialize)]
struct Report {
    key_file: String,
    /// What belongs into the configuration.
    section: String,
}

pub(super) fn run(global: &Global, options: &Options) -> anyhow::Result<ExitCode> {
    let key_file = std::path::absolute(&options.file)?;
    let protection = options.protection.to_config()?;
    let guarded = match &protection {
        Protection::UnprotectedKeyFile {} => FileProtection::UnprotectedKeyFile,
        Protection::Passphrase { from } => {
            let passphrase = secrets::read_new(from, "Passphrase of the new key file")?;
            FileProtection::Passphrase(passphrase, DEFAULT_COST)
        }
    };
    let (random, clock) = (Arc::new(SystemRandom), Arc::new(SystemClock));
    LocalKms::create(session::files(), &key_file, &guarded, random, clock)?;
    let local = LocalConfig {
        key_file: key_file.clone(),
        protection,
    };
    let kms = KmsConfig::new(options.name.as_str(), KmsProviderConfig::Local(local));
    let report = Report {
        key_file: key_file.display().to_string(),
        section: kms.to_section()?,
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "# made {}\n{}", report.key_file, report.section)
    })?;
    Ok(ExitCode::SUCCESS)
}
