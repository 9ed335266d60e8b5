//! `recovery create`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::{KmsConfig, KmsProviderConfig, PromptTag, RecoveryConfig, SecretSource};
use strongroom_crypto::SystemRandom;
use strongroom_files::Access;
use strongroom_kms_recovery::{RecoveryKey, Share};

use crate::{args::Global, failure::CliError, output, secrets, session};

/// Make a recovery key: its public half for the configuration, its private half for a safe
///
/// A vault that is wrapped for it opens with no key management system at all. The private half goes into one file behind a
/// passphrase, or into shares of which any --threshold give it back; nothing of it stays anywhere else. Do this on a machine
/// that is offline, and take the files off it.
///
/// Then put the section that is printed into the configuration of each vault, at its end, and wrap: 'wrapper-key add --kms recovery'.
/// Try it once: 'wrapper-key check' with --recovery-key or --recovery-share.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom recovery create /media/safe/recovery.key\n  \
    strongroom recovery create /media/safe/recovery --shares 5 --threshold 3\n  \
    strongroom wrapper-key check --recovery-key /media/safe/recovery.key\n  \
    strongroom wrapper-key check \\\n    --recovery-share 1.share --recovery-share 2.share"
)]
pub(crate) struct Options {
    /// The new file; with --shares what the names of their files begin with.
    file: PathBuf,
    /// The name of the KMS in the configuration.
    #[arg(long, default_value = "recovery")]
    name: String,
    /// The passphrase is the first line of this file [default: it is asked for, twice].
    #[arg(long, value_name = "FILE", conflicts_with = "shares")]
    passphrase_file: Option<PathBuf>,
    /// Make so many shares instead of one file.
    #[arg(long, value_name = "NUMBER", requires = "threshold")]
    shares: Option<u8>,
    /// So many of them give the key back.
    #[arg(long, value_name = "NUMBER", requires = "shares")]
    threshold: Option<u8>,
}

#[derive(Serialize)]
struct Report {
    recipient: String,
    /// What has the private half, each for a place of its own.
    files: Vec<String>,
    threshold: u8,
    /// What belongs into the configuration.
    section: String,
}

pub(super) fn run(global: &Global, options: &Options) -> anyhow::Result<ExitCode> {
    let key = RecoveryKey::generate();
    let recipient = key.recipient().to_string();
    let provider = KmsProviderConfig::Recovery(RecoveryConfig {
        recipient: recipient.clone(),
    });
    let section = KmsConfig::new(options.name.as_str(), provider).to_section()?;
    let (files, threshold) = match (options.shares, options.threshold) {
        (Some(shares), Some(threshold)) => {
            let shares = key.share(threshold, shares, &SystemRandom)?;
            (options.write_shares(&shares)?, threshold)
        }
        _ => (vec![options.write_key(&key)?], 1),
    };
    let report = Report {
        recipient,
        files,
        threshold,
        section,
    };
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::SUCCESS)
}

impl Options {
    fn write_key(&self, key: &RecoveryKey) -> anyhow::Result<String> {
        let source = match &self.passphrase_file {
            Some(path) => SecretSource::File(path.clone()),
            None => SecretSource::Prompt(PromptTag {}),
        };
        let passphrase = secrets::read_new(&source, "Passphrase of the recovery key")?;
        let file = key.to_protected(&passphrase, None)?;
        session::files().write_new_durably(&self.file, &file, Access::OwnerOnly)?;
        Ok(self.file.display().to_string())
    }

    fn path_of(&self, share: &Share) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(format!("-{}-of-{}.share", share.number(), share.total()));
        PathBuf::from(name)
    }

    fn write_shares(&self, shares: &[Share]) -> anyhow::Result<Vec<String>> {
        let paths = shares.iter().map(|share| self.path_of(share));
        let paths: Vec<_> = paths.collect();
        // None of a new key's beside those of an old one.
        if let Some(there) = paths.iter().find(|path| path.exists()) {
            let path = there.clone();
            return Err(CliError::OutputExists { path }.into());
        }
        let mut files = Vec::with_capacity(shares.len());
        for (share, path) in shares.iter().zip(&paths) {
            // EXPOSE: this is what shares are made for; the file is for its owner only.
            let text = share.to_text();
            session::files().write_new_durably(path, text.expose(), Access::OwnerOnly)?;
            files.push(path.display().to_string());
        }
        Ok(files)
    }
}

impl Report {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "recipient  {}", self.recipient)?;
        for file in &self.files {
            writeln!(out, "private    {file}")?;
        }
        if self.threshold > 1 {
            writeln!(
                out,
                "\nAny {} of these shares open every vault that is wrapped for it: keep them apart.",
                self.threshold
            )?;
        }
        writeln!(out, "\nAt the end of the configuration of each vault:\n")?;
        write!(out, "{}", self.section)
    }
}
