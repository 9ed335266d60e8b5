//! Answers whose bytes are counted until they have gone out: a caller that does not read what it asked for holds so much, and no more.
//!
//! An answer is written when hyper asks for it. hyper has one piece of a call in hand until the caller's window opens, and then gives it
//! to h2, which takes the next one when less than 400 KiB of the call wait there; h2 keeps what it has when the body is gone already.
//! So what is counted is the pieces themselves, wherever they are: each holds its bytes until the last byte of it was written.

use std::{
    io::IoSlice,
    pin::Pin,
    sync::Arc,
    task::{Context as Poller, Poll},
    time::{Duration, Instant},
};

use http::{HeaderMap, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::{Buf, Bytes};
use tonic::{Code, Status, body::Body};

use super::Call;
use crate::{
    access::Subject,
    context::Context,
    failure::Failure,
    http::Calls,
    listen::ConnectionState,
    message_memory::{HeldBytes, UNCOUNTED_BYTES},
    rpc::Rpc,
};

/// The body of an answer.
pub(crate) struct Answer {
    body: Body,
    /// None for what says no more than why not.
    counting: Option<Counting>,
    /// None for what was counted when it began.
    call: Option<Box<CountedCall>>,
}

/// A call that is counted when this is dropped. Whoever lets it be dropped before its end has called it off.
pub(super) struct CountedCall {
    calls: Calls,
    rpc: Rpc,
    began: Instant,
    /// How long it took until the answer began; none: that has not.
    took: Option<Duration>,
    code: Code,
}

impl CountedCall {
    pub(super) fn begun(calls: Calls, rpc: Rpc) -> Self {
        Self {
            calls,
            rpc,
            began: Instant::now(),
            took: None,
            code: Code::Cancelled,
        }
    }

    /// Counts it as it was answered: a stream, which may fail at any time, when it has ended, and all others at once.
    pub(super) fn answered(mut self, answer: Response<Answer>) -> Response<Answer> {
        self.took = Some(self.began.elapsed());
        let status = Status::from_header_map(answer.headers());
        if status.is_some() || !self.rpc.answers_a_stream() {
            self.code = status.map_or(Code::Ok, |status| status.code());
            return answer;
        }
        let call = Some(Box::new(self));
        answer.map(|body| Answer { call, ..body })
    }
}

impl Drop for CountedCall {
    fn drop(&mut self) {
        let took = self.took.unwrap_or_else(|| self.began.elapsed());
        self.calls.answered(self.rpc, self.code, took);
    }
}

/// For whom an answer counts. Not its context: that holds the bytes of what was asked, which are free again when it is answered.
struct Counting {
    call: Arc<Call>,
    caller: Arc<Subject>,
    connection: Arc<ConnectionState>,
    /// So many bytes of it are not counted.
    uncounted: usize,
}

impl Answer {
    /// One without a message.
    pub(super) fn refusal(status: Status) -> Response<Self> {
        Self::uncounted(status.into_http())
    }

    pub(super) fn uncounted(answer: Response<Body>) -> Response<Self> {
        answer.map(|body| Self {
            body,
            counting: None,
            call: None,
        })
    }

    pub(super) fn counted(
        answer: Response<Body>,
        context: &Context,
        connection: Arc<ConnectionState>,
    ) -> Response<Self> {
        let counting = Counting {
            call: Arc::clone(&context.call),
            caller: Arc::clone(&context.subject),
            connection,
            uncounted: UNCOUNTED_BYTES,
        };
        answer.map(|body| Self {
            body,
            counting: Some(counting),
            call: None,
        })
    }

    fn ends(&mut self, code: impl FnOnce() -> Code) {
        if let Some(mut call) = self.call.take() {
            call.code = code();
        }
    }
}

/// The status at the end of an answer; without one nobody knows how it ended.
fn code_of(trailers: &HeaderMap) -> Code {
    Status::from_header_map(trailers).map_or(Code::Unknown, |status| status.code())
}

impl Counting {
    /// The memory that so many bytes more take; the outer none: there is not so much.
    fn hold(&mut self, bytes: usize) -> Option<Option<Untaken>> {
        if let Some(left) = self.uncounted.checked_sub(bytes) {
            self.uncounted = left;
            return Some(None);
        }
        let held = self.caller.message_memory().hold(bytes)?;
        Some(Some(Untaken::new(held, Arc::clone(&self.connection))))
    }

    /// The end of an answer that there is no memory for.
    fn breaks_off(&self) -> Result<Frame<Piece>, Status> {
        let failure = Failure::too_many_bytes(self.caller.name());
        let mut trailers = HeaderMap::new();
        let status = self.call.refuse(failure);
        status.add_header(&mut trailers)?;
        Ok(Frame::trailers(trailers))
    }
}

impl HttpBody for Answer {
    type Data = Piece;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Status>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(poller) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(status))) => {
                self.ends(|| status.code());
                return Poll::Ready(Some(Err(status)));
            }
            Poll::Ready(None) => {
                self.ends(|| Code::Unknown);
                return Poll::Ready(None);
            }
            Poll::Pending => return Poll::Pending,
        };
        if let Some(trailers) = frame.trailers_ref() {
            self.ends(|| code_of(trailers));
        }
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        let held = match &mut self.counting {
            None => Some(None),
            Some(counting) => counting.hold(bytes),
        };
        if let Some(untaken) = held {
            return Poll::Ready(Some(Ok(frame.map_data(|bytes| Piece { bytes, untaken }))));
        }
        self.body = Body::empty();
        self.ends(|| Code::ResourceExhausted);
        Poll::Ready(self.counting.take().map(|it| it.breaks_off()))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes of an answer on their way.
pub(crate) struct Piece {
    bytes: Bytes,
    /// None for those that are not counted.
    untaken: Option<Untaken>,
}

/// Something large that the other end has not taken yet.
struct Untaken {
    _held: HeldBytes,
    connection: Arc<ConnectionState>,
}

impl Untaken {
    fn new(held: HeldBytes, connection: Arc<ConnectionState>) -> Self {
        connection.waits();
        Self {
            _held: held,
            connection,
        }
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        self.connection.waits_no_more();
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(untaken) = &self.untaken {
            untaken.connection.takes();
        }
    }
}
