//! What a file is, found out by reading it.

use std::path::Path;

use strongroom_crypto::{KeyError, SigningPublicKey};
use strongroom_proto::topology::{
    Container, DecodedItem, DetectError, ItemReader, decode_transaction, detect,
};
use strongroom_topology::{SignedTransaction, Transaction, TransactionHash};

use super::super::{RootError, files, shape};
use crate::input;

/// The contents of a file.
#[derive(Debug)]
pub(super) enum Found {
    /// A prepared transaction.
    Prepared(Transaction),
    /// A certificate, or many of them.
    Signed(Container, Vec<SignedTransaction>),
    /// A hash that is to be signed.
    Hash(TransactionHash),
    /// A public key, and whether the file says what it is for.
    Key {
        key: SigningPublicKey,
        has_usages: bool,
    },
    /// A bare signature.
    Signature(Vec<u8>),
}

impl Found {
    /// What `bytes` are, which came from `path`. Its name matters only for what is told when they are nothing.
    ///
    /// # Errors
    /// The error of the kind of file that `path` is named after; [`RootError::UnknownFile`] for other names; what is wrong
    /// with a key or a container that was recognised as such.
    pub(super) fn of(path: &Path, bytes: Vec<u8>) -> anyhow::Result<Self> {
        if let Ok(hash) = TransactionHash::from_multihash(&bytes) {
            return Ok(Self::Hash(hash));
        }
        match detect(&bytes, true) {
            Ok(container) => return signed(container, &bytes),
            Err(error @ DetectError::Ambiguous { .. }) => return Err(error.into()),
            Err(_) => {}
        }
        if let Ok(transaction) = decode_transaction(&bytes) {
            return Ok(Self::Prepared(transaction));
        }
        // In front of keys: one in DER begins alike.
        if shape::is_ecdsa_in_der(&bytes) {
            return Ok(Self::Signature(bytes));
        }
        match files::read_public_key(&bytes) {
            Ok(target) => {
                return Ok(Self::Key {
                    key: target.key().clone(),
                    has_usages: files::is_key_message(&bytes),
                });
            }
            Err(error) if is_other_key(&error) => return Err(error),
            Err(_) => {}
        }
        if shape::is_signature(&bytes) {
            return Ok(Self::Signature(bytes));
        }
        Err(refused(path, &bytes))
    }
}

fn signed(container: Container, bytes: &[u8]) -> anyhow::Result<Found> {
    let items = ItemReader::new(bytes, container).map(|item| match item?.decode()? {
        DecodedItem::Row(row) => Ok(row.signed),
        DecodedItem::Transaction(signed) => Ok(signed),
    });
    let signed = items.collect::<anyhow::Result<_>>()?;
    Ok(Found::Signed(container, signed))
}

/// Whether a key was recognised, but not one that belongs here.
fn is_other_key(error: &anyhow::Error) -> bool {
    !matches!(
        error.downcast_ref::<KeyError>(),
        None | Some(KeyError::NotAKey { .. })
    )
}

/// Why the bytes are not what the name of their file promises.
fn refused(path: &Path, bytes: &[u8]) -> anyhow::Error {
    let suffix = path.extension().and_then(|suffix| suffix.to_str());
    let promised = match suffix {
        Some("prep") => decode_transaction(bytes).err().map(Into::into),
        Some("hash") => TransactionHash::from_multihash(bytes).err().map(Into::into),
        Some("cert") => detect(bytes, true).err().map(Into::into),
        Some("pub" | "pem" | "der") => files::read_public_key(bytes).err(),
        _ => None,
    };
    promised.unwrap_or_else(|| {
        RootError::UnknownFile {
            file: input::named(path),
        }
        .into()
    })
}
