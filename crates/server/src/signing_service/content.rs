//! What is signed: any bytes, or a hash of Canton's.

use strongroom_crypto::Hash;

use crate::failure::{Failure, in_words};

/// The bytes of a Canton hash, once they are known to be one: nobody signs by mistake what only looks like it.
pub(super) fn hash(bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    match Hash::from_multihash(&bytes) {
        Ok(_hash) => Ok(bytes),
        Err(error) => Err(Failure::unreadable(format!(
            "Field `hash` is no hash: {}",
            in_words(&error)
        ))),
    }
}

/// So many bytes are hashed for one call at most, as for 256 signatures over 64 KiB. Whoever signs larger things in groups signs their hash.
const MOST_WORK: usize = 16 << 20;

/// Refuses more work than one call may cause: each signature is verified over all of the message.
pub(super) fn check_work(message: &[u8], signatures: usize) -> Result<(), Failure> {
    let work = message.len().saturating_mul(signatures);
    if work > MOST_WORK {
        return Err(Failure::unreadable(format!(
            "a message of {} bytes with {signatures} signatures is too much for one call: their product is at most {MOST_WORK}",
            message.len()
        )));
    }
    Ok(())
}
