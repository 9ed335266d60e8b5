//! What only the holder of the vault's data key can do with a backup.

use std::fmt;

use strongroom_crypto::{Fingerprint, SecretBytes};

use crate::error::BackupError;

/// Seals and authenticates on behalf of the vault, whose data key this crate never sees.
///
/// Private keys that the store holds readable do not pass through here readable: what encrypts the file keeps buffers that
/// nobody wipes, and a backup that was made without encryption must not give a key away.
pub trait Seal: fmt::Debug + Send + Sync {
    /// Seals a readable key for its place in a backup.
    ///
    /// # Errors
    /// [`BackupError::ClearKeyRefused`] when it cannot be sealed.
    fn seal_clear_key(
        &self,
        fingerprint: &Fingerprint,
        key: &SecretBytes,
    ) -> Result<Vec<u8>, BackupError>;

    /// Reverses [`Self::seal_clear_key`].
    ///
    /// # Errors
    /// [`BackupError::ClearKeyRefused`].
    fn open_clear_key(
        &self,
        fingerprint: &Fingerprint,
        sealed: &[u8],
    ) -> Result<SecretBytes, BackupError>;

    /// A tag over a manifest: nobody without the data key can make it.
    fn tag(&self, manifest: &[u8]) -> [u8; 32];
}
