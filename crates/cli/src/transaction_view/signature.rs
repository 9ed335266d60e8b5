//! Who signed, and whether it is true.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_crypto::KeyUsages;
use strongroom_topology::{Covers, SignedTransaction, TransactionSignature};

use super::KnownKeys;

/// What is known of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It verifies under the key that it names.
    Valid,
    /// It does not.
    Invalid,
    /// The key that it names is not there.
    UnknownKey,
}

impl Status {
    /// How people are told.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "INVALID",
            Self::UnknownKey => "unchecked",
        }
    }
}

/// A signature of a transaction.
#[derive(Debug, Serialize)]
pub(crate) struct SignatureView {
    pub(crate) status: Status,
    /// The key that it names.
    pub(crate) signed_by: String,
    /// Whether that is the root key of the transaction's namespace.
    pub(crate) by_root_key: bool,
    pub(crate) algorithm: Option<&'static str>,
    /// How many transactions it covers.
    pub(crate) covers: usize,
}

impl SignatureView {
    /// Checks `signature`, which stands in `signed`, if its key is in `keys`.
    pub(super) fn of(
        signed: &SignedTransaction,
        signature: &TransactionSignature,
        keys: &KnownKeys,
    ) -> Self {
        let signed_by = signature.signed_by();
        let verdict = keys
            .key(&signed_by)
            .map(|key| signed.verify(key, KeyUsages::ALL));
        let namespace = signed.transaction().mapping().namespace();
        Self {
            status: match verdict {
                Some(Ok(())) => Status::Valid,
                Some(Err(_not_said_why)) => Status::Invalid,
                None => Status::UnknownKey,
            },
            signed_by: signed_by.to_string(),
            by_root_key: namespace.is_root(&signed_by),
            algorithm: signature.algorithm().map(|algorithm| algorithm.name()),
            covers: match signature.covers() {
                Covers::This => 1,
                Covers::Several(hashes) => hashes.len(),
            },
        }
    }

    /// Prints it on one line, and on a second one what an unknown key means.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut line = format!("by {}", self.signed_by);
        if self.by_root_key {
            line.push_str(", the root key of the namespace");
        }
        if self.covers > 1 {
            line.push_str(&format!(", over {} transactions", self.covers));
        }
        let label = format!("{} signature", self.status.word());
        writeln!(out, "  {label} {line}")?;
        if self.status == Status::UnknownKey {
            writeln!(out, "    (its public key is not among what was given)")?;
        }
        Ok(())
    }
}
