//! A message that has to be waited for has its time.

use std::{
    pin::Pin,
    task::{Context as Poller, Poll, ready},
    time::Duration,
};

use hyper::body::{Body as HttpBody, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use tonic::Code;

use super::ends::{FrameOf, Message};
use crate::{access::Operation, context::Context, failure::Failure};

/// A message has to come within this time, one of a stranger, who is asked for next to nothing, sooner.
const WITHIN: Duration = Duration::from_secs(120);
const OF_STRANGERS_WITHIN: Duration = Duration::from_secs(5);

/// The body of a request with one message. Most of them are there with their headers, so a timer is set only for one that is not.
pub(super) struct Awaited<B> {
    body: B,
    context: Context,
    timer: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl<B> Awaited<B> {
    pub(super) const fn new(body: B, context: Context) -> Self {
        Self {
            body,
            context,
            timer: None,
            is_over: false,
        }
    }

    /// The end of the time, counted from when the message is first waited for.
    fn end(&self) -> Instant {
        let within = match self.context.call.operation {
            Operation::Health => OF_STRANGERS_WITHIN,
            _ => WITHIN,
        };
        let late = Instant::now() + within;
        self.context.until.map_or(late, |proof| proof.min(late))
    }

    fn failure(&self) -> Failure {
        match self.context.until {
            Some(proof) if proof <= Instant::now() => Failure::proof_passed(),
            _ => Failure::not_asked(),
        }
    }
}

impl<B: Message> HttpBody for Awaited<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<Option<FrameOf<Self>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.body).poll_frame(poller) {
            // Its caller has left, or the connection broke: that ends the call, whose task hears of it next. tonic would say that the
            // message is missing, and blame the server.
            Poll::Ready(Some(Err(status)))
                if [Code::Cancelled, Code::Unknown, Code::Unavailable].contains(&status.code()) => {
            }
            Poll::Pending => {}
            frame => return frame,
        }
        let timer = this.timer.take();
        let timer = timer.unwrap_or_else(|| Box::pin(sleep_until(this.end())));
        ready!(this.timer.insert(timer).as_mut().poll(poller));
        this.is_over = true;
        Poll::Ready(Some(Err(this.context.call.refuse(this.failure()))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
