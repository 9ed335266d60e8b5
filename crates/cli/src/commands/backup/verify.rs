//! `backup verify`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::Config;
use strongroom_errors::Coded;
use strongroom_vault::{BackupReport, KeysUsed, Vault, VaultError, WrapStatus};

use super::{
    file::{ReadBackup, UnlockArgs},
    view::{HeaderView, hex, rows},
};
use crate::{
    args::Global,
    environment, exit,
    open_kms::OpenKms,
    output, progress,
    session::{self, close},
    settings,
    store::ConfiguredStore,
};

/// Open a backup in memory and use every key in it: sign, decrypt, and check by the public halves.
///
/// The KMS opens it as it would open the restored vault; no vault that is there has a part in it, and nothing is written
/// in clear. If the vault of the backup is here, it remembers when this was done. Exit status 1: something would be lost.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom backup verify vault.backup --identity-file key.txt\n  \
    strongroom backup verify vault.backup --wrap ireland --output json")]
pub(crate) struct Options {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    unlock: UnlockArgs,
    /// Open it with this KMS only, by its configured name: as if the others were gone.
    #[arg(long, value_name = "KMS")]
    wrap: Option<String>,
    /// Do not tell the vault that its backup was verified.
    #[arg(long)]
    no_record: bool,
}

#[derive(Serialize)]
struct Report {
    sound: bool,
    verified_at: String,
    file: String,
    sha256: String,
    backup: HeaderView,
    opened_by: OpenedBy,
    wraps: Vec<WrapView>,
    keys: KeysView,
    failed: Vec<FailedView>,
    audit: PartView,
    topology: PartView,
    rows: BTreeMap<&'static str, u64>,
    kms_calls: u64,
    /// Whether the vault remembers it.
    recorded: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_recorded_because: Option<String>,
}

#[derive(Serialize)]
struct OpenedBy {
    kms: String,
    wrapper_key_id: String,
}

#[derive(Serialize)]
struct WrapView {
    kms: String,
    wrapper_key_id: String,
    opens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct KeysView {
    signed: usize,
    decrypted: usize,
    compared: usize,
    public_only: usize,
    external: usize,
}

#[derive(Serialize)]
struct FailedView {
    fingerprint: String,
    code: &'static str,
    reason: String,
}

/// The audit chain, or topology.
#[derive(Serialize)]
struct PartView {
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let config = session::read_config(global)?;
    let backup = ReadBackup::open(&options.file, &options.unlock)?;
    let kms = OpenKms::open(&config, &global.kms).await?;
    let mut environment = kms.environment(std::sync::Arc::new(backup.store.clone()), &config);
    if let Some(only) = &options.wrap {
        environment.wrappers.retain(|named| named.name == *only);
        if environment.wrappers.is_empty() {
            let kms = only.clone();
            return Err(VaultError::KmsNotConfigured { kms }.into());
        }
    }
    let keys = backup
        .store
        .manifest()
        .rows(strongroom_backup::Section::Keys);
    let bar = progress::bar(global, keys, "using keys");
    let settings = settings::settings(&config)?;
    let found = Vault::verify_backup(environment, settings, &backup.store, |done, _of| {
        bar.set_position(done as u64);
    })
    .await;
    bar.finish_and_clear();
    let found = found?;
    let recorded = if options.no_record {
        Err(anyhow::anyhow!("--no-record"))
    } else {
        record(global, &config, &kms, &found, backup.file_hash).await
    };
    let mut report = Report::of(&options.file, &backup, found);
    report.kms_calls = kms.total_calls();
    report.recorded = recorded.is_ok();
    report.not_recorded_because = recorded.err().map(|error| format!("{error:#}"));
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::from(if report.sound { 0 } else { exit::NO }))
}

/// Tells the vault, if it is here and its backup is sound.
async fn record(
    global: &Global,
    config: &Config,
    kms: &OpenKms,
    report: &BackupReport,
    file_hash: [u8; 32],
) -> anyhow::Result<()> {
    if !report.is_sound() {
        anyhow::bail!("the backup is not sound");
    }
    let configured = ConfiguredStore::of(config, &global.dir)?;
    if !configured.exists().await? {
        anyhow::bail!("there is no vault in {}", configured.place()?);
    }
    let store = configured.open().await?;
    let vault = session::open_vault(config, kms, store).await?;
    let noted = vault
        .note_verified(&environment::caller()?, report, file_hash)
        .await;
    close(vault).await;
    noted?;
    Ok(())
}

