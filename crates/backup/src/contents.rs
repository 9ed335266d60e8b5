//! The rows of a backup that was read, as they are found again.

use strongroom_crypto::Fingerprint;
use strongroom_store::{
    ApprovalRecord, AuditRow, BackupRecord, DataKeyRecord, IdentityRecord, KmsJournalRecord,
    RotationRecord, VaultRecord, WrapRecord,
};

use crate::{
    codec::{self, Malformed},
    header::Header,
    manifest::Manifest,
    section::Section,
};

/// Everything in a backup. Rows that there are many of stay encoded, so that memory holds about what the file does.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) header: Header,
    pub(crate) manifest: Manifest,
    pub(crate) data_keys: Vec<DataKeyRecord>,
    pub(crate) wraps: Vec<WrapRecord>,
    pub(crate) vault: Option<VaultRecord>,
    pub(crate) identity: Option<IdentityRecord>,
    /// In ascending order.
    pub(crate) keys: Vec<(Fingerprint, Box<[u8]>)>,
    pub(crate) rotations: Vec<RotationRecord>,
    pub(crate) journal: Vec<KmsJournalRecord>,
    /// In ascending order of store and ordinal.
    pub(crate) topology: Vec<Box<[u8]>>,
    /// The one with sequence number 1 first, without gaps.
    pub(crate) audit: Vec<AuditRow>,
    pub(crate) backups: Vec<BackupRecord>,
    pub(crate) approvals: Vec<ApprovalRecord>,
}

impl Contents {
    pub(crate) fn of(header: Header) -> Self {
        Self {
            header,
            manifest: Manifest {
                sections: Vec::new(),
                tag: [0; 32],
            },
            data_keys: Vec::new(),
            wraps: Vec::new(),
            vault: None,
            identity: None,
            keys: Vec::new(),
            rotations: Vec::new(),
            journal: Vec::new(),
            topology: Vec::new(),
            audit: Vec::new(),
            backups: Vec::new(),
            approvals: Vec::new(),
        }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// [`Malformed`] for one that cannot be read, or does not come after the one before.
    pub(crate) fn take(&mut self, section: Section, row: Vec<u8>) -> Result<(), Malformed> {
        match section {
            Section::Header | Section::Manifest => return Err(Malformed),
            Section::DataKeys => self.data_keys.push(codec::decode_data_key(&row)?),
            Section::Wraps => self.wraps.push(codec::decode_wrap(&row)?),
            Section::Vault => only(&mut self.vault, codec::decode_vault(&row)?)?,
            Section::Identity => only(&mut self.identity, codec::decode_identity(&row)?)?,
            Section::Keys => self.take_key(row)?,
            Section::Rotations => self.rotations.push(codec::decode_rotation(&row)?),
            Section::KmsJournal => self.journal.push(codec::decode_journal(&row)?),
            Section::Topology => self.take_topology(row)?,
            Section::Audit => self.take_audit(&row)?,
            Section::Backups => self.backups.push(codec::decode_backup(&row)?),
            Section::Approvals => self.approvals.push(codec::decode_approval(&row)?),
        }
        Ok(())
    }

    /// With everything in it.
    ///
    /// # Errors
    /// [`Malformed`] when the vault's row is missing, or is not the one of the header.
    pub(crate) fn complete(self, manifest: Manifest) -> Result<Self, Malformed> {
        let vault = self.vault.as_ref().ok_or(Malformed)?;
        let is_of_header =
            vault.id == self.header.vault && vault.current_data_key == self.header.current_data_key;
        if is_of_header {
            Ok(Self { manifest, ..self })
        } else {
            Err(Malformed)
        }
    }

    fn take_key(&mut self, row: Vec<u8>) -> Result<(), Malformed> {
        let fingerprint = codec::fingerprint_of(&row)?;
        if self
            .keys
            .last()
            .is_some_and(|(last, _)| *last >= fingerprint)
        {
            return Err(Malformed);
        }
        self.keys.push((fingerprint, row.into()));
        Ok(())
    }

    fn take_topology(&mut self, row: Vec<u8>) -> Result<(), Malformed> {
        let position = codec::position_of(&row)?;
        if let Some(last) = self.topology.last()
            && codec::position_of(last)? >= position
        {
            return Err(Malformed);
        }
        self.topology.push(row.into());
        Ok(())
    }

    fn take_audit(&mut self, row: &[u8]) -> Result<(), Malformed> {
        let row = codec::decode_audit(row)?;
        if row.sequence != self.audit.len() as u64 + 1 {
            return Err(Malformed);
        }
        self.audit.push(row);
        Ok(())
    }
}

fn only<T>(place: &mut Option<T>, row: T) -> Result<(), Malformed> {
    match place.replace(row) {
        None => Ok(()),
        Some(_a_second) => Err(Malformed),
    }
}
