//! `GenerateTransactions`: transactions for others to sign.

use std::sync::Arc;

use strongroom_proto::topology::encode_transaction;
use strongroom_topology::{Drafted, draft};
use strongroom_vault::{Vault, VaultError};

use super::authorize::{operation, required_mapping, serial};
use crate::{
    client_release::ClientRelease,
    context::Context,
    contract::topology::{
        GenerateTransactionsRequest, GenerateTransactionsResponse,
        generate_transactions_request::proposal::Mapping,
        generate_transactions_response::GeneratedTransaction,
    },
    failure::Failure,
    topology::store_id,
};

pub(super) async fn generate_transactions(
    vault: Arc<Vault>,
    _context: Context,
    message: GenerateTransactionsRequest,
) -> Result<GenerateTransactionsResponse, Failure> {
    let base = message.base_request.and_then(|base| base.client_version);
    if let Some(version) = base {
        let _release: ClientRelease = version.parse()?;
    }
    let mut generated = Vec::with_capacity(message.proposals.len());
    for proposal in message.proposals {
        let id = store_id::required(&vault, proposal.store).await?;
        let operation = operation("operation", proposal.operation)?;
        let mapping = proposal.mapping.map(|Mapping::V30(mapping)| mapping);
        let mapping = required_mapping(mapping)?;
        let serial = serial(proposal.serial)?;
        let store = vault.topology(&id).await?;
        let drafted = draft(&store, operation, &mapping, serial).map_err(VaultError::from)?;
        let transaction = match drafted {
            Drafted::New(draft) => encode_transaction(draft),
            Drafted::Existing(existing) => existing.transaction().clone(),
        };
        generated.push(GeneratedTransaction {
            serialized_transaction: transaction.bytes().to_vec(),
            transaction_hash: transaction.hash().to_multihash().to_vec(),
        });
    }
    Ok(GenerateTransactionsResponse {
        generated_transactions: generated,
    })
}
