//! From a private key to what is stored of it, and back.

use std::sync::Arc;

use strongroom_crypto::{
    Fingerprint, KeySpec, KeyUsages, PrivateKey, PublicKey, Random, SealError, SecretBytes,
    encoding::Encoder,
};
use strongroom_kms::{KmsError, KmsKeyId, WrapContext, WrappedKey};
use strongroom_store::{Custody, KmsKeyRef, PrivateKeyRecord, Sealing, StoredKey, VaultId};

use crate::unit::NewPrivateHalf;
use crate::{
    data_keys::{OpenedDataKey, wrapped_key},
    environment::NamedWrapper,
    error::VaultError,
    rows,
    vault::Vault,
    wraps::in_order,
};

pub(crate) const PRIVATE_KEY_LABEL: &str = "strongroom private key v1";
const ROW_VERSION: u8 = 1;

/// What a private row holds of its key.
pub(crate) struct SealedKey {
    pub(crate) sealing: Sealing,
    pub(crate) wrapper_key_id: Option<String>,
    pub(crate) key: StoredKey,
    /// The data key that it is sealed under, if it is sealed under one.
    sealed_under: Option<Arc<OpenedDataKey>>,
}

impl SealedKey {
    /// Nothing here: a KMS holds the key.
    pub(crate) const fn held(key: KmsKeyRef) -> Self {
        Self {
            sealing: Sealing::None,
            wrapper_key_id: None,
            key: StoredKey::External(key),
            sealed_under: None,
        }
    }

    /// A KMS holds the key, and this is kept beside it.
    pub(crate) fn beside(mut self, held: KmsKeyRef) -> Self {
        if let StoredKey::Sealed(copy) = self.key {
            self.key = StoredKey::Copied { held, copy };
        }
        self
    }

    /// The same under `data_key`, if it is sealed under another one.
    pub(crate) fn under(
        mut self,
        data_key: &Arc<OpenedDataKey>,
        vault: VaultId,
        public: &PublicKey,
        random: &dyn Random,
    ) -> Result<Self, VaultError> {
        if let (Some(sealed), Some(old)) = (self.key.sealed(), &self.sealed_under)
            && old.id != data_key.id
        {
            let context = context_of(vault, public);
            let moved = Reseal {
                old,
                new: data_key,
                random,
            }
            .run(sealed, &context, &mut SecretBytes::zeroed(64))
            .ok_or_else(|| rows::not_authentic(rows::PRIVATE_KEYS, &public.fingerprint()))??;
            self.key.replace_sealed(moved);
            self.sealed_under = Some(Arc::clone(data_key));
        }
        Ok(self)
    }
}

/// Takes sealed keys from one data key to another.
pub(crate) struct Reseal<'a> {
    pub(crate) old: &'a OpenedDataKey,
    pub(crate) new: &'a OpenedDataKey,
    pub(crate) random: &'a dyn Random,
}

impl Reseal<'_> {
    /// What `sealed`, with its version, becomes; none if it does not open. The key is in `scratch` for a moment.
    pub(crate) fn run(
        &self,
        sealed: &[u8],
        context: &[u8],
        scratch: &mut SecretBytes,
    ) -> Option<Result<Vec<u8>, SealError>> {
        let (&ROW_VERSION, sealed) = sealed.split_first()? else {
            return None;
        };
        let (old, new) = (&self.old.key, &self.new.key);
        let opened = old.open_into(PRIVATE_KEY_LABEL, context, sealed, scratch);
        let sealed = new.seal(PRIVATE_KEY_LABEL, context, opened.ok()?, self.random);
        Some(sealed.map(|sealed| versioned_bytes(&sealed)))
    }
}

impl Vault {
    /// Brings `key` into the form that its row will hold in `custody`.
    pub(crate) async fn new_private_half(
        &self,
        key: &PrivateKey,
        public: &PublicKey,
        custody: Custody,
    ) -> Result<NewPrivateHalf, VaultError> {
        Ok(NewPrivateHalf {
            custody,
            sealed: self.seal_key(key, public, custody).await?,
            exposed: false,
        })
    }

