//! Rows of the tables in which a node of Canton keeps its keys.
//!
//! As they stand there, nothing checked yet: whoever reads them distrusts them row by row. What they hold is read with
//! [`decode_stored_private_key`](crate::decode_stored_private_key) and
//! [`decode_stored_public_key`](crate::decode_stored_public_key).
//!
//! Source: reference, private key stores, section 2.

use strongroom_crypto::{KeyPurpose, KeyUsage, KeyUsages};
use strongroom_memory::SecretBytes;

use crate::ProtoError;

/// Canton's name of the table of [`PrivateKeyRow`].
pub const PRIVATE_KEYS: &str = "common_crypto_private_keys";
/// Canton's name of the table of [`PublicKeyRow`].
pub const PUBLIC_KEYS: &str = "common_crypto_public_keys";
/// Canton's name of the table of [`KmsKeyRow`].
pub const KMS_KEYS: &str = "common_kms_metadata_store";

/// The three tables at one moment.
#[derive(Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "there are these tables, and readers elsewhere fill them"
)]
pub struct KeyTables {
    /// Keys in custody of the database, readable or encrypted by a KMS.
    pub private_keys: Vec<PrivateKeyRow>,
    /// The public halves of all keys, and public keys alone.
    pub public_keys: Vec<PublicKeyRow>,
    /// Keys that a KMS holds.
    pub kms_keys: Vec<KmsKeyRow>,
}

/// A row of `common_crypto_private_keys`.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "these are the columns")]
pub struct PrivateKeyRow {
    /// What Canton says is the fingerprint.
    pub key_id: String,
    /// 0 signing, 1 encryption: [`read_purpose`].
    pub purpose: i16,
    /// The key.
    pub data: PrivateKeyData,
    /// The operator's label.
    pub name: Option<String>,
}

/// The key of a private row.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a column is null or not")]
pub enum PrivateKeyData {
    /// The message, readable by everybody who reads the database.
    Clear(SecretBytes),
    /// What a KMS made of the message, without any context and with nothing added.
    Encrypted {
        /// The key of the KMS.
        wrapper_key_id: String,
        /// What it answered.
        ciphertext: Vec<u8>,
    },
}

/// A row of `common_crypto_public_keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "these are the columns")]
pub struct PublicKeyRow {
    /// What Canton says is the fingerprint.
    pub key_id: String,
    /// 0 signing, 1 encryption: [`read_purpose`].
    pub purpose: i16,
    /// The wrapped message.
    pub data: Vec<u8>,
    /// The operator's label.
    pub name: Option<String>,
}

/// A row of `common_kms_metadata_store`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "these are the columns")]
pub struct KmsKeyRow {
    /// What Canton says is the fingerprint.
    pub fingerprint: String,
    /// The key, as its KMS calls it.
    pub kms_key_id: String,
    /// 0 signing, 1 encryption: [`read_purpose`].
    pub purpose: i16,
    /// Canton's numbers of what a signing key may sign: [`read_column_usages`]. None for encryption keys.
    pub key_usage: Option<Vec<i32>>,
}

/// The purpose that a column `purpose` names.
///
/// # Errors
/// [`ProtoError::UnrecognizedEnum`] for a number that stands for none.
pub fn read_purpose(table: &'static str, number: i16) -> Result<KeyPurpose, ProtoError> {
    match number {
        0 => Ok(KeyPurpose::Signing),
        1 => Ok(KeyPurpose::Encryption),
        _ => Err(ProtoError::UnrecognizedEnum {
            message: table,
            field: "purpose",
            value: number.into(),
        }),
    }
}

/// The usages that the column `key_usage` names; the removed usage 1 is ignored, and proof of ownership is added where the
/// rules allow it. These are not the numbers of messages.
///
/// # Errors
/// [`ProtoError::UnrecognizedEnum`] for a number that stands for none, [`ProtoError::InvalidUsages`] for a set that no key
/// can have.
pub fn read_column_usages(numbers: &[i32]) -> Result<KeyUsages, ProtoError> {
    let mut usages = Vec::with_capacity(numbers.len());
    for number in numbers {
        usages.push(match number {
            0 => KeyUsage::Namespace,
            1 => continue,
            2 => KeyUsage::SequencerAuthentication,
            3 => KeyUsage::Protocol,
            4 => KeyUsage::ProofOfOwnership,
            _ => {
                return Err(ProtoError::UnrecognizedEnum {
                    message: KMS_KEYS,
                    field: "key_usage",
                    value: *number,
                });
            }
        });
    }
    KeyUsages::try_new(usages).map_err(|source| ProtoError::InvalidUsages {
        message: KMS_KEYS,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_columns_are_not_those_of_messages() {
        assert_eq!(read_purpose(KMS_KEYS, 0).unwrap(), KeyPurpose::Signing);
        assert_eq!(read_purpose(KMS_KEYS, 1).unwrap(), KeyPurpose::Encryption);
        for wrong in [-1, 2, i16::MAX] {
            let refused = read_purpose(PRIVATE_KEYS, wrong).unwrap_err();
            assert!(matches!(refused, ProtoError::UnrecognizedEnum { .. }));
        }
        let usages = read_column_usages(&[3, 4]).unwrap();
        assert_eq!(usages, KeyUsages::try_new([KeyUsage::Protocol]).unwrap());
        assert_eq!(read_column_usages(&[1, 3]).unwrap(), usages);
        let namespace = KeyUsages::try_new([KeyUsage::Namespace]).unwrap();
        assert_eq!(read_column_usages(&[0]).unwrap(), namespace);
        assert_eq!(read_column_usages(&[0, 2, 3]).unwrap(), KeyUsages::ALL);
    }

    #[test]
    fn usages_that_no_key_has_are_refused() {
        for wrong in [&[][..], &[1], &[4]] {
            let refused = read_column_usages(wrong).unwrap_err();
            assert!(
                matches!(refused, ProtoError::InvalidUsages { .. }),
                "{wrong:?}"
            );
        }
        for wrong in [&[5][..], &[-1, 3]] {
            let refused = read_column_usages(wrong).unwrap_err();
            assert!(matches!(refused, ProtoError::UnrecognizedEnum { .. }));
        }
    }
}
