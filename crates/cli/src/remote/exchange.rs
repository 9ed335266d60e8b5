//! Calls that take pieces and give pieces, as many as there are.

use std::{future::Future, pin::Pin};

use futures_util::{Stream, stream};
use tokio::sync::mpsc;
use tonic::{Response, Status, Streaming};

use super::RemoteError;

/// What comes here of what was asked for, and what goes there.
pub(super) trait Ends {
    type Request: Send + 'static;
    type Answer;

    /// The next request; none at the end.
    fn next(&mut self) -> anyhow::Result<Option<Self::Request>>;

    fn take(&mut self, answer: Self::Answer) -> anyhow::Result<()>;
}

/// Requests on their way.
pub(super) type Requests<R> = Pin<Box<dyn Stream<Item = R> + Send>>;

/// Sends every request and takes every answer, those that are there first: a server takes nothing more before its answers
/// are taken. Neither side is held in memory. When this side fails the call is dropped, and the server hears that nobody is there
/// any more.
pub(super) async fn exchange<E: Ends, F>(
    ends: &mut E,
    call: impl FnOnce(Requests<E::Request>) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = Result<Response<Streaming<E::Answer>>, Status>>,
{
    let (sender, mut requests) = mpsc::channel(1);
    let requests = Box::pin(stream::poll_fn(move |context| requests.poll_recv(context)));
    let begun = call(requests).await;
    let mut answers = begun.map_err(RemoteError::from)?.into_inner();
    while let Some(request) = ends.next()? {
        let place = loop {
            tokio::select! {
                biased;
                answer = answers.message() => match answer.map_err(RemoteError::from)? {
                    Some(answer) => ends.take(answer)?,
                    None => return Err(ended_early().into()),
                },
                place = sender.reserve() => break place,
            }
        };
        match place {
            Ok(place) => place.send(request),
            // The call is over: the answers say why.
            Err(_closed) => {
                while let Some(answer) = answers.message().await.map_err(RemoteError::from)? {
                    ends.take(answer)?;
                }
                return Err(ended_early().into());
            }
        }
    }
    drop(sender);
    while let Some(answer) = answers.message().await.map_err(RemoteError::from)? {
        ends.take(answer)?;
    }
    Ok(())
}

fn ended_early() -> RemoteError {
    let reason = "it ended before everything was sent".to_owned();
    RemoteError::Gone { reason }
}
