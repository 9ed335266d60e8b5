//! Work that takes long: it tells of itself on the way, and goes on whoever listens. Others than who began it may watch it, and
//! call it off.

mod ongoing;
mod progress;
mod work;

use std::{pin::Pin, sync::Arc, time::Duration};

use strongroom_vault::VaultError;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::Status;

pub(crate) use self::{ongoing::Ongoing, progress::Progressing, work::Work};
use crate::failure::{Failure, codes};

/// Long work that was let through: what is read, checked and waited for before is over, and nobody has heard of it. From now on it
/// is listed.
pub(crate) trait Doing<E>: Future<Output = Result<E, Failure>> + Send + 'static {}

impl<E, F: Future<Output = Result<E, Failure>> + Send + 'static> Doing<E> for F {}

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

/// By which work tells of itself: whoever began it, and others who watch.
#[derive(Debug)]
pub(crate) struct Telling<E> {
    caller: mpsc::Sender<Result<E, Status>>,
    work: Arc<Work>,
}

impl<E: Progressing> Telling<E> {
    pub(crate) fn of(work: Arc<Work>) -> (Self, Events<E>) {
        let (caller, receiver) = mpsc::channel(UNHEARD);
        let telling = Self { caller, work };
        (telling, Box::pin(ReceiverStream::new(receiver)))
    }

    /// The work that it tells of.
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }

    /// Tells of something on the way, to whoever has room for it.
    pub(crate) fn tell(&self, event: E) {
        self.tell_others(&event);
        let _missed = self.caller.try_send(Ok(event));
    }

    /// Hands over something that must not be missed; false: nobody takes it any more, or the work was called off.
    pub(crate) async fn hand(&self, event: E) -> bool {
        self.tell_others(&event);
        tokio::select! {
            handed = self.caller.send_timeout(Ok(event), PIECE_WITHIN) => handed.is_ok(),
            () = self.work.recall().called_off() => false,
        }
    }

    /// Why something was not handed over: `what`, if nobody has called the work off.
    pub(crate) fn not_taken(&self, what: &str) -> Failure {
        if self.work.recall().is_called_off() {
            return VaultError::CalledOff.into();
        }
        Failure::own(codes::NOT_TAKEN, what)
    }

    fn tell_others(&self, event: &E) {
        if let Some(progress) = event.progress(self.work.done_so_far()) {
            self.work.tell(progress);
        }
    }

    /// Waits until what was handed over is taken; false: nobody takes it any more, or the work was called off.
    pub(crate) async fn taken(&self) -> bool {
        let all = self.caller.max_capacity();
        for _look in 0..PIECE_WITHIN.as_millis() / TAKEN_EVERY.as_millis() {
            if self.caller.is_closed() || self.work.recall().is_called_off() {
                return false;
            }
            if self.caller.capacity() == all {
                return true;
            }
            tokio::time::sleep(TAKEN_EVERY).await;
        }
        false
    }

    /// Tells how it ended.
    pub(crate) async fn end(&self, last: Result<E, Status>) {
        let _gone = self.caller.send_timeout(last, LAST_WITHIN).await;
    }
}
