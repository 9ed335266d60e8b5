//! `kms orphans`.

use std::{io::Write, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_errors::Coded;
use strongroom_kms::KmsKeyId;
use strongroom_store::JournalId;
use strongroom_vault::{JournalEntry, Orphan, Orphans};

use crate::{args::Global, exit, failure::CliError, output, progress, session::Session};

/// Find keys in the KMSs that were made for this vault and are none of its keys; adopt, delete or keep them
///
/// A key that a KMS makes is written into the vault's journal before and after, so that an interruption leaves none that
/// nobody knows of: this shows what the journal says, and searches every KMS for keys with the tag of this vault. A wrapper key
/// that never wrapped anything is shown too: use it with 'wrapper-key add --wrapper-key ID', or delete it in the KMS.
///
/// A key that left the vault is destroyed by a KMS that waits some days by itself, or when it is due ('destroy-after' in the
/// configuration): by 'serve', or by the next command. Until then --keep cancels that.
///
/// Exit status 0: there is nothing to be done; 1: there is something to adopt, to delete or to forget, or a KMS could not be searched.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom kms orphans\n  \
    strongroom kms orphans --adopt 1234abcd-12ab-34cd-56ef-1234567890ab --kms aws\n  \
    strongroom kms orphans --delete 1234abcd-12ab-34cd-56ef-1234567890ab --kms aws\n  \
    strongroom kms orphans --keep 1234abcd-12ab-34cd-56ef-1234567890ab --kms hsm\n  \
    strongroom kms orphans --forget 00112233445566778899aabbccddeeff")]
pub(crate) struct Options {
    /// Make this key what it was to be when it was made.
    #[arg(long, value_name = "KMS_KEY", group = "act", requires = "kms")]
    adopt: Option<KmsKeyId>,
    /// Have the KMS destroy this key when it is due.
    #[arg(long, value_name = "KMS_KEY", group = "act", requires = "kms")]
    delete: Option<KmsKeyId>,
    /// Destroy it without waiting.
    #[arg(long, requires = "delete")]
    danger_now: bool,
    /// Keep this key, which was to be destroyed: it can be registered again.
    #[arg(long, value_name = "KMS_KEY", group = "act", requires = "kms")]
    keep: Option<KmsKeyId>,
    /// Strike this entry out of the journal, if the KMS has no key of it.
    #[arg(long, value_name = "ENTRY", group = "act", value_parser = parse_entry)]
    forget: Option<JournalId>,
    /// The KMS of the key, by its configured name.
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
}

fn parse_entry(text: &str) -> Result<JournalId, String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(JournalId::from_bytes)
        .ok_or_else(|| "an entry has 32 hexadecimal digits".to_owned())
}

#[derive(Serialize)]
struct Report {
    /// What was done, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    did: Option<String>,
    journal: Vec<EntryView>,
    orphans: Vec<OrphanView>,
    /// KMSs that could not be searched.
    unsearched: Vec<Unsearched>,
}

