//! Work that is not done on the spot: what goes on when whoever asked for it goes, since a call of a KMS costs money and others want
//! what comes of it, and what would keep the async threads from others.

use std::{panic::resume_unwind, time::Duration};

use parking_lot::Mutex;
use strongroom_kms::{current_trace, in_trace};
use tokio::task::{AbortHandle, JoinHandle, spawn_blocking};
use tracing::Instrument as _;

/// A KMS has half a minute for its answer. What is under way waits for no more than twice that.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// So much goes on without whoever asked for it: more than a KMS is asked at once, and few enough not to fill memory.
const MOST: usize = 256;

/// What is under way. It ends with the vault.
#[derive(Debug, Default)]
pub(crate) struct Background(Mutex<Vec<AbortHandle>>);

impl Background {
    /// Does `work` to its end, as a part of the caller's trace, and tells whoever still waits what came of it. Where too much goes on
    /// already, it is done here and ends with the caller: whoever asks and leaves, again and again, gains nothing.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match self.begun(work) {
            Ok(task) => outcome_of(task).await,
            Err(work) => work.await,
        }
    }

    /// The task that does `work`, or `work` itself if there is no place for it.
    fn begun<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
        &self,
        work: W,
    ) -> Result<JoinHandle<T>, W> {
        let mut under_way = self.0.lock();
        under_way.retain(|work| !work.is_finished());
        if under_way.len() >= MOST {
            return Err(work);
        }
        let task = tokio::spawn(in_this_trace(work));
        under_way.push(task.abort_handle());
        Ok(task)
    }

    /// Ends what is under way.
    pub(crate) fn end(&self) {
        for work in self.0.lock().drain(..) {
            work.abort();
        }
    }
}

/// Does what blocks, or computes for long, on a thread where no other task waits for it. A panic there is one here.
pub(crate) async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    outcome_of(spawn_blocking(work)).await
}

/// What comes of a task that nobody calls off. A panic there is one here.
pub(crate) async fn outcome_of<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(done) => done,
        Err(panic) => resume_unwind(panic.into_panic()),
    }
}

fn in_this_trace<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let trace = current_trace();
    let work = async move {
        match trace {
            Some(trace) => in_trace(trace, work).await,
            None => work.await,
        }
    };
    work.in_current_span()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::{FutureExt as _, future::pending};
    use tokio::{sync::Semaphore, task::yield_now};

    use super::*;

    #[tokio::test]
    async fn so_much_goes_on_without_its_caller_and_what_is_beyond_ends_with_it() {
        let (background, alive) = (Background::default(), Arc::new(()));
        let may_end = Arc::new(Semaphore::new(0));
        let ask_and_leave = || {
            let (alive, may_end) = (Arc::clone(&alive), Arc::clone(&may_end));
            let work = async move {
                drop(may_end.acquire().await);
                drop(alive);
            };
            assert!(background.run(work).now_or_never().is_none());
        };
        for _ in 0..10 * MOST {
            ask_and_leave();
        }
        assert_eq!(Arc::strong_count(&alive) - 1, MOST);
        // Whoever stays gets an answer all the same.
        assert_eq!(background.run(async { 7 }).await, 7);
        may_end.add_permits(MOST);
        while Arc::strong_count(&alive) > 1 {
            yield_now().await;
        }
        ask_and_leave();
        assert_eq!(Arc::strong_count(&alive) - 1, 1, "there are places again");
    }

    #[tokio::test]
    async fn what_is_under_way_ends_when_it_is_told_to() {
        let (background, alive) = (Background::default(), Arc::new(()));
        let kept = Arc::clone(&alive);
        let work = async move {
            pending::<()>().await;
            drop(kept);
        };
        assert!(background.run(work).now_or_never().is_none());
        background.end();
        while Arc::strong_count(&alive) > 1 {
            yield_now().await;
        }
    }
}
