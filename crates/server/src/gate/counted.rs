//! Messages whose bytes are counted as they come, before anybody keeps them.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Poller, Poll},
};

use hyper::body::{Body as HttpBody, SizeHint};
use tonic::body::Body;

use super::{Call, ends::FrameOf};
use crate::{access::Subject, failure::Failure, room::Part, server::MOST_MESSAGE_BYTES};

/// The body of a request.
pub(super) struct Counted {
    body: Body,
    part: Arc<Part>,
    caller: Arc<Subject>,
    call: Call,
}

impl Counted {
    /// A stream takes room for one message of the largest size, for as long as it goes on: its messages come and go.
    pub(super) fn new(
        body: Body,
        call: &Call,
        caller: &Arc<Subject>,
        part: &Arc<Part>,
    ) -> Result<Self, Failure> {
        if call.rpc.takes_a_stream() && !part.take(MOST_MESSAGE_BYTES) {
            return Err(Failure::too_many_bytes(caller.name()));
        }
        Ok(Self {
            body,
            part: Arc::clone(part),
            caller: Arc::clone(caller),
            call: call.clone(),
        })
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
        let data = match &frame {
            Poll::Ready(Some(Ok(frame))) if !self.call.rpc.takes_a_stream() => frame.data_ref(),
            _ => None,
        };
        match data {
            Some(data) if !self.part.take(data.len()) => {
                let failure = Failure::too_many_bytes(self.caller.name());
                Poll::Ready(Some(Err(self.call.refuse(failure))))
            }
            _ => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
