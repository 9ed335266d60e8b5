//! What the tables hold, one type per table.
//!
//! The store takes and gives records as they are: it neither opens sealed bytes nor checks MACs. That is the
//! vault's work, because whoever runs the database is an adversary.

mod approval;
mod audit;
mod backup;
mod data_key;
mod identity;
mod kms_journal;
mod private_key;
mod public_key;
mod rotation;
mod stored_key;
mod topology;
mod vault;
mod wrap;

pub use approval::ApprovalRecord;
pub use audit::AuditRow;
pub use backup::BackupRecord;
pub use data_key::{DataKeyRecord, DataKeyState};
pub use identity::IdentityRecord;
pub use kms_journal::{JournalStep, KmsJournalRecord};
pub use private_key::{Custody, KeyState, PrivateKeyRecord, Sealing};
pub use public_key::PublicKeyRecord;
pub use rotation::RotationRecord;
pub use stored_key::{KmsKeyRef, StoredKey};
pub use topology::{TopologyExpiry, TopologyRow, TopologyTag};
pub use vault::VaultRecord;
pub use wrap::WrapRecord;
