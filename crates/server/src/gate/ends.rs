//! When a call ends that would go on: streams live as long as somebody wants, and what was proved at their beginning does not.

use std::{
    future::pending,
    pin::Pin,
    task::{Context as Poller, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tonic::{Status, body::Body};

use super::Call;
use crate::{access::Operation, failure::Failure, rpc::Rpc};

/// Whoever watches hears the last news before the end.
const LAST_NEWS: Duration = Duration::from_millis(100);

/// A message has to come within this time, one of a stranger, who is asked for next to nothing, sooner.
const ASK_WITHIN: Duration = Duration::from_secs(120);
const STRANGERS_ASK_WITHIN: Duration = Duration::from_secs(5);

/// What ends a call.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) call: Call,
    /// When what the caller proved has passed; none: it holds as long as the connection.
    pub(super) proof: Option<Instant>,
    pub(super) ending: watch::Receiver<bool>,
}

impl Ends {
    /// What is asked for is taken as long as the caller has proved who it is. A stream of requests without an end of its own breaks off
    /// when the server is to end, and what came before is answered; what carries something goes on. A single message has its time.
    pub(super) fn of_request(&self, request: Request<impl Message>) -> Request<Body> {
        let (call, proof, ending) = (self.call.clone(), self.proof, self.ending.clone());
        let is_stream = call.rpc.takes_a_stream();
        let breaks_off = is_endless(call.rpc);
        let late = (!is_stream).then(|| Instant::now() + ask_within(call.operation));
        let end = async move {
            tokio::select! {
                () = passed(proof) => call.refuse(Failure::proof_passed()),
                () = passed(late) => call.refuse(Failure::not_asked()),
                () = ended(ending), if breaks_off => call.refuse(Failure::ending()),
            }
        };
        let side = if is_stream {
            Side::Requests
        } else {
            Side::Request
        };
        request.map(|body| Body::new(Bounded::new(body, end, side)))
    }

    /// A stream of answers ends with what the caller proved, and when the caller does not wait any more. Whoever only watches
    /// need not be waited for when the server ends; work that was taken on is.
    pub(super) fn of_answer(self, answer: Response<Body>) -> Response<Body> {
        let Self {
            call,
            proof,
            ending,
        } = self;
        if !call.rpc.answers_a_stream() {
            return answer;
        }
        // Where requests come in a stream, that has the end of the proof, and those before it are answered.
        let proof = proof.filter(|_| !call.rpc.takes_a_stream());
        let end = async move {
            let watched = async {
                if !only_watches(&call) {
                    pending::<()>().await;
                }
                ended(ending).await;
                sleep(LAST_NEWS).await;
            };
            tokio::select! {
                () = passed(proof) => call.refuse(Failure::proof_passed()),
                () = passed(call.deadline) => call.refuse(Failure::too_late()),
                () = watched => call.refuse(Failure::ending()),
            }
        };
        answer.map(|body| Body::new(Bounded::new(body, end, Side::Answers)))
    }
}

/// Whoever asks whether the server is well may be anybody.
const fn ask_within(operation: Operation) -> Duration {
    match operation {
        Operation::Health => STRANGERS_ASK_WITHIN,
        _ => ASK_WITHIN,
    }
}

/// Whether nothing is lost when the server ends in the middle of it.
fn only_watches(call: &Call) -> bool {
    matches!(
        call.operation,
        Operation::Health | Operation::OperationsShow
    ) || call.rpc == Rpc::OperationsServiceFollowAudit
}

/// Whether requests come for as long as somebody wants. Other streams carry a payload or a snapshot, which is nothing without its end.
const fn is_endless(rpc: Rpc) -> bool {
    matches!(
        rpc,
        Rpc::SigningServiceSignStream | Rpc::ReflectionInfo | Rpc::ReflectionAlphaInfo
    )
}

async fn passed(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

async fn ended(mut ending: watch::Receiver<bool>) {
    let _gone = ending.wait_for(|ending| *ending).await;
}

/// Of which side a body is: it says how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// One message, which has its time only if it has to be waited for: most are there with their headers, and no timer is set.
    Request,
    /// A stream, which does not outlive its time by having something to say.
    Requests,
    Answers,
}

/// The body of a request or an answer.
pub(super) trait Message:
    HttpBody<Data = Bytes, Error = Status> + Send + Unpin + 'static
{
}

impl<B: HttpBody<Data = Bytes, Error = Status> + Send + Unpin + 'static> Message for B {}

/// A body that ends with a status when its time has come.
struct Bounded<B> {
    body: B,
    /// None once it is over.
    end: Option<BoxFuture<'static, Status>>,
    side: Side,
}

impl<B> Bounded<B> {
    fn new(body: B, end: impl Future<Output = Status> + Send + 'static, side: Side) -> Self {
        let end: BoxFuture<'static, Status> = Box::pin(end);
        Self {
            body,
            end: Some(end),
            side,
        }
    }
}

pub(super) type FrameOf<B> = Result<Frame<<B as HttpBody>::Data>, <B as HttpBody>::Error>;

impl<B: Message> HttpBody for Bounded<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<Option<FrameOf<Self>>> {
        let this = self.get_mut();
        let Some(end) = &mut this.end else {
            return Poll::Ready(None);
        };
        if this.side == Side::Request {
            let frame = Pin::new(&mut this.body).poll_frame(poller);
            if frame.is_ready() {
                return frame;
            }
        }
        let Poll::Ready(status) = end.as_mut().poll(poller) else {
            return match this.side {
                Side::Request => Poll::Pending,
                Side::Requests | Side::Answers => Pin::new(&mut this.body).poll_frame(poller),
            };
        };
        this.end = None;
        Poll::Ready(Some(match this.side {
            Side::Request | Side::Requests => Err(status),
            Side::Answers => {
                let mut trailers = HeaderMap::new();
                status
                    .add_header(&mut trailers)
                    .map(|()| Frame::trailers(trailers))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.end.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
