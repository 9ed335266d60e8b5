//! Signing messages of the protocol.

use std::{sync::Arc, time::Duration};

use strongroom_crypto::{
    Fingerprint, KeyUsage, KeyUsages, PrivateKey, ProtocolSignature, SessionSignature,
    SignatureDelegation, SigningKey, delegation_hash,
};
use strongroom_errors::Coded;
use strongroom_topology::{
    At, PhysicalSynchronizerId, StoreId, SynchronizerId, current_signing_key,
};
use tokio::time::timeout;

use super::{PROTOCOL, knows_session_keys};
use crate::{
    audit::AuditOperation,
    caller::Caller,
    error::{ReplicaError, SessionKeyError, VaultError, in_words},
    session_signing::{Choice, Failure, Held, Making, SessionKey, Signer, SigningTime, Wanted},
    settings::SessionSigningSettings,
    topology::Topology,
    vault::Vault,
};

/// Whoever waits for a session key tries again so often after others failed to make it.
const MOST_RETRIES: u32 = 5;
/// A KMS has half a minute for its answer. Whoever has not made the key after twice that is not waited for any longer: their task may be
/// held by somebody who never lets it go on.
const PATIENCE: Duration = Duration::from_secs(60);

impl Vault {
    /// Signs a message of the protocol as this vault's node, for a synchronizer that the vault follows: with the key that the
    /// node announces there at `time`, or, where a KMS holds that one and the settings say so, with a session key in its place.
    ///
    /// To sign a Canton hash, pass its 34-byte multihash. A session key costs one call of the KMS when it is made; whoever
    /// comes meanwhile waits for it.
    ///
    /// # Errors
    /// [`VaultError::NotIdentified`]; [`TopologyError::StoreNotFound`](strongroom_topology::TopologyError::StoreNotFound) for a
    /// synchronizer that the vault does not follow; [`VaultError::NoCurrentKey`] when the node announces no key there whose
    /// private half is here; [`SignatureCheckError::KeySpecNotAllowed`](crate::SignatureCheckError::KeySpecNotAllowed) when the synchronizer
    /// takes nothing that it signs; [`SessionKeyError::RetriesExhausted`] when others failed to make the session key again and again;
    /// otherwise as [`Vault::sign`].
    pub async fn sign_protocol(
        &self,
        synchronizer: &PhysicalSynchronizerId,
        time: SigningTime,
        message: &[u8],
    ) -> Result<ProtocolSignature, VaultError> {
        let allowed = |_: &Fingerprint| Ok(());
        self.sign_protocol_and_record(None, synchronizer, time, message, allowed)
            .await
    }

    /// As [`Self::sign_protocol`], on behalf of a caller, whom the audit log then names. `may` is asked about the very key that is
    /// to sign, or to delegate, before it is used: topology may name another one from one moment to the next.
    ///
    /// # Errors
    /// As [`Self::sign_protocol`], and what `may` says.
    pub async fn sign_protocol_for<E: From<VaultError>>(
        &self,
        caller: &Caller,
        synchronizer: &PhysicalSynchronizerId,
        time: SigningTime,
        message: &[u8],
        may: impl Fn(&Fingerprint) -> Result<(), E>,
    ) -> Result<ProtocolSignature, E> {
        self.sign_protocol_and_record(Some(caller), synchronizer, time, message, may)
            .await
    }

    /// The use that is recorded is that of the long-term key: the session key signs in its name.
    async fn sign_protocol_and_record<E: From<VaultError>>(
        &self,
        caller: Option<&Caller>,
        synchronizer: &PhysicalSynchronizerId,
        time: SigningTime,
        message: &[u8],
        may: impl Fn(&Fingerprint) -> Result<(), E>,
    ) -> Result<ProtocolSignature, E> {
        let signature = self
            .sign_protocol_in_touch(synchronizer, time, message, may)
            .await?;
        let key = signature.long_term_key();
        self.record_use(caller, AuditOperation::Sign, &key, Some(PROTOCOL))
            .await?;
        Ok(signature)
    }

    async fn sign_protocol_in_touch<E: From<VaultError>>(
        &self,
        synchronizer: &PhysicalSynchronizerId,
        time: SigningTime,
        message: &[u8],
        may: impl Fn(&Fingerprint) -> Result<(), E>,
    ) -> Result<ProtocolSignature, E> {
        loop {
            self.in_touch().await?;
            let key = self.protocol_key(synchronizer, time).await?;
            may(&key.fingerprint)?;
            let signed = self.sign_protocol_as_known(&key, synchronizer, time, message);
            let signature = match signed.await {
                Err(VaultError::Replica(ReplicaError::Behind)) => {
                    self.catch_up().await?;
                    continue;
                }
                other => other?,
            };
            let long_term_key = signature.long_term_key();
            if self.was_in_touch(|| self.may_sign(&long_term_key)).await? {
                return Ok(signature);
            }
        }
    }

