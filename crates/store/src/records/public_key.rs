use crate::DataKeyId;
use strongroom_crypto::{Fingerprint, KeyName, KeySpec, KeyUsages, Timestamp};

/// A public key and what the operator calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKeyRecord {
    /// The key's identity; rows are ordered by it.
    pub fingerprint: Fingerprint,
    /// Curve or size, and with it the purpose.
    pub spec: KeySpec,
    /// What a signing key may sign; `None` exactly for encryption keys.
    pub usages: Option<KeyUsages>,
    /// X.509 `SubjectPublicKeyInfo`, DER.
    pub spki: Box<[u8]>,
    /// The operator's label.
    pub name: Option<KeyName>,
    /// When the key came into the vault.
    pub created_at: Timestamp,
    /// The data key whose subkey made `mac`.
    pub data_key_id: DataKeyId,
    /// Authenticates the other fields.
    pub mac: [u8; 32],
}
