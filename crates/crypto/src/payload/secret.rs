//! The secret of one payload. It is used once: whatever is made from it takes it.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use strongroom_memory::SecretBytes;
use zeroize::Zeroizing;

use super::chunks::ChunkKey;
use super::header::{HeaderHash, PayloadHeader};
use super::{PayloadError, error::refused};
use crate::encryption::{AsymmetricEncrypted, EncryptionPublicKey};
use crate::random::Random;
use crate::symmetric::SymmetricKey;

/// As long as the randomness of Canton's session keys, which any KMS key decrypts.
const SECRET_LEN: usize = SymmetricKey::LEN;
const KEY_LABEL: &[u8] = b"strongroom payload key v1";
const COMMITMENT_LABEL: &[u8] = b"strongroom payload commitment v1";
pub(super) const COMMITMENT_LEN: usize = 32;

/// Shows which secret and which header belong together; not secret.
pub(super) type Commitment = [u8; COMMITMENT_LEN];

/// 16 random bytes, wiped when they were used.
pub(super) struct PayloadSecret(SecretBytes);

impl PayloadSecret {
    pub(super) fn generate(random: &dyn Random) -> Result<Self, PayloadError> {
        Ok(Self(SecretBytes::fill_with(SECRET_LEN, |bytes| {
            random.fill(bytes)
        })?))
    }

    /// The secret that a recipient decrypted.
    pub(super) fn received(secret: SecretBytes) -> Result<Self, PayloadError> {
        if secret.len() == SECRET_LEN {
            Ok(Self(secret))
        } else {
            Err(PayloadError::NotAuthentic)
        }
    }

    pub(super) fn encrypt_to(
        &self,
        key: &EncryptionPublicKey,
        random: &dyn Random,
    ) -> Result<AsymmetricEncrypted, PayloadError> {
        // EXPOSE: encrypted to a recipient.
        Ok(key.encrypt(self.0.expose(), random)?)
    }

    /// The key of the chunks under this header, and the commitment to it.
    pub(super) fn into_key(
        self,
        header: &PayloadHeader,
    ) -> Result<(ChunkKey, Commitment), PayloadError> {
        let hash = header.hash();
        // EXPOSE: HKDF input; the library wipes its copy.
        let extracted = Salt::new(HKDF_SHA256, header.salt()).extract(self.0.expose());
        let derive = |label, output: &mut [u8]| derive(&extracted, label, &hash, output);
        let mut key = Zeroizing::new([0; ChunkKey::LEN]);
        let mut commitment = [0; COMMITMENT_LEN];
        derive(KEY_LABEL, &mut *key).map_err(refused)?;
        derive(COMMITMENT_LABEL, &mut commitment).map_err(refused)?;
        Ok((ChunkKey::new(&key).map_err(refused)?, commitment))
    }
}

fn derive(
    extracted: &aws_lc_rs::hkdf::Prk,
    label: &[u8],
    hash: &HeaderHash,
    output: &mut [u8],
) -> Result<(), Unspecified> {
    let info = [label, hash];
    extracted
        .expand(&info, OutputLen(output.len()))?
        .fill(output)
}

struct OutputLen(usize);

impl KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}
