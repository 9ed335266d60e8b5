//! One piece of long work, as others than who began it see it.

use std::sync::Arc;

use futures_util::stream;
use strongroom_crypto::Timestamp;
use strongroom_errors::Coded as _;
use strongroom_vault::{Recall, VaultError};
use tokio::sync::watch;

use super::Events;
use crate::{
    access::operation_of,
    context::{Context, Trace},
    contract::strongroom::{
        Operation as OperationView, OperationProgress, OperationState as State, Problem,
        WatchOperationResponse,
    },
    rpc::Rpc,
};

/// Long work: what it is, who began it, and how it goes.
#[derive(Debug)]
pub(crate) struct Work {
    id: String,
    rpc: Rpc,
    caller: String,
    trace: Trace,
    began_at: Timestamp,
    recall: Recall,
    standing: watch::Sender<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    progress: Option<OperationProgress>,
    called_off_by: String,
    ended: Option<Ended>,
}

#[derive(Debug)]
struct Ended {
    at: Timestamp,
    /// Why it was not done.
    problem: Option<Problem>,
}

impl Work {
    pub(super) fn new(id: String, context: &Context, began_at: Timestamp) -> Self {
        Self {
            id,
            rpc: context.call.rpc,
            caller: context.subject.name().to_owned(),
            trace: context.call.trace.clone(),
            began_at,
            recall: Recall::default(),
            standing: watch::Sender::default(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Who began it.
    pub(crate) fn caller(&self) -> &str {
        &self.caller
    }

    /// What it is: the name of an operation.
    pub(crate) fn operation(&self) -> &'static str {
        operation_of(self.rpc).name()
    }

    /// By which it is called off.
    pub(crate) const fn recall(&self) -> &Recall {
        &self.recall
    }

    /// Whether calling it off would change anything.
    pub(crate) fn is_running(&self) -> bool {
        self.ended_at().is_none() && !self.recall.is_called_off()
    }

    pub(super) fn ended_at(&self) -> Option<i64> {
        let standing = self.standing.borrow();
        standing.ended.as_ref().map(|ended| ended.at.as_micros())
    }

    /// Has it stop where what it did is durable. The first one who does is remembered.
    pub(crate) fn call_off(&self, by: &str) {
        self.standing.send_if_modified(|standing| {
            let first = standing.ended.is_none() && standing.called_off_by.is_empty();
            if first {
                by.clone_into(&mut standing.called_off_by);
            }
            first
        });
        self.recall.call_off();
    }

    /// How far it has come.
    pub(super) fn tell(&self, progress: OperationProgress) {
        self.standing
            .send_modify(|standing| standing.progress = Some(progress));
    }

    /// How much was told of so far.
    pub(super) fn done_so_far(&self) -> u64 {
        let standing = self.standing.borrow();
        standing.progress.as_ref().map_or(0, |told| told.done)
    }

    /// It has ended, once.
    pub(super) fn ended(&self, at: Timestamp, problem: Option<Problem>) {
        self.standing.send_if_modified(|standing| {
            let first = standing.ended.is_none();
            if first {
                standing.ended = Some(Ended { at, problem });
            }
            first
        });
    }

    pub(crate) fn view(&self) -> OperationView {
        self.view_of(&self.standing.borrow())
    }

    fn view_of(&self, standing: &Standing) -> OperationView {
        let ended = standing.ended.as_ref();
        OperationView {
            id: self.id.clone(),
            operation: self.operation().to_owned(),
            rpc: self.rpc.path().to_owned(),
            caller: self.caller.clone(),
            trace_id: self.trace.id().to_owned(),
            began_at: self.began_at.as_micros(),
            ended_at: ended.map(|ended| ended.at.as_micros()),
            state: standing.state().into(),
            progress: standing.progress.clone(),
            cancelled_by: standing.called_off_by.clone(),
            problem: ended.and_then(|ended| ended.problem.clone()),
        }
    }

    /// How it is, at once and at each change, until it has ended.
    pub(crate) fn watched(self: Arc<Self>) -> Events<WatchOperationResponse> {
        let mut news = self.standing.subscribe();
        news.mark_changed();
        Box::pin(stream::unfold(Some((self, news)), |watching| async {
            let (work, mut news) = watching?;
            // The sender is in the work, which is held here.
            news.changed().await.ok()?;
            let operation = work.view_of(&news.borrow_and_update());
            let is_last = operation.ended_at.is_some();
            let told = WatchOperationResponse {
                operation: Some(operation),
            };
            Some((Ok(told), (!is_last).then_some((work, news))))
        }))
    }
}

impl Standing {
    fn state(&self) -> State {
        let is_called_off = |problem: &Problem| problem.code == VaultError::CalledOff.code().name();
        match &self.ended {
            None if self.called_off_by.is_empty() => State::Running,
            None => State::Stopping,
            Some(ended) => match &ended.problem {
                None => State::Done,
                Some(problem) if is_called_off(problem) => State::Cancelled,
                Some(_other) => State::Failed,
            },
        }
    }
}
