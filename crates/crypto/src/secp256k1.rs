//! What `k256` computes with private keys, and what it leaves behind.
//!
//! It wipes its own values, but not the copies that the compiler makes on the stack. AWS-LC, which computes everything else,
//! wipes its stack by itself.

use k256::{
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};
use zeroize::zeroize_stack;

/// More than the functions below take, without optimisation too.
const STACK_BYTES: usize = 32 * 1024;

/// What `compute`, one of the functions below, answers; then its stack is wiped.
pub(crate) fn leaving_no_stack<T>(compute: impl FnOnce() -> Option<T>) -> Option<T> {
    let answer = in_a_frame_of_its_own(compute);
    zeroize_stack::<STACK_BYTES>();
    answer
}

/// Not inlined: otherwise its variables would lie above the part that is wiped.
#[inline(never)]
fn in_a_frame_of_its_own<T>(compute: impl FnOnce() -> Option<T>) -> Option<T> {
    compute()
}

/// The key of 32 bytes, on the heap. Wiped when it is dropped.
pub(crate) fn open(private: &[u8]) -> Option<Box<SigningKey>> {
    SigningKey::from_slice(private).ok().map(Box::new)
}

/// ECDSA over SHA-256 with the nonce of RFC 6979; DER.
pub(crate) fn sign(key: &SigningKey, message: &[u8]) -> Option<Vec<u8>> {
    let signature: Signature = key.try_sign(message).ok()?;
    Some(signature.to_der().as_bytes().to_vec())
}

/// The 65 bytes of the uncompressed point of a private key.
pub(crate) fn public_point(private: &[u8]) -> Option<Vec<u8>> {
    let key = k256::SecretKey::from_slice(private).ok()?;
    Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
}
