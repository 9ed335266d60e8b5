//! Work of the vault that goes on when whoever asked for it goes: a call of a KMS costs money, and others want what comes of it.

use std::{panic::resume_unwind, time::Duration};

use parking_lot::Mutex;
use strongroom_kms::{current_trace, in_trace};
use tokio::task::AbortHandle;
use tracing::Instrument as _;

/// A KMS has half a minute for its answer. What is under way waits for no more than twice that.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// What is under way. It ends with the vault.
#[derive(Debug, Default)]
pub(crate) struct Background(Mutex<Vec<AbortHandle>>);

impl Background {
    /// Does `work` to its end, as a part of the caller's trace, and tells whoever still waits what came of it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let task = tokio::spawn(in_this_trace(work));
        {
            let mut under_way = self.0.lock();
            under_way.retain(|work| !work.is_finished());
            under_way.push(task.abort_handle());
        }
        match task.await {
            Ok(done) => done,
            Err(panic) => resume_unwind(panic.into_panic()),
        }
    }

    /// Ends what is under way.
    pub(crate) fn end(&self) {
        for work in self.0.lock().drain(..) {
            work.abort();
        }
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
