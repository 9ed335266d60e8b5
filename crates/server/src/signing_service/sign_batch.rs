//! `SignBatch`.

use super::{in_order::in_order, sign::Signer};
use crate::{
    contract::strongroom::{
        ItemError, SignBatchRequest, SignBatchResponse, SignItem, SignResult,
        sign_result::Result as Outcome,
    },
    failure::{Face, Failure},
};

/// Items of one batch.
const MOST_ITEMS: usize = 4096;

/// Items that are signed at once, which matters where a KMS signs; their results come in order.
pub(super) const AT_ONCE: usize = 32;

pub(super) async fn sign_batch(
    signer: Signer,
    message: SignBatchRequest,
) -> Result<SignBatchResponse, Failure> {
    let items = message.items;
    Failure::check_items("items", items.len(), MOST_ITEMS)?;
    signer.context.count(items.len())?;
    let results = items.into_iter().map(|item| result_of(&signer, item));
    Ok(SignBatchResponse {
        results: in_order(results, AT_ONCE).await,
    })
}

/// What becomes of one item among others.
pub(super) async fn result_of(signer: &Signer, item: SignItem) -> SignResult {
    let outcome = match signer.sign(item).await {
        Ok(signature) => Outcome::Signature(signature.into()),
        Err(failure) => {
            let status = signer.context.status_of(failure, Face::Strongroom);
            Outcome::Error(ItemError {
                code: status.code().into(),
                message: status.message().to_owned(),
            })
        }
    };
    SignResult {
        result: Some(outcome),
    }
}
