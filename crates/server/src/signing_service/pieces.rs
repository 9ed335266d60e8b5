//! Work that takes pieces and gives pieces, as many as there are.

use std::{collections::VecDeque, pin::Pin};

use futures_util::stream;
use strongroom_kms::in_trace;
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use crate::{
    context::Context,
    failure::{Face, Failure},
};

/// The answers.
pub(super) type Pieces<A> = Pin<Box<dyn Stream<Item = Result<A, Status>> + Send>>;

/// What is done with pieces.
pub(super) trait Work: Send + Sized + 'static {
    type Request: Send + 'static;
    type Answer: Send + 'static;

    /// Takes a piece, and gives what it makes ready.
    fn take(
        &mut self,
        request: Self::Request,
        ready: &mut VecDeque<Self::Answer>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// There are no more pieces.
    fn end(self, ready: &mut VecDeque<Self::Answer>) -> Result<(), Failure>;
}

/// The answers of `work` to `requests`. No piece is read before everything that the last one gave was taken.
pub(super) fn answers<W: Work>(
    work: W,
    context: Context,
    requests: Streaming<W::Request>,
) -> Pieces<W::Answer> {
    let underway = Underway {
        work: Some(work),
        context,
        requests,
        ready: VecDeque::new(),
    };
    Box::pin(stream::try_unfold(underway, Underway::next))
}

struct Underway<W: Work> {
    /// None at the end.
    work: Option<W>,
    context: Context,
    requests: Streaming<W::Request>,
    ready: VecDeque<W::Answer>,
}

impl<W: Work> Underway<W> {
    async fn next(mut self) -> Result<Option<(W::Answer, Self)>, Status> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(Some((answer, self)));
            }
            let Some(mut work) = self.work.take() else {
                return Ok(None);
            };
            let done = match self.requests.message().await? {
                Some(request) => {
                    let trace = self.context.call.trace.clone();
                    // Each counts as a call of its own: one and the call that carries it.
                    let taken = match self.context.count(2) {
                        Ok(()) => in_trace(trace.id(), work.take(request, &mut self.ready)).await,
                        Err(failure) => Err(failure),
                    };
                    self.work = Some(work);
                    taken
                }
                None => work.end(&mut self.ready),
            };
            done.map_err(|failure| self.context.status_of(failure, Face::Strongroom))?;
        }
    }
}
