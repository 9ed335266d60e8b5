//! `SignStream`.

use std::{pin::Pin, sync::Arc};

use futures_util::StreamExt as _;
use strongroom_vault::Vault;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::sign_batch::{AT_ONCE, result_of};
use crate::{
    context::Context,
    contract::strongroom::{
        ItemError, SignResult, SignStreamRequest, SignStreamResponse,
        sign_result::Result as Outcome,
    },
    failure::{Face, Failure},
};

type Results = Pin<Box<dyn Stream<Item = Result<SignStreamResponse, Status>> + Send>>;

pub(super) async fn sign_stream(
    vault: Arc<Vault>,
    context: Context,
    requests: Streaming<SignStreamRequest>,
) -> Result<Results, Failure> {
    let results = requests.map(move |request| {
        let (vault, context) = (Arc::clone(&vault), context.clone());
        async move {
            let SignStreamRequest { id, item } = request?;
            let result = match item {
                Some(item) => {
                    // Each counts as a call of its own: one and the call that carries it.
                    if let Err(failure) = context.count(2) {
                        return Err(failure.into_status(Face::Strongroom, &context.trace));
                    }
                    result_of(&vault, &context, item).await
                }
                None => not_set(),
            };
            Ok(SignStreamResponse {
                id,
                result: Some(result),
            })
        }
    });
    Ok(Box::pin(results.buffered(AT_ONCE)))
}

fn not_set() -> SignResult {
    let error = ItemError {
        code: tonic::Code::InvalidArgument.into(),
        message: "Field `item` is not set".to_owned(),
    };
    SignResult {
        result: Some(Outcome::Error(error)),
    }
}
