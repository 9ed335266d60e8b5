//! Verifying a backup: opening it as the vault that it would be restored to, and using every key.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use strongroom_backup::{BackupStore, Header, Manifest};
use strongroom_crypto::{
    DecryptError, DecryptionKey, EncryptionPublicKey, Fingerprint, PublicKey, SigningKey,
    SigningPublicKey, Timestamp,
};
use strongroom_store::{DataKeyId, KeyState, Store};
use subtle::ConstantTimeEq;
use tokio::{runtime::Handle, sync::mpsc, task::JoinSet};

use super::seal::SealOfVault;
use crate::{
    anchor::NoAnchor,
    directory::{KeyEntry, PrivateHalf},
    environment::Environment,
    error::{VaultError, WrapAttempt},
    operations::{
        open::{AnchorRule, open_with},
        wraps::check::WrapStatus,
    },
    settings::Settings,
    vault::Vault,
};

/// What keys sign and decrypt to be tried. It is no hash of the ledger, nor of anything else that a signature is asked for.
const TRIAL: &[u8] =
    b"strongroom: this key was tried when a backup was verified, and says nothing else";

/// What was found in a backup.
#[derive(Debug)]
#[non_exhaustive]
pub struct BackupReport {
    /// What the backup is of, found authentic.
    pub header: Header,
    /// What it holds.
    pub manifest: Manifest,
    /// Its data keys.
    pub data_keys: Vec<DataKeyId>,
    /// When it was verified.
    pub verified_at: Timestamp,
    /// KMS and wrapper key of the wrap that opened it.
    pub opened_by: (String, String),
    /// Each wrap, tried.
    pub wraps: Vec<WrapStatus>,
    /// How many keys were used, and how.
    pub used: KeysUsed,
    /// Keys that do not do what their public half promises, and why.
    pub failed: Vec<(Fingerprint, VaultError)>,
    /// The records of the audit chain, or where it is broken.
    pub audit: Result<u64, VaultError>,
    /// The transactions of topology, or why they are not believed.
    pub topology: Result<u64, VaultError>,
}

/// How many keys were used, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeysUsed {
    /// Signed, and the signature is valid under the public half.
    pub signed: usize,
    /// Decrypted what was encrypted to the public half.
    pub decrypted: usize,
    /// Retired signing keys, which sign nothing: the private half gives the public one.
    pub compared: usize,
    /// Only the public half is there.
    pub public_only: usize,
    /// How many of all these a KMS holds.
    pub external: usize,
}

/// What was done with one key.
#[derive(Clone, Copy)]
enum Use {
    Signed,
    Decrypted,
    Compared,
    PublicOnly,
}

impl BackupReport {
    /// Whether the backup would restore everything that was in the vault. A wrap that does not open is no fault of the
    /// backup, as another one did.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.failed.is_empty() && self.audit.is_ok() && self.topology.is_ok()
    }
}

impl Vault {
    /// Opens a backup in memory, with nothing of any vault that is there, and uses every key in it.
    ///
    /// One KMS call opens it, as it opens the vault; one more for each wrap, and for each key that a KMS holds or sealed
    /// itself. The store and the anchor of `environment` are not touched. `progress` hears how many keys are done, of how
    /// many.
    ///
    /// # Errors
    /// [`VaultError::NoWrapOpens`] names each wrap; every error of [`Vault::open`] but those about the anchor;
    /// [`VaultError::Backup`] for a backup that nobody with the data key made. What is wrong with single keys, with the
    /// audit chain or with topology is part of the answer.
    pub async fn verify_backup(
        environment: Environment,
        settings: Settings,
        backup: &BackupStore,
        progress: impl FnMut(usize, usize),
    ) -> Result<BackupReport, VaultError> {
        let vault = Arc::new(open_isolated(environment, settings, backup).await?);
        let (used, failed) = use_every_key(&vault, progress).await;
        let opening = vault.opening();
        let topology = vault.loaded_topology().await.map(drop);
        Ok(BackupReport {
            header: backup.header().clone(),
            manifest: backup.manifest().clone(),
            data_keys: vault.data_keys_in_store().await?,
            verified_at: vault.now(),
            opened_by: (opening.kms, opening.wrapper_key_id),
            wraps: vault.check_wraps().await.wraps,
            used,
            failed,
            audit: vault.walk_audit(|_entry| {}).await.map(|walk| walk.records),
            topology: match topology {
                Ok(()) => Ok(vault.topology_rows().await),
                Err(error) => Err(error),
            },
        })
    }

    async fn data_keys_in_store(&self) -> Result<Vec<DataKeyId>, VaultError> {
        let mut snapshot = self.environment().store.read().await?;
        let data_keys = snapshot.data_keys().await?;
        Ok(data_keys.into_iter().map(|record| record.id).collect())
    }

    async fn topology_rows(&self) -> u64 {
        self.committed().lock().await.state.topology.rows
    }

    /// Does with a key what it is for, and checks it by the public half.
    async fn use_key(&self, entry: &Arc<KeyEntry>) -> Result<Use, VaultError> {
        let Some(half) = &entry.private else {
            return Ok(Use::PublicOnly);
        };
        self.check_copy(entry).await?;
        match &entry.public {
            PublicKey::Signing(_) if half.state == KeyState::Retired => {
                match &half.external {
                    Some(held) => self.check_external(entry, held).await?,
                    None => drop(self.private_key(&entry.fingerprint()).await?),
                }
                Ok(Use::Compared)
            }
            PublicKey::Signing(public) => {
                self.sign_trial(entry, public, half).await?;
                Ok(Use::Signed)
            }
            PublicKey::Encryption(public) => {
                self.decrypt_trial(entry, public, half).await?;
                Ok(Use::Decrypted)
            }
        }
    }

