//! The incremental digest over all rows that matter.

/// A keyed multiset digest: the sum modulo 2^256 of one pseudorandom element per row.
///
/// This is MSet-Add-Hash (Clarke, Devadas, van Dijk, Gassend, Suh: "Incremental Multiset Hash Functions and Their
/// Application to Memory Integrity Checking", ASIACRYPT 2003). Its safety needs both the elements and the sums to
/// stay secret: somebody who saw them could look for another set of old rows with the same sum. So elements are
/// computed by a key of their own, and a sum is stored only inside the sealed state record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MultisetDigest([u64; 4]);

impl MultisetDigest {
    /// Takes `element` into the set.
    pub(crate) fn add(&mut self, element: &[u8; 32]) {
        self.merge(&Self::from_bytes(element));
    }

    /// Takes `element` out of the set.
    pub(crate) fn remove(&mut self, element: &[u8; 32]) {
        let mut borrow = false;
        for (limb, other) in self.0.iter_mut().zip(Self::from_bytes(element).0) {
            let (difference, first) = limb.overflowing_sub(other);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = first || second;
        }
    }

    /// Joins two sets.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut carry = false;
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            let (sum, first) = limb.overflowing_add(other);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = first || second;
        }
    }

    /// The sum, 32 bytes, little endian.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        bytes
    }

    /// Reverses [`Self::to_bytes`].
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *limb = u64::from_le_bytes(*chunk);
        }
        Self(limbs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_additions_does_not_matter_and_removal_undoes_one() {
        let elements = [[0xff; 32], [0x80; 32], [7; 32]];
        let mut forward = MultisetDigest::default();
        let mut backward = MultisetDigest::default();
        for element in &elements {
            forward.add(element);
        }
        for element in elements.iter().rev() {
            backward.add(element);
        }
        assert_eq!(forward, backward);
        forward.remove(&elements[0]);
        let mut two = MultisetDigest::default();
        two.add(&elements[1]);
        two.add(&elements[2]);
        assert_eq!(forward, two);
        assert_eq!(MultisetDigest::from_bytes(&two.to_bytes()), two);
    }

    #[test]
    fn carries_and_borrows_cross_all_limbs() {
        let mut digest = MultisetDigest::from_bytes(&[0xff; 32]);
        let mut one = [0; 32];
        one[0] = 1;
        digest.add(&one);
        assert_eq!(digest, MultisetDigest::default());
        digest.remove(&one);
        assert_eq!(digest.to_bytes(), [0xff; 32]);
    }

    #[test]
    fn a_row_twice_is_not_a_row_once() {
        let mut once = MultisetDigest::default();
        once.add(&[9; 32]);
        let mut twice = once;
        twice.add(&[9; 32]);
        assert_ne!(once, twice);
    }
}
