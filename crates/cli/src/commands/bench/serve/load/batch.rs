//! A batch that is encoded once: who makes the load takes its processor time from the server that is measured.

use prost::{
    Message as _,
    bytes::{Buf as _, BufMut as _, Bytes},
};
use strongroom_server::{
    Rpc,
    contract::strongroom::{
        SignBatchRequest, SignBatchResponse, SignItem, sign_result::Result as Outcome,
    },
};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

/// Calls with the same batch.
pub(super) struct Batches {
    client: Grpc<Channel>,
    request: Bytes,
    items: usize,
    /// The length of an answer that was looked through: signatures of one key and one scheme are of one length here.
    answer: Option<usize>,
}

impl Batches {
    /// Of so many times this item.
    pub(super) fn of(channel: Channel, item: &SignItem, items: usize) -> Self {
        let request = SignBatchRequest {
            items: vec![item.clone(); items],
        };
        Self {
            client: Grpc::new(channel),
            request: request.encode_to_vec().into(),
            items,
            answer: None,
        }
    }

    /// One call. The first answer is looked through, and those after it have to be as long.
    pub(super) async fn call(&mut self) -> anyhow::Result<()> {
        self.client.ready().await?;
        let path = PathAndQuery::from_static(Rpc::SigningServiceSignBatch.path());
        let request = Request::new(self.request.clone());
        let answer = self.client.unary(request, path, Raw).await?.into_inner();
        match self.answer {
            Some(length) => anyhow::ensure!(answer.len() == length, "an answer is not whole"),
            None => {
                self.answer = Some(answer.len());
                let results = SignBatchResponse::decode(answer)?.results.into_iter();
                let signed = results.filter(|it| matches!(it.result, Some(Outcome::Signature(_))));
                anyhow::ensure!(signed.count() == self.items, "a signature is missing");
            }
        }
        Ok(())
    }
}

/// Messages as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let rest = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(rest)))
    }
}
