//! Session encryption keys for the views of a transaction.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use strongroom_crypto::{
    AsymmetricEncrypted, DecryptError, EncryptionPublicKey, Fingerprint, Hash, PublicKey,
    SecretBytes, SymmetricKey, Timestamp, clock::Clock,
};
use strongroom_errors::Coded as _;
use strongroom_kms::{KmsError, KmsOperation, MAX_CIPHERTEXT_BYTES};
use strongroom_store::KmsKeyRef;
use strongroom_topology::{At, StoreId, TopologyStore};
use tokio::{task::yield_now, time::timeout};

use super::{
    external::using::HeldKey,
    payload::{after_everything, encryption_key},
};
use crate::{
    audit::AuditOperation,
    background::LONGEST,
    caller::Caller,
    directory::{KeyDirectory, KeyEntry},
    error::{PayloadUseError, VaultError},
    schemes::RequiredEncryption,
    session_encryption::{
        Owner, RecipientsTree, SenderKey, SessionCaches, SessionEncryptionKey,
        SessionEncryptionNumbers,
    },
    turns::{Failure, Next, Patience, Turn},
    vault::Vault,
};

/// Bytes of a secret; it is the AES-128 key itself.
const SECRET_LEN: usize = SymmetricKey::LEN;

/// A view and its parts.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Who gets it.
    pub recipients: RecipientsTree,
    /// What it is made of. Whoever gets the view gets the secrets of these with it.
    pub subviews: Vec<Self>,
}

/// With which keys, and how, secrets are encrypted.
#[derive(Clone, Debug)]
pub struct SessionSnapshot {
    /// The topology store that knows the recipients.
    pub store: StoreId,
    /// The time as of which it is asked; none: now.
    pub at: Option<Timestamp>,
    /// Whether recipients can check what others were sent: the synchronizer's transparency checks want it.
    pub deterministic: bool,
}

/// The session encryption keys of one transaction: those of the process, or its own where the caches are disabled.
#[derive(Debug)]
pub struct SessionEncryption<'v> {
    vault: &'v Vault,
    caches: Arc<SessionCaches>,
    required: RequiredEncryption,
    caller: Option<Caller>,
}

impl Vault {
    /// Session encryption keys, for one transaction.
    #[must_use]
    pub fn session_encryption(&self) -> SessionEncryption<'_> {
        let caches = if self.settings().session_encryption.enabled {
            Arc::clone(&self.caches().session_encryption)
        } else {
            Arc::new(SessionCaches::of_one_transaction())
        };
        SessionEncryption {
            vault: self,
            caches,
            required: RequiredEncryption::default(),
            caller: None,
        }
    }

    /// What the caches of session encryption keys have done and hold.
    #[must_use]
    pub fn session_encryption_numbers(&self) -> SessionEncryptionNumbers {
        self.caches().session_encryption.numbers(self.elapsed())
    }
}

/// What a transaction asks about its views.
struct Asked<'a> {
    store: &'a TopologyStore,
    at: Timestamp,
}

/// A key that a view wants, as topology knows its recipients.
struct WantedKey {
    /// The place of the key of the view above it.
    parent: Option<usize>,
    /// The hash of the tree.
    recipients: Hash,
    /// What a key that is used again may be encrypted to.
    active: HashSet<Fingerprint>,
    /// What a new one is encrypted to, in the order of the members.
    keys: Vec<EncryptionPublicKey>,
}

