//! How each kind of file is shown.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_crypto::SigningPublicKey;
use strongroom_proto::topology::Container;
use strongroom_topology::{SignedTransaction, Transaction, TransactionHash};

use super::known::Known;
use crate::{
    output,
    transaction_view::{KnownKeys, SignedView, Status, TransactionView, Warning},
};

#[derive(Serialize)]
pub(super) struct PreparedView {
    transaction: TransactionView,
}

impl PreparedView {
    pub(super) fn of(transaction: &Transaction) -> Self {
        Self {
            transaction: TransactionView::of(transaction),
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.transaction.write(out)
    }
}

#[derive(Serialize)]
pub(super) struct SignedFileView {
    container: &'static str,
    transactions: Vec<SignedView>,
}

impl SignedFileView {
    pub(super) fn of(container: Container, signed: &[SignedTransaction], keys: &KnownKeys) -> Self {
        let views = signed.iter().map(|signed| SignedView::of(signed, keys));
        Self {
            container: container.name(),
            transactions: views.collect(),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.transactions.iter().all(SignedView::is_sound)
    }

    pub(super) fn title(&self) -> String {
        let container = self.container;
        match self.transactions.len() {
            1 => format!("a signed transaction ({container})"),
            count => format!("{count} signed transactions ({container})"),
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (index, signed) in self.transactions.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            signed.write(out)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
pub(super) struct HashView {
    hash: String,
    belongs: Belongs,
    /// The file with the transaction, if it was given; else null.
    transaction_file: Option<String>,
}

/// Whether a hash is that of a transaction in one of the files.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Belongs {
    Yes,
    No,
    /// There is no prepared transaction to compare with.
    Unknown,
}

impl HashView {
    pub(super) fn of(hash: &TransactionHash, known: &Known) -> Self {
        let transaction_file = known.file_of(hash).map(str::to_owned);
        Self {
            hash: hash.to_string(),
            belongs: match &transaction_file {
                Some(_) => Belongs::Yes,
                None if known.has_prepared() => Belongs::No,
                None => Belongs::Unknown,
            },
            transaction_file,
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.belongs != Belongs::No
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "  {:<14} {}", "hash", self.hash)?;
        let told = match (self.belongs, &self.transaction_file) {
            (_, Some(file)) => format!(
                "It is that of the transaction in {}.",
                output::printable(file)
            ),
            (Belongs::No, None) => {
                "It is that of NONE of the transactions that were given.".to_owned()
            }
            (_, None) => {
                "Nothing says what it stands for: give the prepared transaction too.".to_owned()
            }
        };
        writeln!(out, "  {told}")
    }
}

#[derive(Serialize)]
pub(super) struct KeyView {
    fingerprint: String,
    spec: &'static str,
    /// Null if the file does not say what the key is for.
    usage: Option<Vec<&'static str>>,
    warnings: Vec<Warning>,
}

impl KeyView {
    pub(super) fn of(key: &SigningPublicKey, has_usages: bool) -> Self {
        let usages = has_usages.then(|| key.usages());
        Self {
            fingerprint: key.fingerprint().to_string(),
            spec: key.spec().name(),
            usage: usages.map(|usages| usages.iter().map(|usage| usage.label()).collect()),
            warnings: usages.and_then(Warning::of_usages).into_iter().collect(),
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "  {:<14} {}", "fingerprint", self.fingerprint)?;
        writeln!(out, "  {:<14} {}", "spec", self.spec)?;
        let usage = self.usage.as_ref().map(|usage| usage.join(", "));
        let usage = usage.unwrap_or_else(|| "the file does not say".to_owned());
        writeln!(out, "  {:<14} {usage}", "usage")?;
        let mut warnings = self.warnings.iter();
        warnings.try_for_each(|warning| warning.write(out))
    }
}

#[derive(Serialize)]
pub(super) struct SignatureFileView {
    status: Status,
    /// The key under which it is valid; else null.
    signed_by: Option<String>,
    /// The file with the transaction or hash that it is of; else null.
    transaction_file: Option<String>,
}

impl SignatureFileView {
    pub(super) fn of(bytes: &[u8], known: &Known) -> Self {
        let signer = known.signer_of(bytes);
        Self {
            status: match signer {
                Some(_) => Status::Valid,
                None if known.is_complete() => Status::Invalid,
                None => Status::UnknownKey,
            },
            signed_by: signer.map(|(key, _)| key.fingerprint().to_string()),
            transaction_file: signer.map(|(_, file)| file.to_owned()),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.status != Status::Invalid
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let told = match (self.status, &self.signed_by, &self.transaction_file) {
            (_, Some(key), Some(file)) => {
                format!(
                    "key {key} has signed what is in {}",
                    output::printable(file)
                )
            }
            (Status::Invalid, ..) => {
                "it is not the root key's over any of the transactions that were given".to_owned()
            }
            _ => "give the prepared transaction, and the root key's public half, too".to_owned(),
        };
        writeln!(out, "  {}: {told}", self.status.word())
    }
}