impl Report {
    fn of(file: &std::path::Path, backup: &ReadBackup, found: BackupReport) -> Self {
        let sound = found.is_sound();
        let (kms, wrapper_key_id) = found.opened_by;
        Self {
            sound,
            verified_at: output::moment(found.verified_at),
            file: file.display().to_string(),
            sha256: hex(&backup.file_hash),
            backup: HeaderView::of(&found.header),
            opened_by: OpenedBy {
                kms,
                wrapper_key_id,
            },
            wraps: found.wraps.into_iter().map(WrapView::of).collect(),
            keys: KeysView::of(found.used),
            failed: found.failed.iter().map(FailedView::of).collect(),
            audit: PartView::of(found.audit),
            topology: PartView::of(found.topology),
            rows: rows(&found.manifest),
            kms_calls: 0,
            recorded: false,
            not_recorded_because: None,
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let backup = &self.backup;
        writeln!(out, "backup      {} of {}", backup.id, backup.created_at)?;
        writeln!(out, "vault       {}", backup.vault_id)?;
        if let Some(member) = &backup.member {
            writeln!(out, "node        {member}")?;
        }
        writeln!(out, "generation  {}", backup.generation)?;
        writeln!(out, "sha256      {}", self.sha256)?;
        let by = &self.opened_by;
        writeln!(out, "opened by   {} of {}", by.wrapper_key_id, by.kms)?;
        for wrap in self.wraps.iter().filter(|wrap| !wrap.opens) {
            let (code, reason) = (wrap.code.unwrap_or_default(), wrap.reason.as_deref());
            writeln!(
                out,
                "no wrap     {} of {}: {} ({code})",
                wrap.wrapper_key_id,
                wrap.kms,
                reason.unwrap_or_default()
            )?;
        }
        let keys = &self.keys;
        writeln!(
            out,
            "keys        {} signed, {} decrypted, {} retired and compared, {} public only; a KMS holds {}",
            keys.signed, keys.decrypted, keys.compared, keys.public_only, keys.external
        )?;
        for failed in &self.failed {
            writeln!(
                out,
                "FAILED      {}: {} ({})",
                failed.fingerprint, failed.reason, failed.code
            )?;
        }
        self.audit.write("audit", "record", out)?;
        self.topology.write("topology", "transaction", out)?;
        let verdict = if self.sound { "sound" } else { "NOT SOUND" };
        writeln!(out, "{verdict}, verified at {}", self.verified_at)?;
        match &self.not_recorded_because {
            Some(reason) => writeln!(out, "not recorded: {reason}"),
            None => writeln!(out, "recorded in the vault"),
        }
    }
}

impl WrapView {
    fn of(wrap: WrapStatus) -> Self {
        Self {
            kms: wrap.kms,
            wrapper_key_id: wrap.wrapper_key_id,
            opens: wrap.failure.is_none(),
            code: wrap.failure,
            reason: wrap.reason,
        }
    }
}

impl KeysView {
    fn of(used: KeysUsed) -> Self {
        Self {
            signed: used.signed,
            decrypted: used.decrypted,
            compared: used.compared,
            public_only: used.public_only,
            external: used.external,
        }
    }
}

impl FailedView {
    fn of((fingerprint, error): &(strongroom_crypto::Fingerprint, VaultError)) -> Self {
        Self {
            fingerprint: fingerprint.to_string(),
            code: error.code().name(),
            reason: error.to_string(),
        }
    }
}

impl PartView {
    fn of(part: Result<u64, VaultError>) -> Self {
        match part {
            Ok(rows) => Self {
                rows: Some(rows),
                code: None,
            },
            Err(error) => Self {
                rows: None,
                code: Some(error.code().name()),
            },
        }
    }

    fn write(&self, name: &str, thing: &str, out: &mut dyn Write) -> io::Result<()> {
        match (self.rows, self.code) {
            (Some(rows), _) => writeln!(out, "{name:<11} {}", output::counted(rows, thing)),
            (None, code) => writeln!(out, "{name:<11} FAILED ({})", code.unwrap_or_default()),
        }
    }
}
