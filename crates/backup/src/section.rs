//! The parts of a backup, in the order in which they come.

use std::fmt;

/// A part of a backup. All rows of one table are in one section, and sections come in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// What the backup is of; one frame.
    Header,
    /// The data keys, without their bytes.
    DataKeys,
    /// The wraps of the data keys.
    Wraps,
    /// The vault's row; one frame.
    Vault,
    /// The node; at most one frame.
    Identity,
    /// Keys, both halves in one frame, in the order of their fingerprints.
    Keys,
    /// Rotations under way.
    Rotations,
    /// Keys of a KMS on their way in or out.
    KmsJournal,
    /// Topology, in the order of the stores and ordinals.
    Topology,
    /// The audit chain, from its first record.
    Audit,
    /// Earlier backups.
    Backups,
    /// What was asked for and needs a second person. A vault that is restored has none of it.
    Approvals,
    /// Counts and hashes of all the others; one frame, the last.
    Manifest,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; 13] = [
        Self::Header,
        Self::DataKeys,
        Self::Wraps,
        Self::Vault,
        Self::Identity,
        Self::Keys,
        Self::Rotations,
        Self::KmsJournal,
        Self::Topology,
        Self::Audit,
        Self::Backups,
        Self::Approvals,
        Self::Manifest,
    ];

    /// The number in the file, which never changes.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Header => 0,
            Self::DataKeys => 1,
            Self::Wraps => 2,
            Self::Vault => 3,
            Self::Identity => 4,
            Self::Keys => 5,
            Self::Rotations => 6,
            Self::KmsJournal => 7,
            Self::Topology => 8,
            Self::Audit => 9,
            Self::Backups => 10,
            Self::Approvals => 11,
            Self::Manifest => 255,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.code() == code)
    }

    /// The stable name, for people and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::DataKeys => "data_keys",
            Self::Wraps => "wraps",
            Self::Vault => "vault",
            Self::Identity => "identity",
            Self::Keys => "keys",
            Self::Rotations => "rotations",
            Self::KmsJournal => "kms_journal",
            Self::Topology => "topology",
            Self::Audit => "audit",
            Self::Backups => "backups",
            Self::Approvals => "approvals",
            Self::Manifest => "manifest",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
