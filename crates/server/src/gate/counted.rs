//! Messages whose bytes are counted as they come, before anybody keeps them.

mod lengths;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Poller, Poll},
};

use hyper::body::{Body as HttpBody, SizeHint};
use tonic::body::Body;

use self::lengths::Lengths;
use super::{Call, ends::FrameOf};
use crate::{access::Subject, failure::Failure, room::Part};

/// The body of a request.
pub(super) struct Counted {
    body: Body,
    part: Arc<Part>,
    caller: Arc<Subject>,
    call: Call,
    /// Of a stream; none: there is one message.
    lengths: Option<Lengths>,
}

impl Counted {
    pub(super) fn new(body: Body, call: &Call, caller: &Arc<Subject>, part: &Arc<Part>) -> Self {
        Self {
            body,
            part: Arc::clone(part),
            caller: Arc::clone(caller),
            call: call.clone(),
            lengths: call.rpc.takes_a_stream().then(Lengths::default),
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
        if more == 0 || self.part.take(more) {
            return frame;
        }
        let failure = Failure::too_many_bytes(self.caller.name());
        Poll::Ready(Some(Err(self.call.refuse(failure))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
