//! The session key that signs: one that is there, one that is being made, or a new one.

use std::sync::Arc;

use strongroom_crypto::{
    Fingerprint, KeyUsage, KeyUsages, PrivateKey, Signature, SignatureDelegation, SigningKey,
    SigningPublicKey, ValidityPeriod, clock::Clock, delegation_hash,
};
use strongroom_kms::{KmsError, KmsOperation};
use strongroom_topology::{Member, SynchronizerId};
use tokio::time::timeout;

use super::PROTOCOL;
use crate::{
    background::LONGEST,
    directory::{KeyDirectory, KeyEntry},
    error::VaultError,
    operations::{external::using::HeldKey, sign::signing_halves},
    session_signing::{Choice, Held, SessionKey, Wanted},
    settings::SessionSigningSettings,
    topology::{Topology, TopologyCell},
    turns::{Failure, Making, Patience},
    vault::{Caches, Vault},
};

/// The wish for a session key.
pub(super) struct Request<'v> {
    pub(super) vault: &'v Vault,
    pub(super) settings: &'v SessionSigningSettings,
    pub(super) synchronizer: &'v SynchronizerId,
    pub(super) long_term_key: Fingerprint,
    pub(super) wanted: Wanted,
}

/// Whether a session key was made. If not, the long-term key signs itself, if it still may: it was changed or withdrawn
/// while it let a new one sign.
type Made = Result<bool, VaultError>;

impl Request<'_> {
    /// A session key that covers what is wanted: one that is there, one that is being made, or a new one. None if the
    /// long-term key signs itself: no new one was made, or too many are being made.
    ///
    /// Whoever made one looks for it like everybody else: the long-term key may have been retired before they got to know.
    pub(super) async fn session_key(&self) -> Result<Option<Arc<Held<SessionKey>>>, VaultError> {
        let (vault, long_term_key) = (self.vault, self.long_term_key);
        let session_keys = &vault.caches().session_keys;
        let mut patience = Patience::new();
        loop {
            vault.check_released()?;
            if vault.is_in_doubt() {
                vault.settled_for(&long_term_key).await?;
            }
            let times = (self.settings.eviction, vault.environment().clock.elapsed());
            match session_keys.choose(self.synchronizer, long_term_key, &self.wanted, times) {
                Choice::Use(held) => return Ok(Some(held)),
                Choice::GoWithout => {
                    session_keys.note_fallback();
                    return Ok(None);
                }
                Choice::Wait(waiting) => drop(patience.wait(waiting).await?),
                Choice::Make(making) => {
                    if !patience.make(self.make(making)).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Makes a session key. A call of the KMS costs money, so it goes on, and the key is taken in, although its caller goes.
    async fn make(&self, making: Making) -> Made {
        let vault = self.vault;
        let entry = vault.key(&self.long_term_key)?;
        let Some(draft) = self.draft(&entry).await? else {
            return Ok(false);
        };
        let (public, half) = signing_halves(&entry)?;
        let Some(held) = &half.external else {
            let (key, text) = (self.long_term_key, draft.text());
            let signing = vault.sign_as_known(&key, &text, PROTOCOL);
            return draft.finished(signing, making).await;
        };
        let signing = signed_in_time(vault.held_key(held)?, public.clone(), draft.text());
        let making = draft.finished(signing, making);
        vault.background().run(making).await
    }

    /// A new session key, and what it takes to take it in. None if its long-term key was withdrawn: many may have waited meanwhile, and a call of the
    /// KMS for each of them would be in vain.
    async fn draft(&self, entry: &Arc<KeyEntry>) -> Result<Option<Draft>, VaultError> {
        let vault = self.vault;
        let identity = vault.identity().ok_or(VaultError::NotIdentified)?;
        let private = PrivateKey::generate(self.settings.spec.into(), vault.random())?;
        let public = private.signing_public_key(KeyUsages::try_new([KeyUsage::Protocol])?)?;
        let draft = Draft {
            key: SigningKey::new(&private, &public)?,
            public,
            validity: self.wanted.new,
            synchronizer: self.synchronizer.clone(),
            member: identity.member,
            long_term_key: Arc::clone(entry),
            caches: Arc::clone(vault.caches()),
            directory: Arc::clone(vault.directory()),
            topology: Arc::clone(vault.topology_cell()),
            clock: Arc::clone(&vault.environment().clock),
        };
        let topology = vault.loaded_topology().await?;
        Ok(draft.is_wanted(&topology).then_some(draft))
    }
}

/// What a KMS signs, which is not waited for without end.
async fn signed_in_time(
    key: HeldKey,
    public: SigningPublicKey,
    text: Vec<u8>,
) -> Result<Signature, VaultError> {
    let signing = key.sign(&public, &text, PROTOCOL);
    timeout(LONGEST, signing).await.unwrap_or_else(|_elapsed| {
        let operation = KmsOperation::Sign;
        Err(KmsError::TimedOut { operation }.into())
    })
}

/// A session key for which its long-term key has not signed yet. It needs no vault to be taken in.
struct Draft {
    key: SigningKey,
    public: SigningPublicKey,
    validity: ValidityPeriod,
    synchronizer: SynchronizerId,
    /// The node.
    member: Member,
    /// As it was when it was asked to sign.
    long_term_key: Arc<KeyEntry>,
    caches: Arc<Caches>,
    directory: Arc<KeyDirectory>,
    topology: Arc<TopologyCell>,
    clock: Arc<dyn Clock>,
}

impl Draft {
    /// What the long-term key signs.
    fn text(&self) -> Vec<u8> {
        let hash = delegation_hash(&self.public, self.validity, self.synchronizer.as_str());
        hash.to_multihash().to_vec()
    }

    /// Whether the node still announces the long-term key.
    fn is_wanted(&self, topology: &Topology) -> bool {
        let keys = topology.signing_keys(&self.synchronizer, &self.member);
        keys.contains(&self.long_term_key.fingerprint())
    }

    /// Takes the key in once the long-term key has signed, and tells those who wait what became of it. If none was made they look for
    /// themselves.
    async fn finished(
        self,
        signing: impl Future<Output = Result<Signature, VaultError>>,
        making: Making,
    ) -> Made {
        let made = match signing.await {
            Ok(signature) => self.taken_in(signature).await,
            Err(error) => Err(error),
        };
        match &made {
            Ok(true) => making.made(),
            Ok(false) => drop(making),
            Err(error) => making.failed(Failure::of(error)),
        }
        made
    }

    /// Puts the key into the pool, unless its long-term key was changed meanwhile, and so perhaps retired, or withdrawn.
    async fn taken_in(self, signature: Signature) -> Made {
        // Whoever retires or withdraws the long-term key wipes its session keys afterwards: this one is among them, or is not put
        // there. So topology stands still meanwhile, and the directory does. Where topology is not known, nobody can say.
        let topology = self.topology.as_known().await;
        if !self.is_wanted(&topology) {
            return Ok(false);
        }
        let delegation = SignatureDelegation::try_new(self.public, self.validity, signature)?;
        let held = Arc::new(Held {
            key: SessionKey {
                key: self.key,
                delegation: Arc::new(delegation),
            },
            validity: self.validity,
            delegated_by: self.long_term_key.fingerprint(),
            made_at: self.clock.elapsed(),
        });
        let session_keys = &self.caches.session_keys;
        let put = || session_keys.put(&self.synchronizer, held);
        let is_kept = self.directory.if_current(&self.long_term_key, put);
        Ok(is_kept.is_some())
    }
}
