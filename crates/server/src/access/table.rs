//! What each rpc is.

use super::Operation;
use crate::rpc::Rpc;

/// The operation that an rpc is. Every rpc of the contract has one: a new one does not compile without.
#[must_use]
pub const fn operation_of(rpc: Rpc) -> Operation {
    use Operation as O;
    match rpc {
        Rpc::HealthCheck | Rpc::HealthWatch | Rpc::HealthList | Rpc::ApiInfoServiceGetApiInfo => {
            O::Health
        }
        Rpc::ReflectionInfo | Rpc::ReflectionAlphaInfo => O::Reflect,

        Rpc::VaultServiceListMyKeys | Rpc::VaultServiceListPublicKeys | Rpc::KeyServiceListKeys => {
            O::KeysList
        }
        Rpc::VaultServiceGenerateSigningKey
        | Rpc::VaultServiceGenerateEncryptionKey
        | Rpc::KeyServiceGenerateSigningKey
        | Rpc::KeyServiceGenerateSigningKeys
        | Rpc::KeyServiceGenerateEncryptionKey => O::KeysGenerate,
        Rpc::VaultServiceRegisterKmsSigningKey
        | Rpc::VaultServiceRegisterKmsEncryptionKey
        | Rpc::KeyServiceRegisterKey => O::KeysRegister,
        Rpc::VaultServiceImportPublicKey | Rpc::KeyServiceImportPublicKey => O::KeysImportPublic,
        Rpc::VaultServiceImportKeyPair | Rpc::KeyServiceImportKey => O::KeysImport,
        Rpc::VaultServiceExportKeyPair | Rpc::KeyServiceExportKey => O::KeysExport,
        Rpc::VaultServiceDeleteKeyPair | Rpc::KeyServiceDeleteKey => O::KeysDelete,
        // With a named key it is another operation as well: its handler asks.
        Rpc::VaultServiceRotateWrapperKey => O::WrapperKeysRotate,
        Rpc::VaultServiceGetWrapperKeyId => O::WrapperKeysShow,

        Rpc::IdentityInitializationServiceInitId => O::IdentityInit,
        Rpc::IdentityInitializationServiceGetId => O::IdentityShow,
        Rpc::IdentityInitializationServiceCurrentTime => O::Status,

        Rpc::ParticipantStatusServiceParticipantStatus
        | Rpc::SequencerStatusServiceSequencerStatus
        | Rpc::MediatorStatusServiceMediatorStatus => O::Status,
        Rpc::StatusServiceHealthDump => O::HealthDump,
        Rpc::StatusServiceSetLogLevel => O::LogLevel,

        Rpc::TopologyAggregationServiceListKeyOwners
        | Rpc::TopologyAggregationServiceListParties
        | Rpc::TopologyManagerReadServiceExportTopologySnapshot
        | Rpc::TopologyManagerReadServiceExportTopologySnapshotV2
        | Rpc::TopologyManagerReadServiceGenesisState
        | Rpc::TopologyManagerReadServiceGenesisStateV2
        | Rpc::TopologyManagerReadServiceListAll
        | Rpc::TopologyManagerReadServiceListAllV2
        | Rpc::TopologyManagerReadServiceListAvailableStores
        | Rpc::TopologyManagerReadServiceListDecentralizedNamespaceDefinition
        | Rpc::TopologyManagerReadServiceListLsuAnnouncement
        | Rpc::TopologyManagerReadServiceListLsuSequencerConnectionSuccessor
        | Rpc::TopologyManagerReadServiceListMediatorSynchronizerState
        | Rpc::TopologyManagerReadServiceListNamespaceDelegation
        | Rpc::TopologyManagerReadServiceListOwnerToKeyMapping
        | Rpc::TopologyManagerReadServiceListParticipantSynchronizerPermission
        | Rpc::TopologyManagerReadServiceListPartyHostingLimits
        | Rpc::TopologyManagerReadServiceListPartyToKeyMapping
        | Rpc::TopologyManagerReadServiceListPartyToParticipant
        | Rpc::TopologyManagerReadServiceListSequencerSynchronizerState
        | Rpc::TopologyManagerReadServiceListSequencingParametersState
        | Rpc::TopologyManagerReadServiceListSynchronizerParametersState
        | Rpc::TopologyManagerReadServiceListSynchronizerTrustCertificate
        | Rpc::TopologyManagerReadServiceListVettedPackages
        | Rpc::TopologyManagerReadServiceSequencerLsuState
        | Rpc::TopologyServiceListStores
        | Rpc::TopologyServiceReadStore => O::TopologyRead,
        Rpc::TopologyManagerWriteServiceSignTransactions | Rpc::TopologyServiceSignTransactions => {
            O::TopologySign
        }
        // It needs no key, and changes nothing.
        Rpc::TopologyManagerWriteServiceGenerateTransactions => O::TopologyRead,
        Rpc::TopologyManagerWriteServiceAddTransactions
        | Rpc::TopologyManagerWriteServiceAuthorize
        | Rpc::TopologyManagerWriteServiceCreateTemporaryTopologyStore
        | Rpc::TopologyManagerWriteServiceDropTemporaryTopologyStore
        | Rpc::TopologyManagerWriteServiceImportTopologySnapshot
        | Rpc::TopologyManagerWriteServiceImportTopologySnapshotV2
        | Rpc::TopologyServicePropose
        | Rpc::TopologyServiceAuthorize
        | Rpc::TopologyServiceAddTransactions
        | Rpc::TopologyServiceImportSnapshot
        // With a key that is made for it, it is another operation as well: its handler asks.
        | Rpc::TopologyServiceRotatePartyKey
        | Rpc::TopologyServiceMigratePartyKeys => O::TopologyWrite,

        Rpc::SigningServiceSign
        | Rpc::SigningServiceSignProtocol
        | Rpc::SigningServiceSignBatch
        | Rpc::SigningServiceSignForParty
        | Rpc::SigningServiceSignStream => O::Sign,

        Rpc::OperationsServiceRotateNodeKeys
        | Rpc::OperationsServiceResumeNodeKeyRotation
        | Rpc::OperationsServiceAbandonNodeKeyRotation
        | Rpc::KeyServiceAnnounceKey
        | Rpc::KeyServiceWithdrawKey => O::NodeKeysRotate,
        Rpc::OperationsServiceListNodeKeyRotations => O::KeysList,
        Rpc::OperationsServiceRetireKey => O::KeysRetire,
        Rpc::OperationsServiceSealKeys => O::KeysSeal,
        // To where keys are readable it is another operation as well: its handler asks.
        Rpc::OperationsServicePlanMigration | Rpc::OperationsServiceMigrateKeys => O::KeysMigrate,
        Rpc::OperationsServiceDropCopies => O::KeysDropCopy,
        Rpc::OperationsServiceShowWrapperKeys => O::WrapperKeysShow,
        // With a named key it is another operation as well: its handler asks.
        Rpc::OperationsServiceRotateWrapperKey
        | Rpc::OperationsServiceResumeWrapperKeyRotation
        | Rpc::OperationsServicePlanWrapperKeyRotation
        | Rpc::OperationsServiceRewrapDataKey => O::WrapperKeysRotate,
        Rpc::OperationsServiceAddWrap => O::WrapperKeysAdd,
        Rpc::OperationsServiceRemoveWrap => O::WrapperKeysRemove,
        Rpc::OperationsServiceCheckWraps => O::WrapperKeysCheck,
        Rpc::OperationsServicePruneDataKeys => O::WrapperKeysPrune,
        Rpc::OperationsServiceCreateBackup => O::BackupCreate,
        Rpc::OperationsServiceListBackups => O::BackupList,
        Rpc::OperationsServiceForgetBackup => O::BackupForget,
        Rpc::OperationsServiceReleaseVault => O::BackupRelease,
        Rpc::OperationsServiceExamine => O::Examine,
        // If it asks the key management systems, it is another operation as well: its handler asks.
        Rpc::OperationsServiceShowNumbers => O::Status,
        Rpc::OperationsServiceShowConfiguration => O::ConfigurationShow,
        Rpc::OperationsServiceProposeConfiguration => O::ConfigurationChange,
        Rpc::OperationsServiceListApprovals => O::ApprovalsList,
        Rpc::OperationsServiceApprove
        | Rpc::OperationsServiceReject
        | Rpc::OperationsServiceAcknowledgeBreakGlass => O::ApprovalsDecide,
        Rpc::OperationsServiceListAudit | Rpc::OperationsServiceExportAudit => O::AuditRead,
        Rpc::OperationsServiceFollowAudit | Rpc::OperationsServiceShowAuditKey => O::AuditRead,
        Rpc::OperationsServiceShowReplica | Rpc::OperationsServiceListReplicas => O::ReplicasShow,
        Rpc::OperationsServiceStepDown => O::ReplicasStepDown,
        Rpc::OperationsServiceListOperations | Rpc::OperationsServiceWatchOperation => {
            O::OperationsShow
        }
        Rpc::OperationsServiceCancelOperation => O::OperationsCancel,

        Rpc::SigningServiceVerify
        | Rpc::SigningServiceVerifyProtocol
        | Rpc::SigningServiceVerifyProtocolGroup
        | Rpc::SigningServiceVerifyForParty => O::Verify,
        // Signed, it is another operation as well: its handler asks.
        Rpc::SigningServiceEncrypt
        | Rpc::SigningServiceEncryptPayload
        | Rpc::SigningServiceEncryptSessionKeys => O::Encrypt,
        Rpc::SigningServiceDecrypt
        | Rpc::SigningServiceDecryptPayload
        | Rpc::SigningServiceDecryptSessionKey => O::Decrypt,
    }
}