    async fn sign_protocol_as_known(
        &self,
        long_term_key: &ProtocolKey,
        synchronizer: &PhysicalSynchronizerId,
        time: SigningTime,
        message: &[u8],
    ) -> Result<ProtocolSignature, VaultError> {
        let session_key = match self.session_wanted(synchronizer, long_term_key, time) {
            None => None,
            Some((settings, wanted)) => {
                let request = Request {
                    vault: self,
                    settings,
                    synchronizer: &synchronizer.synchronizer,
                    long_term_key: long_term_key.fingerprint,
                    wanted,
                };
                request.session_key().await?
            }
        };
        let Some(held) = session_key else {
            let signed = self.sign_as_known(&long_term_key.fingerprint, message, PROTOCOL);
            return Ok(ProtocolSignature::LongTerm(signed.await?));
        };
        let SessionKey { key, delegation } = &held.key;
        let signature = key.sign(message, PROTOCOL)?;
        let session = SessionSignature::new(signature, Arc::clone(delegation));
        Ok(ProtocolSignature::Session(session))
    }

    /// The key with which the node signs messages of the protocol at this time, itself or through a session key.
    async fn protocol_key(
        &self,
        synchronizer: &PhysicalSynchronizerId,
        time: SigningTime,
    ) -> Result<ProtocolKey, VaultError> {
        let identity = self.identity().ok_or(VaultError::NotIdentified)?;
        let id = StoreId::Synchronizer(synchronizer.clone());
        let store = self.topology(&id).await?;
        let holds = |key: &Fingerprint| self.may_sign(key);
        let key = store
            .owner_to_key(&identity.member, At::Time(time.at()))
            .and_then(|mapping| current_signing_key(mapping, KeyUsage::Protocol, &holds))
            .ok_or(VaultError::NoCurrentKey {
                wanted: KeyUsage::Protocol.label(),
            })?;
        self.check_signer(&id, key)?;
        let fingerprint = key.fingerprint();
        let last = store.owner_to_key(&identity.member, At::Head);
        let mut last = last.into_iter().flat_map(|mapping| mapping.signing_keys());
        Ok(ProtocolKey {
            fingerprint,
            is_withdrawn: !last.any(|key| key.fingerprint() == fingerprint),
        })
    }

    /// The session key that shall sign; none if the long-term key itself does: one that was withdrawn delegates no more.
    fn session_wanted(
        &self,
        synchronizer: &PhysicalSynchronizerId,
        long_term_key: &ProtocolKey,
        time: SigningTime,
    ) -> Option<(&SessionSigningSettings, Wanted)> {
        let settings = self.settings().session_signing.as_ref()?;
        let entry = self.directory().entry(&long_term_key.fingerprint)?;
        if long_term_key.is_withdrawn {
            return None;
        }
        if !settings.every_custody && !entry.is_held_by_kms() {
            return None;
        }
        let session_keys = &self.caches().session_keys;
        if !knows_session_keys(synchronizer.protocol_version) {
            if session_keys.is_news(synchronizer) {
                tracing::warn!(
                    %synchronizer,
                    "session signing keys need protocol version 35 or higher: until then the long-term key signs"
                );
            }
            return None;
        }
        let schemes = self.schemes_on(synchronizer);
        if schemes.is_some_and(|schemes| !schemes.signing.take(settings.spec)) {
            session_keys.note_fallback();
            return None;
        }
        match settings.signer(time) {
            Signer::Session(wanted) => Some((settings, wanted)),
            Signer::LongTerm { is_fallback } => {
                if is_fallback {
                    session_keys.note_fallback();
                }
                None
            }
        }
    }

    /// Wipes session keys that were delegated by keys which the node announces no longer. Whoever changed or read topology does
    /// so before letting go of its lock.
    pub(crate) fn forget_withdrawn_session_keys(&self, topology: &Topology) {
        let session_keys = &self.caches().session_keys;
        let Some(member) = self.identity().map(|identity| identity.member) else {
            return;
        };
        for synchronizer in session_keys.synchronizers() {
            let keys = topology.signing_keys(&synchronizer, &member);
            session_keys.keep_those_of(&synchronizer, &keys);
        }
    }
}

/// The key that the node announces at a time.
struct ProtocolKey {
    fingerprint: Fingerprint,
    /// Whether the state, as it ends now, no longer has it.
    is_withdrawn: bool,
}

/// The wish for a session key.
struct Request<'v> {
    vault: &'v Vault,
    settings: &'v SessionSigningSettings,
    synchronizer: &'v SynchronizerId,
    long_term_key: Fingerprint,
    wanted: Wanted,
}

