//! `SignStream`.

use std::pin::Pin;

use futures_util::StreamExt as _;
use prost::Message as _;
use strongroom_kms::in_trace;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::{
    sign::Signer,
    sign_batch::{AT_ONCE, result_of},
};
use crate::{
    contract::strongroom::{
        ItemError, SignResult, SignStreamRequest, SignStreamResponse,
        sign_result::Result as Outcome,
    },
    failure::{Face, Failure},
};

type Results = Pin<Box<dyn Stream<Item = Result<SignStreamResponse, Status>> + Send>>;

pub(super) async fn sign_stream(
    signer: Signer,
    requests: Streaming<SignStreamRequest>,
) -> Result<Results, Failure> {
    let results = requests.map(move |request| {
        let signer = signer.clone();
        async move {
            let SignStreamRequest { id, item } = request?;
            let told = |failure: Failure| {
                failure.into_status(Face::Strongroom, &signer.context.call.trace)
            };
            let result = match item {
                Some(item) => {
                    // Where a KMS signs, many are under way at once, and the stream itself counts as one.
                    let part = signer.context.subject.message_memory().of_call();
                    if !part.take(item.encoded_len()) {
                        let name = signer.context.subject.name();
                        return Err(told(Failure::too_many_bytes(name)));
                    }
                    // Each counts as a call of its own: one and the call that carries it.
                    signer.context.count(2).map_err(told)?;
                    let trace = signer.context.call.trace.clone();
                    in_trace(trace.id(), result_of(&signer, item)).await
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
