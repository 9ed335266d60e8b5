//! Signing messages of the protocol.

use std::sync::Arc;

use strongroom_crypto::{Fingerprint, KeyUsage, ProtocolSignature, SessionSignature, Timestamp};
use strongroom_topology::{At, PhysicalSynchronizerId, StoreId, current_signing_key};

use super::{PROTOCOL, knows_session_keys, session_key::Request};
use crate::{
    audit::AuditOperation,
    caller::Caller,
    error::{ReplicaError, VaultError},
    session_signing::{News, SessionKey, Signer, SigningTime, Wanted},
    settings::SessionSigningSettings,
    topology::Topology,
    vault::Vault,
};

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
    /// takes nothing that it signs; [`SessionKeyError::RetriesExhausted`](crate::SessionKeyError::RetriesExhausted) when others failed to make the
    /// session key again and again; otherwise as [`Vault::sign`].
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
            Some(_) if self.is_far_ahead(synchronizer, time.at()).await? => None,
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
            if session_keys.is_news(synchronizer, News::Protocol) {
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

    /// Whether the time is too far ahead for a session key: the long-term key signs then. Whoever may sign names the time, and a key that is
    /// valid long after now would be there for whoever reads the memory today.
    async fn is_far_ahead(
        &self,
        synchronizer: &PhysicalSynchronizerId,
        at: Timestamp,
    ) -> Result<bool, VaultError> {
        let store = StoreId::Synchronizer(synchronizer.clone());
        if !self.is_ahead(at, &store).await? {
            return Ok(false);
        }
        let session_keys = &self.caches().session_keys;
        session_keys.note_fallback();
        if session_keys.is_news(synchronizer, News::Clock) {
            tracing::warn!(
                %synchronizer,
                "a message is of a time that is ahead of the clock and of topology by more than 'clock-tolerance': the long-term key signs \
                 it and all like it. Set the clocks right, here and where the messages come from"
            );
        }
        Ok(true)
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
