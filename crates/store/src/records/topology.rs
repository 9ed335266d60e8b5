use crate::DataKeyId;
use strongroom_crypto::Timestamp;

/// A topology transaction as one topology store keeps it, together with what is told of it without parsing it.
///
/// The transaction is bytes here. The other columns repeat what those bytes say, for whoever looks at the database
/// by its own means; a store does not compare the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyRow {
    /// The name of the topology store, not empty; rows are ordered by it, byte by byte, and then by `ordinal`.
    pub store: String,
    /// The position in its topology store: 1 or more, and less than 2^63. Gaps are fine.
    pub ordinal: u64,
    /// When the transaction was sequenced.
    pub sequenced: Timestamp,
    /// From when on it is in effect.
    pub valid_from: Timestamp,
    /// Until when it is in effect, not before `valid_from`; `None` while there is no end to it.
    pub valid_until: Option<Timestamp>,
    /// The number of the operation on the wire: 1 adds or replaces, 2 removes.
    pub operation: u8,
    /// The number of the kind of mapping on the wire, not 0.
    pub mapping_code: u8,
    /// The serial of the mapping: 1 or more, and less than 2^31.
    pub serial: u32,
    /// The namespace of the mapping.
    pub namespace: String,
    /// The identifier of the mapping; empty for none.
    pub identifier: String,
    /// The hash that all transactions of one mapping have in common.
    pub unique_key: [u8; 32],
    /// The hash of the transaction that signatures cover.
    pub transaction_hash: [u8; 32],
    /// Whether it still waits for signatures.
    pub proposal: bool,
    /// Why it was rejected, at most [`Self::MAX_REJECTION_BYTES`] long; `None` if it was not.
    pub rejection: Option<String>,
    /// The signed transaction in its versioned wrapper, not empty.
    pub transaction: Vec<u8>,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}

impl TopologyRow {
    /// How long a rejection may be: 300 characters, of up to 4 bytes each (reference: topology-rules, section 1).
    pub const MAX_REJECTION_BYTES: usize = 1200;
}

/// That a stored topology transaction is no longer in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyExpiry {
    /// The name of the topology store.
    pub store: String,
    /// The position of the row.
    pub ordinal: u64,
    /// The end, not before the beginning.
    pub valid_until: Timestamp,
    /// Authenticates the row as it is from now on, under the data key that it names already.
    pub mac: [u8; 32],
}

/// That another data key authenticates a stored topology transaction from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyTag {
    /// The name of the topology store.
    pub store: String,
    /// The position of the row.
    pub ordinal: u64,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the row under that data key.
    pub mac: [u8; 32],
}