    async fn sign_trial(
        &self,
        entry: &Arc<KeyEntry>,
        public: &SigningPublicKey,
        half: &PrivateHalf,
    ) -> Result<(), VaultError> {
        let usages = public.usages();
        if let Some(held) = &half.external {
            // Verifies as well. Nobody changes keys of a backup: the answer is there.
            self.sign_externally(entry, public, held, TRIAL, usages)
                .await?;
            return Ok(());
        }
        let (_entry, private) = self.private_key(&entry.fingerprint()).await?;
        let signature = SigningKey::new(&private, public)?.sign(TRIAL, usages)?;
        Ok(public.verify(TRIAL, &signature, usages)?)
    }

    async fn decrypt_trial(
        &self,
        entry: &Arc<KeyEntry>,
        public: &EncryptionPublicKey,
        half: &PrivateHalf,
    ) -> Result<(), VaultError> {
        let encrypted = public.encrypt(TRIAL, self.random())?;
        let plaintext = if let Some(held) = &half.external {
            let decrypted = self
                .decrypt_externally(entry, public, held, &encrypted)
                .await?;
            decrypted.ok_or(VaultError::Decrypt(DecryptError::Failed))?
        } else {
            let (_entry, private) = self.private_key(&entry.fingerprint()).await?;
            DecryptionKey::new(&private, public)?.decrypt(&encrypted)?
        };
        // EXPOSE: compared with what everybody may know.
        if plaintext.expose().ct_eq(TRIAL).into() {
            Ok(())
        } else {
            Err(VaultError::Decrypt(DecryptError::Failed))
        }
    }
}

/// The vault of a backup, over the backup itself: it can be read and used, and not changed.
pub(crate) async fn open_isolated(
    environment: Environment,
    mut settings: Settings,
    backup: &BackupStore,
) -> Result<Vault, VaultError> {
    settings.kms_watch.check_wrapper_keys_every = None;
    settings.anchor_tag = None;
    let random = Arc::clone(&environment.random);
    let isolated = Environment {
        store: Arc::new(backup.clone()),
        anchor: Arc::new(NoAnchor),
        ..environment
    };
    let configured: Vec<_> = isolated
        .wrappers
        .iter()
        .map(|named| named.name.clone())
        .collect();
    let opened = open_with(isolated, settings, AnchorRule::Accept, |vault, data_key| {
        let seal = SealOfVault {
            vault,
            data_key,
            random,
        };
        Ok(backup.unseal(Arc::new(seal))?)
    });
    match opened.await {
        Err(VaultError::NoWrapOpens { mut attempts }) => {
            attempts.extend(not_configured(backup, &configured).await?);
            Err(VaultError::NoWrapOpens { attempts })
        }
        other => other,
    }
}

/// The wraps that nobody could try: their KMS may be the one to bring back.
async fn not_configured(
    backup: &BackupStore,
    configured: &[String],
) -> Result<Vec<WrapAttempt>, VaultError> {
    let mut read = backup.read().await?;
    let wraps = read.wraps(backup.header().current_data_key).await?;
    let missing = wraps
        .iter()
        .filter(|wrap| !configured.contains(&wrap.kms))
        .map(|wrap| {
            let kms = wrap.kms.clone();
            WrapAttempt::new(wrap, &VaultError::KmsNotConfigured { kms })
        });
    Ok(missing.collect())
}

/// Uses the keys on as many threads as there are processors. They are not those of the runtime: a server that verifies a backup
/// goes on answering.
async fn use_every_key(
    vault: &Arc<Vault>,
    mut progress: impl FnMut(usize, usize),
) -> (KeysUsed, Vec<(Fingerprint, VaultError)>) {
    let entries: Arc<[_]> = vault.directory().entries().into();
    let next = Arc::new(AtomicUsize::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (sender, mut outcomes) = mpsc::channel(threads * 4);
    let mut workers = JoinSet::new();
    for _ in 0..threads {
        let (vault, entries) = (Arc::clone(vault), Arc::clone(&entries));
        let (next, sender) = (Arc::clone(&next), sender.clone());
        let runtime = Handle::current();
        workers.spawn_blocking(move || {
            while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = runtime.block_on(vault.use_key(entry));
                if sender.blocking_send((Arc::clone(entry), outcome)).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let (mut used, mut failed, mut done) = (KeysUsed::default(), Vec::new(), 0);
    while let Some((entry, outcome)) = outcomes.recv().await {
        match outcome {
            Ok(how) => used.count(&entry, how),
            Err(error) => failed.push((entry.fingerprint(), error)),
        }
        done += 1;
        progress(done, entries.len());
    }
    // A panic there is one here.
    workers.join_all().await;
    failed.sort_by_key(|(fingerprint, _)| *fingerprint);
    (used, failed)
}

impl KeysUsed {
    fn count(&mut self, entry: &KeyEntry, how: Use) {
        match how {
            Use::Signed => self.signed += 1,
            Use::Decrypted => self.decrypted += 1,
            Use::Compared => self.compared += 1,
            Use::PublicOnly => self.public_only += 1,
        }
        self.external += usize::from(entry.is_held_by_kms());
    }
}
