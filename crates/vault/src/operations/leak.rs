//! Looking for private keys where none should be.

use data_encoding::{BASE64, BASE64URL, Encoding, HEXLOWER, HEXUPPER};
use memchr::memmem;
use strongroom_crypto::{Fingerprint, SecretBytes};

use crate::{error::VaultError, vault::Vault};

impl Vault {
    /// Which of `keys` stand in `haystack`, as bytes, in hexadecimal or in base64.
    ///
    /// For tests of a set-up: give it the bytes of a database, a log or an image. The private keys do not leave the vault.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`]; errors of store and KMS when keys are opened.
    pub async fn find_private_keys(
        &self,
        keys: &[Fingerprint],
        haystack: &[u8],
    ) -> Result<Vec<Fingerprint>, VaultError> {
        let mut found = Vec::new();
        for fingerprint in keys {
            let (_entry, private) = self.private_key(fingerprint).await?;
            if stands_in(private.stored(), haystack) {
                found.push(*fingerprint);
            }
        }
        Ok(found)
    }
}

/// Base64 packs three bytes into four characters, so a secret has three faces, by its offset in what was encoded. The
/// characters at its ends mix with their neighbours and are left out.
fn stands_in(secret: &SecretBytes, haystack: &[u8]) -> bool {
    // EXPOSE: compared only; every copy below is in locked memory and wiped.
    let bytes = secret.expose();
    let mut faces = vec![
        SecretBytes::from_slice(bytes),
        encoded(&HEXLOWER, bytes),
        encoded(&HEXUPPER, bytes),
    ];
    for skip in 0..3 {
        let inner = bytes.get(skip..).unwrap_or_default();
        let whole = inner
            .get(..inner.len() - inner.len() % 3)
            .unwrap_or_default();
        faces.push(encoded(&BASE64, whole));
        faces.push(encoded(&BASE64URL, whole));
    }
    // EXPOSE: compared only.
    faces
        .iter()
        .any(|face| !face.is_empty() && memmem::find(haystack, face.expose()).is_some())
}

fn encoded(encoding: &Encoding, bytes: &[u8]) -> SecretBytes {
    let mut text = SecretBytes::zeroed(encoding.encode_len(bytes.len()));
    // EXPOSE: filled in place.
    encoding.encode_mut(bytes, text.expose_mut());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = *b"\x00\xfbthirty-two bytes of a secret\x3e\xff";

    fn found_in(haystack: &[u8]) -> bool {
        stands_in(&SecretBytes::from_slice(&SECRET), haystack)
    }

    #[test]
    fn a_secret_is_found_in_every_encoding_and_at_every_offset() {
        assert!(found_in(
            &[b"before ", SECRET.as_slice(), b" after"].concat()
        ));
        assert!(found_in(HEXLOWER.encode(&SECRET).as_bytes()));
        assert!(found_in(HEXUPPER.encode(&SECRET).as_bytes()));
        for offset in 0..4 {
            let surrounded = [&vec![7; offset], SECRET.as_slice(), &[9; 5]].concat();
            assert!(
                found_in(BASE64.encode(&surrounded).as_bytes()),
                "offset {offset}"
            );
            assert!(
                found_in(BASE64URL.encode(&surrounded).as_bytes()),
                "offset {offset}"
            );
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_not_found() {
        let mut other = SECRET;
        other[9] ^= 1;
        assert!(!found_in(&other));
        assert!(!found_in(HEXLOWER.encode(&other).as_bytes()));
        assert!(!found_in(b""));
    }
}
