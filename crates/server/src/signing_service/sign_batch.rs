//! `SignBatch`.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use strongroom_vault::Vault;

use super::sign::sign_item;
use crate::{
    context::Context,
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
    vault: Arc<Vault>,
    context: Context,
    message: SignBatchRequest,
) -> Result<SignBatchResponse, Failure> {
    let items = message.items;
    if items.len() > MOST_ITEMS {
        let sent = items.len();
        return Err(Failure::unreadable(format!(
            "a batch has at most {MOST_ITEMS} items, this one has {sent}"
        )));
    }
    context.count(items.len())?;
    let results = items
        .into_iter()
        .map(|item| result_of(&vault, &context, item));
    let results = stream::iter(results).buffered(AT_ONCE);
    Ok(SignBatchResponse {
        results: results.collect().await,
    })
}

/// What becomes of one item among others.
pub(super) async fn result_of(vault: &Vault, context: &Context, item: SignItem) -> SignResult {
    let outcome = match sign_item(vault, context, item).await {
        Ok(signature) => Outcome::Signature((&signature).into()),
        Err(failure) => {
            let status = failure.into_status(Face::Strongroom, &context.trace);
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
