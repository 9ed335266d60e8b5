//! What to think of before a transaction is signed or believed.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_crypto::{KeyUsage, KeyUsages};
use strongroom_topology::{
    Mapping, MappingCode, NamespaceDelegation, Operation, SignedTransaction, Transaction,
};

use crate::output;

/// A reason to look twice.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Warning {
    /// The stable name.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) text: String,
}

impl Warning {
    /// What the transaction itself gives reason for.
    pub(super) fn of(transaction: &Transaction) -> Vec<Self> {
        match (transaction.mapping(), transaction.operation()) {
            (Mapping::NamespaceDelegation(it), Operation::AddReplace) => of_delegation(it),
            (Mapping::NamespaceDelegation(it), Operation::Remove) => vec![of_revocation(it)],
            _ => Vec::new(),
        }
    }

    /// What the signatures give reason for besides.
    pub(super) fn of_signatures(signed: &SignedTransaction) -> Option<Self> {
        let Mapping::NamespaceDelegation(delegation) = signed.transaction().mapping() else {
            return None;
        };
        let is_root = |key| delegation.namespace().is_root(&key);
        let by_others = delegation.targets_root() && !signed.signed_by().all(is_root);
        by_others.then(|| {
            warning(
                "root_signed_by_others",
                "This is no root certificate, since other keys than the root key have signed it.",
            )
        })
    }

    /// That a key which is let sign was revoked in this namespace before.
    pub(crate) fn of_delegation_after_revocation() -> Self {
        warning(
            "revoked_before",
            "This key was revoked in this namespace before. A store of this vault takes it again; synchronizers that have seen the \
             revocation reject it for ever. Let a new key sign instead.",
        )
    }

    /// What a key that is used for more than namespaces gives reason for.
    pub(crate) fn of_usages(usages: KeyUsages) -> Option<Self> {
        (usages != KeyUsages::only(KeyUsage::Namespace)).then(|| {
            let text = format!(
                "The key may be used for more than namespaces: {usages}. A key that signs for a namespace should do nothing else."
            );
            warning("key_has_other_usages", text)
        })
    }

    /// Prints it behind an empty line.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n  Mind: {}", output::printable(&self.text))
    }
}

fn of_delegation(delegation: &NamespaceDelegation) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if delegation.targets_root() {
        warnings.push(warning(
            "root_certificate",
            "Whoever has this private key owns the namespace for good: a root key cannot be replaced. Check its fingerprint by \
             another way than the one on which the file came.",
        ));
    } else if delegation.can_sign(MappingCode::NamespaceDelegation) {
        warnings.push(warning(
            "target_can_delegate",
            "The key can let further keys sign in this namespace, and revoke others.",
        ));
    }
    warnings.extend(Warning::of_usages(delegation.target().usages()));
    warnings
}

fn of_revocation(delegation: &NamespaceDelegation) -> Warning {
    if delegation.targets_root() {
        warning(
            "root_revocation",
            "This ends the namespace and cannot be undone. Parties and nodes in it stay as they are, for ever.",
        )
    } else {
        warning(
            "revocation_is_final",
            "This cannot be undone: synchronizers never take the same key in this namespace again. What the key signed before \
             stays valid; keys that it let sign lose their right unless another delegation leads to them.",
        )
    }
}

fn warning(code: &'static str, text: impl Into<String>) -> Warning {
    Warning {
        code,
        text: text.into(),
    }
}
