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
    let keys = fingerprints(&message.signed_by)?;
    context.count_signatures(message.transactions.len(), &keys)?;
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
