//! The key file: a plain header that says how it is protected, and the sealed keys.
//!
//! ```text
//! file   = header ‖ body length (4 bytes) ‖ body
//! header = magic (16) ‖ format 1 ‖ KMS id (16) ‖ protection
//! protection = 01 ‖ memory KiB (4) ‖ iterations (4) ‖ lanes (4) ‖ salt (16)       passphrase, Argon2id
//!            | 02 ‖ sealing key (32)                                              none
//! body   = DataKey::seal(label, context = header, keys)                           AES-256-GCM
//! ```
//! Integers are big endian (the canonical encoding of `strongroom-crypto`). The header is the context of the seal: an
//! edited header does not open, and a body does not open under another header.

use std::path::PathBuf;
use std::sync::Arc;

use strongroom_crypto::{DataKey, Random};
use strongroom_files::{Access, Files, FolderLock};
use strongroom_memory::SecretBytes;

use crate::error::{Damage, LocalKmsError};
use crate::keyring::Keyring;

mod body;
mod header;
mod secret_encoder;

use header::Guard;
pub(crate) use header::Header;

/// What the keys are sealed under (HKDF info).
const LABEL: &str = "strongroom local kms key file v1";

/// Where the key file is.
#[derive(Debug)]
pub(crate) struct KeyFile {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) path: PathBuf,
}

/// What stands in a key file, and the key that seals it again.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) header: Arc<Header>,
    pub(crate) sealing_key: Arc<DataKey>,
    /// The file, byte for byte: when it differs from the file, another process wrote.
    pub(crate) image: SecretBytes,
    pub(crate) keyring: Keyring,
}

impl KeyFile {
    /// The bytes of the file, refused when others than its owner may read it.
    pub(crate) fn read(&self) -> Result<SecretBytes, LocalKmsError> {
        let image = self.files.read_private(&self.path)?;
        image.ok_or_else(|| LocalKmsError::KeyFileMissing {
            path: self.path.clone(),
        })
    }

    /// Keeps other processes from writing while it lives. Two writers at once would lose the keys of one.
    ///
    /// The lock is in a folder of its own beside the file, since a vault locks the folder that it lives in, and the key
    /// file may be there too.
    ///
    /// # Errors
    /// [`FileError::Locked`](strongroom_files::FileError::Locked) at once when another process is writing.
    pub(crate) fn lock(&self) -> Result<FolderLock, LocalKmsError> {
        let mut folder = self.path.clone().into_os_string();
        folder.push(".lock");
        let folder = PathBuf::from(folder);
        self.files.create_folder(&folder, Access::OwnerOnly)?;
        Ok(FolderLock::acquire(&folder)?)
    }

    /// Seals what the file shall hold.
    pub(crate) fn seal(
        header: Arc<Header>,
        sealing_key: Arc<DataKey>,
        keyring: Keyring,
        random: &dyn Random,
    ) -> Result<Opened, LocalKmsError> {
        let keys = body::encode(&keyring);
        // EXPOSE: to seal them; and the header is what the seal is bound to.
        let sealed = sealing_key.seal(LABEL, header.as_secret().expose(), keys.expose(), random)?;
        let image = header.followed_by(&sealed);
        Ok(Opened {
            header,
            sealing_key,
            image,
            keyring,
        })
    }

    /// Makes it the content of the file. When this returns, that survives a crash.
    pub(crate) fn write(&self, opened: &Opened) -> Result<(), LocalKmsError> {
        // EXPOSE: sealed but for the key of an unprotected file, which is meant to lie there.
        Ok(self
            .files
            .rewrite_durably(&self.path, opened.image.expose(), Access::OwnerOnly)?)
    }

    /// The header alone, which needs no passphrase and is not authenticated.
    pub(crate) fn header_of(&self, image: &SecretBytes) -> Result<Header, LocalKmsError> {
        Ok(self.split(image)?.0)
    }

    /// Opens the file as it was read.
    pub(crate) fn open(
        &self,
        image: SecretBytes,
        passphrase: Option<&SecretBytes>,
    ) -> Result<Opened, LocalKmsError> {
        let (header, sealed) = self.split(&image)?;
        let sealing_key = self.sealing_key(&header, passphrase)?;
        let keyring = self.open_body(&header, &sealing_key, sealed)?;
        Ok(Opened {
            header: Arc::new(header),
            sealing_key: Arc::new(sealing_key),
            image,
            keyring,
        })
    }

    /// Opens the file as another process left it, with the key that we know.
    ///
    /// # Errors
    /// [`LocalKmsError::KeyFileChanged`] if the protection is another: then our key is not its key.
    pub(crate) fn reopen(
        &self,
        image: SecretBytes,
        known: &Opened,
    ) -> Result<Opened, LocalKmsError> {
        let (header, sealed) = self.split(&image)?;
        if header.as_secret() != known.header.as_secret() {
            return Err(LocalKmsError::KeyFileChanged {
                path: self.path.clone(),
            });
        }
        let keyring = self.open_body(&header, &known.sealing_key, sealed)?;
        Ok(Opened {
            header: Arc::clone(&known.header),
            sealing_key: Arc::clone(&known.sealing_key),
            image,
            keyring,
        })
    }

    fn split<'image>(
        &self,
        image: &'image SecretBytes,
    ) -> Result<(Header, &'image [u8]), LocalKmsError> {
        // EXPOSE: parsed; the only secret in it is the key of an unprotected file.
        let (header, sealed) = Header::parse(image.expose()).map_err(|refusal| match refusal {
            header::Refusal::Newer { found } => LocalKmsError::KeyFileNewer {
                path: self.path.clone(),
                found,
                known: header::FORMAT,
            },
            header::Refusal::Damaged(damage) => self.damaged(damage),
        })?;
        Ok((header, sealed))
    }

    fn sealing_key(
        &self,
        header: &Header,
        passphrase: Option<&SecretBytes>,
    ) -> Result<DataKey, LocalKmsError> {
        let path = || self.path.clone();
        match (&header.guard, passphrase) {
            (Guard::Passphrase { .. }, None) => {
                Err(LocalKmsError::PassphraseRequired { path: path() })
            }
            (Guard::Unprotected { .. }, Some(_)) => {
                Err(LocalKmsError::NotProtected { path: path() })
            }
            (guard, passphrase) => guard.sealing_key(passphrase),
        }
    }

    fn open_body(
        &self,
        header: &Header,
        key: &DataKey,
        sealed: &[u8],
    ) -> Result<Keyring, LocalKmsError> {
        // EXPOSE: the header is what the seal is bound to.
        let context = header.as_secret().expose();
        let keys = key
            .open(LABEL, context, sealed)
            .ok()
            .ok_or_else(|| self.not_authentic(header))?;
        body::decode(&keys).map_err(|damage| self.damaged(damage))
    }

    /// With a passphrase nobody can tell a wrong one from a damaged file.
    fn not_authentic(&self, header: &Header) -> LocalKmsError {
        match header.guard {
            Guard::Passphrase { .. } => LocalKmsError::WrongPassphrase {
                path: self.path.clone(),
            },
            Guard::Unprotected { .. } => self.damaged(Damage::Altered),
        }
    }

    fn damaged(&self, damage: Damage) -> LocalKmsError {
        LocalKmsError::KeyFileDamaged {
            path: self.path.clone(),
            damage,
        }
    }
}
