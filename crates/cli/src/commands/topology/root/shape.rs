//! What a signature looks like before anybody computes with it.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use strongroom_crypto::SigningAlgorithm;

use super::RootError;

/// R and S of Ed25519 (RFC 8032).
const ED25519_BYTES: usize = 64;
/// FIPS 204, table 2.
const ML_DSA_65_BYTES: usize = 3309;

/// What is expected of an algorithm's signatures.
const fn expected(algorithm: SigningAlgorithm) -> &'static str {
    match algorithm {
        SigningAlgorithm::Ed25519 => "64 bytes",
        SigningAlgorithm::EcDsaSha256 | SigningAlgorithm::EcDsaSha384 => "R and S in DER",
        SigningAlgorithm::MlDsa65 => "3309 bytes",
    }
}

/// Refuses bytes that no implementation of `algorithm` writes in the form that certificates hold.
pub(super) fn check(bytes: &[u8], algorithm: SigningAlgorithm) -> Result<(), RootError> {
    let fits = match algorithm {
        SigningAlgorithm::Ed25519 => bytes.len() == ED25519_BYTES,
        SigningAlgorithm::EcDsaSha256 | SigningAlgorithm::EcDsaSha384 => is_ecdsa_in_der(bytes),
        SigningAlgorithm::MlDsa65 => bytes.len() == ML_DSA_65_BYTES,
    };
    if fits {
        return Ok(());
    }
    Err(RootError::SignatureShape {
        algorithm,
        expected: expected(algorithm),
        found: found(bytes),
    })
}

/// Whether the bytes can be a signature by any algorithm.
pub(super) fn is_signature(bytes: &[u8]) -> bool {
    let mut algorithms = SigningAlgorithm::ALL.into_iter();
    algorithms.any(|algorithm| check(bytes, algorithm).is_ok())
}

/// Whether the bytes are a sequence of two short integers and nothing else, as X.690 writes them.
pub(super) fn is_ecdsa_in_der(bytes: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    let [SEQUENCE, length, integers @ ..] = bytes else {
        return false;
    };
    // Above 127 the length would not be one byte; no curve here comes near.
    *length < 0x80
        && usize::from(*length) == integers.len()
        && behind_integer(integers).and_then(behind_integer) == Some(&[])
}

fn behind_integer(bytes: &[u8]) -> Option<&[u8]> {
    const INTEGER: u8 = 0x02;
    match bytes {
        [INTEGER, length, rest @ ..] if *length > 0 => rest.get(usize::from(*length)..),
        _ => None,
    }
}

fn found(bytes: &[u8]) -> String {
    let text = bytes.trim_ascii();
    let is_text = |encoding: &data_encoding::Encoding| {
        !text.is_empty()
            && encoding
                .decode(text)
                .is_ok_and(|inner| is_signature(&inner))
    };
    match bytes.len() {
        0 => "an empty file".to_owned(),
        _ if is_text(&HEXLOWER_PERMISSIVE) => "a signature in hexadecimal digits".to_owned(),
        _ if is_text(&BASE64) => "a signature in base64".to_owned(),
        length @ (64 | 96) => format!("{length} bytes, maybe R and S one behind the other"),
        length if is_ecdsa_in_der(bytes) => format!("{length} bytes of DER"),
        length => format!("{length} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DER: [u8; 8] = [0x30, 6, 2, 1, 5, 2, 1, 7];

    #[test]
    fn two_integers_in_a_sequence_are_ecdsa_and_nothing_else_is() {
        assert!(is_ecdsa_in_der(&DER));
        for wrong in [
            &[][..],
            &DER[..7],
            &[&DER[..], &[0]].concat(),
            &[0x31, 6, 2, 1, 5, 2, 1, 7],
            &[0x30, 6, 3, 1, 5, 2, 1, 7],
            &[0x30, 5, 2, 1, 5, 2, 0],
            &[0x30, 6, 2, 4, 5, 2, 1, 7],
            &[0x30, 0x81, 6, 2, 1, 5, 2, 1, 7],
            &[0x30, 0x40],
        ] {
            assert!(!is_ecdsa_in_der(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_found_instead_is_told() {
        for (bytes, found) in [
            (vec![], "an empty file"),
            (vec![1; 64], "64 bytes, maybe R and S one behind the other"),
            (vec![1; 96], "96 bytes, maybe R and S one behind the other"),
            (b"MAYCAQUCAQc=\n".to_vec(), "a signature in base64"),
            (
                b"3006020105020107\n".to_vec(),
                "a signature in hexadecimal digits",
            ),
            (vec![1; 70], "70 bytes"),
        ] {
            let refused = check(&bytes, SigningAlgorithm::EcDsaSha256).unwrap_err();
            assert!(
                refused.to_string().ends_with(&format!("this is {found}")),
                "{refused}"
            );
        }
        let refused = check(&DER, SigningAlgorithm::Ed25519).unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("64 bytes are expected, this is 8 bytes of DER")
        );
    }
}
