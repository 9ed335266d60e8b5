//! `backup create`.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_backup::{Protection, Recipients, Section};
use strongroom_config::{BackupProtection, SecretSource};
use strongroom_vault::{Backup, CreatedBackup, NewBackup};

use super::{
    file::passphrase,
    view::{BackupView, rows},
};
use crate::{
    args::Global,
    input, output, progress, secrets,
    session::{self, Session},
};

/// Write a backup of this moment to a new file, which only its owner can read.
///
/// It holds every row as it is, sealed: to restore it takes one of the wrapper keys of this moment. Verify it, on another
/// machine if you can: a backup that was never opened is a hope.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom backup create vault.backup --recipient age1...\n  \
    strongroom backup create vault.backup --passphrase-file /run/secrets/backup")]
pub(crate) struct Options {
    /// Where to; there must be nothing yet.
    file: PathBuf,
    #[command(flatten)]
    protection: ProtectionArgs,
}

/// Who can read the backup.
#[derive(Args, Debug)]
pub(super) struct ProtectionArgs {
    /// Encrypt to this public key of age; may be given several times.
    #[arg(long, value_name = "age1...", required_unless_present_any = ["recipients_file", "passphrase_file", "passphrase_prompt", "unencrypted"])]
    recipient: Vec<String>,
    /// Encrypt to the public keys in this file, one on a line.
    #[arg(long, value_name = "FILE")]
    recipients_file: Option<PathBuf>,
    /// Encrypt with the passphrase in this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["recipient", "recipients_file", "passphrase_prompt"])]
    passphrase_file: Option<PathBuf>,
    /// Ask for a passphrase to encrypt with.
    #[arg(long, conflicts_with_all = ["recipient", "recipients_file"])]
    passphrase_prompt: bool,
    /// Do not encrypt: names of keys, topology and the audit log are readable; private keys stay sealed.
    #[arg(long, conflicts_with_all = ["recipient", "recipients_file", "passphrase_file", "passphrase_prompt"])]
    unencrypted: bool,
}

impl ProtectionArgs {
    /// Whether only whoever has a secret key opens it.
    pub(super) const fn is_for_recipients(&self) -> bool {
        !self.recipient.is_empty() || self.recipients_file.is_some()
    }

    /// Whether somebody has to be there each time.
    pub(super) const fn asks(&self) -> bool {
        self.passphrase_prompt
    }

    /// The same as the configuration has it, where nobody is asked.
    pub(super) fn into_config(
        self,
        identity_file: Option<PathBuf>,
    ) -> std::io::Result<BackupProtection> {
        let absolute = |path: Option<PathBuf>| path.map(std::path::absolute).transpose();
        Ok(match (self.unencrypted, absolute(self.passphrase_file)?) {
            (true, _) => BackupProtection::Unencrypted {},
            (false, Some(path)) => BackupProtection::Passphrase {
                from: SecretSource::File(path),
            },
            (false, None) => BackupProtection::Recipients {
                keys: self.recipient,
                file: absolute(self.recipients_file)?,
                identity_file: absolute(identity_file)?,
            },
        })
    }

    pub(super) fn read(&self) -> anyhow::Result<Protection> {
        if self.unencrypted {
            return Ok(Protection::None);
        }
        let source = passphrase(self.passphrase_file.as_ref(), self.passphrase_prompt);
        if let Some(source) = source {
            let passphrase = secrets::read_new(&source, "Passphrase of the backup")?;
            return Ok(Protection::Passphrase(passphrase));
        }
        let file = match &self.recipients_file {
            Some(path) => String::from_utf8_lossy(&input::read(path)?).into_owned(),
            None => String::new(),
        };
        // Those of the file first: their lines are the ones that messages name.
        let given = self.recipient.iter().map(String::as_str);
        Ok(Protection::Recipients(Recipients::parse(
            file.lines().chain(given),
        )?))
    }
}

#[derive(Serialize)]
struct Report {
    file: String,
    bytes: u64,
    encrypted: bool,
    rows: BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    backup: BackupView,
}

impl Report {
    fn of(file: String, encrypted: bool, created: &CreatedBackup) -> Self {
        let backup: &Backup = &created.backup;
        Self {
            file,
            bytes: created.bytes,
            encrypted,
            rows: rows(&created.manifest),
            backup: BackupView::of(backup),
        }
    }
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let protection = options.protection.read()?;
    let session = Session::open(global).await?;
    let file = options.file.display().to_string();
    let new = NewBackup {
        file: options.file,
        protection,
        files: session::files(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let bar = progress::spinner(global, "copying rows");
    let created = session
        .vault
        .create_backup(&session.caller, new, |done| bar.set_position(done))
        .await;
    bar.finish_and_clear();
    session.close().await;
    let created = created?;
    let report = Report::of(file, !options.protection.unencrypted, &created);
    output::print(global.output, &report, |out| {
        writeln!(
            out,
            "{}: {} and {}, {} bytes",
            report.file,
            output::counted(created.manifest.rows(Section::Keys), "key"),
            output::counted(created.manifest.rows(Section::Audit), "audit record"),
            report.bytes
        )?;
        writeln!(out, "sha256 {}", report.backup.sha256)?;
        writeln!(out, "verify it: strongroom backup verify {}", report.file)
    })?;
    Ok(ExitCode::SUCCESS)
}
