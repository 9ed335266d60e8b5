//! Work that is finished whoever goes.

use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::failure::{Failure, codes};

/// What was begun on behalf of callers and is not finished.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(TaskTracker);

impl Tasks {
    /// Does `work` to its end, even if whoever waits for it goes.
    pub(crate) async fn run<A: Send + 'static>(
        &self,
        work: impl Future<Output = Result<A, Failure>> + Send + 'static,
    ) -> Result<A, Failure> {
        match self.0.spawn(work.in_current_span()).await {
            Ok(done) => done,
            Err(panic) => Err(Failure::own(codes::SERVER_BUG, panic.to_string())),
        }
    }

    /// Does `work` to its end; nobody waits for it here.
    pub(crate) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        // The handle is not needed: the tracker knows of it.
        let _handle = self.0.spawn(work.in_current_span());
    }

    /// Waits until all of it is finished. Call it when nothing new comes any more.
    pub(crate) async fn finished(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