#[derive(Serialize)]
struct EntryView {
    entry: String,
    kms: String,
    step: &'static str,
    kms_key_id: Option<String>,
    spec: &'static str,
    name: Option<String>,
    created_at: String,
    /// When the KMS is to destroy it, unless that is cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

#[derive(Serialize)]
struct OrphanView {
    kms: String,
    kms_key_id: String,
    kind: String,
    state: &'static str,
    /// The journal's entry about it, if there is one: then it can be adopted.
    entry: Option<String>,
}

#[derive(Serialize)]
struct Unsearched {
    kms: String,
    /// None for a KMS that has no way to search.
    code: Option<&'static str>,
    reason: String,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    let did = act(&session, &options).await?;
    let spinner = progress::spinner(global, "searching for keys");
    let orphans = session.vault.find_orphans().await?;
    spinner.finish_and_clear();
    let report = Report::of(did, &session.vault.kms_journal(), orphans);
    session.close().await;
    output::print(global.output, &report, |out| report.print(out))?;
    // What waits until it is due needs nobody.
    let waits = report.journal.iter().all(|entry| entry.due_at.is_some());
    let clean = waits && report.orphans.is_empty() && report.unsearched.is_empty();
    Ok(ExitCode::from(if clean { 0 } else { exit::NO }))
}

async fn act(session: &Session, options: &Options) -> anyhow::Result<Option<String>> {
    let (vault, caller) = (&session.vault, &session.caller);
    if let Some(entry) = options.forget {
        vault.forget_journal_entry(caller, entry).await?;
        return Ok(Some(format!("forgot entry {entry}")));
    }
    let kms = || {
        let named = options.kms.as_deref();
        named.ok_or(CliError::FlagMissing { flag: "--kms" })
    };
    if let Some(key) = &options.adopt {
        let entry = vault.adopt_orphan(caller, kms()?, key).await?;
        return Ok(Some(format!("adopted {key} as {}", entry.fingerprint())));
    }
    if let Some(key) = &options.delete {
        let kms = kms()?;
        if options.danger_now {
            vault.danger_delete_orphan_now(caller, kms, key).await?;
        } else {
            vault.delete_orphan(caller, kms, key).await?;
        }
        let due = vault.kms_journal().into_iter().find_map(|entry| {
            let is_it = entry.kms() == kms && entry.progress().key() == Some(key);
            is_it.then(|| entry.progress().due()).flatten()
        });
        return Ok(Some(match due {
            Some(due) => format!("{key} is to be destroyed at {}", output::moment(due)),
            None => format!("deleted {key}"),
        }));
    }
    if let Some(key) = &options.keep {
        vault.keep_key(caller, kms()?, key).await?;
        return Ok(Some(format!("{key} is kept, and is none of this vault")));
    }
    Ok(None)
}

impl Report {
    fn of(did: Option<String>, journal: &[JournalEntry], orphans: Orphans) -> Self {
        let unsearched = orphans.unsearched.into_iter();
        Self {
            did,
            journal: journal.iter().map(EntryView::of).collect(),
            orphans: orphans.found.iter().map(OrphanView::of).collect(),
            unsearched: unsearched
                .map(|(kms, error)| Unsearched {
                    kms,
                    code: error.as_ref().map(|error| error.code().name()),
                    reason: error.map_or_else(
                        || "it has no way to search for keys".to_owned(),
                        |error| error.to_string(),
                    ),
                })
                .collect(),
        }
    }

    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        if let Some(did) = &self.did {
            writeln!(out, "{did}\n")?;
        }
        if self.journal.is_empty() && self.orphans.is_empty() {
            writeln!(out, "no orphans, and nothing under way")?;
        }
        if !self.orphans.is_empty() {
            writeln!(out, "Keys in a KMS that are none of this vault:")?;
            let rows = self.orphans.iter().map(|orphan| {
                [
                    orphan.kms.clone(),
                    orphan.kms_key_id.clone(),
                    orphan.kind.clone(),
                    orphan.state.to_owned(),
                    orphan.entry.clone().unwrap_or_else(|| "-".to_owned()),
                ]
            });
            let header = ["KMS", "KMS KEY", "KIND", "STATE", "ENTRY"];
            writeln!(out, "{}", output::table(header, rows))?;
        }
        if !self.journal.is_empty() {
            writeln!(out, "Journal:")?;
            let rows = self.journal.iter().map(|entry| {
                [
                    entry.entry.clone(),
                    entry.kms.clone(),
                    entry.step.to_owned(),
                    entry.kms_key_id.clone().unwrap_or_else(|| "-".to_owned()),
                    entry.name.clone().unwrap_or_else(|| "-".to_owned()),
                    entry.created_at.clone(),
                    entry.due_at.clone().unwrap_or_else(|| "-".to_owned()),
                ]
            });
            let header = ["ENTRY", "KMS", "STEP", "KMS KEY", "NAME", "SINCE", "DUE"];
            writeln!(out, "{}", output::table(header, rows))?;
        }
        let mut unsearched = self.unsearched.iter();
        unsearched
            .try_for_each(|it| writeln!(out, "{} could not be searched: {}", it.kms, it.reason))
    }
}

impl EntryView {
    fn of(entry: &JournalEntry) -> Self {
        Self {
            entry: entry.id().to_string(),
            kms: entry.kms().to_owned(),
            step: entry.progress().name(),
            kms_key_id: entry.progress().key().map(ToString::to_string),
            spec: entry.spec().name(),
            name: entry.key_name().map(|name| name.as_str().to_owned()),
            created_at: output::moment(entry.created_at()),
            due_at: entry.progress().due().map(output::moment),
        }
    }
}

impl OrphanView {
    fn of(orphan: &Orphan) -> Self {
        Self {
            kms: orphan.kms.clone(),
            kms_key_id: orphan.key.id.to_string(),
            kind: orphan.key.kind.to_string(),
            state: orphan.key.state.name(),
            entry: orphan.journal.map(|entry| entry.to_string()),
        }
    }
}
