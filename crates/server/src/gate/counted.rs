//! Messages whose bytes are counted as they come, before anybody keeps them.

mod lengths;

use std::{
    pin::Pin,
    task::{Context as Poller, Poll},
};

use hyper::body::{Body as HttpBody, SizeHint};
use tonic::body::Body;

use self::lengths::Lengths;
use super::ends::FrameOf;
use crate::context::Context;

/// The body of a request.
pub(super) struct Counted {
    body: Body,
    context: Context,
    /// Of a stream; none: there is one message.
    lengths: Option<Lengths>,
}

impl Counted {
    pub(super) fn new(body: Body, context: Context) -> Self {
        let is_stream = context.call.rpc.takes_a_stream();
        Self {
            body,
            context,
            lengths: is_stream.then(Lengths::default),
        }
    }

    /// How much more is kept because of what came. The messages of a stream come and go: it counts as the largest one so far.
    fn more(&mut self, bytes: &[u8]) -> usize {
        match &mut self.lengths {
            None => bytes.len(),
            Some(lengths) => {
                let before = lengths.largest();
                lengths.hear(bytes);
                lengths.largest() - before
            }
        }
    }
}

impl HttpBody for Counted {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
    ) -> Poll<Option<FrameOf<Self>>> {
        let frame = Pin::new(&mut self.body).poll_frame(poller);
        let more = match &frame {
            Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| self.more(data)),
            _ => 0,
        };
        match self.context.hold(more) {
            Ok(()) => frame,
            Err(failure) => Poll::Ready(Some(Err(self.context.call.refuse(failure)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
