//! Signatures over topology transactions.

use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, Hash, KeyUsages, Signature};
use strongroom_proto::topology::topology_signature;
use strongroom_topology::{
    Covers, ForceFlags, SignedTransaction, StoreId, TopologyError, TopologyStore, Transaction,
    TransactionSignature, signing_keys,
};

use super::statement;
use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, topology::TopologyTurn, unit::Unit,
    uses::NOBODY, vault::Vault,
};

/// Keys that signed, and what as.
pub(super) type Signers = Vec<(Fingerprint, KeyUsages)>;

impl Vault {
    /// Adds the signatures that this vault can give to each transaction; nothing is stored but a record of each signature in the
    /// audit log, whatever its level, before any of them leaves.
    ///
    /// A transaction to which the vault has nothing to add comes back as it is.
    ///
    /// # Errors
    /// [`VaultError::Topology`] for requested keys that may not sign it; errors of signing, and those of every act that writes.
    pub async fn sign_transactions(
        &self,
        caller: &Caller,
        store: &StoreId,
        transactions: Vec<SignedTransaction>,
        requested: &[Fingerprint],
        force: ForceFlags,
    ) -> Result<Vec<SignedTransaction>, VaultError> {
        // Before the turn, which catching up needs; and before keys sign, which a KMS may charge for.
        self.in_touch().await?;
        self.check_writes().await?;
        let turn = TopologyTurn::begin(self).await?;
        let looked_at = turn.store(store)?;
        let mut signed = Vec::with_capacity(transactions.len());
        for transaction in transactions {
            let own = self.with_own_signatures(looked_at, transaction, requested, force);
            signed.push(own.await?);
        }
        drop(turn);
        self.record_signatures(caller, store, &signed).await?;
        Ok(signed
            .into_iter()
            .map(|(signed, _signers)| signed)
            .collect())
    }

    /// Signs `message`, which nobody took apart, with a key of a namespace. Whoever has the signature can announce what
    /// it is over, so it is on record as every other signature over topology.
    pub(in crate::operations) async fn sign_on_record(
        &self,
        caller: Option<&Caller>,
        key: &Fingerprint,
        message: &[u8],
        allowed: KeyUsages,
    ) -> Result<Signature, VaultError> {
        // Nobody waits for a lease that another process keeps.
        if let Some(other) = self.other_writer() {
            return Err(other.into());
        }
        self.check_writes().await?;
        let signature = self.sign_in_touch(key, message, allowed).await?;
        let mut details = BTreeMap::from([("usage".to_owned(), allowed.to_string())]);
        if let Ok(hash) = Hash::from_multihash(message) {
            details.insert("transaction".to_owned(), hash.to_string());
        }
        let library = Caller::new(NOBODY);
        let mut unit = Unit::begin(self).await?;
        let operation = AuditOperation::SignTopology;
        unit.audit(caller.unwrap_or(&library), operation, Some(*key), details)
            .await?;
        unit.commit().await?;
        Ok(signature)
    }

    /// Puts on record what these keys have signed and no commit tells of: with such a signature others change what is said of the
    /// node, or of whose it is.
    pub(super) async fn record_signatures(
        &self,
        caller: &Caller,
        store: &StoreId,
        signed: &[(SignedTransaction, Signers)],
    ) -> Result<(), VaultError> {
        if signed.iter().all(|(_, signers)| signers.is_empty()) {
            return Ok(());
        }
        let mut unit = Unit::begin(self).await?;
        for (signed, signers) in signed {
            for (key, usages) in signers {
                let mut details = statement(store, signed.transaction());
                details.insert("usage".to_owned(), usages.to_string());
                unit.audit(caller, AuditOperation::SignTopology, Some(*key), details)
                    .await?;
            }
        }
        unit.commit().await
    }

    /// A transaction with the signatures that this vault can add, or as it is if there are none.
    pub(super) async fn with_own_signatures(
        &self,
        store: &TopologyStore,
        signed: SignedTransaction,
        requested: &[Fingerprint],
        force: ForceFlags,
    ) -> Result<(SignedTransaction, Signers), VaultError> {
        let signed_already: Vec<_> = signed.signed_by().collect();
        let own = self
            .sign_topology(
                store,
                signed.transaction(),
                requested,
                &signed_already,
                force,
            )
            .await;
        match own {
            Ok((own, signers)) => Ok((signed.with_more_signatures(own), signers)),
            // The vault has no key for it, and nobody asked for a certain one.
            Err(VaultError::Topology(TopologyError::NoAppropriateSigningKey { .. }))
                if requested.is_empty() =>
            {
                Ok((signed, Vec::new()))
            }
            Err(error) => Err(error),
        }
    }

    /// Signatures over `transaction` by the keys that shall sign it and have not.
    pub(super) async fn sign_topology(
        &self,
        store: &TopologyStore,
        transaction: &Transaction,
        requested: &[Fingerprint],
        signed_already: &[Fingerprint],
        force: ForceFlags,
    ) -> Result<(Vec<TransactionSignature>, Signers), VaultError> {
        let holds = |key: &Fingerprint| self.may_sign(key);
        let selected = signing_keys(store, transaction, requested, &holds, force)?;
        let message = transaction.hash().to_multihash();
        let mut signatures = Vec::with_capacity(selected.len());
        let mut signers = Vec::with_capacity(selected.len());
        for key in selected {
            if signed_already.contains(&key.fingerprint) {
                continue;
            }
            let signature = self
                .sign_as_known(&key.fingerprint, &message, key.usages)
                .await?;
            signatures.push(topology_signature(signature, Covers::This));
            signers.push((key.fingerprint, key.usages));
        }
        // A process that was stopped in between may have used a key that was retired long before.
        self.check_was_in_touch().await?;
        Ok((signatures, signers))
    }
}
