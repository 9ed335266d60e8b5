//! What a hash is of: no two kinds of content may share a hash.

/// The domain that a hash belongs to; its id is hashed in front of the content.
///
/// Reference: keys-and-schemes, section 2.2. Ids never change, and those of retired purposes stay here so that
/// nobody uses them again; 18 was never given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum HashPurpose {
    /// For tests only.
    Testing = -1,
    /// Sequenced event signature.
    SequencedEventSignature = 1,
    /// HMAC (retired).
    Hmac = 2,
    /// Merkle tree inner node.
    MerkleTreeInnerNode = 3,
    /// Discriminator (retired).
    Discriminator = 4,
    /// Submitter metadata.
    SubmitterMetadata = 5,
    /// Common metadata.
    CommonMetadata = 6,
    /// Participant metadata.
    ParticipantMetadata = 7,
    /// View common data.
    ViewCommonData = 8,
    /// View participant data.
    ViewParticipantData = 9,
    /// Malformed mediator request result (retired).
    MalformedMediatorRequestResult = 10,
    /// Hash of one topology transaction; what its signatures cover.
    TopologyTransactionSignature = 11,
    /// Fingerprint of a public key.
    PublicKeyFingerprint = 12,
    /// DAR identifier (retired).
    DarIdentifier = 13,
    /// Token of an authenticated member.
    AuthenticationToken = 14,
    /// Agreement identifier (retired).
    AgreementId = 15,
    /// Mediator response signature (retired).
    MediatorResponseSignature = 16,
    /// Transaction result signature (retired).
    TransactionResultSignature = 17,
    /// Transfer result signature (retired).
    TransferResultSignature = 19,
    /// Participant state signature (retired).
    ParticipantStateSignature = 20,
    /// Synchronizer topology transaction message signature (retired).
    SynchronizerTopologyTransactionMessageSignature = 21,
    /// ACS commitment.
    AcsCommitment = 22,
    /// Stakeholders.
    Stakeholders = 23,
    /// Unassignment common data.
    UnassignmentCommonData = 24,
    /// Unassignment view.
    UnassignmentView = 25,
    /// Assignment common data.
    AssignmentCommonData = 26,
    /// Assignment view.
    AssignmentView = 27,
    /// Transfer view tree message seed (retired).
    TransferViewTreeMessageSeed = 28,
    /// Unicum.
    Unicum = 29,
    /// Repair update identifier.
    RepairUpdateId = 30,
    /// Mediator leadership event (retired).
    MediatorLeadershipEvent = 31,
    /// Legal identity claim (retired).
    LegalIdentityClaim = 32,
    /// Database lock identifier.
    DbLockId = 33,
    /// Hashed ACS commitment.
    HashedAcsCommitment = 34,
    /// Submission request signature.
    SubmissionRequestSignature = 35,
    /// Acknowledgement signature.
    AcknowledgementSignature = 36,
    /// Name of a decentralised namespace.
    DecentralizedNamespace = 37,
    /// Signed protocol message signature.
    SignedProtocolMessageSignature = 38,
    /// Aggregation identifier.
    AggregationId = 39,
    /// BFT ordering pbft block.
    BftOrderingPbftBlock = 40,
    /// Set traffic purchased (retired).
    SetTrafficPurchased = 41,
    /// Ordering request signature.
    OrderingRequestSignature = 42,
    /// Key that makes a topology mapping unique.
    TopologyMappingUniqueKey = 43,
    /// Canton script hash.
    CantonScriptHash = 44,
    /// BFT availability ack.
    BftAvailabilityAck = 45,
    /// BFT batch identifier.
    BftBatchId = 46,
    /// BFT signed availability message.
    BftSignedAvailabilityMessage = 47,
    /// Prepared submission of an externally signed transaction.
    PreparedSubmission = 48,
    /// Topology update identifier.
    TopologyUpdateId = 49,
    /// Online party replication.
    OnlinePartyReplication = 50,
    /// Party update identifier.
    PartyUpdateId = 51,
    /// BFT signed consensus message.
    BftSignedConsensusMessage = 52,
    /// BFT signed state transfer message.
    BftSignedStateTransferMessage = 53,
    /// BFT signed retransmission message.
    BftSignedRetransmissionMessage = 54,
    /// Hash over several topology transactions that one signature covers.
    MultiTopologyTransaction = 55,
    /// What a long-term key signs to delegate to a session signing key.
    SessionKeyDelegation = 56,
    /// Reassignment identifier.
    ReassignmentId = 57,
    /// Hash of an asymmetrically encrypted session key.
    EncryptedSessionKey = 58,
    /// Contract identifier absolutization.
    ContractIdAbsolutization = 59,
    /// Initial topology state consistency.
    InitialTopologyStateConsistency = 60,
    /// ACS continuation token.
    AcsContinuationToken = 61,
    /// LSU sequencing test message content.
    LsuSequencingTestMessageContent = 62,
    /// Updates page token.
    UpdatesPageToken = 63,
    /// Identifier of a ciphertext.
    CiphertextId = 64,
    /// Sequencer aggregator aggregation.
    SequencerAggregatorAggregation = 65,
    /// ACS commitment update identifier.
    AcsCommitmentUpdateId = 66,
}

