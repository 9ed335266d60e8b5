//! The embedded KMS as a whole: opening, changing, describing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use strongroom_crypto::clock::Clock;
use strongroom_crypto::{
    Argon2Cost, EncryptionKeySpec, KeySpec, Random, SigningKeySpec, Timestamp,
};
use strongroom_files::Files;
use strongroom_kms::{
    Capabilities, ExternalKeys, FoundKey, KeyFinder, KeyTags, KeyWrapper, KmsError, KmsHealth,
    KmsKeyId, KmsProvider,
};
use strongroom_memory::SecretBytes;

use crate::error::LocalKmsError;
use crate::key_file::{Header, KeyFile, Opened};
use crate::keyring::{Keyring, LocalKey};
use crate::protection::{Protection, ProtectionKind};

mod administration;
mod external_keys;
mod key_wrapper;
mod tags;

/// The name of this provider in capabilities, logs and configuration.
pub(crate) const PROVIDER: &str = "local";

/// The embedded KMS over one key file. Clones share it.
///
/// Every change is durable before it is answered and before it is seen: what this process shows is what stands in the
/// file. Changes that *another* process makes are picked up with the next change here, not before.
///
/// Using a key takes microseconds. Changes hold their thread until the disk has them, and a new RSA key takes some
/// hundred milliseconds: they are an administrator's acts, not part of the signing path.
#[derive(Clone, Debug)]
pub struct LocalKms {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: KeyFile,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    capabilities: Capabilities,
    /// Held while the file is written, so that changes follow one another; readers do not wait for the disk.
    writing: Mutex<()>,
    opened: Mutex<Arc<Opened>>,
}

