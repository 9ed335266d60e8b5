//! What benchmarks hold the vault against: the bare work, with nothing around it.

use strongroom_crypto::{DataKey, KeySpec, KeyUsages};
use strongroom_store::VaultId;

use crate::{
    environment::Environment,
    error::VaultError,
    operations::open,
    sealing::{PRIVATE_KEY_LABEL, row_context},
};

/// Opens sealed rows and does nothing else: no authentication of rows, no digest, no directory.
#[doc(hidden)]
#[derive(Debug)]
pub struct Yardstick {
    vault: VaultId,
    data_key: DataKey,
}

impl Yardstick {
    /// Unwraps the data key of the vault in `environment`.
    ///
    /// # Errors
    /// As [`crate::Vault::open`], as far as the data key goes.
    pub async fn of(environment: &Environment) -> Result<Self, VaultError> {
        let (vault, opened) = open::data_key(environment).await?;
        Ok(Self {
            vault,
            data_key: opened.key,
        })
    }

    /// Derives the key of one row and opens it; false when it does not open.
    #[must_use]
    pub fn opens(
        &self,
        fingerprint: &strongroom_crypto::Fingerprint,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        sealed: &[u8],
    ) -> bool {
        let context = row_context(self.vault, fingerprint, spec, usages);
        let Some((_version, sealed)) = sealed.split_first() else {
            return false;
        };
        self.data_key
            .open(PRIVATE_KEY_LABEL, &context, sealed)
            .is_ok()
    }

    /// Opens one row and seals it under `new`, and does nothing else; none when it does not open.
    #[must_use]
    pub fn reseal(
        &self,
        new: &DataKey,
        fingerprint: &strongroom_crypto::Fingerprint,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        sealed: &[u8],
    ) -> Option<Vec<u8>> {
        let context = row_context(self.vault, fingerprint, spec, usages);
        let (version, sealed) = sealed.split_first()?;
        let opened = self
            .data_key
            .open(PRIVATE_KEY_LABEL, &context, sealed)
            .ok()?;
        let random = strongroom_crypto::SystemRandom;
        // EXPOSE: it is sealed again at once.
        let resealed = new.seal(PRIVATE_KEY_LABEL, &context, opened.expose(), &random);
        Some([&[*version], resealed.ok()?.as_slice()].concat())
    }
}