impl Request<'_> {
    /// A session key that covers what is wanted: one that is there, one that somebody else makes, or a new one. None if the
    /// long-term key was changed or withdrawn while it let a new one sign: then it signs itself, if it still may.
    async fn session_key(&self) -> Result<Option<Arc<Held<SessionKey>>>, VaultError> {
        let (vault, long_term_key) = (self.vault, self.long_term_key);
        let session_keys = &vault.caches().session_keys;
        let mut failures = 0;
        loop {
            vault.check_released()?;
            if vault.is_in_doubt() {
                vault.settled_for(&long_term_key).await?;
            }
            let times = (self.settings.eviction, vault.environment().clock.elapsed());
            match session_keys.choose(self.synchronizer, long_term_key, &self.wanted, times) {
                Choice::Use(held) => return Ok(Some(held)),
                Choice::Wait(making) => {
                    let failure = match timeout(PATIENCE, making.clone().wait()).await {
                        Ok(Ok(())) => continue,
                        Ok(Err(failure)) => failure,
                        Err(_elapsed) => {
                            session_keys.give_up(self.synchronizer, &making);
                            late()
                        }
                    };
                    failures += 1;
                    if failures > MOST_RETRIES {
                        return Err(exhausted(failures, failure).into());
                    }
                }
                Choice::Make(making) => return self.make(making).await,
            }
        }
    }

    /// Makes a session key, and tells those who wait for it what became of it. None: they look for themselves.
    async fn make(&self, making: Making) -> Result<Option<Arc<Held<SessionKey>>>, VaultError> {
        let made = self.made().await;
        match &made {
            Ok(Some(_)) => making.made(),
            Ok(None) => drop(making),
            Err(error) => making.failed(failure(error)),
        }
        made
    }

    /// A session key in the pool. None if its long-term key was changed meanwhile, and so perhaps retired, or withdrawn.
    async fn made(&self) -> Result<Option<Arc<Held<SessionKey>>>, VaultError> {
        let entry = self.vault.key(&self.long_term_key)?;
        // Many may have waited while it was withdrawn: a call of the KMS for each of them would be in vain.
        if !self.is_announced(&*self.vault.loaded_topology().await?) {
            return Ok(None);
        }
        let held = Arc::new(Held {
            key: self.delegated().await?,
            validity: self.wanted.new,
            delegated_by: self.long_term_key,
            made_at: self.vault.environment().clock.elapsed(),
        });
        // Whoever retires or withdraws the long-term key wipes its session keys afterwards: this one is among them, or is not put
        // there. So topology stands still meanwhile, and the directory does.
        let topology = self.vault.loaded_topology().await?;
        let session_keys = &self.vault.caches().session_keys;
        let put = || session_keys.put(self.synchronizer, Arc::clone(&held));
        let is_kept = self.is_announced(&topology)
            && self.vault.directory().if_current(&entry, put).is_some();
        drop(topology);
        Ok(is_kept.then_some(held))
    }

    fn is_announced(&self, topology: &Topology) -> bool {
        self.vault.identity().is_some_and(|identity| {
            let keys = topology.signing_keys(self.synchronizer, &identity.member);
            keys.contains(&self.long_term_key)
        })
    }

    /// A new key, delegated by the long-term key.
    async fn delegated(&self) -> Result<SessionKey, VaultError> {
        let private = PrivateKey::generate(self.settings.spec.into(), self.vault.random())?;
        let public = private.signing_public_key(KeyUsages::try_new([KeyUsage::Protocol])?)?;
        let key = SigningKey::new(&private, &public)?;
        let hash = delegation_hash(&public, self.wanted.new, self.synchronizer.as_str());
        let signature = self
            .vault
            .sign_as_known(&self.long_term_key, &hash.to_multihash(), PROTOCOL)
            .await?;
        let delegation = SignatureDelegation::try_new(public, self.wanted.new, signature)?;
        let delegation = Arc::new(delegation);
        Ok(SessionKey { key, delegation })
    }
}

fn failure(error: &VaultError) -> Failure {
    Failure {
        code: error.code().name(),
        reason: match error {
            VaultError::Kms(source) => in_words(source),
            other => other.to_string(),
        },
    }
}

fn late() -> Failure {
    Failure {
        code: "KMS_TIMED_OUT",
        reason: format!("nothing was heard of it for {} seconds", PATIENCE.as_secs()),
    }
}

fn exhausted(attempts: u32, last: Failure) -> SessionKeyError {
    SessionKeyError::RetriesExhausted {
        attempts,
        code: last.code,
        reason: last.reason,
    }
}