    /// Brings `key` into the form that `custody` asks for.
    ///
    /// `data-key`: `version(1) ‖ salt(32) ‖ ciphertext ‖ tag(16)`. `direct`: `version(1) ‖ kms ciphertext`, and the row
    /// names its wrapper key. Both bind the row context, so that the bytes open in their own row only.
    pub(crate) async fn seal_key(
        &self,
        key: &PrivateKey,
        public: &PublicKey,
        custody: Custody,
    ) -> Result<SealedKey, VaultError> {
        match (custody, self.settings().custody.sealing) {
            // EXPOSE: custody `clear` stores the key readable; the operator opted in and is warned.
            (Custody::Clear, _) => Ok(SealedKey {
                sealing: Sealing::None,
                wrapper_key_id: None,
                key: StoredKey::Clear(SecretBytes::from_slice(key.stored().expose())),
                sealed_under: None,
            }),
            (Custody::Envelope, Sealing::Direct) => self.seal_directly(key, public).await,
            (Custody::Envelope, _) => self.seal_under_data_key(key, public),
            // What is here cannot be put into a KMS.
            (Custody::External, _) => Err(VaultError::CustodyUnsupported { custody }),
        }
    }

    /// Opens the private key of a row that was authenticated.
    pub(crate) async fn open_key(
        &self,
        record: &PrivateKeyRecord,
        public: &PublicKey,
    ) -> Result<PrivateKey, VaultError> {
        let stored = match (&record.key, record.sealing) {
            // EXPOSE: parsing needs the bytes; the copy is wiped with the private key.
            (StoredKey::Clear(secret), Sealing::None) => SecretBytes::from_slice(secret.expose()),
            (StoredKey::Sealed(sealed), Sealing::DataKey) => {
                self.open_under_data_key(record, sealed, public)?
            }
            (StoredKey::Sealed(sealed), Sealing::Direct) => {
                self.open_directly(record, sealed, public).await?
            }
            _ => return Err(not_authentic(record)),
        };
        Ok(PrivateKey::from_stored(public.spec(), stored)?)
    }

    /// Opens what is here of a key that a KMS holds, from a row that was authenticated.
    pub(crate) fn open_copy(
        &self,
        record: &PrivateKeyRecord,
        public: &PublicKey,
    ) -> Result<PrivateKey, VaultError> {
        let StoredKey::Copied { copy, .. } = &record.key else {
            return Err(not_authentic(record));
        };
        let stored = self.open_under_data_key(record, copy, public)?;
        Ok(PrivateKey::from_stored(public.spec(), stored)?)
    }

    /// Seals `key` under the data key, whatever the settings say.
    pub(crate) fn seal_under_data_key(
        &self,
        key: &PrivateKey,
        public: &PublicKey,
    ) -> Result<SealedKey, VaultError> {
        let context = context_of(self.id(), public);
        let data_key = Arc::clone(self.data_keys().writing());
        // EXPOSE: the stored form is what gets sealed.
        let sealed = data_key.key.seal(
            PRIVATE_KEY_LABEL,
            &context,
            key.stored().expose(),
            self.random(),
        )?;
        Ok(SealedKey {
            sealing: Sealing::DataKey,
            wrapper_key_id: None,
            key: versioned(&sealed),
            sealed_under: Some(data_key),
        })
    }

    fn open_under_data_key(
        &self,
        record: &PrivateKeyRecord,
        sealed: &[u8],
        public: &PublicKey,
    ) -> Result<SecretBytes, VaultError> {
        let sealed = unversioned(record, sealed)?;
        let data_keys = self.data_keys();
        let data_key = data_keys.named(&record.data_key_id)?;
        data_key
            .key
            .open(PRIVATE_KEY_LABEL, &context_of(self.id(), public), sealed)
            .map_err(|_refused| not_authentic(record))
    }

    /// Seals by the first KMS, in the configured order, that works. One that is down is passed over, and that is said:
    /// the row then depends on the next one.
    async fn seal_directly(
        &self,
        key: &PrivateKey,
        public: &PublicKey,
    ) -> Result<SealedKey, VaultError> {
        let context = direct_context(self.id(), public);
        let wraps = self.wrap_records().all();
        let current = self.data_keys().writing().id;
        let mut down: Option<KmsError> = None;
        // Not by a key that is kept offline: nobody could use the row.
        let usable = in_order(self.environment(), &wraps, current)
            .filter(|(named, _)| named.wrapper.unwraps());
        for (named, wrap) in usable {
            let wrapper_key_id = wrapped_key(wrap)?.wrapper_key_id;
            let sealing = named
                .wrapper
                .wrap_key(&wrapper_key_id, &context, key.stored());
            let outcome = sealing.await;
            self.kms_watch()
                .note_use(&named.name, wrapper_key_id.as_str(), self.now(), &outcome);
            match outcome {
                Ok(wrapped) => {
                    if down.is_some() {
                        let key = public.fingerprint();
                        tracing::warn!(%key, kms = named.name, "another key management system sealed the key");
                    }
                    return Ok(SealedKey {
                        sealing: Sealing::Direct,
                        wrapper_key_id: Some(wrapped.wrapper_key_id.as_str().to_owned()),
                        key: versioned(&wrapped.ciphertext),
                        sealed_under: None,
                    });
                }
                Err(error) if error.is_fault_of_kms() => down = down.or(Some(error)),
                Err(error) => return Err(down.unwrap_or(error).into()),
            }
        }
        Err(down.map_or(VaultError::NoWrapper, VaultError::from))
    }

