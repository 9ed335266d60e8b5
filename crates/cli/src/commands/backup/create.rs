//! `backup create`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_backup::{Protection, Recipients, Section};
use strongroom_config::{BackupProtection, SecretSource};
use strongroom_vault::NewBackup;

use super::{
    file::passphrase,
    view::{BackupView, NewBackupView, rows},
};
use crate::{
    args::Global,
    client::Client,
    input, output, progress,
    remote::RemoteError,
    secrets,
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
#[group(required = true, multiple = true)]
pub(super) struct ProtectionArgs {
    /// Encrypt to this public key of age; may be given several times.
    #[arg(long, value_name = "age1...")]
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

    /// The public keys of age to encrypt to, those of the file first: their lines are the ones that messages name.
    pub(super) fn recipients(&self) -> anyhow::Result<Vec<String>> {
        let file = match &self.recipients_file {
            Some(path) => String::from_utf8_lossy(&input::read(path)?).into_owned(),
            None => String::new(),
        };
        let lines = file.lines().map(str::to_owned);
        Ok(lines.chain(self.recipient.iter().cloned()).collect())
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
        let recipients = self.recipients()?;
        let recipients = Recipients::parse(recipients.iter().map(String::as_str))?;
        Ok(Protection::Recipients(recipients))
    }
}

#[derive(Serialize)]
struct Report {
    file: String,
    encrypted: bool,
    #[serde(flatten)]
    backup: NewBackupView,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let protection = options.protection.read()?;
    let client = Client::open(global).await?;
    let file = options.file.display().to_string();
    let bar = progress::spinner(global, "copying rows");
    let tell = |rows| bar.set_position(rows);
    let created = match client {
        Client::Here(session) => create(*session, options.file, protection, tell).await,
        Client::There(server) if options.protection.is_for_recipients() => {
            let recipients = options.protection.recipients()?;
            server.create_backup(&options.file, recipients, tell).await
        }
        Client::There(_) => Err(RemoteError::NotOffered {
            what: "a backup that is not encrypted to --recipient or --recipients-file",
        }
        .into()),
    };
    bar.finish_and_clear();
    let report = Report {
        file,
        encrypted: !options.protection.unencrypted,
        backup: created?,
    };
    output::print(global.output, &report, |out| {
        let rows = |section: Section| report.backup.rows.get(section.name()).copied();
        writeln!(
            out,
            "{}: {} and {}, {} bytes",
            report.file,
            output::counted(rows(Section::Keys).unwrap_or_default(), "key"),
            output::counted(rows(Section::Audit).unwrap_or_default(), "audit record"),
            report.backup.bytes
        )?;
        writeln!(out, "sha256 {}", report.backup.backup.sha256)?;
        writeln!(out, "verify it: strongroom backup verify {}", report.file)
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn create(
    session: Session,
    file: PathBuf,
    protection: Protection,
    tell: impl Fn(u64) + Send + Sync,
) -> anyhow::Result<NewBackupView> {
    let new = NewBackup {
        file,
        protection,
        files: session::files(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let (vault, caller) = (&session.vault, &session.caller);
    let created = vault.create_backup(caller, new, tell).await;
    session.close().await;
    let created = created?;
    Ok(NewBackupView {
        bytes: created.bytes,
        rows: rows(&created.manifest),
        backup: BackupView::of(&created.backup),
    })
}
