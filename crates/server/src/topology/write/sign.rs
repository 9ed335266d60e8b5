//! `SignTransactions`.

use std::sync::Arc;

use strongroom_proto::topology::signed_message;
use strongroom_vault::Vault;

use super::{add::signed, authorize::fingerprints, force};
use crate::{
    context::Context,
    contract::topology::{SignTransactionsRequest, SignTransactionsResponse},
    failure::Failure,
    topology::store_id,
};

pub(super) async fn sign_transactions(
    vault: Arc<Vault>,
    context: Context,
    message: SignTransactionsRequest,
) -> Result<SignTransactionsResponse, Failure> {
    let (sent, keys) = (
        message.transactions.len(),
        fingerprints(&message.signed_by)?,
    );
    // Each of the keys signs each of them; without keys the vault takes those that it needs.
    context.count_items("transactions", sent, keys.len().max(1))?;
    let store = store_id::required(&vault, message.store).await?;
    let force = force::read(&message.force_flags)?;
    let transactions = signed(&message.transactions)?;
    let signed = vault
        .sign_transactions(&context.caller(), &store, transactions, &keys, force)
        .await?;
    let transactions = signed.iter().map(signed_message);
    Ok(SignTransactionsResponse {
        transactions: transactions.collect::<Result<_, _>>()?,
    })
}
