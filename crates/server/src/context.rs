//! What is known of a call beside its message.

mod checked;

use std::{collections::BTreeSet, fmt::Debug, future::ready, ops::Deref, sync::Arc};

use prost::Message;
use strongroom_crypto::Fingerprint;
use strongroom_kms::in_trace;
use strongroom_topology::PhysicalSynchronizerId;
use strongroom_vault::{Caller, KeyEntry, Vault};
use tokio::time::Instant;
use tonic::{Request, Response, Status};

pub(crate) use self::checked::Checked;
use crate::{
    access::{Operation, Subject},
    concurrency::ConcurrencyLimits,
    failure::{Face, Failure},
    gate::Call,
    http::Calls,
    long_work::{Doing, Events, Ongoing, Progressing, Telling},
    message_memory::CallMemory,
    refusals::Refusals,
    required_approval::RequiredApproval,
    tasks::Tasks,
};

/// Items of one call that are each as dear as a call.
const MOST_ITEMS: usize = 4096;
/// Keys that are named to sign transactions.
const MOST_SIGNERS: usize = 64;

/// The trace that a call belongs to (W3C Trace Context: 32 hexadecimal digits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace(Arc<str>);

impl Trace {
    /// The trace with this id.
    pub(crate) fn of(id: &str) -> Self {
        Self(id.into())
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.0
    }

    /// The same, to be kept.
    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

/// A call that was let through, and whose it is. The gate puts it into each request; a copy costs next to nothing.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<Admitted>);

/// What is known of a call that was let through.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) call: Arc<Call>,
    pub(crate) subject: Arc<Subject>,
    /// Until when it holds who calls; none: as long as the connection.
    pub(crate) until: Option<Instant>,
    /// Where it is noted what the caller may not.
    pub(crate) refusals: Refusals,
    /// What its message holds, as long as anybody works on it: that may be longer than its caller waits.
    pub(crate) memory: CallMemory,
}

impl Deref for Context {
    type Target = Admitted;

    fn deref(&self) -> &Admitted {
        &self.0
    }
}

impl Context {
    pub(crate) fn new(admitted: Admitted) -> Self {
        Self(Arc::new(admitted))
    }

    /// The caller as the audit log names it.
    pub(crate) fn caller(&self) -> Caller {
        self.subject
            .caller()
            .with_trace_id(self.call.trace.shared())
    }

    /// The same; a refusal is put on record.
    fn noted<A>(&self, done: Result<A, Failure>) -> Result<A, Failure> {
        if let Err(failure) = &done {
            self.refusals.note(self, failure);
        }
        done
    }

    /// The status that the caller gets; a refusal is put on record.
    pub(crate) fn status_of(&self, failure: Failure, face: Face) -> Status {
        self.refusals.note(self, &failure);
        failure.into_status(face, &self.call.trace)
    }

    /// Refuses what the caller may not do at all.
    pub(crate) fn check(&self, operation: Operation) -> Result<(), Failure> {
        if self.subject.may(operation) {
            Ok(())
        } else {
            Err(Failure::forbidden(operation, self.subject.name()))
        }
    }

    /// Counts `items` of one call against what the caller may do: the call itself has counted as one.
    pub(crate) fn count(&self, items: usize) -> Result<(), Failure> {
        let more = u32::try_from(items.saturating_sub(1)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let counted = self.subject.allowance().items(more);
        counted.map_err(|wait| Failure::too_many_calls(self.subject.name(), wait))
    }

    /// The same for the items of a field, of which one call may have [`MOST_ITEMS`], where each costs as much as `each` calls do.
    pub(crate) fn count_items(
        &self,
        field: &str,
        items: usize,
        each: usize,
    ) -> Result<(), Failure> {
        Failure::check_items(field, items, MOST_ITEMS)?;
        self.count(items.saturating_mul(each))
    }

    /// Checks and counts transactions that are to be signed: each of the keys signs each of them, and without keys the vault takes
    /// those that it needs.
    pub(crate) fn count_signatures(
        &self,
        transactions: usize,
        keys: &[Fingerprint],
    ) -> Result<(), Failure> {
        Failure::check_items("signed_by", keys.len(), MOST_SIGNERS)?;
        let different: BTreeSet<_> = keys.iter().collect();
        self.count_items("transactions", transactions, different.len().max(1))
    }

    /// Counts one more item, that nobody could foresee: it is paid off before the next call.
    pub(crate) fn owe_one(&self) {
        self.subject.allowance().owe(1);
    }

    /// Takes memory for so many bytes, for as long as the call is under way.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Failure> {
        if self.memory.take(bytes) {
            Ok(())
        } else {
            Err(Failure::too_many_bytes(self.subject.name()))
        }
    }

