//! Building a topology transaction, signing it and adding it.

use std::{collections::BTreeMap, slice};

use strongroom_crypto::Fingerprint;
use strongroom_proto::topology::encode_transaction;
use strongroom_topology::{
    Drafted, ForceFlags, Mapping, Operation, Outcome, Serial, SignedTransaction, StoreId,
    TopologyError, Transaction, TransactionHash, check_dangers, draft,
};

use super::{accepted, details, sign::Signers};
use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, topology::TopologyTurn, vault::Vault,
};

/// What shall be announced.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Whether the mapping is to hold, or no longer to.
    pub operation: Operation,
    /// The statement.
    pub mapping: Mapping,
    /// The serial to use; none takes the next one.
    pub serial: Option<Serial>,
    /// The keys to sign with; none lets the vault choose.
    pub signing_keys: Vec<Fingerprint>,
    /// Whether the signatures must suffice at once; otherwise the transaction may wait for others as a proposal.
    pub must_fully_authorize: bool,
    /// Dangers that the caller knows of.
    pub force: ForceFlags,
}

/// What shall be signed that is in a store already.
#[derive(Clone, Debug)]
pub struct HashProposal {
    /// The hash of the proposal or transaction.
    pub hash: TransactionHash,
    /// The keys to sign with; none lets the vault choose.
    pub signing_keys: Vec<Fingerprint>,
    /// Whether the signatures must suffice at once; otherwise it may wait for others as a proposal.
    pub must_fully_authorize: bool,
    /// Dangers that the caller knows of.
    pub force: ForceFlags,
}

/// A transaction that was built and signed here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authorized {
    /// The transaction, with the signatures that this vault gave and, of one that was there before, those of others.
    pub signed: SignedTransaction,
    /// Whether it is in force or waits for signatures. For a store of a synchronizer: what would become of it.
    pub outcome: Outcome,
}

impl Proposal {
    /// Announces `mapping`, fully authorized by keys of the vault's choice.
    #[must_use]
    pub fn announce(mapping: Mapping) -> Self {
        Self::of(Operation::AddReplace, mapping)
    }

    /// Takes `mapping` back, fully authorized by keys of the vault's choice.
    #[must_use]
    pub fn revoke(mapping: Mapping) -> Self {
        Self::of(Operation::Remove, mapping)
    }

    fn of(operation: Operation, mapping: Mapping) -> Self {
        Self {
            operation,
            mapping,
            serial: None,
            signing_keys: Vec::new(),
            must_fully_authorize: true,
            force: ForceFlags::default(),
        }
    }
}

impl Vault {
    /// Builds the transaction of `proposal`, signs it and adds it to the store.
    ///
    /// A transaction for a store of a synchronizer is looked at and returned, and kept nowhere: it is for the synchronizer
    /// to sequence it ([`Vault::add_sequenced`]).
    ///
    /// # Errors
    /// [`VaultError::Topology`]: a wrong serial, no key that may sign, a rejection (which the store remembers), and so
    /// on. Errors of signing and of the store, and then nothing has changed.
    pub async fn authorize(
        &self,
        caller: &Caller,
        store: &StoreId,
        proposal: Proposal,
    ) -> Result<Authorized, VaultError> {
        // Before keys sign, which a KMS may charge for; and before the turn, which catching up needs.
        self.check_writes().await?;
        let turn = TopologyTurn::begin(self).await?;
        self.authorize_in(caller, turn, store, proposal).await
    }

    /// As [`Vault::authorize`], for whoever has looked at topology and must not be overtaken.
    pub(super) async fn authorize_in(
        &self,
        caller: &Caller,
        turn: TopologyTurn<'_>,
        store: &StoreId,
        proposal: Proposal,
    ) -> Result<Authorized, VaultError> {
        let signed = self.build_and_sign(&turn, store, &proposal).await?;
        let record = (AuditOperation::AuthorizeTopology, None);
        self.add_signed(caller, turn, store, signed, record).await
    }