impl LocalKms {
    /// Makes a new, empty key file, and its folder if that is missing.
    ///
    /// Takes as long as the cost of the passphrase says.
    ///
    /// # Errors
    /// [`LocalKmsError::KeyFileExists`], [`LocalKmsError::EmptyPassphrase`], [`LocalKmsError::CostInvalid`], or what the
    /// file system says.
    pub fn create(
        files: Arc<dyn Files>,
        path: impl Into<PathBuf>,
        protection: &Protection,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LocalKmsError> {
        let file = KeyFile {
            files,
            path: path.into(),
        };
        let mut kms_id = [0; 16];
        random.fill(&mut kms_id)?;
        let (header, sealing_key) = Header::generate(kms_id, protection, &*random)?;
        let opened = KeyFile::seal(
            Arc::new(header),
            Arc::new(sealing_key),
            Keyring::default(),
            &*random,
        )?;
        let _lock = file.lock()?;
        if file.files.read_private(&file.path)?.is_some() {
            return Err(LocalKmsError::KeyFileExists { path: file.path });
        }
        file.write(&opened)?;
        Ok(Self::over(file, opened, random, clock))
    }

    /// Opens a key file. Nothing is written.
    ///
    /// `passphrase` must be given exactly when the file needs one ([`Self::protection_of`] tells): one that is given but
    /// not needed is refused, since somebody may have put an unprotected file into the place of ours.
    /// Takes as long as the cost of the passphrase says; never do it on a thread that answers others.
    ///
    /// # Errors
    /// [`LocalKmsError::WrongPassphrase`], [`LocalKmsError::KeyFileDamaged`], [`LocalKmsError::KeyFileMissing`],
    /// [`LocalKmsError::PassphraseRequired`], [`LocalKmsError::NotProtected`], [`LocalKmsError::KeyFileNewer`], or
    /// [`LocalKmsError::File`] with `FILE_NOT_PRIVATE` when others may read the file.
    pub fn open(
        files: Arc<dyn Files>,
        path: impl Into<PathBuf>,
        passphrase: Option<&SecretBytes>,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LocalKmsError> {
        let file = KeyFile {
            files,
            path: path.into(),
        };
        let opened = file.open(file.read()?, passphrase)?;
        Ok(Self::over(file, opened, random, clock))
    }

    /// How a key file says it is protected, without opening it: whether to ask for a passphrase.
    ///
    /// Nothing proves the answer; opening does.
    ///
    /// # Errors
    /// As [`Self::open`] for a file that is missing, damaged or open to others.
    pub fn protection_of(
        files: Arc<dyn Files>,
        path: impl Into<PathBuf>,
    ) -> Result<ProtectionKind, LocalKmsError> {
        let file = KeyFile {
            files,
            path: path.into(),
        };
        Ok(file.header_of(&file.read()?)?.protection())
    }

    fn over(file: KeyFile, opened: Opened, random: Arc<dyn Random>, clock: Arc<dyn Clock>) -> Self {
        let capabilities = Capabilities {
            wrapper_keys: true,
            rewraps_inside: true,
            signing_specs: SigningKeySpec::ALL.to_vec(),
            encryption_specs: EncryptionKeySpec::ALL.to_vec(),
            import_specs: KeySpec::ALL.to_vec(),
            tags_keys: true,
            delays_deletion: true,
            ..Capabilities::none(PROVIDER)
        };
        let (writing, opened) = (Mutex::new(()), Mutex::new(Arc::new(opened)));
        Self {
            shared: Arc::new(Shared {
                file,
                random,
                clock,
                capabilities,
                writing,
                opened,
            }),
        }
    }

    /// Where the key file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.file.path
    }

    /// What there is to say about this KMS, for people and for a check-up.
    #[must_use]
    pub fn describe(&self) -> Description {
        let opened = self.opened();
        Description {
            path: self.path().to_owned(),
            kms_id: HEXLOWER.encode(&opened.header.kms_id),
            protection: opened.header.protection(),
            keys: opened.keyring.present(self.now()).count(),
        }
    }

    /// All keys, in the order of their ids.
    #[must_use]
    pub fn list_keys(&self) -> Vec<LocalKey> {
        self.opened()
            .keyring
            .present(self.now())
            .map(|key| key.listed())
            .collect()
    }

    /// Gives the file a passphrase, or another one, at this cost.
    ///
    /// Older copies of the file still open as they did: whoever has one needs the passphrase of that time, or none.
    ///
    /// # Errors
    /// [`LocalKmsError::EmptyPassphrase`], [`LocalKmsError::CostInvalid`], [`LocalKmsError::KeyFileChanged`], or what the
    /// file system says; the file then has its old protection.
    pub fn change_protection(
        &self,
        passphrase: SecretBytes,
        cost: Argon2Cost,
    ) -> Result<(), LocalKmsError> {
        self.protect(&Protection::Passphrase(passphrase, cost))
    }

    /// Takes the passphrase away: from now on **whoever can read the file has every key**
    /// ([`Protection::UnprotectedKeyFile`]).
    ///
    /// # Errors
    /// [`LocalKmsError::KeyFileChanged`], or what the file system says; the file then has its old protection.
    pub fn danger_remove_passphrase(&self) -> Result<(), LocalKmsError> {
        self.protect(&Protection::UnprotectedKeyFile)
    }

    fn protect(&self, protection: &Protection) -> Result<(), LocalKmsError> {
        // Derived before anything is locked: it takes long.
        let kms_id = self.opened().header.kms_id;
        let (header, sealing_key) = Header::generate(kms_id, protection, &*self.shared.random)?;
        let (header, sealing_key) = (Arc::new(header), Arc::new(sealing_key));
        self.replace(|current| {
            let keyring = current.keyring.clone();
            Ok((
                KeyFile::seal(header, sealing_key, keyring, &*self.shared.random)?,
                (),
            ))
        })
    }

    /// Makes a change on a copy of the keys, writes it, and then shows it.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Keyring, Timestamp) -> Result<T, KmsError>,
    ) -> Result<T, KmsError> {
        self.replace(|current| {
            let now = self.now();
            let mut keyring = current.keyring.clone();
            keyring.drop_gone(now);
            let answer = change(&mut keyring, now)?;
            let (header, sealing_key) = (
                Arc::clone(&current.header),
                Arc::clone(&current.sealing_key),
            );
            Ok((
                KeyFile::seal(header, sealing_key, keyring, &*self.shared.random)?,
                answer,
            ))
        })
    }

