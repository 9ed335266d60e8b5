//! Announcing public keys: topology transactions, the node's identity, rotation of its keys.

pub(crate) mod active;
pub(crate) mod add;
pub(crate) mod announce;
pub(crate) mod authorize;
pub(crate) mod certificates;
pub(crate) mod identity;
pub(crate) mod rotate;
pub(crate) mod sequenced;
pub(crate) mod sign;
mod temporary;

use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_store::KeyState;
use strongroom_topology::{
    GENESIS_SEQUENCED, Outcome, Rules, SignedTransaction, StoreId, Times, TopologyError,
    TopologyStore, Transaction,
};

use crate::{
    audit::AuditOperation, caller::Caller, error::VaultError, topology::TopologyWriter, unit::Unit,
    vault::Vault,
};

impl Vault {
    /// Whether the vault has the private half of a key, and the key may sign: a retired one never does.
    pub(crate) fn may_sign(&self, fingerprint: &Fingerprint) -> bool {
        self.directory().entry(fingerprint).is_some_and(|entry| {
            entry
                .private
                .as_ref()
                .is_some_and(|private| private.state == KeyState::Active)
        })
    }

    /// Lets a local store decide about a transaction, now.
    pub(crate) fn decide(
        &self,
        writer: &mut TopologyWriter<'_>,
        store: &StoreId,
        signed: SignedTransaction,
    ) -> Result<Outcome, VaultError> {
        let at = next_instant(self.now(), writer.store(store)?);
        let times = Times {
            sequenced: at,
            effective: at,
        };
        writer.process(store, signed, times, &self.rules(store, at))
    }

    /// Makes the changes of `writer` durable, with one record in the audit log: what was done, and to which key if it is
    /// about one.
    pub(crate) async fn commit_topology(
        &self,
        caller: &Caller,
        mut writer: TopologyWriter<'_>,
        (operation, key): (AuditOperation, Option<Fingerprint>),
        details: BTreeMap<String, String>,
    ) -> Result<(), VaultError> {
        if writer.has_durable_changes() {
            let mut unit = Unit::begin(self).await?;
            writer.persist(&mut unit).await?;
            unit.audit(caller, operation, key, details).await?;
            unit.commit().await?;
        }
        self.forget_withdrawn_session_keys(writer.topology());
        writer.finish();
        Ok(())
    }
}

impl Vault {
    /// The rules of a store for a transaction sequenced at this time: keys that its synchronizer does not take sign nothing there.
    pub(crate) fn rules(&self, store: &StoreId, sequenced: Timestamp) -> Rules {
        let rules = match store {
            StoreId::Authorized => Rules::authorized(),
            StoreId::Temporary(_) => Rules::temporary(),
            StoreId::Synchronizer(_) if sequenced == GENESIS_SEQUENCED => Rules::genesis(),
            StoreId::Synchronizer(_) => Rules::synchronizer(),
        };
        match self.schemes(store) {
            Some(taken) => rules.with_specs(taken.key_specs()),
            None => rules,
        }
    }
}

/// The time now, but later than everything in the store: times of a local store are unique.
fn next_instant(now: Timestamp, store: &TopologyStore) -> Timestamp {
    let after_last = store
        .max_timestamp()
        .map_or(i64::MIN, |last| last.as_micros().saturating_add(1));
    Timestamp::from_micros(now.as_micros().max(after_last))
}

/// What the audit log says of a transaction.
pub(crate) fn details(
    store: &StoreId,
    signed: &SignedTransaction,
    outcome: &Outcome,
) -> BTreeMap<String, String> {
    let signers: Vec<String> = signed.signed_by().map(|key| key.to_string()).collect();
    let mut details = statement(store, signed.transaction());
    details.insert("signed_by".to_owned(), signers.join(" "));
    details.insert("outcome".to_owned(), outcome.name().to_owned());
    details
}

/// What a transaction states.
fn statement(store: &StoreId, transaction: &Transaction) -> BTreeMap<String, String> {
    let mapping = transaction.mapping().code().name();
    let operation = transaction.operation().name();
    BTreeMap::from([
        ("store".to_owned(), store.to_string()),
        ("transaction".to_owned(), transaction.hash().to_string()),
        ("mapping".to_owned(), mapping.to_owned()),
        ("operation".to_owned(), operation.to_owned()),
        ("serial".to_owned(), transaction.serial().get().to_string()),
    ])
}

/// Turns a rejection into the error that the caller sees.
pub(crate) fn accepted(outcome: Outcome) -> Result<Outcome, VaultError> {
    match outcome {
        Outcome::Rejected(rejection) => Err(TopologyError::Rejected(rejection).into()),
        other => Ok(other),
    }
}
