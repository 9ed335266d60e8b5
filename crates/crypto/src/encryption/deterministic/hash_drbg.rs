//! Hash_DRBG with SHA-512 (NIST SP 800-90A, 10.1.1), as BouncyCastle runs it for Canton: without nonce and personalisation,
//! never reseeded, and each draw with an additional input that is empty but there.

use std::iter;

use aws_lc_rs::digest::{self, Algorithm, SHA256, SHA512, SHA512_OUTPUT_LEN};
use zeroize::Zeroizing;

/// 888 bits (table 2).
const SEED_LEN: usize = 111;
const SEED_BITS: u32 = 888;

type Seed = Zeroizing<[u8; SEED_LEN]>;

/// The state, whose secret parts are wiped when it is dropped.
pub(super) struct HashDrbg {
    value: Seed,
    constant: Seed,
    /// Draws so far, and one.
    counter: u64,
}

impl HashDrbg {
    pub(super) fn new(entropy: &[u8]) -> Self {
        let value = derive(&[entropy]);
        let constant = derive(&[&[0], &*value]);
        Self {
            value,
            constant,
            counter: 1,
        }
    }

    /// One draw: two of 16 bytes give others than one of 32.
    pub(super) fn fill(&mut self, output: &mut [u8]) {
        let additional = sha512(&[&[2], &*self.value]);
        add(&mut self.value, &additional);
        let mut data = self.value.clone();
        for block in output.chunks_mut(SHA512_OUTPUT_LEN) {
            copy(block, &sha512(&[&*data]));
            add(&mut data, &[1]);
        }
        let hash = sha512(&[&[3], &*self.value]);
        add(&mut self.value, &hash);
        add(&mut self.value, &*self.constant);
        add(&mut self.value, &self.counter.to_be_bytes());
        self.counter += 1;
    }
}

/// Hash_df for 888 bits (10.3.1).
fn derive(input: &[&[u8]]) -> Seed {
    let mut seed = Zeroizing::new([0; SEED_LEN]);
    for (counter, block) in (1_u8..).zip(seed.chunks_mut(SHA512_OUTPUT_LEN)) {
        let head = [&[counter][..], &SEED_BITS.to_be_bytes()];
        let parts: Vec<&[u8]> = head.iter().chain(input).copied().collect();
        copy(block, &sha512(&parts));
    }
    seed
}

/// Adds a big-endian number, modulo 2^888.
fn add(sum: &mut [u8; SEED_LEN], number: &[u8]) {
    let digits = number.iter().rev().copied().chain(iter::repeat(0));
    let mut carry = 0;
    for (digit, more) in sum.iter_mut().rev().zip(digits) {
        let [high, low] = (u16::from(*digit) + u16::from(more) + carry).to_be_bytes();
        *digit = low;
        carry = u16::from(high);
    }
}

pub(super) fn sha256(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    hash(&SHA256, parts)
}

fn sha512(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    hash(&SHA512, parts)
}

fn hash(algorithm: &'static Algorithm, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut context = digest::Context::new(algorithm);
    parts.iter().for_each(|part| context.update(part));
    Zeroizing::new(context.finish().as_ref().to_vec())
}

/// As many bytes as `to` has.
fn copy(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_carries_and_wraps() {
        let mut sum = [0xff; SEED_LEN];
        add(&mut sum, &[1]);
        assert_eq!(sum, [0; SEED_LEN]);
        add(&mut sum, &[1, 0xff]);
        add(&mut sum, &[2]);
        assert_eq!(sum[SEED_LEN - 3..], [0, 2, 1]);
    }
}
