//! Ids.

use data_encoding::HEXLOWER;
use strongroom_crypto::{Random, RandomError};

/// A random UUID in the form of RFC 9562, version 4.
pub(crate) fn uuid(random: &dyn Random) -> Result<String, RandomError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let digits = HEXLOWER.encode(&bytes);
    let mut text = String::with_capacity(36);
    for (index, digit) in digits.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(text)
}

/// `N` random bytes in hexadecimal digits.
pub(crate) fn hex<const N: usize>(random: &dyn Random) -> Result<String, RandomError> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::SystemRandom;

    #[test]
    fn a_uuid_names_its_version_and_variant_where_the_rfc_says() {
        for _ in 0..50 {
            let id = uuid(&SystemRandom).unwrap();
            assert_eq!(id.len(), 36);
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
            assert_eq!(id.matches('-').count(), 4);
        }
    }
}
