//! The audit key: it signs checkpoints of the audit log, and nothing else.
//!
//! Derived from the data key, so it is sealed as the data key is, opens with it, and a new data key brings a new one. It
//! is none of the keys in the directory: no caller can have it sign anything.

use strongroom_crypto::{
    KeyUsages, Signature, SignatureFormat, SigningAlgorithm, SigningKey, SigningPublicKey,
};

use crate::{data_keys::OpenedDataKey, error::VaultError};

const KEY_LABEL: &str = "strongroom audit key v1";

/// The audit key that belongs to a data key.
pub(crate) struct AuditKey {
    key: SigningKey,
    public: SigningPublicKey,
}

impl AuditKey {
    pub(crate) fn of(data_key: &OpenedDataKey) -> Result<Self, VaultError> {
        let private = data_key.key.signing_key(KEY_LABEL)?;
        // Usages are for keys of the ledger. What this one signs begins with a label that no message of the ledger has.
        let public = private.signing_public_key(KeyUsages::ALL)?;
        let key = SigningKey::new(&private, &public)?;
        Ok(Self { key, public })
    }

    pub(crate) fn public(&self) -> &SigningPublicKey {
        &self.public
    }

    /// The signature, 64 bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, VaultError> {
        Ok(self.key.sign(message, KeyUsages::ALL)?.bytes)
    }
}

/// Whether the audit key with this public half signed `message`.
pub(crate) fn is_signed(public: &SigningPublicKey, message: &[u8], signature: &[u8]) -> bool {
    let signature = Signature {
        bytes: signature.to_vec(),
        format: SignatureFormat::Concat,
        signed_by: public.fingerprint(),
        algorithm: Some(SigningAlgorithm::Ed25519),
    };
    public.verify(message, &signature, KeyUsages::ALL).is_ok()
}