    /// Refuses what the caller may not do with this key.
    pub(crate) fn check_key(&self, operation: Operation, key: &KeyEntry) -> Result<(), Failure> {
        if self.subject.may_with(operation, key) {
            Ok(())
        } else {
            Err(Failure::forbidden(operation, self.subject.name())
                .with("key", key.fingerprint().to_string()))
        }
    }
}

/// The header that tells the id of long work.
const OPERATION_ID: &str = "strongroom-operation";

/// What every service has.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) vault: Arc<Vault>,
    pub(crate) tasks: Tasks,
    pub(crate) features: Features,
    pub(crate) calls: Calls,
    pub(crate) concurrency: ConcurrencyLimits,
    pub(crate) ongoing: Ongoing,
}

/// What the operator lets this server do.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// Private keys may leave: Canton has it behind `enable-preview-commands`.
    pub export_of_private_keys: bool,
    /// The node's identity may be set by [`IdentityInitializationService`](crate::contract::topology).
    pub identity_by_hand: bool,
    /// A synchronizer of which this vault is the only one: what is added to its store is sequenced at once. For rehearsals,
    /// where no synchronizer is that would do it.
    pub rehearsal_synchronizer: Option<PhysicalSynchronizerId>,
}

impl Shared {
    /// Answers a call that changes nothing: it ends when the caller goes.
    pub(crate) async fn answer<M, A, F>(
        &self,
        face: Face,
        request: Request<M>,
        work: impl FnOnce(Arc<Vault>, Context, M) -> F,
    ) -> Result<Response<A>, Status>
    where
        F: Future<Output = Result<A, Failure>>,
    {
        let (context, message) = taken_apart(request)?;
        let caller = context.clone();
        let work = work(Arc::clone(&self.vault), context, message);
        let done = in_trace(caller.call.trace.shared(), work).await;
        done.map(Response::new)
            .map_err(|failure| caller.status_of(failure, face))
    }

    /// Answers a call that changes something: what was begun is finished, even if the caller goes or the server ends.
    pub(crate) async fn change<M, A, F>(
        &self,
        face: Face,
        request: Request<M>,
        work: impl FnOnce(Arc<Vault>, Context, M) -> F,
    ) -> Result<Response<A>, Status>
    where
        M: Message + Debug + 'static,
        A: Send + 'static,
        F: Future<Output = Result<A, Failure>> + Send + 'static,
    {
        let all = |vault, context, message| ready(Ok(Checked::of(work(vault, context, message))));
        self.change_checked(face, request, all).await
    }

