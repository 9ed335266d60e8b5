//! Signing.

use strongroom_crypto::{
    Fingerprint, KeyPurpose, KeyUsages, PublicKey, Signature, SigningKey, SigningPublicKey,
};
use strongroom_store::KeyState;

use crate::{
    audit::AuditOperation,
    caller::Caller,
    directory::{KeyEntry, PrivateHalf},
    error::{ReplicaError, VaultError},
    opening::Opened,
    vault::Vault,
};

impl Vault {
    /// Signs `message` with a key that may sign for one of `allowed`.
    ///
    /// To sign a Canton hash, pass its 34-byte multihash as the message. With the key in memory this touches neither
    /// store nor KMS, and takes no lock; otherwise the key's row is read, authenticated and opened first. A key that a KMS
    /// holds costs one call to it, every time.
    ///
    /// # Errors
    /// [`VaultError::KeyNotFound`], [`VaultError::NoPrivateKey`], [`VaultError::WrongPurpose`], [`VaultError::KeyRetired`];
    /// [`VaultError::InQuarantine`] after a restore; [`VaultError::Sign`] when the key's usages forbid it;
    /// [`VaultError::InDoubt`] while nobody can tell whether the key was taken away;
    /// [`ReplicaError::OutOfTouch`](crate::ReplicaError::OutOfTouch) in a process that others may have outrun; errors of store and KMS when it had to
    /// be opened; [`VaultError::UseNotRecorded`] when a record is asked for and cannot be had; of a key for a namespace also those of every act
    /// that writes, as its signatures are on record at every level.
    pub async fn sign(
        &self,
        fingerprint: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        self.sign_and_record(None, fingerprint, message, allowed)
            .await
    }

    /// As [`Self::sign`], on behalf of somebody whom the record of the use names.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub async fn sign_for(
        &self,
        caller: &Caller,
        fingerprint: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        self.sign_and_record(Some(caller), fingerprint, message, allowed)
            .await
    }

    async fn sign_and_record(
        &self,
        caller: Option<&Caller>,
        fingerprint: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        if self.signs_topology(fingerprint, allowed).await? {
            return Box::pin(self.sign_on_record(caller, fingerprint, message, allowed)).await;
        }
        let signature = self.sign_in_touch(fingerprint, message, allowed).await?;
        self.record_use(caller, AuditOperation::Sign, fingerprint, Some(allowed))
            .await?;
        Ok(signature)
    }

    /// Whether what the key signs for these usages is topology. With the key in memory this takes no lock: every signature asks.
    async fn signs_topology(
        &self,
        fingerprint: &Fingerprint,
        allowed: KeyUsages,
    ) -> Result<bool, VaultError> {
        let signing = &self.caches().signing;
        let usages = match signing.with(fingerprint, self.now(), SigningKey::usages) {
            Some(usages) => Some(usages),
            None => {
                // What this process does not know of a key it learns first.
                self.in_touch().await?;
                self.directory().usages(fingerprint)
            }
        };
        Ok(usages.is_some_and(|usages| usages.sign_topology(allowed)))
    }

    pub(in crate::operations) async fn sign_in_touch(
        &self,
        fingerprint: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        loop {
            self.in_touch().await?;
            let signature = match self.sign_as_known(fingerprint, message, allowed).await {
                Err(VaultError::Replica(ReplicaError::Behind)) => {
                    Box::pin(self.catch_up()).await?;
                    continue;
                }
                other => other?,
            };
            if self.was_in_touch(|| self.may_sign(fingerprint)).await? {
                return Ok(signature);
            }
        }
    }

    /// As [`Self::sign`], by what this process knows. For whoever holds locks that catching up needs: they look before they
    /// take them, and see to it afterwards that the signature was made in time.
    pub(crate) async fn sign_as_known(
        &self,
        fingerprint: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        self.check_released()?;
        if self.is_in_doubt() {
            Box::pin(self.settled_for(fingerprint)).await?;
        }
        let sign = |key: &SigningKey| key.sign(message, allowed);
        if let Some(signature) = self.caches().signing.with(fingerprint, self.now(), sign) {
            return Ok(signature?);
        }
        // Apart: what waits for the store or a KMS takes kilobytes, which every signature would carry along.
        Box::pin(self.sign_with_closed(fingerprint, message, allowed)).await
    }

    /// With a key that is not in memory: it is opened first, or its KMS signs.
    async fn sign_with_closed(
        &self,
        fingerprint: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        let sign = |key: &SigningKey| key.sign(message, allowed);
        loop {
            let entry = self.key(fingerprint)?;
            let (public, half) = signing_halves(&entry)?;
            let Some(held) = &half.external else {
                let opened = self.with_opened(
                    &self.caches().signing,
                    fingerprint,
                    || self.open_signing_key(fingerprint),
                    sign,
                );
                match opened.await {
                    // It was brought into a KMS since: that one is asked.
                    Err(VaultError::HeldByKms { .. }) => continue,
                    opened => return Ok(opened??),
                }
            };
            // None: the key was changed while the KMS signed, perhaps retired. Then it is asked for anew.
            if let Some(signature) = self
                .sign_externally(&entry, public, held, message, allowed)
                .await?
            {
                return Ok(signature);
            }
        }
    }

    async fn open_signing_key(
        &self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Opened<SigningKey>>, VaultError> {
        let entry = self.key(fingerprint)?;
        let (public, _half) = signing_halves(&entry)?;
        let Some(private) = self.private_key_in_force(&entry).await? else {
            return Ok(None);
        };
        let key = SigningKey::new(&private, public)?;
        Ok(Some(Opened { entry, key }))
    }
}

/// Both halves of a key that may sign.
pub(crate) fn signing_halves(
    entry: &KeyEntry,
) -> Result<(&SigningPublicKey, &PrivateHalf), VaultError> {
    let fingerprint = entry.fingerprint();
    let PublicKey::Signing(public) = &entry.public else {
        return Err(VaultError::WrongPurpose {
            fingerprint,
            wanted: KeyPurpose::Signing,
        });
    };
    let half = entry.private.as_ref();
    let half = half.ok_or(VaultError::NoPrivateKey { fingerprint })?;
    if half.state == KeyState::Retired {
        return Err(VaultError::KeyRetired { fingerprint });
    }
    Ok((public, half))
}
