//! Verifying with a public key of the vault.

use strongroom_crypto::{KeyPurpose, KeyUsages, PublicKey, Signature};

use crate::{error::VaultError, vault::Vault};

impl Vault {
    /// Verifies a signature by a key whose public half is in this vault; a retired key still verifies history.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::WrongPurpose`]; [`VaultError::Verify`] when the signature is refused.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &Signature,
        allowed: KeyUsages,
    ) -> Result<(), VaultError> {
        let fingerprint = signature.signed_by;
        match &self.key(&fingerprint)?.public {
            PublicKey::Signing(public) => Ok(public.verify(message, signature, allowed)?),
            PublicKey::Encryption(_) => Err(VaultError::WrongPurpose {
                fingerprint,
                wanted: KeyPurpose::Signing,
            }),
        }
    }
}
