//! When a call ends that would go on: streams live as long as somebody wants, and what was proved at their beginning does not.

use std::{
    future::pending,
    pin::Pin,
    sync::Arc,
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

use super::{Call, awaited::Awaited};
use crate::{
    access::Operation,
    context::Context,
    failure::Failure,
    listen::{ConnectionState, Expiry},
    rpc::Rpc,
};

/// Whoever watches hears the last news before the end.
const LAST_NEWS: Duration = Duration::from_millis(100);

/// What ends a call.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) context: Context,
    pub(super) ending: watch::Receiver<bool>,
}

impl Ends {
    /// What is asked for is taken as long as the caller has proved who it is. A stream of requests without an end of its own breaks off
    /// when the server is to end, and what came before is answered; what carries something goes on. A single message has its time.
    pub(super) fn of_request(&self, request: Request<impl Message>) -> Request<Body> {
        let (context, call) = (&self.context, Arc::clone(&self.context.call));
        if !call.rpc.takes_a_stream() {
            return request.map(|body| Body::new(Awaited::new(body, context.clone())));
        }
        let proof = context.until;
        let ending = self.ending.clone();
        let breaks_off = is_endless(call.rpc);
        let end = async move {
            tokio::select! {
                () = passed(proof) => call.refuse(Failure::proof_passed()),
                () = ended(ending), if breaks_off => call.refuse(Failure::ending()),
            }
        };
        request.map(|body| Body::new(Bounded::new(body, end, Side::Requests)))
    }

    /// A stream of answers ends with what the caller proved, and when the caller does not wait any more. Whoever only watches
    /// need not be waited for when the server ends; work that was taken on is.
    pub(super) fn of_answer(
        self,
        answer: Response<Body>,
        connection: &ConnectionState,
    ) -> Response<Body> {
        let Self { context, ending } = self;
        let call = Arc::clone(&context.call);
        if !call.rpc.answers_a_stream() {
            return answer;
        }
        // Where requests come in a stream, that has the end of the proof, and those before it are answered.
        let proof = context.until.filter(|_| !call.rpc.takes_a_stream());
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
        let expiry = context.until.map(|proof| connection.expires(proof));
        answer.map(|body| {
            Body::new(Bounded {
                expiry,
                ..Bounded::new(body, end, Side::Answers)
            })
        })
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

/// Of which side a stream is: it says how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Requests,
    Answers,
}

/// The body of a request or an answer.
pub(super) trait Message:
    HttpBody<Data = Bytes, Error = Status> + Send + Unpin + 'static
{
}

impl<B: HttpBody<Data = Bytes, Error = Status> + Send + Unpin + 'static> Message for B {}

/// A stream that ends with a status when its time has come: it does not outlive that by having something to say.
struct Bounded<B> {
    body: B,
    /// None once it is over.
    end: Option<BoxFuture<'static, Status>>,
    side: Side,
    /// By which the connection knows that somebody asks for more.
    expiry: Option<Arc<Expiry>>,
}

impl<B> Bounded<B> {
    fn new(body: B, end: impl Future<Output = Status> + Send + 'static, side: Side) -> Self {
        let end: BoxFuture<'static, Status> = Box::pin(end);
        Self {
            body,
            end: Some(end),
            side,
            expiry: None,
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
        let Poll::Ready(status) = end.as_mut().poll(poller) else {
            let frame = Pin::new(&mut this.body).poll_frame(poller);
            if let Some(expiry) = &this.expiry {
                expiry.is_asked(frame.is_ready());
            }
            return frame;
        };
        (this.end, this.expiry) = (None, None);
        Poll::Ready(Some(match this.side {
            Side::Requests => Err(status),
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
