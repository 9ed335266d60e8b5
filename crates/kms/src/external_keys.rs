//! The role of a KMS in custody `external`.

use std::fmt;

use async_trait::async_trait;
use strongroom_crypto::{EncryptionKeySpec, KeyName, KeySpec, SigningKeySpec};
use strongroom_memory::SecretBytes;

use crate::error::KmsError;
use crate::key_id::KmsKeyId;
use crate::key_state::KeyState;

/// Holds private keys that never leave the KMS, and uses them.
///
/// Every call but an import is one round trip, safe to run beside any other. The caller keeps spec and public key and passes the spec
/// along, so that signing needs no metadata call; each spec has exactly one algorithm.
#[async_trait]
pub trait ExternalKeys: fmt::Debug + Send + Sync {
    /// Creates a signing key pair of one of
    /// [`Capabilities::signing_specs`](crate::Capabilities::signing_specs).
    ///
    /// Not idempotent: when the answer is lost, a key may exist that nobody knows. The tags of the request find it.
    ///
    /// # Errors
    /// [`KmsError::UnsupportedSpec`], [`KmsError::Denied`], [`KmsError::KeyLimitReached`], or that the KMS does not answer.
    async fn generate_signing_key(
        &self,
        spec: SigningKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError>;

    /// Creates an encryption key pair of one of
    /// [`Capabilities::encryption_specs`](crate::Capabilities::encryption_specs).
    ///
    /// # Errors
    /// As [`Self::generate_signing_key`].
    async fn generate_encryption_key(
        &self,
        spec: EncryptionKeySpec,
        request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError>;

    /// Brings a private key into the KMS: PKCS#8 of version 1 in DER, as
    /// [`PrivateKey::to_pkcs8`](strongroom_crypto::PrivateKey::to_pkcs8) lays it out, of one of
    /// [`Capabilities::import_specs`](crate::Capabilities::import_specs). It never expires there, and never leaves again:
    /// the KMS holds it as it holds a key that it made. It can be used when this returns, or shortly after
    /// ([`KmsError::KeyNotReady`] until then).
    ///
    /// Several round trips, each sent once. Not idempotent: the same key can be in a KMS twice. A key that is no sound key
    /// of `spec` is refused before anything is sent ([`importable`](crate::importable)).
    ///
    /// Nothing is left behind by an error of which [`KmsError::outcome_is_unknown`] says no, but perhaps a key without
    /// material whose deletion is scheduled. After any other one, and after a crash, the tags of the request find what is
    /// there: a key that waits for its material ([`KeyState::PendingCreation`](crate::KeyState::PendingCreation)) or one
    /// that is whole.
    ///
    /// # Errors
    /// [`KmsError::ImportUnsupported`], [`KmsError::InvalidPrivateKey`], [`KmsError::ImportInterrupted`],
    /// [`KmsError::Denied`], [`KmsError::KeyLimitReached`], or that the KMS does not answer.
    async fn import_key(
        &self,
        spec: KeySpec,
        _private_key: &SecretBytes,
        _request: &ExternalKeyRequest,
    ) -> Result<KmsKeyId, KmsError> {
        let provider = "the KMS".to_owned();
        Err(KmsError::ImportUnsupported { provider, spec })
    }

    /// What may be done with a key now.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`]; [`KmsError::WrongPurpose`] if the key is there but is a wrapper key.
    async fn key_state(&self, key: &KmsKeyId) -> Result<KeyState, KmsError>;

    /// The id of a key that means this key for good, to be stored: an id that the operator gives may leave open which version
    /// is meant.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`]; that the KMS does not answer.
    async fn complete_id(&self, key: &KmsKeyId) -> Result<KmsKeyId, KmsError> {
        Ok(key.clone())
    }

    /// The public half and what the key is for.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], the states that forbid use, [`KmsError::WrongPurpose`] for a wrapper key,
    /// [`KmsError::UnsupportedSpec`] for a key of the KMS that we know no use for.
    async fn public_key(&self, key: &KmsKeyId) -> Result<ExternalPublicKey, KmsError>;

    /// Signs `message` itself, of at most [`Capabilities::max_message_bytes`](crate::Capabilities::max_message_bytes):
    /// the KMS does the hashing that the algorithm of `spec` asks for.
    ///
    /// The signature has the format of the algorithm: ECDSA in DER, Ed25519 and ML-DSA in their plain bytes. A key of
    /// another spec with the same algorithm may be refused or may sign as what it is: a KMS that is told the algorithm cannot
    /// tell P-256 from secp256k1.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], the states that forbid use, [`KmsError::WrongPurpose`] if the key does not sign with
    /// `spec`, [`KmsError::PayloadTooLarge`]; [`KmsError::Throttled`] and others may be retried.
    async fn sign(
        &self,
        key: &KmsKeyId,
        spec: SigningKeySpec,
        message: &[u8],
    ) -> Result<Vec<u8>, KmsError>;

    /// Decrypts what was encrypted to the public half with the algorithm of `spec`.
    ///
    /// # Errors
    /// [`KmsError::DecryptFailed`] for whatever is wrong with the ciphertext, of at most
    /// [`MAX_CIPHERTEXT_BYTES`](crate::MAX_CIPHERTEXT_BYTES) ([`KmsError::PayloadTooLarge`]); key errors as for
    /// [`Self::sign`].
    async fn decrypt(
        &self,
        key: &KmsKeyId,
        spec: EncryptionKeySpec,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, KmsError>;

    /// Destroys the private key, or schedules that, as the KMS has it; not usable any more when this returns.
    ///
    /// Idempotent while the key is known: a second call changes nothing.
    ///
    /// # Errors
    /// [`KmsError::KeyNotFound`], also for a key that is gone already; [`KmsError::WrongPurpose`] for a wrapper key, which
    /// is never deleted through this trait; [`KmsError::Denied`].
    async fn delete_key(&self, key: &KmsKeyId) -> Result<(), KmsError>;
}

/// The public half of an external key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalPublicKey {
    /// What the key is for and which curve or size it has.
    pub spec: KeySpec,
    /// X.509 `SubjectPublicKeyInfo`, DER, points uncompressed. Comes from outside: validate it before use.
    pub spki: Box<[u8]>,
}

/// What a new external key shall be, beside its spec. The default is an unnamed key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalKeyRequest {
    /// For people: AWS description, PKCS#11 label. `None`: no name.
    pub label: Option<KeyName>,
    /// Name and value, by which a key is found again whose creation was interrupted. Not secret.
    pub tags: Vec<(String, String)>,
}
