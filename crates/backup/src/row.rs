//! What a backup consists of.

use strongroom_store::{
    ApprovalRecord, AuditRow, BackupRecord, DataKeyRecord, IdentityRecord, KeyRow,
    KmsJournalRecord, RotationRecord, TopologyRow, VaultRecord, WrapRecord,
};

use crate::section::Section;

/// One row of a vault, as it goes into a backup.
#[derive(Debug)]
pub enum Row {
    /// A data key, without its bytes.
    DataKey(DataKeyRecord),
    /// A wrap of a data key.
    Wrap(WrapRecord),
    /// The vault's row.
    Vault(VaultRecord),
    /// The node.
    Identity(IdentityRecord),
    /// A key, both halves.
    Key(Box<KeyRow>),
    /// A rotation under way.
    Rotation(RotationRecord),
    /// A key of a KMS on its way in or out.
    KmsJournal(KmsJournalRecord),
    /// A topology transaction.
    Topology(Box<TopologyRow>),
    /// An audit record.
    Audit(AuditRow),
    /// An earlier backup.
    Backup(BackupRecord),
    /// An approval that was asked for.
    Approval(ApprovalRecord),
}

impl Row {
    pub(crate) const fn section(&self) -> Section {
        match self {
            Self::DataKey(_) => Section::DataKeys,
            Self::Wrap(_) => Section::Wraps,
            Self::Vault(_) => Section::Vault,
            Self::Identity(_) => Section::Identity,
            Self::Key(_) => Section::Keys,
            Self::Rotation(_) => Section::Rotations,
            Self::KmsJournal(_) => Section::KmsJournal,
            Self::Topology(_) => Section::Topology,
            Self::Audit(_) => Section::Audit,
            Self::Backup(_) => Section::Backups,
            Self::Approval(_) => Section::Approvals,
        }
    }
}
