//! `AddTransactions`.

use std::sync::Arc;

use strongroom_proto::topology::{read_signed_message, v30::SignedTopologyTransaction};
use strongroom_topology::{
    Outcome, PhysicalSynchronizerId, SignedTransaction, Times, TopologyError,
};
use strongroom_vault::{Added, Vault, VaultError};

use super::force;
use crate::{
    context::Context,
    contract::topology::{AddTransactionsRequest, AddTransactionsResponse},
    failure::Failure,
    topology::store_id,
};

pub(super) async fn add_transactions(
    vault: Arc<Vault>,
    context: Context,
    message: AddTransactionsRequest,
    rehearsal: Option<PhysicalSynchronizerId>,
) -> Result<AddTransactionsResponse, Failure> {
    context.count_items("transactions", message.transactions.len(), 1)?;
    if let Some(synchronizer) = rehearsal.filter(|id| store_id::names(message.store.as_ref(), id)) {
        let transactions = signed(&message.transactions)?;
        let added = sequence(&vault, &context, &synchronizer, transactions).await?;
        check_accepted(added)?;
        return Ok(AddTransactionsResponse {});
    }
    let store = store_id::required(&vault, message.store).await?;
    let force = force::read(&message.force_changes)?;
    let transactions = signed(&message.transactions)?;
    let added = vault
        .add_transactions(&context.caller(), &store, transactions, force)
        .await?;
    check_accepted(added)?;
    Ok(AddTransactionsResponse {})
}

/// Takes the place of the synchronizer: what comes is sequenced now, and effective at once.
async fn sequence(
    vault: &Vault,
    context: &Context,
    synchronizer: &PhysicalSynchronizerId,
    transactions: Vec<SignedTransaction>,
) -> Result<Vec<Added>, Failure> {
    let now = vault.current_time();
    let times = Times {
        sequenced: now,
        effective: now,
    };
    let caller = context.caller();
    let added = vault.add_sequenced(&caller, synchronizer, times, transactions);
    Ok(added.await?)
}

/// The transactions of a request.
pub(super) fn signed(
    messages: &[SignedTopologyTransaction],
) -> Result<Vec<SignedTransaction>, Failure> {
    let signed = messages.iter().map(read_signed_message);
    Ok(signed.collect::<Result<_, _>>()?)
}

/// Tells the first rejection. Those that were accepted stay.
pub(super) fn check_accepted(added: Vec<Added>) -> Result<(), Failure> {
    for one in added {
        if let Outcome::Rejected(rejection) = one.outcome {
            let error = VaultError::from(TopologyError::Rejected(rejection));
            return Err(Failure::from(error).with("transaction", one.hash.to_string()));
        }
    }
    Ok(())
}