    /// Puts what `make` makes of the present content into its place, then answers.
    fn replace<T, E: From<LocalKmsError>>(
        &self,
        make: impl FnOnce(&Opened) -> Result<(Opened, T), E>,
    ) -> Result<T, E> {
        let shared = &*self.shared;
        let _writing = shared.writing.lock();
        let _lock = shared.file.lock()?;
        let (next, answer) = make(&*self.present_content()?)?;
        let written = shared.file.write(&next);
        // When only the last sync failed, the file has its new content already: show what a restart would show.
        if written.is_ok() || shared.file.read().is_ok_and(|image| image == next.image) {
            *shared.opened.lock() = Arc::new(next);
        }
        Ok(written.map(|()| answer)?)
    }

    /// The content of the file now, which another process may have changed since we read it.
    fn present_content(&self) -> Result<Arc<Opened>, LocalKmsError> {
        let known = self.opened();
        let image = self.shared.file.read()?;
        if image == known.image {
            return Ok(known);
        }
        Ok(Arc::new(self.shared.file.reopen(image, &known)?))
    }

    fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.shared.opened.lock())
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}

#[async_trait]
impl KmsProvider for LocalKms {
    fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    fn key_wrapper(&self) -> Option<Arc<dyn KeyWrapper>> {
        Some(Arc::new(self.clone()))
    }

    fn external_keys(&self) -> Option<Arc<dyn ExternalKeys>> {
        Some(Arc::new(self.clone()))
    }

    fn key_finder(&self) -> Option<Arc<dyn KeyFinder>> {
        Some(Arc::new(self.clone()))
    }

    fn key_tags(&self) -> Option<Arc<dyn KeyTags>> {
        Some(Arc::new(self.clone()))
    }

    /// `Degraded` when the key file is gone or open to others: keys in memory go on working, a restart would not.
    async fn health(&self) -> KmsHealth {
        match self.shared.file.files.check_private(self.path()) {
            Ok(()) => KmsHealth::Ok,
            Err(error) => KmsHealth::Degraded {
                reason: error.to_string(),
            },
        }
    }
}

#[async_trait]
impl KeyFinder for LocalKms {
    async fn find_keys(&self, name: &str, value: &str) -> Result<Vec<FoundKey>, KmsError> {
        let mut keys = self.list_keys();
        keys.retain(|key| key.tags.iter().any(|(n, v)| n == name && v == value));
        let found = |key: LocalKey| FoundKey {
            id: key.id,
            kind: key.kind,
            state: key.state,
        };
        Ok(keys.into_iter().map(found).collect())
    }
}

/// What there is to say about a local KMS; its `Display` says loudly when nothing but permissions protects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The key file.
    pub path: PathBuf,
    /// The id of this KMS, 32 hexadecimal digits; stays the same when the file is moved or protected anew.
    pub kms_id: String,
    /// How the file is protected.
    pub protection: ProtectionKind,
    /// How many keys it holds.
    pub keys: usize,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            kms_id,
            protection,
            keys,
        } = self;
        write!(
            f,
            "local KMS {kms_id} in {}, {keys} keys, protection: {protection}",
            path.display()
        )
    }
}

/// An id for a new key: `local:` and 32 random hexadecimal digits.
fn new_key_id(random: &dyn Random) -> Result<KmsKeyId, KmsError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).map_err(LocalKmsError::from)?;
    Ok(KmsKeyId::try_new(format!(
        "{PROVIDER}:{}",
        HEXLOWER.encode(&bytes)
    ))?)
}
