//! Generating keys.

use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use strongroom_crypto::{
    EncryptionKeySpec, KeyName, KeySpec, KeyUsages, PrivateKey, PublicKey, SigningKeySpec,
};
use strongroom_store::Custody;

use crate::{
    audit::{AuditOperation, key_details},
    background::on_a_thread,
    caller::Caller,
    directory::KeyEntry,
    environment::KMS_CALLS_AT_ONCE,
    error::VaultError,
    operations::{external::generate::Claimed, place::Place},
    unit::{NewPrivateHalf, Unit},
    vault::Vault,
};

/// What a new signing key shall be.
#[derive(Clone, Debug)]
pub struct NewSigningKey {
    /// Its curve or parameter set.
    pub spec: SigningKeySpec,
    /// What it may sign.
    pub usages: KeyUsages,
    /// The operator's label; names are not unique.
    pub name: Option<KeyName>,
}

/// What a new encryption key shall be.
#[derive(Clone, Debug)]
pub struct NewEncryptionKey {
    /// Its curve or size.
    pub spec: EncryptionKeySpec,
    /// The operator's label; names are not unique.
    pub name: Option<KeyName>,
}

impl Vault {
    /// Generates a signing key and keeps it in the custody that the settings choose for its usages.
    ///
    /// When this returns, the key and its audit record are durable.
    ///
    /// # Errors
    /// [`VaultError::InQuarantine`] after a restore. Errors of the store, of the KMS (`direct` sealing and custody `external` only) and of the random source; nothing was kept
    /// then. [`VaultError::ExternalKeyInDoubt`] when a KMS did not say whether it made the key: asking for the same key again
    /// takes it up.
    pub async fn generate_signing_key(
        &self,
        caller: &Caller,
        new: NewSigningKey,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let custody = self.settings().custody.for_signing(new.usages);
        self.generate(
            caller,
            KeySpec::Signing(new.spec),
            Some(new.usages),
            new.name,
            custody,
        )
        .await
    }

    /// Generates many signing keys in one unit of work: all of them, or none. The answer has their order.
    ///
    /// # Errors
    /// As [`Vault::generate_signing_key`].
    pub async fn generate_signing_keys(
        &self,
        caller: &Caller,
        new: Vec<NewSigningKey>,
    ) -> Result<Vec<Arc<KeyEntry>>, VaultError> {
        let mut making: Vec<BoxFuture<'_, _>> = Vec::with_capacity(new.len());
        for new in new {
            let place: Place = self.settings().custody.for_signing(new.usages).into();
            let spec = KeySpec::Signing(new.spec);
            let make = async move {
                self.generate_key(spec, Some(new.usages), new.name, &place)
                    .await
            };
            making.push(make.boxed());
        }
        // Where a KMS seals each key itself, or makes it, they do not wait for one another. One that fails ends the others: what
        // a KMS has made by then stands in the journal.
        let making = stream::iter(making).buffered(KMS_CALLS_AT_ONCE);
        let keys: Vec<Generated<'_>> = making.try_collect().await?;
        let mut unit = Unit::begin(self).await?;
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            entries.push(unit.keep(caller, key).await?);
        }
        unit.commit().await?;
        Ok(entries)
    }

    /// Generates an encryption key and keeps it in the custody that the settings choose.
    ///
    /// When this returns, the key and its audit record are durable.
    ///
    /// # Errors
    /// As [`Vault::generate_signing_key`].
    pub async fn generate_encryption_key(
        &self,
        caller: &Caller,
        new: NewEncryptionKey,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let custody = self.settings().custody.encryption;
        self.generate(
            caller,
            KeySpec::Encryption(new.spec),
            None,
            new.name,
            custody,
        )
        .await
    }

    async fn generate(
        &self,
        caller: &Caller,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        name: Option<KeyName>,
        custody: Custody,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let generated = self
            .generate_key(spec, usages, name, &custody.into())
            .await?;
        let mut unit = Unit::begin(self).await?;
        let entry = unit.keep(caller, generated).await?;
        unit.commit().await?;
        Ok(entry)
    }

    /// A new key in `place`: sealed, or made by a KMS.
    pub(crate) async fn generate_key(
        &self,
        spec: KeySpec,
        usages: Option<KeyUsages>,
        name: Option<KeyName>,
        place: &Place,
    ) -> Result<Generated<'_>, VaultError> {
        self.check_released()?;
        let usages = usages_of_a_key(usages)?;
        if let Place::External { kms } = place {
            return self
                .generate_externally(kms.as_deref(), spec, usages, name)
                .await;
        }
        let (key, public) = self.generate_pair(spec, usages).await?;
        let private = self
            .new_private_half(&key, &public, place.custody())
            .await?;
        Ok(Generated {
            public,
            private,
            name,
            journal: None,
        })
    }

    /// RSA key generation takes up to a second, so it leaves the async threads alone.
    async fn generate_pair(
        &self,
        spec: KeySpec,
        usages: Option<KeyUsages>,
    ) -> Result<(PrivateKey, PublicKey), VaultError> {
        let random = Arc::clone(&self.environment().random);
        let generate = move || {
            let key = PrivateKey::generate(spec, random.as_ref())?;
            let public = key.public_key(usages)?;
            Ok((key, public))
        };
        on_a_thread(generate).await
    }
}

/// The usages as a key has them: a set to be allowed may lack proof of ownership, and its row would not be read again.
pub(crate) fn usages_of_a_key(usages: Option<KeyUsages>) -> Result<Option<KeyUsages>, VaultError> {
    let complete = usages.map(|usages| KeyUsages::from_bits(usages.bits()));
    Ok(complete.transpose()?)
}

/// A key that was generated, and is not in the vault yet.
pub(crate) struct Generated<'v> {
    pub(crate) public: PublicKey,
    pub(crate) private: NewPrivateHalf,
    pub(crate) name: Option<KeyName>,
    /// What the journal says of a key that a KMS made.
    pub(crate) journal: Option<Claimed<'v>>,
}

impl Unit<'_> {
    /// Puts a generated key in, with its audit record.
    pub(crate) async fn keep(
        &mut self,
        caller: &Caller,
        generated: Generated<'_>,
    ) -> Result<Arc<KeyEntry>, VaultError> {
        let Generated {
            public,
            private,
            name,
            journal,
        } = generated;
        let entry = self.insert_key(public, name, Some(private)).await?;
        if let Some(claimed) = &journal {
            self.end_journal(&claimed.entry).await?;
        }
        let key = Some(entry.fingerprint());
        self.audit(
            caller,
            AuditOperation::GenerateKey,
            key,
            key_details(&entry),
        )
        .await?;
        Ok(entry)
    }
}