impl HashPurpose {
    /// Every purpose, in the order of the ids.
    pub const ALL: &'static [Self] = &[
        Self::Testing,
        Self::SequencedEventSignature,
        Self::Hmac,
        Self::MerkleTreeInnerNode,
        Self::Discriminator,
        Self::SubmitterMetadata,
        Self::CommonMetadata,
        Self::ParticipantMetadata,
        Self::ViewCommonData,
        Self::ViewParticipantData,
        Self::MalformedMediatorRequestResult,
        Self::TopologyTransactionSignature,
        Self::PublicKeyFingerprint,
        Self::DarIdentifier,
        Self::AuthenticationToken,
        Self::AgreementId,
        Self::MediatorResponseSignature,
        Self::TransactionResultSignature,
        Self::TransferResultSignature,
        Self::ParticipantStateSignature,
        Self::SynchronizerTopologyTransactionMessageSignature,
        Self::AcsCommitment,
        Self::Stakeholders,
        Self::UnassignmentCommonData,
        Self::UnassignmentView,
        Self::AssignmentCommonData,
        Self::AssignmentView,
        Self::TransferViewTreeMessageSeed,
        Self::Unicum,
        Self::RepairUpdateId,
        Self::MediatorLeadershipEvent,
        Self::LegalIdentityClaim,
        Self::DbLockId,
        Self::HashedAcsCommitment,
        Self::SubmissionRequestSignature,
        Self::AcknowledgementSignature,
        Self::DecentralizedNamespace,
        Self::SignedProtocolMessageSignature,
        Self::AggregationId,
        Self::BftOrderingPbftBlock,
        Self::SetTrafficPurchased,
        Self::OrderingRequestSignature,
        Self::TopologyMappingUniqueKey,
        Self::CantonScriptHash,
        Self::BftAvailabilityAck,
        Self::BftBatchId,
        Self::BftSignedAvailabilityMessage,
        Self::PreparedSubmission,
        Self::TopologyUpdateId,
        Self::OnlinePartyReplication,
        Self::PartyUpdateId,
        Self::BftSignedConsensusMessage,
        Self::BftSignedStateTransferMessage,
        Self::BftSignedRetransmissionMessage,
        Self::MultiTopologyTransaction,
        Self::SessionKeyDelegation,
        Self::ReassignmentId,
        Self::EncryptedSessionKey,
        Self::ContractIdAbsolutization,
        Self::InitialTopologyStateConsistency,
        Self::AcsContinuationToken,
        Self::LsuSequencingTestMessageContent,
        Self::UpdatesPageToken,
        Self::CiphertextId,
        Self::SequencerAggregatorAggregation,
        Self::AcsCommitmentUpdateId,
    ];

    /// The number that stands for this purpose in front of hashed content.
    #[must_use]
    pub const fn id(self) -> i32 {
        self as i32
    }
}

#[cfg(test)]
mod tests {
    use super::HashPurpose;

    #[test]
    fn every_id_is_listed_once_and_in_order() {
        let ids: Vec<i32> = HashPurpose::ALL
            .iter()
            .map(|purpose| purpose.id())
            .collect();
        let documented: Vec<i32> = std::iter::once(-1)
            .chain((1..=66).filter(|&id| id != 18))
            .collect();
        assert_eq!(ids, documented);
    }

    #[test]
    fn the_ids_that_key_management_depends_on_are_fixed() {
        assert_eq!(HashPurpose::TopologyTransactionSignature.id(), 11);
        assert_eq!(HashPurpose::PublicKeyFingerprint.id(), 12);
        assert_eq!(HashPurpose::DecentralizedNamespace.id(), 37);
        assert_eq!(HashPurpose::MultiTopologyTransaction.id(), 55);
        assert_eq!(HashPurpose::SessionKeyDelegation.id(), 56);
        assert_eq!(HashPurpose::EncryptedSessionKey.id(), 58);
        assert_eq!(HashPurpose::CiphertextId.id(), 64);
    }
}
