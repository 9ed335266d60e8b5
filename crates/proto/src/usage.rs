//! Key usages as lists of numbers.

use strongroom_crypto::{KeyUsage, KeyUsages};

use crate::enums::Place;
use crate::{ProtoError, v30};

const FIELD: &str = "usage";

/// The usages of a key that a message of version 30 carries.
///
/// An empty list stands for every usage; the removed usage 2 is ignored, and a list of nothing else counts as
/// empty. Proof of ownership is added where the rules allow it (reference: keys and schemes, section 5).
///
/// # Errors
/// [`ProtoError::FieldNotSet`] for the value 0, [`ProtoError::UnrecognizedEnum`], and [`ProtoError::InvalidUsages`]
/// for a set that no key can have.
pub fn read_key_usages(message: &'static str, usages: &[i32]) -> Result<KeyUsages, ProtoError> {
    let usages = read_usages(message, usages)?;
    if usages.is_empty() {
        return Ok(KeyUsages::ALL);
    }
    KeyUsages::try_new(usages.iter())
        .map_err(|source| ProtoError::InvalidUsages { message, source })
}

/// The usages that a request names, as they are: maybe none, maybe a set that no key can have. The removed usage 2
/// is ignored.
///
/// # Errors
/// [`ProtoError::FieldNotSet`] for the value 0, [`ProtoError::UnrecognizedEnum`].
pub fn read_usages(message: &'static str, usages: &[i32]) -> Result<KeyUsages, ProtoError> {
    let place = Place::new(message, FIELD);
    usages
        .iter()
        .map(|usage| read_usage(place, *usage))
        .filter_map(Result::transpose)
        .collect()
}

fn read_usage(place: Place, usage: i32) -> Result<Option<KeyUsage>, ProtoError> {
    use v30::SigningKeyUsage as Usage;
    match place.known(usage)? {
        Usage::Namespace => Ok(Some(KeyUsage::Namespace)),
        Usage::SequencerAuthentication => Ok(Some(KeyUsage::SequencerAuthentication)),
        Usage::Protocol => Ok(Some(KeyUsage::Protocol)),
        Usage::ProofOfOwnership => Ok(Some(KeyUsage::ProofOfOwnership)),
        #[expect(deprecated, reason = "old messages carry it")]
        Usage::IdentityDelegation => Ok(None),
        Usage::Unspecified => Err(place.not_set()),
    }
}

/// The numbers of `usages`, proof of ownership last.
#[must_use]
pub fn usage_numbers(usages: KeyUsages) -> Vec<i32> {
    usages
        .iter()
        .map(|usage| v30::SigningKeyUsage::from(usage).into())
        .collect()
}

impl From<KeyUsage> for v30::SigningKeyUsage {
    fn from(usage: KeyUsage) -> Self {
        match usage {
            KeyUsage::Namespace => Self::Namespace,
            KeyUsage::SequencerAuthentication => Self::SequencerAuthentication,
            KeyUsage::Protocol => Self::Protocol,
            KeyUsage::ProofOfOwnership => Self::ProofOfOwnership,
        }
    }
}
