//! The same batch over and over. It is encoded once, and only the first answer is taken apart: who makes the load shares the
//! machine with the server that is measured.

use bytes::{Buf as _, BufMut as _, Bytes};
use strongroom_server::contract::{
    encoded,
    strongroom::{
        SignBatchRequest, SignItem, sign_result::Result as Outcome,
        signing_service_client::SigningServiceClient,
    },
};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

const PATH: &str = "/strongroom.v1.SigningService/SignBatch";

/// Whoever sends the batch.
pub(super) struct Batches {
    client: Grpc<Channel>,
    request: Bytes,
    /// Bytes of an answer that has all signatures. All are by one key, so an answer with a failure in it has another length.
    answer: usize,
}

impl Batches {
    /// `number` of `item`, the first of which are looked at one by one.
    pub(super) async fn of(
        channel: Channel,
        item: SignItem,
        number: usize,
    ) -> anyhow::Result<Self> {
        let request = SignBatchRequest {
            items: vec![item; number],
        };
        let bytes = encoded(&request).into();
        let mut client = SigningServiceClient::new(channel.clone());
        let answer = client.sign_batch(request).await?.into_inner();
        let signed = answer.results.iter();
        let signed = signed.filter(|it| matches!(it.result, Some(Outcome::Signature(_))));
        anyhow::ensure!(
            signed.count() == number,
            "a signature of a batch is missing"
        );
        Ok(Self {
            client: Grpc::new(channel),
            request: bytes,
            answer: encoded(&answer).len(),
        })
    }

    /// Has one batch signed.
    pub(super) async fn sign(&mut self) -> anyhow::Result<()> {
        self.client.ready().await?;
        let request = Request::new(self.request.clone());
        let path = PathAndQuery::from_static(PATH);
        let answer = self.client.unary(request, path, AsItIs).await?;
        anyhow::ensure!(
            *answer.get_ref() == self.answer,
            "the answer to a batch is not as long as the first one"
        );
        Ok(())
    }
}

/// Sends bytes, and measures what comes.
#[derive(Clone, Copy)]
struct AsItIs;

impl Codec for AsItIs {
    type Encode = Bytes;
    type Decode = usize;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsItIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for AsItIs {
    type Item = usize;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let length = from.remaining();
        from.advance(length);
        Ok(Some(length))
    }
}