    /// Adds this vault's signatures to the proposal or transaction of a store that `proposal` names, and adds the result.
    ///
    /// # Errors
    /// [`TopologyError::TransactionNotFound`], [`TopologyError::TooManyTransactionsWithHash`]; otherwise as
    /// [`Vault::authorize`].
    pub async fn authorize_hash(
        &self,
        caller: &Caller,
        store: &StoreId,
        proposal: HashProposal,
    ) -> Result<Authorized, VaultError> {
        self.check_writes().await?;
        let turn = TopologyTurn::begin(self).await?;
        let found = turn.store(store)?.find(proposal.hash)?;
        let existing = found.signed.as_ref().clone();
        let (keys, force) = (&proposal.signing_keys, proposal.force);
        let (signed, signers) = self
            .with_own_signatures(turn.store(store)?, existing, keys, force)
            .await?;
        let signed = (
            signed.with_proposal(!proposal.must_fully_authorize),
            signers,
        );
        let record = (AuditOperation::AuthorizeTopology, None);
        self.add_signed(caller, turn, store, signed, record).await
    }

    pub(super) async fn build_and_sign(
        &self,
        turn: &TopologyTurn<'_>,
        store: &StoreId,
        proposal: &Proposal,
    ) -> Result<(SignedTransaction, Signers), VaultError> {
        let store = turn.store(store)?;
        let drafted = draft(
            store,
            proposal.operation,
            &proposal.mapping,
            proposal.serial,
        )?;
        let (transaction, signed_already) = match drafted {
            Drafted::New(draft) => (encode_transaction(draft), Vec::new()),
            Drafted::Existing(existing) => (
                existing.transaction().clone(),
                existing.signed_by().collect(),
            ),
        };
        self.check_dangers(&transaction, proposal.force)?;
        let (signatures, signers) = self
            .sign_topology(
                store,
                &transaction,
                &proposal.signing_keys,
                &signed_already,
                proposal.force,
            )
            .await?;
        if signatures.is_empty() {
            return Err(TopologyError::MappingAlreadyExists.into());
        }
        let proposed = !proposal.must_fully_authorize;
        let signed = SignedTransaction::received(transaction, signatures, proposed)?;
        // Others may have signed it before: whoever sends it on sends everything.
        let signed = match store.find(signed.hash()) {
            Ok(known) => signed.with_signatures_from(&known.signed),
            Err(_unknown) => signed,
        };
        Ok((signed, signers))
    }

    /// Adds one transaction that this vault has signed; what the store says of it is the answer. `record` is what the
    /// audit log calls the act, and the key that it is about.
    pub(super) async fn add_signed(
        &self,
        caller: &Caller,
        turn: TopologyTurn<'_>,
        store: &StoreId,
        by_us: (SignedTransaction, Signers),
        record: (AuditOperation, Option<Fingerprint>),
    ) -> Result<Authorized, VaultError> {
        let outcome = self.put(caller, turn, store, &by_us, record).await?;
        let (signed, _signers) = by_us;
        Ok(Authorized { signed, outcome })
    }

    async fn put(
        &self,
        caller: &Caller,
        turn: TopologyTurn<'_>,
        store: &StoreId,
        by_us: &(SignedTransaction, Signers),
        record: (AuditOperation, Option<Fingerprint>),
    ) -> Result<Outcome, VaultError> {
        let (signed, _signers) = by_us;
        let recorded = self.record_signatures(caller, store, slice::from_ref(by_us));
        match store {
            StoreId::Synchronizer(_) => {
                let outcomes = turn
                    .store(store)?
                    .preview(vec![signed.clone()], &self.rules(store, self.now()))?;
                drop(turn);
                recorded.await?;
                Ok(outcomes.into_iter().next().unwrap_or(Outcome::Unchanged))
            }
            // Whoever reads the store sees the signature as soon as it is there.
            StoreId::Temporary(_) => {
                recorded.await?;
                let mut writer = turn.write().await;
                let outcome = self.decide(&mut writer, store, signed.clone())?;
                self.commit_topology(caller, writer, record, BTreeMap::new())
                    .await?;
                accepted(outcome)
            }
            StoreId::Authorized => {
                let mut writer = turn.write().await;
                let outcome = self.decide(&mut writer, store, signed.clone())?;
                let details = details(store, signed, &outcome);
                let is_on_record = writer.has_durable_changes();
                self.commit_topology(caller, writer, record, details)
                    .await?;
                let outcome = accepted(outcome)?;
                if !is_on_record {
                    recorded.await?;
                }
                Ok(outcome)
            }
        }
    }

    pub(crate) fn check_dangers(
        &self,
        transaction: &Transaction,
        force: ForceFlags,
    ) -> Result<(), VaultError> {
        let identity = self.identity();
        let member = identity.as_ref().map(|identity| &identity.member);
        Ok(check_dangers(transaction, member, force)?)
    }
}
