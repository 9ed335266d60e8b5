//! Bundles of operations, so that duties stay apart.

use std::str::FromStr;

use super::Operation;

/// What a kind of user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Makes, takes in and destroys keys and changes wrapper keys; signs and decrypts nothing, and sees no private key.
    KeyAdministrator,
    /// Keeps the node running: its state, its topology; uses no key itself.
    Operator,
    /// Uses keys: signs, verifies, encrypts and decrypts.
    Node,
    /// Sees everything but secrets, and changes nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::KeyAdministrator,
        Self::Operator,
        Self::Node,
        Self::Auditor,
    ];

    /// The stable name, as it stands in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyAdministrator => "key-administrator",
            Self::Operator => "operator",
            Self::Node => "node",
            Self::Auditor => "auditor",
        }
    }

    /// What it may do. To give private keys out, to store them readable, to let a wrapper key of one's choice open them (a new one, or
    /// in the place of the current one) and to break the glass belongs to no role: it is granted by name.
    #[must_use]
    pub const fn operations(self) -> &'static [Operation] {
        use Operation as O;
        match self {
            Self::KeyAdministrator => &[
                O::Reflect,
                O::Status,
                O::Examine,
                O::KeysList,
                O::KeysGenerate,
                O::KeysRegister,
                O::KeysImportPublic,
                O::KeysImport,
                O::KeysDelete,
                O::KeysRetire,
                O::KeysSeal,
                O::KeysMigrate,
                O::KeysDropCopy,
                O::NodeKeysRotate,
                O::WrapperKeysShow,
                O::WrapperKeysRotate,
                O::WrapperKeysCheck,
                O::WrapperKeysRemove,
                O::WrapperKeysPrune,
                O::BackupList,
                O::BackupRelease,
                O::ConfigurationChange,
                O::ApprovalsList,
                O::ApprovalsDecide,
                O::OperationsShow,
                O::OperationsCancel,
                O::ReplicasShow,
                O::IdentityShow,
                O::TopologyRead,
            ],
            Self::Operator => &[
                O::Reflect,
                O::Status,
                O::Examine,
                O::HealthDump,
                O::ConfigurationShow,
                O::ConfigurationChange,
                O::LogLevel,
                O::KeysList,
                O::KeysImportPublic,
                O::WrapperKeysShow,
                O::WrapperKeysCheck,
                O::BackupCreate,
                O::BackupList,
                O::BackupForget,
                O::ApprovalsList,
                O::ApprovalsDecide,
                O::OperationsShow,
                O::OperationsCancel,
                O::ReplicasShow,
                O::ReplicasStepDown,
                O::IdentityShow,
                O::IdentityInit,
                O::TopologyRead,
                O::TopologySign,
                O::TopologyWrite,
            ],
            Self::Node => &[
                O::Reflect,
                O::Status,
                O::Sign,
                O::Verify,
                O::Encrypt,
                O::Decrypt,
                O::KeysList,
                O::IdentityShow,
                O::TopologyRead,
            ],
            Self::Auditor => &[
                O::Reflect,
                O::Status,
                O::Examine,
                O::ConfigurationShow,
                O::Verify,
                O::KeysList,
                O::WrapperKeysShow,
                O::WrapperKeysCheck,
                O::BackupList,
                O::ApprovalsList,
                O::AuditRead,
                O::OperationsShow,
                O::ReplicasShow,
                O::IdentityShow,
                O::TopologyRead,
            ],
        }
    }
}

/// There is no role of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {0}: key-administrator, operator, node or auditor")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.name() == name);
        found.ok_or_else(|| UnknownRole(name.to_owned()))
    }
}
