//! How backups are shown.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_backup::{Header, Manifest};
use strongroom_vault::Backup;

use crate::output;

/// A backup that the vault remembers.
#[derive(Serialize)]
pub(crate) struct BackupView {
    pub(crate) id: String,
    pub(crate) created_at: String,
    pub(crate) generation: u64,
    pub(crate) sha256: String,
    pub(crate) verified_at: Option<String>,
    pub(crate) data_keys: Vec<String>,
}

/// A backup that was just made.
#[derive(Serialize)]
pub(crate) struct NewBackupView {
    pub(crate) bytes: u64,
    /// By section.
    pub(crate) rows: BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    pub(crate) backup: BackupView,
}

impl BackupView {
    pub(crate) fn of(backup: &Backup) -> Self {
        Self {
            id: backup.id.to_string(),
            created_at: output::moment(backup.created_at),
            generation: backup.generation,
            sha256: hex(&backup.file_hash),
            verified_at: backup.verified_at.map(output::moment),
            data_keys: backup.needs.iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn row(&self) -> [String; 5] {
        [
            self.id.clone(),
            self.created_at.clone(),
            self.generation.to_string(),
            self.verified_at
                .clone()
                .unwrap_or_else(|| "never".to_owned()),
            self.sha256.clone(),
        ]
    }
}

/// What a backup says of itself.
#[derive(Serialize)]
pub(super) struct HeaderView {
    pub(super) id: String,
    pub(super) vault_id: String,
    pub(super) member: Option<String>,
    pub(super) generation: u64,
    pub(super) created_at: String,
    data_key: String,
    program: String,
}

impl HeaderView {
    pub(super) fn of(header: &Header) -> Self {
        Self {
            id: header.id.to_string(),
            vault_id: header.vault.to_string(),
            member: header.member.clone(),
            generation: header.generation,
            created_at: output::moment(header.created_at),
            data_key: header.current_data_key.to_string(),
            program: header.program.clone(),
        }
    }
}

/// Rows by section.
pub(super) fn rows(manifest: &Manifest) -> BTreeMap<&'static str, u64> {
    let sections = manifest.sections.iter();
    sections
        .map(|summary| (summary.section.name(), summary.rows))
        .collect()
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(hash)
}
