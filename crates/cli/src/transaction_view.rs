//! A topology transaction in plain words: one sentence, what stands in it, what to think of first, and who signed it.

mod content;
mod fields;
mod known_keys;
mod sentence;
mod signature;
#[cfg(test)]
mod tests;
mod warning;

use std::io::{self, Write};

use serde::Serialize;
use strongroom_topology::{SignedTransaction, Transaction};

use crate::output;

use self::fields::Fields;
pub(crate) use self::{
    known_keys::KnownKeys,
    signature::{SignatureView, Status},
    warning::Warning,
};

/// What a transaction says, with the stable names of the JSON documents that show one.
#[derive(Debug, Serialize)]
pub(crate) struct TransactionView {
    /// One sentence.
    pub(crate) summary: String,
    pub(crate) hash: String,
    pub(crate) operation: &'static str,
    pub(crate) serial: u32,
    pub(crate) mapping: &'static str,
    pub(crate) namespace: String,
    /// What only mappings of this kind have.
    content: Fields,
    pub(crate) warnings: Vec<Warning>,
}

impl TransactionView {
    pub(crate) fn of(transaction: &Transaction) -> Self {
        let mapping = transaction.mapping();
        Self {
            summary: sentence::of(transaction.operation(), mapping),
            hash: transaction.hash().to_string(),
            operation: transaction.operation().name(),
            serial: transaction.serial().get(),
            mapping: mapping.code().name(),
            namespace: mapping.namespace().to_string(),
            content: content::of(mapping),
            warnings: Warning::of(transaction),
        }
    }

    /// The same with what the signatures give reason for.
    pub(crate) fn of_signed(signed: &SignedTransaction) -> Self {
        let mut view = Self::of(signed.transaction());
        view.warnings.extend(Warning::of_signatures(signed));
        view
    }

    /// Prints the sentence, a field a line, and the warnings.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", output::printable(&self.summary))?;
        self.fields().write(out)?;
        self.content.write(out)?;
        let mut warnings = self.warnings.iter();
        warnings.try_for_each(|warning| warning.write(out))
    }

    fn fields(&self) -> Fields {
        Fields::default()
            .with("operation", self.operation)
            .with("serial", self.serial)
            .with("mapping", self.mapping)
            .with("namespace", self.namespace.as_str())
            .with("hash", self.hash.as_str())
    }
}

/// A transaction and its signatures.
#[derive(Debug, Serialize)]
pub(crate) struct SignedView {
    #[serde(flatten)]
    pub(crate) transaction: TransactionView,
    pub(crate) proposal: bool,
    pub(crate) signatures: Vec<SignatureView>,
}

impl SignedView {
    /// Checks each signature whose key is in `keys`.
    pub(crate) fn of(signed: &SignedTransaction, keys: &KnownKeys) -> Self {
        let signatures = signed.signatures().iter();
        Self {
            transaction: TransactionView::of_signed(signed),
            proposal: signed.is_proposal(),
            signatures: signatures
                .map(|signature| SignatureView::of(signed, signature, keys))
                .collect(),
        }
    }

    /// Whether no signature was found to be invalid.
    pub(crate) fn is_sound(&self) -> bool {
        let mut signatures = self.signatures.iter();
        signatures.all(|signature| signature.status != Status::Invalid)
    }

    /// Prints the transaction, then a signature a line.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.transaction.write(out)?;
        writeln!(out)?;
        let mut signatures = self.signatures.iter();
        signatures.try_for_each(|signature| signature.write(out))
    }
}