impl SessionEncryption<'_> {
    /// The same, on a synchronizer: what it does not take, as [`Vault::schemes`] says, is neither encrypted nor decrypted. [`Self::keys`] knows
    /// the synchronizer anyway.
    #[must_use]
    pub fn on(self, store: &StoreId) -> Self {
        let required = self.required_on(store);
        Self { required, ..self }
    }

    /// What was asked for, and no more than the synchronizer takes.
    fn required_on(&self, store: &StoreId) -> RequiredEncryption {
        match self.vault.schemes(store) {
            Some(known) => known.encryption.and(&self.required),
            None => self.required.clone(),
        }
    }

    /// The same, on behalf of somebody. The record of a use names them, and the keys that were made for them are used for nobody else: whoever
    /// may encrypt may not therefore read what others encrypt.
    #[must_use]
    pub fn on_behalf_of(self, caller: Caller) -> Self {
        let caller = Some(caller);
        Self { caller, ..self }
    }

    /// A key for each view, each before those of its parts. A key is used again as long as it was made for the same tree of
    /// recipients, all keys that it is encrypted to are still theirs, and the key of the view above it is the same.
    ///
    /// # Errors
    /// [`PayloadUseError::NoEncryptionKey`](crate::PayloadUseError::NoEncryptionKey); [`VaultError::KeyRetired`], since nothing new is encrypted to a retired
    /// key; [`PayloadUseError::SchemeNotAllowed`](crate::PayloadUseError::SchemeNotAllowed); [`PayloadUseError::OfTheFuture`](crate::PayloadUseError::OfTheFuture);
    /// [`VaultError::Encrypt`]; errors of the store.
    pub async fn keys(
        &self,
        views: &[SessionView],
        snapshot: &SessionSnapshot,
    ) -> Result<Vec<Arc<SessionEncryptionKey>>, VaultError> {
        self.keys_if(views, snapshot, |_key| Ok(())).await
    }

    /// As [`Self::keys`], to those keys only that the caller may encrypt to, as `may` says of each.
    ///
    /// # Errors
    /// As [`Self::keys`], and what `may` says.
    pub async fn keys_if<E: From<VaultError>>(
        &self,
        views: &[SessionView],
        snapshot: &SessionSnapshot,
        may: impl Fn(&Fingerprint) -> Result<(), E>,
    ) -> Result<Vec<Arc<SessionEncryptionKey>>, E> {
        // Another process may have retired a key, or followed topology further.
        self.vault.in_touch().await?;
        if let Some(at) = snapshot.at {
            let vault = self.vault;
            vault.check_not_of_the_future(at, &snapshot.store).await?;
        }
        let required = self.required_on(&snapshot.store);
        let mut keys: Vec<Arc<SessionEncryptionKey>> = Vec::with_capacity(views.len());
        for wanted in self.wanted(views, snapshot).await? {
            let cached = SenderKey {
                caller: self.owner(),
                store: snapshot.store.clone(),
                deterministic: snapshot.deterministic,
                required: required.clone(),
                recipients: wanted.recipients,
            };
            let parent = wanted.parent.and_then(|parent| keys.get(parent));
            let parent = parent.map(|parent| parent.id());
            let now = self.vault.elapsed();
            let known = self.caches.reusable(&cached, parent, &wanted.active, now);
            keys.push(match known {
                Some(known) => known,
                None => {
                    // Each takes many encryptions. Others work in between.
                    yield_now().await;
                    self.new_key(cached, parent, &wanted.keys)?
                }
            });
        }
        let encryptions = keys.iter().flat_map(|key| key.encryptions());
        let used: BTreeSet<_> = encryptions.map(|it| it.encrypted_for).collect();
        used.iter().try_for_each(may)?;
        Ok(keys)
    }

    /// The secret that somebody encrypted to a key of this vault. One that is known costs no use of a private key; several who ask
    /// for the same one at once cost one. Each use is one of its key, and on record as such, also of one that is known.
    ///
    /// # Errors
    /// Those of [`Vault::decrypt`], also when what was encrypted is no such secret;
    /// [`PayloadUseError::SchemeNotAllowed`](crate::PayloadUseError::SchemeNotAllowed), also for a secret that is known.
    pub async fn secret(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<Arc<SecretBytes>, VaultError> {
        let secret = self.known_or_decrypted(encrypted).await?;
        let (caller, key) = (self.caller.as_ref(), &encrypted.encrypted_for);
        self.vault
            .record_use(caller, AuditOperation::Decrypt, key, None)
            .await?;
        Ok(secret)
    }

    async fn known_or_decrypted(
        &self,
        encrypted: &AsymmetricEncrypted,
    ) -> Result<Arc<SecretBytes>, VaultError> {
        // It would be kept in memory until a KMS has said the same.
        if encrypted.ciphertext.len() > MAX_CIPHERTEXT_BYTES {
            return Err(DecryptError::Failed.into());
        }
        let hash = encrypted.session_key_hash();
        let mut patience = Patience::new();
        loop {
            // A secret outlives neither its key in the vault nor the vault's contact to its store.
            self.vault.in_touch().await?;
            let key = self.vault.key(&encrypted.encrypted_for)?;
            if let PublicKey::Encryption(public) = &key.public {
                self.required.check(public, encrypted.algorithm)?;
            }
            if let Some(known) = self.known(encrypted, &hash).await? {
                return Ok(known);
            }
            let turn = match self.caches.turns.take(hash) {
                Next::Make(turn) => turn,
                Next::Wait(waiting) => {
                    let failure = patience.wait(waiting).await?;
                    // Asked again, a KMS would say the same of it.
                    if failure.is_some_and(|it| it.code == DecryptError::Failed.code()) {
                        return Err(DecryptError::Failed.into());
                    }
                    continue;
                }
            };
            // Whoever had the turn before may have got it since.
            if let Some(known) = self.known(encrypted, &hash).await? {
                return Ok(known);
            }
            let decrypting = self.decrypted(&key, encrypted, turn);
            if let Some(secret) = patience.make(decrypting).await? {
                return Ok(secret);
            }
        }
    }

    /// Uses the private key. None if it was changed meanwhile, and so perhaps deleted: then it is asked for anew.
    async fn decrypted(
        &self,
        key: &Arc<KeyEntry>,
        encrypted: &AsymmetricEncrypted,
        turn: Turn<Hash>,
    ) -> Result<Option<Arc<SecretBytes>>, VaultError> {
        let vault = self.vault;
        let Some((public, held)) = held_by_kms(key) else {
            let decrypted = vault.decrypt_in_touch(encrypted).await.and_then(checked);
            if let Ok(secret) = &decrypted {
                self.caches.note_decrypted();
                self.keep(key, encrypted, secret);
            }
            return told(turn, decrypted).map(Some);
        };
        if vault.is_in_doubt() {
            vault.settled_for(&encrypted.encrypted_for).await?;
        }
        let receiving = Receiving {
            caches: Arc::clone(&self.caches),
            directory: Arc::clone(vault.directory()),
            clock: Arc::clone(&vault.environment().clock),
            owner: self.owner(),
            key: Arc::clone(key),
            public: public.clone(),
            encrypted: encrypted.clone(),
        };
        let held = vault.held_key(held)?;
        // What a KMS decrypts is kept although whoever asked for it has gone.
        let receiving = async move { told(turn, receiving.receive(&held).await) };
        let secret = vault.background().run(receiving).await?;
        let may_still = || vault.may_decrypt(&encrypted.encrypted_for);
        if !vault.was_in_touch(may_still).await? {
            return Ok(None);
        }
        // It may have been there for long, and the key have been deleted before anybody came back for it.
        Ok(vault.directory().if_current(key, || secret))
    }

    fn owner(&self) -> Owner {
        self.caller.as_ref().map(Caller::shared_name)
    }

    /// Keeps a secret, unless its key was changed meanwhile, and so perhaps deleted.
    fn keep(
        &self,
        key: &Arc<KeyEntry>,
        encrypted: &AsymmetricEncrypted,
        secret: &Arc<SecretBytes>,
    ) {
        let now = self.vault.elapsed();
        let keep = || {
            let owner = self.owner();
            self.caches.keep_received(owner, encrypted, secret, now);
        };
        self.vault.directory().if_current(key, keep);
    }

    /// The secret, if it is known, and its key is in the vault still.
    async fn known(
        &self,
        encrypted: &AsymmetricEncrypted,
        hash: &Hash,
    ) -> Result<Option<Arc<SecretBytes>>, VaultError> {
        let Some(known) = self.caches.received(hash, self.vault.elapsed()) else {
            return Ok(None);
        };
        let (vault, key) = (self.vault, &encrypted.encrypted_for);
        let is_ours = vault.was_in_touch(|| vault.may_decrypt(key)).await?;
        Ok(is_ours.then_some(known))
    }

    /// What topology says of the views, each before those of its parts. Nobody who changes topology waits while they are encrypted to.
    async fn wanted(
        &self,
        views: &[SessionView],
        snapshot: &SessionSnapshot,
    ) -> Result<Vec<WantedKey>, VaultError> {
        let store = self.vault.topology(&snapshot.store).await?;
        let now = || after_everything(self.vault.now(), &store);
        let asked = Asked {
            at: snapshot.at.unwrap_or_else(now),
            store: &store,
        };
        let mut wanted = Vec::with_capacity(views.len());
        for view in views {
            asked.add_to(&mut wanted, view, None)?;
        }
        Ok(wanted)
    }

    fn new_key(
        &self,
        cached: SenderKey,
        parent: Option<u64>,
        keys: &[EncryptionPublicKey],
    ) -> Result<Arc<SessionEncryptionKey>, VaultError> {
        let (vault, random) = (self.vault, self.vault.random());
        let own = keys.iter().map(EncryptionPublicKey::fingerprint);
        let own: Vec<_> = own.filter(|key| vault.may_decrypt(key)).collect();
        own.iter().try_for_each(|key| self.check_own(key))?;
        let secret = SecretBytes::fill_with(SECRET_LEN, |bytes| random.fill(bytes))?;
        let secret = Arc::new(secret);
        let mut encryptions = Vec::with_capacity(keys.len());
        for key in keys {
            // EXPOSE: encrypted to a recipient.
            let secret = secret.expose();
            let encrypted = if cached.deterministic {
                key.encrypt_deterministically(secret)?
            } else {
                key.encrypt(secret, random)?
            };
            cached.required.check(key, encrypted.algorithm)?;
            encryptions.push(encrypted);
        }
        for encrypted in &encryptions {
            let own = vault.directory().entry(&encrypted.encrypted_for);
            if let Some(own) = own.filter(|own| own.private.is_some()) {
                self.keep(&own, encrypted, &secret);
            }
        }
        let now = vault.elapsed();
        let made = self
            .caches
            .keep_sent(cached, parent, &secret, encryptions, now);
        // Whoever retires or deletes a key changes the directory first and forgets its secrets afterwards: this one is among them, or it is
        // seen here.
        for key in &own {
            if let Err(refused) = self.check_own(key) {
                self.caches.forget_sent_to(key);
                return Err(refused);
            }
        }
        Ok(made)
    }

    /// Refuses a key of this vault that is gone, or to which nothing new is encrypted.
    fn check_own(&self, key: &Fingerprint) -> Result<(), VaultError> {
        self.vault.key(key)?;
        self.vault.check_not_retired(key)
    }
}

