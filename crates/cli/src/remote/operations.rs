//! Long work of a server.

use strongroom_crypto::Timestamp;
use strongroom_server::contract::strongroom::{
    CancelOperationRequest, ListOperationsRequest, Operation, OperationProgress, OperationState,
    Problem, WatchOperationRequest,
};

use super::{RemoteError, Server};
use crate::{
    commands::operations::view::{OperationView, ProblemView, ProgressView},
    output,
};

impl Server {
    /// What is under way, and what has ended lately, the oldest first.
    pub(crate) async fn operations_under_way(&self) -> anyhow::Result<Vec<OperationView>> {
        let request = ListOperationsRequest {};
        let listed = self.operations().list_operations(request).await;
        let listed = listed.map_err(RemoteError::from)?.into_inner().operations;
        Ok(listed.into_iter().map(view).collect::<Result<_, _>>()?)
    }

    /// Waits until work has ended, tells how it goes on the way, and answers how it did.
    pub(crate) async fn watch_operation(
        &self,
        id: String,
        tell: impl Fn(&OperationView),
    ) -> anyhow::Result<OperationView> {
        let request = WatchOperationRequest { id };
        let watched = self.operations().watch_operation(request).await;
        let mut watched = watched.map_err(RemoteError::from)?.into_inner();
        while let Some(seen) = watched.message().await.map_err(RemoteError::from)? {
            let seen = named(seen.operation)?;
            if seen.ended_at.is_some() {
                return Ok(seen);
            }
            tell(&seen);
        }
        Err(RemoteError::without("the end of the operation").into())
    }

    /// Calls work off; answers how it is then.
    pub(crate) async fn cancel_operation(&self, id: String) -> anyhow::Result<OperationView> {
        let request = CancelOperationRequest { id };
        let cancelled = self.operations().cancel_operation(request).await;
        let cancelled = cancelled.map_err(RemoteError::from)?.into_inner();
        Ok(named(cancelled.operation)?)
    }
}

fn named(operation: Option<Operation>) -> Result<OperationView, RemoteError> {
    view(operation.ok_or_else(|| RemoteError::without("an operation"))?)
}

fn view(operation: Operation) -> Result<OperationView, RemoteError> {
    let moment = |micros| output::moment(Timestamp::from_micros(micros));
    Ok(OperationView {
        state: state(operation.state())?,
        id: operation.id,
        operation: operation.operation,
        rpc: operation.rpc,
        caller: operation.caller,
        trace_id: operation.trace_id,
        began_at: moment(operation.began_at),
        ended_at: operation.ended_at.map(moment),
        progress: operation.progress.map(progress),
        cancelled_by: Some(operation.cancelled_by).filter(|by| !by.is_empty()),
        problem: operation.problem.map(problem),
    })
}

fn state(state: OperationState) -> Result<&'static str, RemoteError> {
    match state {
        OperationState::Running => Ok("running"),
        OperationState::Stopping => Ok("stopping"),
        OperationState::Done => Ok("done"),
        OperationState::Cancelled => Ok("cancelled"),
        OperationState::Failed => Ok("failed"),
        OperationState::Unspecified => Err(RemoteError::without("the state of an operation")),
    }
}

fn progress(progress: OperationProgress) -> ProgressView {
    ProgressView {
        done: progress.done,
        of: Some(progress.of).filter(|of| *of > 0),
        unit: progress.unit,
    }
}

fn problem(problem: Problem) -> ProblemView {
    ProblemView {
        code: problem.code,
        message: problem.message,
        advice: problem.advice,
    }
}
