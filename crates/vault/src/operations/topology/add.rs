//! Adding transactions that were signed, here or elsewhere.

use std::collections::BTreeMap;

use strongroom_topology::{ForceFlags, Outcome, SignedTransaction, StoreId, TransactionHash};

use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, topology::TopologyWriter,
    vault::Vault,
};

/// What became of a transaction.
#[derive(Debug)]
#[non_exhaustive]
pub struct Added {
    /// The transaction.
    pub hash: TransactionHash,
    /// What the store decided.
    pub outcome: Outcome,
}

impl Vault {
    /// Adds signed transactions to a store, one after the other.
    ///
    /// Each is decided on its own: a rejected one is stored as rejected, and those behind it are still looked at. All
    /// decisions become durable together. A store of a synchronizer takes all or none and keeps nothing: see
    /// [`Vault::authorize`].
    ///
    /// # Errors
    /// [`VaultError::Topology`] for a dangerous command that was not forced, and for any rejection by a synchronizer's store;
    /// errors of the store, and then nothing has changed. Rejections by a local store are part of the answer.
    pub async fn add_transactions(
        &self,
        caller: &Caller,
        store: &StoreId,
        transactions: Vec<SignedTransaction>,
        force: ForceFlags,
    ) -> Result<Vec<Added>, VaultError> {
        for signed in &transactions {
            self.check_dangers(signed.transaction(), force)?;
        }
        let mut writer = TopologyWriter::begin(self).await?;
        if let StoreId::Synchronizer(_) = store {
            return self.preview(&writer, store, transactions);
        }
        let mut added = Vec::with_capacity(transactions.len());
        for signed in transactions {
            let hash = signed.transaction().hash();
            let outcome = self.decide(&mut writer, store, signed)?;
            added.push(Added { hash, outcome });
        }
        let details = summary(store, &added);
        self.commit_topology(caller, writer, (AuditOperation::AddTopology, None), details)
            .await?;
        Ok(added)
    }

    /// What a synchronizer's store would say of transactions, all or none.
    pub(crate) fn preview(
        &self,
        writer: &TopologyWriter<'_>,
        store: &StoreId,
        transactions: Vec<SignedTransaction>,
    ) -> Result<Vec<Added>, VaultError> {
        let now = self.now();
        let head = writer.store(store)?;
        let hashes: Vec<_> = transactions
            .iter()
            .map(|signed| signed.transaction().hash())
            .collect();
        let outcomes = head.preview(transactions, &self.rules(store, now))?;
        Ok(hashes
            .into_iter()
            .zip(outcomes)
            .map(|(hash, outcome)| Added { hash, outcome })
            .collect())
    }
}

/// What the audit log says of many transactions.
pub(super) fn summary(store: &StoreId, added: &[Added]) -> BTreeMap<String, String> {
    let mut details = BTreeMap::from([
        ("store".to_owned(), store.to_string()),
        ("transactions".to_owned(), added.len().to_string()),
    ]);
    let rejected = added
        .iter()
        .filter(|added| matches!(added.outcome, Outcome::Rejected(_)))
        .count();
    details.insert("rejected".to_owned(), rejected.to_string());
    if let [only] = added {
        details.insert("transaction".to_owned(), only.hash.to_string());
    }
    details
}
