//! Reading the file of a backup.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use parking_lot::Mutex;
use strongroom_backup::{BackupStore, Unlock, decrypt};
use strongroom_config::{PromptTag, SecretSource};
use strongroom_crypto::HashBuilder;

use crate::{backup_schedule::identities, input, secrets};

/// What decrypts a backup; nothing for one that was not encrypted.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(super) struct UnlockArgs {
    /// The secret key of age of a recipient is in this file.
    #[arg(long, value_name = "FILE")]
    identity_file: Option<PathBuf>,
    /// The passphrase of the backup is in this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Ask for the passphrase of the backup.
    #[arg(long)]
    passphrase_prompt: bool,
}

impl UnlockArgs {
    fn read(&self) -> anyhow::Result<Unlock> {
        if let Some(path) = &self.identity_file {
            return identities(path);
        }
        let source = passphrase(self.passphrase_file.as_ref(), self.passphrase_prompt);
        source.map_or(Ok(Unlock::Nothing), |source| {
            Ok(Unlock::Passphrase(secrets::read(
                &source,
                "Passphrase of the backup",
            )?))
        })
    }
}

/// Where a passphrase comes from.
pub(super) fn passphrase(file: Option<&PathBuf>, prompt: bool) -> Option<SecretSource> {
    match (file, prompt) {
        (Some(path), _) => Some(SecretSource::File(path.clone())),
        (None, true) => Some(SecretSource::Prompt(PromptTag {})),
        (None, false) => None,
    }
}

/// A backup that was read to its end, and the SHA-256 of its file.
pub(super) struct ReadBackup {
    pub(super) store: BackupStore,
    pub(super) file_hash: [u8; 32],
}

impl ReadBackup {
    pub(super) fn open(path: &Path, unlock: &UnlockArgs) -> anyhow::Result<Self> {
        let unlock = unlock.read()?;
        let file = Hashed::new(input::open_file(path)?);
        let sum = Arc::clone(&file.hash);
        let read = || BackupStore::read(decrypt(file, &unlock)?);
        let store = tokio::task::block_in_place(read)?;
        let hash = std::mem::replace(&mut *sum.lock(), HashBuilder::without_purpose());
        Ok(Self {
            store,
            file_hash: *hash.finish().as_bytes(),
        })
    }
}

/// A file whose bytes are hashed as they are read.
struct Hashed {
    file: File,
    hash: Arc<Mutex<HashBuilder>>,
}

impl Hashed {
    fn new(file: File) -> Self {
        Self {
            file,
            hash: Arc::new(Mutex::new(HashBuilder::without_purpose())),
        }
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let mut hash = self.hash.lock();
        let before = std::mem::replace(&mut *hash, HashBuilder::without_purpose());
        *hash = before.raw(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
