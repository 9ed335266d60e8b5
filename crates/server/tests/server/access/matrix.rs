//! Which role may call which rpc. Written out and reviewed: nothing here is taken from the server's own tables.

/// A rpc by its path, and the roles that may call it: K key administrator, O operator, N node, A auditor; `*` is anybody, also
/// without a proof of who it is; an empty text is no role at all.
pub(super) const MATRIX: &[(&str, &str)] = &[
    // Who asks whether the server is well need not be known.
    ("/grpc.health.v1.Health/Check", "*"),
    ("/grpc.health.v1.Health/List", "*"),
    ("/grpc.health.v1.Health/Watch", "*"),
    (
        "/com.digitalasset.canton.connection.v30.ApiInfoService/GetApiInfo",
        "*",
    ),
    // What everybody with a role may see.
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "KONA",
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.admin.participant.v30.ParticipantStatusService/ParticipantStatus",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.admin.sequencer.v30.SequencerStatusService/SequencerStatus",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.admin.mediator.v30.MediatorStatusService/MediatorStatus",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.IdentityInitializationService/CurrentTime",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.IdentityInitializationService/GetId",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/ListMyKeys",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/ListPublicKeys",
        "KONA",
    ),
    ("/strongroom.v1.KeyService/ListKeys", "KONA"),
    (
        "/strongroom.v1.OperationsService/ListNodeKeyRotations",
        "KONA",
    ),
    // Numbers about the vault, of which none names a key.
    ("/strongroom.v1.OperationsService/ShowNumbers", "KONA"),
    // Who keeps the node running.
    (
        "/com.digitalasset.canton.admin.health.v30.StatusService/HealthDump",
        "O",
    ),
    (
        "/com.digitalasset.canton.admin.health.v30.StatusService/SetLogLevel",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.IdentityInitializationService/InitId",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/AddTransactions",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/Authorize",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/CreateTemporaryTopologyStore",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/DropTemporaryTopologyStore",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/ImportTopologySnapshot",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/ImportTopologySnapshotV2",
        "O",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/SignTransactions",
        "O",
    ),
    ("/strongroom.v1.TopologyService/AddTransactions", "O"),
    ("/strongroom.v1.TopologyService/Authorize", "O"),
    ("/strongroom.v1.TopologyService/ImportSnapshot", "O"),
    ("/strongroom.v1.TopologyService/Propose", "O"),
    ("/strongroom.v1.TopologyService/SignTransactions", "O"),
    // To make a key for it takes a key administrator, too.
    ("/strongroom.v1.TopologyService/RotatePartyKey", "O"),
    ("/strongroom.v1.TopologyService/MigratePartyKeys", "O"),
    ("/strongroom.v1.OperationsService/CreateBackup", "O"),
    ("/strongroom.v1.OperationsService/ForgetBackup", "O"),
    ("/strongroom.v1.OperationsService/StepDown", "O"),
    // Who makes keys and uses none.
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/GenerateEncryptionKey",
        "K",
    ),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/GenerateSigningKey",
        "K",
    ),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/RegisterKmsEncryptionKey",
        "K",
    ),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/RegisterKmsSigningKey",
        "K",
    ),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/ImportKeyPair",
        "K",
    ),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/DeleteKeyPair",
        "K",
    ),
    ("/strongroom.v1.KeyService/GenerateEncryptionKey", "K"),
    ("/strongroom.v1.KeyService/GenerateSigningKey", "K"),
    ("/strongroom.v1.KeyService/GenerateSigningKeys", "K"),
    ("/strongroom.v1.KeyService/RegisterKey", "K"),
    ("/strongroom.v1.KeyService/ImportKey", "K"),
    ("/strongroom.v1.KeyService/DeleteKey", "K"),
    // Which keys the node uses, and where they are.
    ("/strongroom.v1.KeyService/AnnounceKey", "K"),
    ("/strongroom.v1.KeyService/WithdrawKey", "K"),
    ("/strongroom.v1.OperationsService/RotateNodeKeys", "K"),
    (
        "/strongroom.v1.OperationsService/ResumeNodeKeyRotation",
        "K",
    ),
    (
        "/strongroom.v1.OperationsService/AbandonNodeKeyRotation",
        "K",
    ),
    ("/strongroom.v1.OperationsService/RetireKey", "K"),
    ("/strongroom.v1.OperationsService/SealKeys", "K"),
    ("/strongroom.v1.OperationsService/PlanMigration", "K"),
    ("/strongroom.v1.OperationsService/MigrateKeys", "K"),
    ("/strongroom.v1.OperationsService/DropCopies", "K"),
    // Wrapper keys, and a vault that was restored.
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/RotateWrapperKey",
        "K",
    ),
    ("/strongroom.v1.OperationsService/RotateWrapperKey", "K"),
    (
        "/strongroom.v1.OperationsService/ResumeWrapperKeyRotation",
        "K",
    ),
    (
        "/strongroom.v1.OperationsService/PlanWrapperKeyRotation",
        "K",
    ),
    ("/strongroom.v1.OperationsService/RewrapDataKey", "K"),
    ("/strongroom.v1.OperationsService/RemoveWrap", "K"),
    ("/strongroom.v1.OperationsService/PruneDataKeys", "K"),
    ("/strongroom.v1.OperationsService/ReleaseVault", "K"),
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/ImportPublicKey",
        "KO",
    ),
    ("/strongroom.v1.KeyService/ImportPublicKey", "KO"),
    // Private keys leave by a grant of its own only; one more wrap opens all of them.
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/ExportKeyPair",
        "",
    ),
    ("/strongroom.v1.KeyService/ExportKey", ""),
    ("/strongroom.v1.OperationsService/AddWrap", ""),
    // Who watches over wrapper keys, backups, replicas and the log.
    (
        "/com.digitalasset.canton.crypto.admin.v30.VaultService/GetWrapperKeyId",
        "KOA",
    ),
    ("/strongroom.v1.OperationsService/ShowWrapperKeys", "KOA"),
    ("/strongroom.v1.OperationsService/CheckWraps", "KOA"),
    ("/strongroom.v1.OperationsService/ListBackups", "KOA"),
    ("/strongroom.v1.OperationsService/ShowReplica", "KOA"),
    ("/strongroom.v1.OperationsService/ListReplicas", "KOA"),
    ("/strongroom.v1.OperationsService/ListAudit", "A"),
    ("/strongroom.v1.OperationsService/ExportAudit", "A"),
    ("/strongroom.v1.OperationsService/FollowAudit", "A"),
    ("/strongroom.v1.OperationsService/ShowAuditKey", "A"),
    // It opens every key and tries every wrap, as who watches over them may.
    ("/strongroom.v1.OperationsService/Examine", "KOA"),
    ("/strongroom.v1.OperationsService/ShowConfiguration", "OA"),
    // Who administers keys or the node proposes another one; with a second person that is not enough.
    (
        "/strongroom.v1.OperationsService/ProposeConfiguration",
        "KO",
    ),
    // Long work: who watches over the vault sees it; who does such work may call it off, whoever began it.
    ("/strongroom.v1.OperationsService/ListOperations", "KOA"),
    ("/strongroom.v1.OperationsService/WatchOperation", "KOA"),
    ("/strongroom.v1.OperationsService/CancelOperation", "KO"),
    // What waits for a second person: an auditor sees it, and decides nothing.
    ("/strongroom.v1.OperationsService/ListApprovals", "KOA"),
    ("/strongroom.v1.OperationsService/Approve", "KO"),
    ("/strongroom.v1.OperationsService/Reject", "KO"),
    (
        "/strongroom.v1.OperationsService/AcknowledgeBreakGlass",
        "KO",
    ),
    // Who uses keys; whether a signature is good, an auditor may ask as well.
    ("/strongroom.v1.SigningService/Sign", "N"),
    ("/strongroom.v1.SigningService/SignBatch", "N"),
    ("/strongroom.v1.SigningService/SignStream", "N"),
    ("/strongroom.v1.SigningService/SignProtocol", "N"),
    ("/strongroom.v1.SigningService/SignForParty", "N"),
    ("/strongroom.v1.SigningService/Encrypt", "N"),
    ("/strongroom.v1.SigningService/Decrypt", "N"),
    ("/strongroom.v1.SigningService/EncryptPayload", "N"),
    ("/strongroom.v1.SigningService/DecryptPayload", "N"),
    ("/strongroom.v1.SigningService/EncryptSessionKeys", "N"),
    ("/strongroom.v1.SigningService/DecryptSessionKey", "N"),
    ("/strongroom.v1.SigningService/Verify", "NA"),
    ("/strongroom.v1.SigningService/VerifyProtocol", "NA"),
    ("/strongroom.v1.SigningService/VerifyProtocolGroup", "NA"),
    ("/strongroom.v1.SigningService/VerifyForParty", "NA"),
    // Topology is no secret.
    ("/strongroom.v1.TopologyService/ListStores", "KONA"),
    ("/strongroom.v1.TopologyService/ReadStore", "KONA"),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyAggregationService/ListKeyOwners",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyAggregationService/ListParties",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService/GenerateTransactions",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ExportTopologySnapshot",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ExportTopologySnapshotV2",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/GenesisState",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/GenesisStateV2",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListAll",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListAllV2",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListAvailableStores",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListDecentralizedNamespaceDefinition",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListLsuAnnouncement",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListLsuSequencerConnectionSuccessor",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListMediatorSynchronizerState",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListNamespaceDelegation",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListOwnerToKeyMapping",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListParticipantSynchronizerPermission",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListPartyHostingLimits",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListPartyToKeyMapping",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListPartyToParticipant",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListSequencerSynchronizerState",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListSequencingParametersState",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListSynchronizerParametersState",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListSynchronizerTrustCertificate",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/ListVettedPackages",
        "KONA",
    ),
    (
        "/com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService/SequencerLsuState",
        "KONA",
    ),
];
