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
