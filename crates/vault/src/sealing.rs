//! From a private key to what is stored of it, and back.

use strongroom_crypto::{
    Fingerprint, KeySpec, KeyUsages, PrivateKey, PublicKey, SecretBytes, encoding::Encoder,
};
use strongroom_kms::{KmsKeyId, WrapContext, WrappedKey};
use strongroom_store::{Custody, PrivateKeyRecord, Sealing, StoredKey, VaultId};

use crate::unit::NewPrivateHalf;
use crate::{environment::NamedWrapper, error::VaultError, rows, vault::Vault};

pub(crate) const PRIVATE_KEY_LABEL: &str = "strongroom private key v1";
const ROW_VERSION: u8 = 1;

/// What a private row holds of its key.
pub(crate) struct SealedKey {
    pub(crate) sealing: Sealing,
    pub(crate) wrapper_key_id: Option<String>,
    pub(crate) key: StoredKey,
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

    fn seal_under_data_key(
        &self,
        key: &PrivateKey,
        public: &PublicKey,
    ) -> Result<SealedKey, VaultError> {
        let context = context_of(self.id(), public);
        let data_key = &self.data_keys().current().key;
        // EXPOSE: the stored form is what gets sealed.
        let sealed = data_key.seal(
            PRIVATE_KEY_LABEL,
            &context,
            key.stored().expose(),
            self.random(),
        )?;
        Ok(SealedKey {
            sealing: Sealing::DataKey,
            wrapper_key_id: None,
            key: versioned(&sealed),
        })
    }

    fn open_under_data_key(
        &self,
        record: &PrivateKeyRecord,
        sealed: &[u8],
        public: &PublicKey,
    ) -> Result<SecretBytes, VaultError> {
        let sealed = unversioned(record, sealed)?;
        let data_key = &self.data_keys().named(&record.data_key_id)?.key;
        data_key
            .open(PRIVATE_KEY_LABEL, &context_of(self.id(), public), sealed)
            .map_err(|_refused| not_authentic(record))
    }

    async fn seal_directly(
        &self,
        key: &PrivateKey,
        public: &PublicKey,
    ) -> Result<SealedKey, VaultError> {
        let (named, wrapper_key_id) = self.direct_wrapper()?;
        let wrapped = named
            .wrapper
            .wrap_key(
                &wrapper_key_id,
                &direct_context(self.id(), public),
                key.stored(),
            )
            .await?;
        Ok(SealedKey {
            sealing: Sealing::Direct,
            wrapper_key_id: Some(wrapped.wrapper_key_id.as_str().to_owned()),
            key: versioned(&wrapped.ciphertext),
        })
    }

    async fn open_directly(
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
        let (named, _) = self.direct_wrapper()?;
        Ok(named
            .wrapper
            .unwrap_key(&wrapped, &direct_context(self.id(), public))
            .await?)
    }

    /// The KMS and wrapper key that seal rows directly: those that opened the vault.
    fn direct_wrapper(&self) -> Result<(&NamedWrapper, KmsKeyId), VaultError> {
        let wrap = self.opened_by();
        let named = self
            .environment()
            .wrapper(&wrap.kms)
            .ok_or(VaultError::NoWrapper)?;
        // The KMS took this id when the vault was opened or made.
        let id = KmsKeyId::try_new(&*wrap.wrapper_key_id);
        Ok((named, id.map_err(|_malformed| VaultError::NoWrapper)?))
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

fn context_of(vault: VaultId, public: &PublicKey) -> Vec<u8> {
    row_context(vault, &public.fingerprint(), public.spec(), public.usages())
}

/// The same for a key that the KMS itself encrypts; a KMS writes it to its own audit log.
fn direct_context(vault: VaultId, public: &PublicKey) -> WrapContext {
    WrapContext::for_private_key(
        vault.as_bytes(),
        &public.fingerprint(),
        public.spec(),
        public.usages(),
        ROW_VERSION,
    )
}

fn versioned(sealed: &[u8]) -> StoredKey {
    let mut bytes = Vec::with_capacity(1 + sealed.len());
    bytes.push(ROW_VERSION);
    bytes.extend_from_slice(sealed);
    StoredKey::Sealed(bytes)
}

fn unversioned<'a>(record: &PrivateKeyRecord, stored: &'a [u8]) -> Result<&'a [u8], VaultError> {
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