    /// Opens by the KMS that sealed the row, whichever opened the vault: one whose wrap of the data key was made by the
    /// wrapper key that the row names. Two have the same wrapper key if it is replicated, and then either opens.
    pub(crate) async fn open_directly(
        &self,
        record: &PrivateKeyRecord,
        sealed: &[u8],
        public: &PublicKey,
    ) -> Result<SecretBytes, VaultError> {
        let ciphertext = unversioned(record, sealed)?.to_vec();
        let wrapper_key_id = record
            .wrapper_key_id
            .as_deref()
            .ok_or_else(|| not_authentic(record))?;
        let wrapped = WrappedKey {
            wrapper_key_id: KmsKeyId::try_new(wrapper_key_id)
                .map_err(|_malformed| not_authentic(record))?,
            ciphertext,
        };
        let context = direct_context(self.id(), public);
        let mut refused: Option<KmsError> = None;
        for named in self.holders_of(wrapper_key_id) {
            let outcome = named.wrapper.unwrap_key(&wrapped, &context).await;
            self.kms_watch()
                .note_use(&named.name, wrapper_key_id, self.now(), &outcome);
            match outcome {
                Ok(secret) => return Ok(secret),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(match refused {
            Some(error) => error.into(),
            None => VaultError::WrapperKeyNotConfigured {
                wrapper_key_id: wrapper_key_id.to_owned(),
            },
        })
    }

    /// The configured KMSs that hold this wrapper key, in their order: no row is sealed by a wrapper key that has no wrap.
    pub(crate) fn holders_of(&self, wrapper_key_id: &str) -> Vec<&NamedWrapper> {
        let wraps = self.wrap_records().all();
        let holds = |named: &&NamedWrapper| {
            let mut wraps = wraps.iter();
            wraps.any(|wrap| wrap.kms == named.name && wrap.wrapper_key_id == wrapper_key_id)
        };
        self.environment().wrappers.iter().filter(holds).collect()
    }
}

/// What binds a sealed key to its row: vault, fingerprint, purpose, spec, usages and version of the form.
pub(crate) fn row_context(
    vault: VaultId,
    fingerprint: &Fingerprint,
    spec: KeySpec,
    usages: Option<KeyUsages>,
) -> Vec<u8> {
    let mut encoder = Encoder::with_capacity(96);
    encoder
        .byte(ROW_VERSION)
        .raw(vault.as_bytes())
        .raw(fingerprint.as_bytes());
    rows::encode_spec(&mut encoder, spec);
    encoder.byte(usages.map_or(0, KeyUsages::bits));
    encoder.into_vec()
}

pub(crate) fn context_of(vault: VaultId, public: &PublicKey) -> Vec<u8> {
    row_context(vault, &public.fingerprint(), public.spec(), public.usages())
}

/// The same for a key that the KMS itself encrypts; a KMS writes it to its own audit log.
pub(crate) fn direct_context(vault: VaultId, public: &PublicKey) -> WrapContext {
    WrapContext::for_private_key(
        vault.as_bytes(),
        &public.fingerprint(),
        public.spec(),
        public.usages(),
        ROW_VERSION,
    )
}

pub(crate) fn versioned(sealed: &[u8]) -> StoredKey {
    StoredKey::Sealed(versioned_bytes(sealed))
}

fn versioned_bytes(sealed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + sealed.len());
    bytes.push(ROW_VERSION);
    bytes.extend_from_slice(sealed);
    bytes
}

pub(crate) fn unversioned<'a>(
    record: &PrivateKeyRecord,
    stored: &'a [u8],
) -> Result<&'a [u8], VaultError> {
    match stored.split_first() {
        Some((&ROW_VERSION, sealed)) => Ok(sealed),
        Some((version, _)) => Err(VaultError::UnknownFormat {
            what: "sealed private key",
            version: *version,
        }),
        None => Err(not_authentic(record)),
    }
}

fn not_authentic(record: &PrivateKeyRecord) -> VaultError {
    VaultError::RowNotAuthentic {
        table: rows::PRIVATE_KEYS,
        row: record.fingerprint.to_string(),
    }
}
