//! What keys and signatures are for, as requests say it.

use strongroom_crypto::KeyUsages;
use strongroom_proto::read_usages;

use crate::failure::Failure;

/// The usages that a request must name; whether a key may have all of them at once is decided later.
pub(crate) fn required(
    message: &'static str,
    field: &str,
    numbers: &[i32],
) -> Result<KeyUsages, Failure> {
    let usages = read_usages(message, numbers)?;
    if usages.is_empty() {
        return Err(Failure::not_set(field));
    }
    Ok(usages)
}
