/// One record of the append-only, hash-chained audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Position in the log: 1 for the first record, without gaps.
    pub sequence: u64,
    /// The encoded record; the store does not look into it.
    pub body: Vec<u8>,
    /// The link of the chain: a hash over the previous link and `body`.
    pub hash: [u8; 32],
}
