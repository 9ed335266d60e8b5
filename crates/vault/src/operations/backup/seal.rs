//! What the vault does for its backups with the data key.

use std::sync::Arc;

use strongroom_backup::{BackupError, Seal};
use strongroom_crypto::{Fingerprint, Random, SecretBytes, encoding::Encoder};
use strongroom_store::VaultId;

use crate::{data_keys::OpenedDataKey, rows};

const CLEAR_KEY_LABEL: &str = "strongroom backup of a readable key v1";

/// Seals and authenticates a backup under one data key.
#[derive(Debug)]
pub(crate) struct SealOfVault {
    pub(crate) vault: VaultId,
    pub(crate) data_key: Arc<OpenedDataKey>,
    pub(crate) random: Arc<dyn Random>,
}

impl SealOfVault {
    fn context(&self, fingerprint: &Fingerprint) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder
            .raw(self.vault.as_bytes())
            .raw(fingerprint.as_bytes());
        encoder.into_vec()
    }
}

impl Seal for SealOfVault {
    fn seal_clear_key(
        &self,
        fingerprint: &Fingerprint,
        key: &SecretBytes,
    ) -> Result<Vec<u8>, BackupError> {
        let context = self.context(fingerprint);
        let data_key = &self.data_key.key;
        // EXPOSE: sealed at once; a backup holds no readable key.
        let plaintext = key.expose();
        data_key
            .seal(CLEAR_KEY_LABEL, &context, plaintext, self.random.as_ref())
            .map_err(|_refused| BackupError::ClearKeyRefused)
    }

    fn open_clear_key(
        &self,
        fingerprint: &Fingerprint,
        sealed: &[u8],
    ) -> Result<SecretBytes, BackupError> {
        self.data_key
            .key
            .open(CLEAR_KEY_LABEL, &self.context(fingerprint), sealed)
            .map_err(|_refused| BackupError::ClearKeyRefused)
    }

    fn tag(&self, manifest: &[u8]) -> [u8; 32] {
        rows::tag_manifest(manifest, &self.data_key)
    }
}
