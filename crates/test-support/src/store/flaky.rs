use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use strongroom_store::{Store, StoreError};

use super::{HookedStore, StoreCall, StoreHook};

/// A store that fails at a chosen call.
///
/// A sweep arms it with 1, 2, 3, … until [`Faults::has_struck`] stays false: then every call has failed once.
pub type FlakyStore = HookedStore<Faults>;

/// Which fault comes next, and which calls have been made since it was chosen.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    armed: Option<Fault>,
    calls: usize,
    commits: usize,
    has_struck: bool,
}

enum Fault {
    Call {
        number: usize,
        error: Box<dyn Fn() -> StoreError + Send>,
    },
    CommitAnswer {
        number: usize,
    },
}

impl FlakyStore {
    /// `inner`, which works until a fault is armed.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self::around(inner, Arc::default())
    }
}

impl Faults {
    /// The `number`-th call from now on (1: the next) is not made, and answers with `error`.
    pub fn fail_call(&self, number: usize, error: impl Fn() -> StoreError + Send + 'static) {
        self.arm(Fault::Call {
            number,
            error: Box::new(error),
        });
    }

    /// The `number`-th commit from now on (1: the next) is done, but answers [`StoreError::OutcomeUnknown`].
    pub fn lose_commit_answer(&self, number: usize) {
        self.arm(Fault::CommitAnswer { number });
    }

    fn arm(&self, fault: Fault) {
        *self.0.lock() = State {
            armed: Some(fault),
            ..State::default()
        };
    }

    /// No fault any more. What was counted stays.
    pub fn disarm(&self) {
        self.0.lock().armed = None;
    }

    /// Whether the fault that was armed last has come.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.0.lock().has_struck
    }

    /// How many calls were made since a fault was armed, the failed one included.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.0.lock().calls
    }
}

impl StoreHook for Faults {
    fn before(&self, _call: StoreCall) -> Result<(), StoreError> {
        let state = &mut *self.0.lock();
        state.calls += 1;
        match &state.armed {
            Some(Fault::Call { number, error }) if *number == state.calls => {
                state.has_struck = true;
                Err(error())
            }
            _ => Ok(()),
        }
    }

    fn after(&self, call: StoreCall) -> Result<(), StoreError> {
        if call != StoreCall::Commit {
            return Ok(());
        }
        let state = &mut *self.0.lock();
        state.commits += 1;
        match state.armed {
            Some(Fault::CommitAnswer { number }) if number == state.commits => {
                state.has_struck = true;
                Err(StoreError::OutcomeUnknown {
                    source: "the answer was lost on purpose".into(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { number, .. } => write!(f, "Call({number})"),
            Self::CommitAnswer { number } => write!(f, "CommitAnswer({number})"),
        }
    }
}