/// What a KMS is asked for. It needs no vault to be kept.
struct Receiving {
    caches: Arc<SessionCaches>,
    directory: Arc<KeyDirectory>,
    clock: Arc<dyn Clock>,
    owner: Owner,
    /// As it was when the KMS was asked.
    key: Arc<KeyEntry>,
    public: EncryptionPublicKey,
    encrypted: AsymmetricEncrypted,
}

impl Receiving {
    /// The secret, which is kept if the key is still as it was.
    async fn receive(&self, held: &HeldKey) -> Result<Arc<SecretBytes>, VaultError> {
        let decrypting = held.decrypt(&self.public, &self.encrypted);
        let decrypted = timeout(LONGEST, decrypting).await;
        let secret = checked(decrypted.unwrap_or_else(|_elapsed| {
            let operation = KmsOperation::Decrypt;
            Err(KmsError::TimedOut { operation }.into())
        })?)?;
        self.caches.note_decrypted();
        let now = self.clock.elapsed();
        let keep = || {
            let owner = self.owner.clone();
            let encrypted = &self.encrypted;
            self.caches.keep_received(owner, encrypted, &secret, now);
        };
        self.directory.if_current(&self.key, keep);
        Ok(secret)
    }
}

/// Tells those who wait for their turn if this one ended in vain.
fn told<T>(turn: Turn<Hash>, outcome: Result<T, VaultError>) -> Result<T, VaultError> {
    if let Err(error) = &outcome {
        turn.failed(Failure::of(error));
    }
    outcome
}

