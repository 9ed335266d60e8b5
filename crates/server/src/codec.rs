//! How messages are read and written: as prost does it, but one that would swell when it is read is refused before.

mod amplification;

use std::{marker::PhantomData, sync::Arc};

use prost::{Message, Name, bytes::Buf as _};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

use crate::{
    context::Trace,
    failure::{Face, Failure},
    gate::Call,
};

tokio::task_local! {
    /// Whose message is read.
    static CALL: Arc<Call>;
}

/// Answers a call whose message may be refused: the refusal names the call's trace.
pub(crate) async fn within<T>(call: Arc<Call>, answering: impl Future<Output = T>) -> T {
    CALL.scope(call, answering).await
}

/// Writes `T` and reads `U`.
#[derive(Debug)]
pub(crate) struct Bounded<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Bounded<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for Bounded<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Reading<U>;

    fn encoder(&mut self) -> ProstEncoder<T> {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Reading<U> {
        Reading(ProstCodec::<T, U>::default().decoder())
    }
}

/// Reads messages, but no request with more items than its bytes make likely.
#[derive(Debug)]
pub(crate) struct Reading<U>(ProstDecoder<U>);

impl<U: Message + Name + Default> Decoder for Reading<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // All of it is in one piece.
        if amplification::has_too_many_items(U::PACKAGE, U::NAME, bytes.chunk()) {
            return Err(refusal(Failure::too_many_items()));
        }
        let decoded = self.0.decode(bytes);
        // tonic blames the server (INTERNAL), which would wake somebody up for what a caller sent.
        decoded.map_err(|status| refusal(Failure::unreadable(status.message())))
    }
}

fn refusal(failure: Failure) -> Status {
    match CALL.try_with(Arc::clone) {
        Ok(call) => call.refuse(failure),
        // Of a message in a stream it is not known. Who sends one is.
        Err(_stream) => failure.into_status(Face::Strongroom, &Trace::of("stream")),
    }
}
