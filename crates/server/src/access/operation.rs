//! What can be allowed.

use std::{fmt, str::FromStr};

/// Defines the operations, with their stable names and what they are.
macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Something that a caller may be allowed to do. The name is what stands in a configuration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name: `keys.generate`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

operations! {
    /// Ask whether the server is well. Whoever reaches it may.
    Health = "health",
    /// Ask which services there are.
    Reflect = "reflect",
    /// Ask for the state of the node.
    Status = "status",
    /// Get what is needed to find a fault.
    HealthDump = "health-dump",
    /// See the configuration: who may do what, and what stands where.
    ConfigurationShow = "configuration.show",
    /// Propose another configuration: who may do what, what needs a second person, how the audit log is kept.
    ConfigurationChange = "configuration.change",
    /// Change how much is logged.
    LogLevel = "log-level",
    /// Look the vault over: opens every key, tries every wrap.
    Examine = "examine",
    /// Sign messages.
    Sign = "sign",
    /// Verify signatures.
    Verify = "verify",
    /// Encrypt to a key.
    Encrypt = "encrypt",
    /// Decrypt messages.
    Decrypt = "decrypt",
    /// See keys: their public halves, names and where the private halves are.
    KeysList = "keys.list",
    /// Make keys.
    KeysGenerate = "keys.generate",
    /// Take keys in that a KMS holds.
    KeysRegister = "keys.register",
    /// Take public keys in.
    KeysImportPublic = "keys.import-public",
    /// Take private keys in.
    KeysImport = "keys.import",
    /// Get private keys.
    KeysExport = "keys.export",
    /// Destroy keys.
    KeysDelete = "keys.delete",
    /// Retire keys, so that they only verify and decrypt what is old.
    KeysRetire = "keys.retire",
    /// Seal keys that are stored readable.
    KeysSeal = "keys.seal",
    /// Move keys into a key management system, and take them back.
    KeysMigrate = "keys.migrate",
    /// Move keys to where they are stored readable.
    KeysRevert = "keys.revert",
    /// Give up the sealed copies of keys that a key management system has taken in.
    KeysDropCopy = "keys.drop-copy",
    /// Put new keys into the place of those that the node announces.
    NodeKeysRotate = "node-keys.rotate",
    /// See which wrapper keys there are.
    WrapperKeysShow = "wrapper-keys.show",
    /// Put a new wrapper key that the KMS makes in the place of the current one.
    WrapperKeysRotate = "wrapper-keys.rotate",
    /// Put a named wrapper key in the place of the current one.
    WrapperKeysRotateTo = "wrapper-keys.rotate-to",
    /// Try every wrap, which asks each key management system.
    WrapperKeysCheck = "wrapper-keys.check",
    /// Let another wrapper key open the vault, with every key in it.
    WrapperKeysAdd = "wrapper-keys.add",
    /// Take a wrap away.
    WrapperKeysRemove = "wrapper-keys.remove",
    /// Destroy data keys that only older backups need.
    WrapperKeysPrune = "wrapper-keys.prune",
    /// Get backups, sealed and encrypted to keys of one's choice.
    BackupCreate = "backup.create",
    /// See which backups the vault remembers.
    BackupList = "backup.list",
    /// Have the vault count on a backup no longer.
    BackupForget = "backup.forget",
    /// Let a restored vault sign again.
    BackupRelease = "backup.release",
    /// See what waits for a second person.
    ApprovalsList = "approvals.list",
    /// Say yes or no to what others ask for.
    ApprovalsDecide = "approvals.decide",
    /// Go on without a second person, for a reason.
    BreakGlass = "break-glass",
    /// See the audit log.
    AuditRead = "audit.read",
    /// See which long work is under way, whoever began it, and how it goes.
    OperationsShow = "operations.show",
    /// Call long work off, whoever began it.
    OperationsCancel = "operations.cancel",
    /// See how this process stands among others.
    ReplicasShow = "replicas.show",
    /// Have this process leave writing to the others.
    ReplicasStepDown = "replicas.step-down",
    /// See the node's identity.
    IdentityShow = "identity.show",
    /// Give the node its identity.
    IdentityInit = "identity.init",
    /// See topology.
    TopologyRead = "topology.read",
    /// Sign topology transactions without adding them.
    TopologySign = "topology.sign",
    /// Build, sign and add topology transactions.
    TopologyWrite = "topology.write",
}

impl Operation {
    /// Whether a second person can be asked for.
    #[must_use]
    pub const fn can_need_approval(self) -> bool {
        matches!(
            self,
            Self::KeysDelete
                | Self::KeysExport
                | Self::KeysRetire
                | Self::KeysMigrate
                | Self::KeysRevert
                | Self::KeysDropCopy
                | Self::WrapperKeysRotate
                | Self::WrapperKeysRotateTo
                | Self::WrapperKeysAdd
                | Self::WrapperKeysRemove
                | Self::WrapperKeysPrune
                | Self::BackupForget
                | Self::BackupRelease
                | Self::ConfigurationChange
        )
    }

    /// Whether it is about one key, so that a grant may name which.
    #[must_use]
    pub const fn is_about_a_key(self) -> bool {
        matches!(
            self,
            Self::Sign
                | Self::Encrypt
                | Self::Decrypt
                | Self::KeysList
                | Self::KeysExport
                | Self::KeysDelete
                | Self::KeysRetire
                | Self::KeysSeal
                | Self::KeysMigrate
                | Self::KeysRevert
                | Self::KeysDropCopy
        )
    }

    /// Whether it uses and changes nothing, and tells of no key but what is public: no key need limit it.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Health
                | Self::Reflect
                | Self::Status
                | Self::Verify
                | Self::WrapperKeysShow
                | Self::IdentityShow
                | Self::TopologyRead
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no operation of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no operation {0}")]
pub struct UnknownOperation(String);

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|operation| operation.name() == name);
        found
            .copied()
            .ok_or_else(|| UnknownOperation(name.to_owned()))
    }
}
