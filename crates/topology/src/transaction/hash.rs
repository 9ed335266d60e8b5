use std::{fmt, str::FromStr};

use strongroom_crypto::{Hash, HashBuilder, HashError, HashPurpose};

/// What the signatures of a transaction cover: a hash of its bytes as received.
///
/// Orders as its text does. Source: reference, topology, section 6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionHash(Hash);

impl TransactionHash {
    /// The hash of a versioned wrapper, exactly as received.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hash::digest(
            HashPurpose::TopologyTransactionSignature,
            bytes,
        ))
    }

    /// Reads the 34 bytes of a multihash.
    ///
    /// # Errors
    /// [`HashError`] for anything else.
    pub fn from_multihash(bytes: &[u8]) -> Result<Self, HashError> {
        Hash::from_multihash(bytes).map(Self)
    }

    /// The 34 bytes that a signature covers: `12 20` and the hash.
    #[must_use]
    pub fn to_multihash(&self) -> [u8; 34] {
        self.0.to_multihash()
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// What one signature over several transactions covers. `hashes` may come in any order.
    #[must_use]
    pub fn combined(hashes: &[Self]) -> Hash {
        let mut sorted = hashes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let count = i32::try_from(sorted.len()).unwrap_or(i32::MAX);
        let start = HashBuilder::new(HashPurpose::MultiTopologyTransaction).int(count);
        sorted
            .iter()
            .fold(start, |hash, member| hash.bytes(&member.to_multihash()))
            .finish()
    }
}

impl FromStr for TransactionHash {
    type Err = HashError;

    /// Reads the 68 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, HashError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for TransactionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TransactionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionHash({self})")
    }
}