    /// The same for what `check` lets through first: rights that depend on what the request is about, and what this server is not
    /// to do at all. Nobody is asked to agree to what is refused there.
    pub(crate) async fn change_checked<M, A, C>(
        &self,
        face: Face,
        request: Request<M>,
        check: impl FnOnce(Arc<Vault>, Context, M) -> C,
    ) -> Result<Response<A>, Status>
    where
        M: Message + Debug + 'static,
        A: Send + 'static,
        C: Future<Output = Result<Checked<A>, Failure>> + Send + 'static,
    {
        let (context, message) = taken_apart(request)?;
        let caller = context.clone();
        let approval = RequiredApproval::of(&self.vault, &context, &message);
        let trace = context.call.trace.clone();
        let check = check(Arc::clone(&self.vault), context, message);
        let work = async move {
            let done = async {
                let work = approval.obtained_for(check.await?).await?;
                work.await
            };
            // Also noted if its caller goes, lest nobody be seen who hangs up.
            caller.noted(done.await)
        };
        let done = self.tasks.run(in_its_trace(trace.clone(), work)).await;
        done.map(Response::new)
            .map_err(|failure| failure.into_status(face, &trace))
    }
}

impl Shared {
    /// Begins work that may take long, once `work` has let it through. What it tells on the way and in the end is the answer; it is
    /// finished, even if the caller goes or the server ends, or it is called off. The answer has its id in front ([`OPERATION_ID`]).
    pub(crate) fn begin<M, E, D, F>(
        &self,
        face: Face,
        request: Request<M>,
        work: impl FnOnce(Arc<Vault>, Context, M, Arc<Telling<E>>) -> F,
    ) -> Result<Response<Events<E>>, Status>
    where
        M: Message + Debug + 'static,
        E: Progressing,
        D: Doing<E>,
        F: Future<Output = Result<D, Failure>> + Send + 'static,
    {
        self.begin_checked(face, request, |vault, context, message, telling| {
            let work = work(vault, context, message, telling);
            async { Ok(Checked::of(work.await?)) }
        })
    }

    /// The same for work that says what exactly it is about.
    pub(crate) fn begin_checked<M, E, F>(
        &self,
        face: Face,
        request: Request<M>,
        work: impl FnOnce(Arc<Vault>, Context, M, Arc<Telling<E>>) -> F,
    ) -> Result<Response<Events<E>>, Status>
    where
        M: Message + Debug + 'static,
        E: Progressing,
        F: Future<Output = Result<Checked<E>, Failure>> + Send + 'static,
    {
        let (context, message) = taken_apart(request)?;
        let caller = context.clone();
        let prepared = self.ongoing.prepare(&self.vault, &context);
        let prepared = prepared.map_err(|failure| caller.status_of(failure, face))?;
        let id = prepared.id().parse();
        let (telling, events) = Telling::of(Arc::clone(&prepared));
        let telling = Arc::new(telling);
        let approval = RequiredApproval::of(&self.vault, &context, &message);
        let work = work(
            Arc::clone(&self.vault),
            context,
            message,
            Arc::clone(&telling),
        );
        let (ongoing, vault) = (self.ongoing.clone(), Arc::clone(&self.vault));
        let work = async move {
            // Nobody hears of what was not let through.
            let doing = approval.obtained_for(work.await?).await?;
            ongoing.list(&vault, prepared).run(doing).await
        };
        let tasks = self.tasks.clone();
        self.tasks.begin(async move {
            let done = tasks
                .run(in_its_trace(caller.call.trace.clone(), work))
                .await;
            let last = done.map_err(|failure| caller.status_of(failure, face));
            telling.end(last).await;
        });
        let mut answer = Response::new(events);
        if let Ok(id) = id {
            answer.metadata_mut().insert(OPERATION_ID, id);
        }
        Ok(answer)
    }
}

async fn in_its_trace<T>(trace: Trace, work: impl Future<Output = T>) -> T {
    in_trace(trace.id(), work).await
}

/// Nobody gets to a service but through the layer that puts the context in. The message may have come after the deadline: then
/// nothing is begun any more.
fn taken_apart<M>(request: Request<M>) -> Result<(Context, M), Status> {
    let (_metadata, mut extensions, message) = request.into_parts();
    match extensions.remove::<Context>() {
        Some(context) if context.call.is_too_late() => {
            Err(context.call.refuse(Failure::too_late()))
        }
        Some(context) => Ok((context, message)),
        None => Err(Status::internal("the call was not authorized")),
    }
}
