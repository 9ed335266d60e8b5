//! Long work that is under way at this process, and what has ended lately: for others than who began it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use strongroom_crypto::Random;
use strongroom_vault::Vault;

use super::{progress::Progressing, work::Work};
use crate::{
    context::Context,
    contract::strongroom::Operation as OperationView,
    failure::{Failure, codes},
};

/// What has ended is told of for so many microseconds, and so much of it at most: failing costs nothing, and must not fill the memory.
const ENDED_FOR: i64 = 24 * 3600 * 1_000_000;
const MOST_ENDED: usize = 1000;

/// Who calls off what is under way when the server ends.
const THE_END: &str = "the server, which ends";

/// Long work of this process. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Ongoing {
    /// The oldest first.
    works: Arc<Mutex<VecDeque<Arc<Work>>>>,
    /// Whether the server waits for none any more.
    is_over: Arc<AtomicBool>,
    random: Arc<dyn Random>,
}

impl fmt::Debug for Ongoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ongoing").finish_non_exhaustive()
    }
}

impl Ongoing {
    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        Self {
            works: Arc::default(),
            is_over: Arc::default(),
            random,
        }
    }

    /// Work that a call is about to begin. Nobody hears of it before it is [listed](Self::list).
    pub(crate) fn prepare(&self, vault: &Vault, context: &Context) -> Result<Arc<Work>, Failure> {
        let mut id = [0; 8];
        let drawn = self.random.fill(&mut id);
        drawn.map_err(|error| Failure::own(codes::SERVER_BUG, error.to_string()))?;
        let now = vault.current_time();
        Ok(Arc::new(Work::new(HEXLOWER.encode(&id), context, now)))
    }

    /// Tells others of the work from now on. It has ended when what this answers is dropped.
    pub(crate) fn list(&self, vault: &Arc<Vault>, work: Arc<Work>) -> UnderWay {
        let mut works = self.works.lock();
        forget_old(&mut works, vault.current_time().as_micros());
        works.push_back(Arc::clone(&work));
        // Under the lock: whoever calls all off has seen it, or is seen here.
        if self.is_over.load(Ordering::SeqCst) {
            work.call_off(THE_END);
        }
        UnderWay {
            vault: Arc::clone(vault),
            work,
        }
    }

    /// All of it, the oldest first.
    pub(crate) fn views(&self, vault: &Vault) -> Vec<OperationView> {
        let mut works = self.works.lock();
        forget_old(&mut works, vault.current_time().as_micros());
        works.iter().map(|work| work.view()).collect()
    }

    /// The work with this id.
    pub(crate) fn of(&self, id: &str) -> Result<Arc<Work>, Failure> {
        let works = self.works.lock();
        let found = works.iter().find(|work| work.id() == id);
        found.cloned().ok_or_else(|| {
            Failure::own(
                codes::OPERATION_NOT_FOUND,
                "no operation of this process, under way or ended lately, has this id",
            )
        })
    }

    /// Calls all of it off, since the server is to end and has waited long enough. Says how much of it there was.
    pub(crate) fn call_off_all(&self) -> usize {
        let works = self.works.lock();
        self.is_over.store(true, Ordering::SeqCst);
        let running = works.iter().filter(|work| work.is_running());
        running.map(|work| work.call_off(THE_END)).count()
    }
}

/// Forgets what ended too long ago, and the oldest of what has ended if that is too much.
fn forget_old(works: &mut VecDeque<Arc<Work>>, now: i64) {
    let too_old = |ended_at: i64| now.saturating_sub(ended_at) > ENDED_FOR;
    works.retain(|work| !work.ended_at().is_some_and(too_old));
    let ended = works.iter().filter(|work| work.ended_at().is_some());
    let mut too_many = ended.count().saturating_sub(MOST_ENDED);
    works.retain(|work| {
        let goes = too_many > 0 && work.ended_at().is_some();
        too_many -= usize::from(goes);
        !goes
    });
}

/// Work that others hear of, until this is dropped: then it has ended.
#[derive(Debug)]
pub(crate) struct UnderWay {
    vault: Arc<Vault>,
    work: Arc<Work>,
}

impl UnderWay {
    /// Does it, unless somebody calls it off, and keeps how it ended.
    pub(crate) async fn run<E: Progressing>(
        self,
        doing: impl Future<Output = Result<E, Failure>>,
    ) -> Result<E, Failure> {
        let done = self.work.recall().governs(doing).await;
        let problem = match &done {
            Ok(event) => event.problem().cloned(),
            Err(failure) => Some(failure.problem()),
        };
        self.work.ended(self.vault.current_time(), problem);
        done
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // Without effect on what has ended in order: this one fell over.
        let problem = Failure::own(codes::SERVER_BUG, "it broke down").problem();
        self.work.ended(self.vault.current_time(), Some(problem));
    }
}