/// What was decrypted, if it is a secret.
fn checked(decrypted: SecretBytes) -> Result<Arc<SecretBytes>, VaultError> {
    if decrypted.len() == SECRET_LEN {
        Ok(Arc::new(decrypted))
    } else {
        Err(DecryptError::Failed.into())
    }
}

fn held_by_kms(key: &KeyEntry) -> Option<(&EncryptionPublicKey, &KmsKeyRef)> {
    let PublicKey::Encryption(public) = &key.public else {
        return None;
    };
    let half = key.private.as_ref()?;
    Some((public, half.external.as_ref()?))
}

impl Asked<'_> {
    /// Adds what a view and its parts want.
    fn add_to(
        &self,
        wanted: &mut Vec<WantedKey>,
        view: &SessionView,
        parent: Option<usize>,
    ) -> Result<(), VaultError> {
        let place = wanted.len();
        wanted.push(WantedKey {
            parent,
            recipients: view.recipients.hash(),
            active: self.active_keys(&view.recipients),
            keys: self.recipient_keys(&view.recipients)?,
        });
        let mut parts = view.subviews.iter();
        parts.try_for_each(|part| self.add_to(wanted, part, Some(place)))
    }

    /// The key that each member is encrypted to.
    fn recipient_keys(
        &self,
        recipients: &RecipientsTree,
    ) -> Result<Vec<EncryptionPublicKey>, PayloadUseError> {
        let members = recipients.members.iter();
        members
            .map(|member| encryption_key(self.store, member, self.at))
            .collect()
    }

    /// All encryption keys that the members announce: those that leave soon are still theirs.
    fn active_keys(&self, recipients: &RecipientsTree) -> HashSet<Fingerprint> {
        let members = recipients.members.iter();
        let mappings =
            members.filter_map(|member| self.store.owner_to_key(member, At::Time(self.at)));
        mappings
            .flat_map(|mapping| {
                mapping
                    .encryption_keys()
                    .map(EncryptionPublicKey::fingerprint)
            })
            .collect()
    }
}
