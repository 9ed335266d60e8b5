//! Work that takes long: it tells of itself on the way, and goes on whoever listens.

use std::{pin::Pin, time::Duration};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::Status;

/// What a caller hears of it.
pub(crate) type Events<E> = Pin<Box<dyn Stream<Item = Result<E, Status>> + Send>>;

/// Events that nobody has heard yet. A caller that reads slowly misses some of those on the way.
const UNHEARD: usize = 16;

/// A caller hears the last event within this time, or is gone.
const LAST_WITHIN: Duration = Duration::from_secs(10);

/// Whoever takes a piece takes it within this time.
const PIECE_WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether it did.
const TAKEN_EVERY: Duration = Duration::from_millis(20);

/// By which work tells of itself.
#[derive(Debug)]
pub(crate) struct Telling<E>(mpsc::Sender<Result<E, Status>>);

impl<E: Send + 'static> Telling<E> {
    pub(crate) fn new() -> (Self, Events<E>) {
        let (sender, receiver) = mpsc::channel(UNHEARD);
        (Self(sender), Box::pin(ReceiverStream::new(receiver)))
    }

    /// Tells of something on the way, to whoever has room for it.
    pub(crate) fn tell(&self, event: E) {
        let _missed = self.0.try_send(Ok(event));
    }

    /// Hands over something that must not be missed; false: nobody takes it any more.
    pub(crate) async fn hand(&self, event: E) -> bool {
        self.0.send_timeout(Ok(event), PIECE_WITHIN).await.is_ok()
    }

    /// Waits until what was handed over is taken; false: nobody takes it any more.
    pub(crate) async fn taken(&self) -> bool {
        let all = self.0.max_capacity();
        for _look in 0..PIECE_WITHIN.as_millis() / TAKEN_EVERY.as_millis() {
            if self.0.is_closed() {
                return false;
            }
            if self.0.capacity() == all {
                return true;
            }
            tokio::time::sleep(TAKEN_EVERY).await;
        }
        false
    }

    /// Tells how it ended.
    pub(crate) async fn end(&self, last: Result<E, Status>) {
        let _gone = self.0.send_timeout(last, LAST_WITHIN).await;
    }
}
