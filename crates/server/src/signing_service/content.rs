//! What is signed: any bytes, or a hash of Canton's.

use strongroom_crypto::{Hash, KeyUsages};
use strongroom_proto::read_usages;

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

/// What a signature is for; a request says it.
pub(super) fn usages(message: &'static str, numbers: &[i32]) -> Result<KeyUsages, Failure> {
    let usages = read_usages(message, numbers)?;
    if usages.is_empty() {
        return Err(Failure::not_set("usages"));
    }
    Ok(usages)
}
